"""The seam to the metrics: every number of a row, and for each that cannot be had the reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.api import FlowFrame
from shotgraph.errors import UsageError
from shotgraph.maths.solvers import flow_of_pair
from shotgraph.metrics.embedder import Embedder
from shotgraph.metrics.embeddings import (
    appearance_leak,
    frame_accuracy,
    frame_consistency_adjacent,
    frame_consistency_all_pairs,
    text_alignment,
)
from shotgraph.metrics.fidelity import gmsd, psnr, ssim
from shotgraph.metrics.flicker import object_flicker
from shotgraph.metrics.motion import centroids, follow, motion_alignment, motion_fidelity, trajectory_error
from shotgraph.metrics.warp import WarpScore, long_range_warp_error, warp_error, warp_ssim
from shotgraph.stage.bench.methods import Frames
from shotgraph.stage.bench.success import Success, judge_success
from shotgraph.stage.bench.truth import Mask, Truth
from shotgraph.stage.judges import Reader

# Display values that are equal have no finite PSNR; JSON has no infinity, and nobody sees beyond this.
MOST_DB = 100.0
_THOUSANDTHS = 1000.0
_THUMBNAIL_PX = 16
# A pixel belongs to the object when it differs from both clean plates by this much in some channel.
_DIFFERS = 0.12
_LEAST_PX = 12
_REMOVED = "the object is removed"

Vectors = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Instruments:
    """What a row is measured with beside exact truth; all of it may be missing.

    Attributes:
        reader: the trained judge, for textures and styles.
        embedder: of frames and words.
        consistency: an embedder of frames that was taught to see flicker.
        version: digests of what there is; joins the keys of rows.
        no_reader: why there is none.
        no_embedder: why there is none.
        no_consistency: why there is none.
    """

    reader: Reader | None = None
    embedder: Embedder | None = None
    consistency: Embedder | None = None
    version: str = ""
    no_reader: str = ""
    no_embedder: str = "no embedder of frames and words"
    no_consistency: str = "no embedder that sees flicker"


@dataclass
class Scores:
    """The numbers of one result.

    Attributes:
        values: metric to number.
        reasons: metric to why it has none.
    """

    values: dict[str, float | None] = field(default_factory=dict[str, float | None])
    reasons: dict[str, str] = field(default_factory=dict[str, str])

    def measure(self, name: str, number: Callable[[], float | None], why: str = "nothing to measure") -> None:
        """Keep a number, or the reason why there is none."""
        try:
            value = number()
        except UsageError as error:
            value, why = None, str(error)
        self.keep(name, value, why)

    def keep(self, name: str, value: float | None, why: str) -> None:
        """As `measure`, for a number that is there already; one that is none, such as NaN, becomes the reason."""
        if value is not None and not math.isfinite(value):
            value, why = None, f"got {value}"
        self.values[name] = value
        if value is None:
            self.reasons[name] = why


def score(frames: Frames, truth: Truth, instruments: Instruments) -> Scores:
    """Every metric of a result.

    Args:
        frames: (T, H, W, 3), as many and as large as the truth's.
        truth: of the edit.
        instruments: what there is to measure with.

    Returns:
        Numbers and reasons; warp errors, flicker in thousandths.
    """
    scores = Scores()
    _success(scores, judge_success(frames, truth, instruments.reader, instruments.no_reader))
    _fidelity(scores, frames, truth)
    _consistency(scores, frames, truth)
    _motion(scores, frames, truth)
    _embedded(scores, frames, truth, instruments)
    return scores


def _success(scores: Scores, success: Success) -> None:
    scores.keep("success", success.frames, success.reason)
    scores.keep("success_every_frame", success.every, success.reason)
    for attribute, share in success.attributes.items():
        scores.keep(f"success_{attribute}", share, "")


def _fidelity(scores: Scores, frames: Frames, truth: Truth) -> None:
    target, inside, background = truth.target, truth.mattes > 0.5, truth.background
    everywhere = "the edit is of the whole picture"
    scores.measure("psnr_to_truth_db", lambda: psnr_db(frames, target))
    scores.measure("psnr_inside_db", lambda: psnr_db(frames, target, inside))
    scores.measure("ssim_to_truth", lambda: _mean(ssim, frames, target))
    scores.measure("gmsd_to_truth", lambda: _mean(gmsd, frames, target))
    scores.measure("psnr_to_source_db", lambda: psnr_db(frames, truth.source))
    if background is None:
        for name in ("psnr_outside_db", "background_psnr_db"):
            scores.keep(name, None, everywhere)
        return
    scores.measure("psnr_outside_db", lambda: psnr_db(frames, target, background))
    scores.measure("background_psnr_db", lambda: psnr_db(frames, truth.source, background))


def psnr_db(frames: Frames, other: Frames, where: Mask | None = None) -> float:
    """PSNR over pooled pixels, capped at `MOST_DB`."""
    return min(psnr(frames, other, mask=where).clip_db, MOST_DB)


def _mean(metric: Callable[[Frames, Frames], float], frames: Frames, other: Frames) -> float:
    return float(np.mean([metric(a, b) for a, b in zip(frames, other, strict=True)]))


def _consistency(scores: Scores, frames: Frames, truth: Truth) -> None:
    flows, seen = truth.flows
    _over_truth(scores, "warp_error", lambda clip: warp_error(clip, flows, seen), frames, truth)
    _over_truth(scores, "warp_error_far", lambda clip: long_range_warp_error(clip, *truth.far_flows), frames, truth)
    scores.measure("warp_ssim", lambda: warp_ssim(frames, flows, seen).value)
    if truth.removes:
        scores.keep("flicker_e3", None, _REMOVED)
    else:
        scores.measure("flicker_e3", lambda: _scaled(object_flicker(frames, *truth.edited_tracks)))
    vectors = _thumbnails(frames)
    scores.measure("consistency_pixels", lambda: frame_consistency_adjacent(vectors))


def _over_truth(scores: Scores, name: str, error: Callable[[Frames], WarpScore], frames: Frames, truth: Truth) -> None:
    """A warp error, and how much of it the true edit does not have."""
    unseen = "nothing is seen in two of the frames"
    own, floor = _scaled(error(frames).value), _scaled(error(truth.target).value)
    scores.keep(f"{name}_e3", own, unseen)
    scores.keep(f"{name}_excess_e3", None if own is None or floor is None else own - floor, unseen)


def _scaled(value: float | None) -> float | None:
    return None if value is None else value * _THOUSANDTHS


def _thumbnails(frames: Frames) -> Vectors:
    """(T, D) unit vectors without a model: small pictures with their mean taken off."""
    size = (_THUMBNAIL_PX, _THUMBNAIL_PX)
    small = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
    flat = small.reshape(len(frames), -1).astype(np.float64)
    flat = flat - flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    # A frame of one colour points nowhere; any fixed direction makes it like itself.
    flat[(lengths == 0)[:, 0], 0] = 1
    return flat / np.where(lengths == 0, 1, lengths)


def _motion(scores: Scores, frames: Frames, truth: Truth) -> None:
    scores.keep("motion_px", truth.motion_px, "")
    moved = [flow_of_pair(a, b, preset="medium", scale=1.0) for a, b in pairwise(frames)]
    flows, seen = truth.flows
    forward = np.stack([flow.forward for flow in moved])
    scores.measure("motion_alignment_px", lambda: motion_alignment(forward, flows, visible=seen))
    if truth.removes:
        for name in ("trajectory_error_px", "motion_fidelity"):
            scores.keep(name, None, _REMOVED)
        return
    _trajectory(scores, frames, truth)
    scores.measure("motion_fidelity", lambda: _fidelity_of_motion(moved, truth))


def _trajectory(scores: Scores, frames: Frames, truth: Truth) -> None:
    """Where the object is seen to be, against where it is."""
    areas_px = truth.silhouettes.sum(axis=(1, 2))
    found = [_of_size(mask, area) for mask, area in zip(_found(frames, truth.plates), areas_px, strict=True)]
    path, wanted = centroids(np.stack(found).astype(np.float32)), truth.path
    known = np.isfinite(wanted).all(axis=1)
    count = int((np.isfinite(path).all(axis=1) & known).sum())
    lost = f"the object is found in {count} of {int(known.sum())} frames"
    scores.keep("trajectory_error_px", trajectory_error(path, wanted) if 2 * count >= known.sum() else None, lost)


def _found(frames: Frames, plates: tuple[Frames, Frames]) -> Mask:
    """(T, H, W): which pixels differ from the clips without the object, whatever the object was turned into."""
    # All alike: weighed by how much they differ, the light half of a pattern would pull the centre to itself.
    differs = np.minimum(*(np.abs(frames - plate).max(axis=-1) for plate in plates)) > _DIFFERS
    return differs & (differs.sum(axis=(1, 2)) >= _LEAST_PX)[:, None, None]


def _of_size(found: Mask, area_px: float) -> Mask:
    """(H, W): the connected part of `found` whose area is nearest to the object's; empty when that has not half of it.

    By its size and not by its place: a part that is looked for where the object should be is never found far from there.
    A texture that was smoothed differs from the plate as much as an object does, and in other sizes.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=8)
    sizes = stats[1:, cv2.CC_STAT_AREA]
    if not len(sizes):
        return np.zeros_like(found)
    nearest = int(np.abs(sizes - area_px).argmin())
    return labels == nearest + 1 if 2 * sizes[nearest] >= area_px else np.zeros_like(found)


def _fidelity_of_motion(moved: list[FlowFrame], truth: Truth) -> float:
    """Points of the edited object in the result, followed by its own flow, against their exact paths."""
    paths, seen = truth.object_tracks
    places, known = [paths[0]], [np.ones(paths.shape[1], np.bool_)]
    for flow in moved:
        there, kept = follow(places[-1], flow.forward, occluded=flow.occluded > 0.5)
        places.append(there)
        known.append(known[-1] & kept)
    result = np.stack(places).swapaxes(0, 1)
    source = paths.swapaxes(0, 1)
    return motion_fidelity(result, source, seen=np.stack(known).T, source_seen=seen.T)


_SEEN = ("consistency_adjacent", "consistency_all_pairs")
_READ = ("text_alignment", "frame_accuracy", "appearance_leak")


def _embedded(scores: Scores, frames: Frames, truth: Truth, instruments: Instruments) -> None:
    for name in _SEEN if instruments.consistency is None else ():
        scores.keep(name, None, instruments.no_consistency)
    for name in _READ if instruments.embedder is None else ():
        scores.keep(name, None, instruments.no_embedder)
    if instruments.consistency is not None:
        seen = instruments.consistency.image(frames)
        scores.measure("consistency_adjacent", lambda: frame_consistency_adjacent(seen))
        scores.measure("consistency_all_pairs", lambda: frame_consistency_all_pairs(seen))
    if instruments.embedder is not None:
        _against_words(scores, frames, truth, instruments.embedder)


def _against_words(scores: Scores, frames: Frames, truth: Truth, embedder: Embedder) -> None:
    vectors = embedder.image(frames)
    wanted, was = embedder.text([truth.edit.target_prompt, truth.edit.source_prompt])
    scores.measure("text_alignment", lambda: text_alignment(vectors, wanted))
    scores.measure("frame_accuracy", lambda: frame_accuracy(vectors, wanted, was))
    if truth.edit.family == "E7":
        base = embedder.image(truth.target)
        scores.measure("appearance_leak", lambda: appearance_leak(vectors, embedder.image(truth.source), base=base))
    else:
        scores.keep("appearance_leak", None, "the edit transfers no motion")
