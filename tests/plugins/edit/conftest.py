"""A command line of the tests' own, for whole runs, and a tiny model."""

from command_line import own_folders, shotgraph
from tiny_models import one_thread, tiny_model

__all__ = ["one_thread", "own_folders", "shotgraph", "tiny_model"]
