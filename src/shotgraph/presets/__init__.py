"""Preset schema, loader and shot discovery."""
