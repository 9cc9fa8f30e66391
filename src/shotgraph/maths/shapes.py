"""Array types of this layer, by shape. jaxtyping checks them under pytest only; at run time they cost nothing.

A letter means the same length everywhere in one signature: h rows, w columns, c channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

_Floats = np.ndarray[Any, np.dtype[np.float32]]
_Bools = np.ndarray[Any, np.dtype[np.bool_]]

Image = Float32[_Floats, "h w c"]
OtherImage = Float32[_Floats, "h w c2"]
NewImage = Float32[_Floats, "h2 w2 c"]
Colours = Float32[_Floats, "h w 3"]
Plane = Float32[_Floats, "h w"]
Vectors = Float32[_Floats, "h w 2"]
NewPlane = Float32[_Floats, "h2 w2"]
NewVectors = Float32[_Floats, "h2 w2 2"]
# Displacement x, displacement y, confidence.
Chain = Float32[_Floats, "h w 3"]
NewChain = Float32[_Floats, "h2 w2 3"]
Points = Float32[_Floats, "*points 2"]
Samples = Float32[_Floats, "*points c"]
PointValues = Float32[_Floats, "*points"]
PointMask = Bool[_Bools, "*points"]
PlaneMask = Bool[_Bools, "h w"]
