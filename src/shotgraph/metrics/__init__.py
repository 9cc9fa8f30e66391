"""How good an edited clip is: pure functions on arrays, no weights of their own, no files.

A clip is (T, H, W, 3) float display values in [0, 1]; a flow is pixels, x then y, ``y_t(p) = y_{t+1}(p + F(p))``. No single
number is enough: a repeated still is perfectly consistent, a copy of the source perfectly preserved. Read success,
preservation and consistency together.
"""
