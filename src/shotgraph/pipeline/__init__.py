"""Compile, plan, key, cache and run a graph; never names a node."""
