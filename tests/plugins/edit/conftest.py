"""A command line of the tests' own, for whole runs."""

from command_line import own_folders, shotgraph

__all__ = ["own_folders", "shotgraph"]
