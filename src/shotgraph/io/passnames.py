"""The names that other programs look for channels under: OpenEXR's for depth and alpha, Nuke's layers for motion."""

from __future__ import annotations

# Pixels from here to the next frame, and to the one before, on this frame's own pixels; the second channel grows upwards.
FORWARD = ("forward.u", "forward.v")
BACKWARD = ("backward.u", "backward.v")
# Not "occlusion", which renderers call the light that corners lack.
OCCLUDED = "occluded"
FLOW = (*FORWARD, *BACKWARD, OCCLUDED)
DEPTH = "Z"
MATTE = "A"

# Attributes that say what stands for far and near in a pass of inverse depth; a pass of distances has none.
DEPTH_LIMITS = ("shotgraph:low", "shotgraph:high")
