"""What is wrong with a decomposition: told before it is fitted where that can be seen, and after.

No published source: the ways in which layered atlases and content deformation fields fail, as their users report them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.decomposition.layers import Layers
from shotgraph.decomposition.render import FrameLayers, atlas_picture, frame_layers
from shotgraph.maths.matte import luma
from shotgraph.maths.shapes import Colours, Image, Plane, PlaneMask

_CODES = 255.0
_SEEN = 0.5
# Sharpness is that of edges this wide.
_EDGE_PX = 1.5
# Rule and bound of every test, and what helps.
_TESTS = {
    "flow": (">=", 0.60, "too little of the flow comes back: use a slower preset, more light, or fewer frames"),
    "reconstruction_db": (">=", 28.0, "one layer cannot hold two motions: add a matte for what moves by itself"),
    "folded": ("<=", 0.01, "the layer folds over itself: fit fewer frames, or give what turns away a matte of its own"),
    "covered": (">=", 0.30, "most of the atlas is never seen: fit fewer frames of a moving camera"),
    "outside": ("<=", 0.01, "the layer leaves its atlas: its motion is not that of one surface; fit fewer frames"),
    "undecided": ("<=", 0.05, "the matte is neither on nor off: clean it, or add a layer"),
    "sharpness": (">=", 0.50, "the atlas is blurred: better flow, fewer frames, or a higher density"),
    "matte_iou": (">=", 0.90, "the layer does not keep to its matte: the matte and the motion disagree"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One test of one layer, or of all.

    Attributes:
        test: its name.
        layer: index from the back; -1 for all together.
        value: what was measured.
        rule: ``>=`` or ``<=``.
        bound: what it has to keep.
    """

    test: str
    layer: int
    value: float
    rule: str
    bound: float

    @property
    def passed(self) -> bool:
        """Whether it keeps the bound; a value that is no number does not."""
        return self.value >= self.bound if self.rule == ">=" else self.value <= self.bound

    @property
    def cure(self) -> str:
        """What helps where it does not."""
        return _TESTS[self.test][2]

    def __str__(self) -> str:
        """In words."""
        where = "" if self.layer < 0 else f" of layer {self.layer}"
        return f"{self.test}{where} must be {self.rule} {self.bound:g}, got {self.value:.3g}; {self.cure}"


def finding(test: str, value: float, *, layer: int = -1) -> Finding:
    """A value beside its bound."""
    rule, bound, _ = _TESTS[test]
    return Finding(test, layer, float(value), rule, bound)


def before_fit(valid: NDArray[np.bool_]) -> list[Finding]:
    """What (N - 1, H, W) valid flow says beforehand; nothing of a single frame."""
    return [finding("flow", valid.mean())] if len(valid) else []


def empty_frames(mattes: NDArray[np.float32]) -> list[int]:
    """Indices of frames in which an (N, H, W) matte shows nothing."""
    return [time for time, matte in enumerate(mattes) if not (matte > _SEEN).any()]


@dataclass(slots=True)
class _Tally:
    """Pixels of one layer, over all frames.

    Attributes:
        seen: on which it has most of the weight.
        folded: of these, where its mapping turns over.
        outside: of these, those that lie beyond its atlas.
        both: seen where its matte says so, what nearer layers hide taken off.
        either: seen, or where its matte says so.
        sharpness: of each frame, where it is seen.
    """

    seen: int = 0
    folded: int = 0
    outside: int = 0
    both: int = 0
    either: int = 0
    sharpness: list[float] = field(default_factory=list[float])

    def look(self, found: FrameLayers, index: int, size: tuple[int, int], frame: Colours) -> PlaneMask:
        """Count one frame; gives where the layer is seen."""
        seen, places = found.weights[index] > _SEEN, found.places[index]
        x, y = places[..., 0], places[..., 1]
        beyond = (x < -_SEEN) | (y < -_SEEN) | (x > size[1] - _SEEN) | (y > size[0] - _SEEN)
        self.seen += int(seen.sum())
        self.folded += int((folded(places) & seen).sum())
        self.outside += int((beyond & seen).sum())
        self.sharpness.append(sharpness(frame, _inner(seen)))
        return seen

    def compare(self, seen: PlaneMask, matte: Plane, hidden: PlaneMask) -> None:
        """Count one frame against its matte."""
        given = (matte > _SEEN) & ~hidden
        self.both, self.either = self.both + int((seen & given).sum()), self.either + int((seen | given).sum())


def after_fit(layers: Layers, video: NDArray[np.float32], mattes: NDArray[np.float32]) -> list[Finding]:
    """What a fit has come to.

    Args:
        layers: fitted, and looked at by `render.cover`.
        video: (N, H, W, 3).
        mattes: (K - 1, N, H, W).

    Returns:
        One finding per test, and per layer where it is a layer's.
    """
    tallies = [_Tally() for _ in range(len(layers))]
    error = undecided = 0.0
    for time, frame in enumerate(video):
        found = frame_layers(layers, time)
        error += float(np.square(found.colour - frame).mean()) / len(video)
        undecided += float(((found.weights > 0.2) & (found.weights < 0.8)).any(axis=0).mean()) / len(video)
        for index, tally in enumerate(tallies):
            seen = tally.look(found, index, layers[index].size, frame)
            if index:
                tally.compare(seen, mattes[index - 1, time], found.weights[index + 1 :].sum(axis=0) > _SEEN)
    findings = [finding("reconstruction_db", -10 * np.log10(max(error, 1e-10))), finding("undecided", undecided)]
    for index, tally in enumerate(tallies):
        findings += _of_layer(layers, index, tally)
    return findings


def _of_layer(layers: Layers, index: int, tally: _Tally) -> list[Finding]:
    picture = atlas_picture(layers, index)
    covered = picture[..., 3] > _SEEN
    pixels = max(tally.seen, 1)
    found = {"folded": tally.folded / pixels, "covered": float(covered.mean()), "outside": tally.outside / pixels}
    if index:
        found["matte_iou"] = tally.both / tally.either if tally.either else 1.0
    else:
        of_frames = float(np.median(tally.sharpness))
        found["sharpness"] = sharpness(picture[..., :3], _inner(covered)) / max(of_frames, 1e-12)
    return [finding(test, value, layer=index) for test, value in found.items()]


def _inner(mask: PlaneMask) -> PlaneMask:
    """Pixels whose neighbours belong to it too: at its rim, edges are those of another layer."""
    return np.asarray(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8))) > 0


def folded(places: NDArray[np.float32]) -> PlaneMask:
    """(H, W): where the mapping to the atlas turns the surface over: its Jacobian's determinant is not above 0."""
    down, across = (np.asarray(np.gradient(places, axis=axis)) for axis in range(2))
    return across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0] <= 0


def sharpness(picture: Image, where: PlaneMask | None = None) -> float:
    """Variance of the Laplacian of blurred luma, in squared 8-bit codes; over all pixels, or those `where` is True."""
    # Without the blur it is that of grain, which an atlas has not, and of texels that few pixels have decided on.
    plane = cv2.GaussianBlur(luma(picture), (0, 0), _EDGE_PX)
    edges = np.asarray(cv2.Laplacian(plane, cv2.CV_32F)) * _CODES
    chosen = edges if where is None else edges[where]
    return float(chosen.var()) if chosen.size else 0.0
