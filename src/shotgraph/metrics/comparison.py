"""Everything that can be said of a result and its source without a true result, frame after frame.

Holds the first and the last frame and the places of some 600 points over time: about 20 kB a frame, whatever its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from shotgraph.api.kinds import FlowFrame
from shotgraph.errors import UsageError
from shotgraph.maths.flow import chain_to_second, no_chain
from shotgraph.metrics.arrays import Bools, Doubles, Floats, Singles, require_finite, require_mask, require_shape
from shotgraph.metrics.embeddings import (
    directional_similarity,
    frame_accuracy,
    frame_consistency_adjacent,
    frame_consistency_all_pairs,
    text_alignment,
)
from shotgraph.metrics.fidelity import background_of, gmsd, psnr_db, squared_error, ssim
from shotgraph.metrics.motion import follow, motion_alignment, motion_fidelity
from shotgraph.metrics.warp import pair_error, pair_ssim

# A track every so many pixels of the first frame: about 500 on a 1080p frame.
_TRACKS_PER_SIDE = 24
_WARP_SCALE = 1e3


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a report.

    Attributes:
        name: of the metric, and of the region when it is not the whole frame.
        value: None where there was nothing to measure, or no finite number; `note` says which.
        unit: empty for a plain ratio.
        better: which way is better.
        note: what to know when reading it.
    """

    name: str
    value: float | None
    unit: str
    better: Literal["higher", "lower"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Motion:
    """What happens between one frame and the next.

    Attributes:
        source: flow of the source's pair, both ways, px.
        visible: (H, W), which pixels of the first frame are seen in the second: exact, or by `visible_by_flow`.
        result: flow of the result's pair.
    """

    source: FlowFrame
    visible: Bools
    result: FlowFrame


class _Region:
    """Fidelity inside one region, pooled over frames."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0
        self.ssims: list[float] = []
        self.gmsds: list[float] = []

    def add(self, result: Floats, source: Floats, mask: Bools | None) -> None:
        """One frame; nothing when the mask is empty or all border."""
        total, count = squared_error(result, source, mask=mask)
        self.total, self.count = self.total + total, self.count + count
        if mask is None or _has_blocks(mask):
            self.ssims.append(ssim(result, source, mask=mask))
            self.gmsds.append(gmsd(result, source, mask=mask))

    def measures(self, place: str) -> list[Measure]:
        """PSNR, SSIM and GMSD to the source."""
        where = f" {place}" if place else ""
        if not self.count:
            note = "the matte leaves no pixel of this region"
            return [Measure(f"psnr to source{where}", None, "dB", "higher", note)]
        error = self.total / self.count
        finite = psnr_db(error) if error else None
        note = "" if error else "equal to the source: no error at all"
        thin = "" if self.ssims else "the matte is too thin here for a window"
        return [
            Measure(f"psnr to source{where}", finite, "dB", "higher", note),
            Measure(f"ssim to source{where}", _mean(self.ssims), "", "higher", thin),
            Measure(f"gmsd to source{where}", _mean(self.gmsds), "", "lower", thin),
        ]


class Comparison:
    """A result measured against its source, frame after frame."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._regions = {"": _Region()}
        self._before: tuple[Singles, Singles] | None = None
        self._first: tuple[Singles, Singles] | None = None
        self._chain: Singles = np.empty((0, 0, 3), np.float32)
        self._warp: dict[str, list[float | None]] = {
            name: [] for name in ("result", "source", "ssim", "far", "far source")
        }
        self._alignment: list[float] = []
        self._tracks: dict[str, list[tuple[Doubles, Bools]]] = {"result": [], "source": []}

    def add(
        self, source: Singles, result: Singles, *, matte: Singles | None = None, motion: Motion | None = None
    ) -> None:
        """Take the next frame.

        Args:
            source: (H, W, 3) display values, finite.
            result: same shape, finite.
            matte: (H, W) in [0, 1], where change was meant; for every frame or for none.
            motion: from the previous frame to this one; None for the first.

        Raises:
            UsageError: `motion` is missing.
        """
        require_shape(source, ("H", "W", 3), who="compare", name="source")
        require_shape(result, source.shape, who="compare", name="result")
        for name, picture in (("source", source), ("result", result)):
            require_finite(picture, who="compare", name=name)
        self._regions[""].add(result, source, None)
        if matte is not None:
            require_shape(matte, source.shape[:2], who="compare", name="matte")
            self._regions.setdefault("outside matte", _Region()).add(result, source, background_of(matte))
            self._regions.setdefault("inside matte", _Region()).add(result, source, matte > 0.5)
        if self._first is None or self._before is None:
            self._start(source, result)
        elif motion is None:
            raise UsageError(f"compare: motion must be given from the second frame on, got {motion}; measure the flow")
        else:
            self._step(self._before, (source, result), motion)
            self._drift(self._first, (source, result), motion)
        self._before = source, result

    def _start(self, source: Singles, result: Singles) -> None:
        height, width = source.shape[:2]
        self._first, self._chain = (source, result), no_chain(height, width)
        x, y = (np.linspace(0, size - 1, min(_TRACKS_PER_SIDE, size)) for size in (width, height))
        points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        for name in self._tracks:
            self._tracks[name] = [(points, np.ones(len(points), np.bool_))]

    def _step(self, before: tuple[Singles, Singles], now: tuple[Singles, Singles], motion: Motion) -> None:
        """What the pair of the last frame and this one says; pictures are source, result."""
        (old_source, old_result), (source, result) = before, now
        require_mask(motion.visible, source.shape[:2], who="compare", name="visible")
        forward, visible = motion.source.forward, motion.visible
        self._warp["result"].append(pair_error(old_result, result, forward, visible))
        self._warp["source"].append(pair_error(old_source, source, forward, visible))
        self._warp["ssim"].append(pair_ssim(old_result, result, forward, visible))
        if visible.any():
            self._alignment.append(motion_alignment(motion.result.forward, forward, visible=visible))
        for name, flow in (("result", motion.result), ("source", motion.source)):
            points, seen = self._tracks[name][-1]
            moved, known = follow(points, flow.forward, occluded=flow.occluded > 0.5)
            self._tracks[name].append((moved, seen & known))

    def _drift(self, first: tuple[Singles, Singles], now: tuple[Singles, Singles], motion: Motion) -> None:
        """What the pair of the first frame and this one says, by the flows in between."""
        self._chain = chain_to_second(self._chain, motion.source)
        flow, kept = self._chain[..., :2], self._chain[..., 2] > 0.5
        self._warp["far source"].append(pair_error(now[0], first[0], flow, kept))
        self._warp["far"].append(pair_error(now[1], first[1], flow, kept))

    def measures(self) -> list[Measure]:
        """All that the frames so far allow: fidelity from one frame on, motion from two."""
        found = [measure for place, region in self._regions.items() for measure in region.measures(place)]
        if len(self._warp["result"]) == 0:
            return found
        value = {name: _mean([v for v in values if v is not None]) for name, values in self._warp.items()}
        scaled = {name: None if v is None else v * _WARP_SCALE for name, v in value.items()}
        hidden = "" if value["result"] is not None else "no pixel is visible in the next frame"
        blind = "blind to a stable blur: read with psnr"
        return [
            *found,
            Measure("warp error", scaled["result"], "x1e-3", "lower", hidden or blind),
            Measure("warp error of source", scaled["source"], "x1e-3", "lower", hidden or "the floor"),
            Measure("warp error long range", scaled["far"], "x1e-3", "lower", "to the first frame: drift"),
            Measure("warp error long range of source", scaled["far source"], "x1e-3", "lower", "the floor"),
            Measure("warp ssim", value["ssim"], "", "higher", hidden),
            Measure(
                "motion alignment", _mean(self._alignment), "px", "higher", hidden or "minus the flows' difference"
            ),
            self._fidelity(),
        ]

    def _fidelity(self) -> Measure:
        stacked = {
            name: (np.stack([p for p, _ in steps], axis=1), np.stack([s for _, s in steps], axis=1))
            for name, steps in self._tracks.items()
        }
        (tracks, seen), (source, source_seen) = stacked["result"], stacked["source"]
        if not (seen[:, :2].all(axis=1).any() and source_seen[:, :2].all(axis=1).any()):
            return Measure("motion fidelity", None, "", "higher", "no point could be tracked")
        value = motion_fidelity(tracks, source, seen=seen, source_seen=source_seen)
        return Measure("motion fidelity", value, "", "higher", "points followed through the flow")


def embedding_measures(
    result: Floats,
    source: Floats,
    *,
    instances: Floats | None = None,
    prompt: Floats | None = None,
    source_prompt: Floats | None = None,
) -> list[Measure]:
    """What embeddings of a clip say.

    Args:
        result: (T, D) unit vectors of the result's frames.
        source: (T, D) unit vectors of the source's frames.
        instances: (T, D2) unit vectors that consistency is measured with; None for `result`.
        prompt: (D,) unit vector of what was asked for.
        source_prompt: (D,) unit vector of what was there.

    Returns:
        Consistency from two frames on; the rest as far as there are prompts.
    """
    found: list[Measure] = []
    seen = result if instances is None else instances
    if len(seen) > 1:
        still = "a repeated still reaches 1"
        found.append(
            Measure("frame consistency adjacent", frame_consistency_adjacent(seen), "", "higher", still),
        )
        found.append(Measure("frame consistency all pairs", frame_consistency_all_pairs(seen), "", "higher", still))
    if prompt is not None:
        found.append(Measure("text alignment", text_alignment(result, prompt), "", "higher", "raw cosine"))
    if prompt is not None and source_prompt is not None:
        found.append(Measure("frame accuracy", frame_accuracy(result, prompt, source_prompt), "", "higher"))
        direction = directional_similarity(result, source, prompt, source_prompt)
        found.append(Measure("directional similarity", direction, "", "higher"))
    return found


def _has_blocks(mask: Bools) -> bool:
    """Whether a 2 x 2 block, as GMSD takes them, lies in the mask and away from the border, where SSIM has no window."""
    rows, columns = (length // 2 * 2 for length in mask.shape)
    solid = (
        mask[:rows:2, :columns:2]
        & mask[1:rows:2, :columns:2]
        & mask[:rows:2, 1:columns:2]
        & mask[1:rows:2, 1:columns:2]
    )
    return bool(solid[2:-2, 2:-2].any())


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
