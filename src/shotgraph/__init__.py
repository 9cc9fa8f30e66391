"""Shotgraph: a plugin-based frame-graph pipeline that edits shots and keeps their timecode."""

__version__ = "0.1.0"
