"""A command line of the tests' own, over broken footage and broken machines."""

from command_line import lossless, nothing_decodes, own_folders, root, shotgraph, two_targets

__all__ = ["lossless", "nothing_decodes", "own_folders", "root", "shotgraph", "two_targets"]
