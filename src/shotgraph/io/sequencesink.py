"""Writing an image sequence: one file a frame, each complete and read back before it gets its name.

Frames already written with the same key are kept, so a restarted render goes on where it stopped. Files that are not in the
sequence's own log are foreign and stay.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from shotgraph.api import DepthFrame, FlowFrame, FrameSet, WrittenOutput
from shotgraph.digests import digest, text_key
from shotgraph.errors import OutputError, ShapeError, VerifyError
from shotgraph.io import passnames
from shotgraph.io.fitting import PictureFitter
from shotgraph.io.flowimages import flow_pixels
from shotgraph.io.numberedstills import NumberedStills, frame_path
from shotgraph.io.outputs import OutputPlan
from shotgraph.io.stillwriter import (
    Attribute,
    Still,
    common_attributes,
    exr_attributes,
    picture_still,
    png_attributes,
)

_HALF_MAX = 65504


class SequenceSink:
    """An `api.Writer` of one image sequence; frames may come in any order."""

    def __init__(self, plan: OutputPlan, frames: FrameSet | None = None) -> None:
        """Look at what is there: OutputExistsError for a file that Shotgraph did not write, unless `force` was said."""
        self._plan = plan
        self._frames = FrameSet((plan.info.range,)) if frames is None else frames
        self._finished: set[int] = set()
        target = plan.format
        self._fitter = PictureFitter.between(plan.info, plan.written, target) if target is not None else None
        self._files = NumberedStills(plan.path, force=plan.settings.force)
        for frame in self._frames:
            self._files.reserve(frame)

    def done(self, frame: int, key: str) -> bool:
        """Whether the file of `frame` is intact and was written with this key."""
        entry = self._files.intact(frame)
        return entry is not None and entry.key == key and entry.file == frame_path(self._plan.path, frame).name

    def write(self, frame: int, value: Any, key: str) -> None:
        """Write one frame under a temporary name, read it back, and rename it.

        OutputExistsError when somebody put a file there since the sink was opened.

        Args:
            frame: its number, in the planned range.
            value: a frame of the stream's kind and size; of flow a tuple of it and, but for the shot's first, the one before.
            key: what `done` must be asked with to find it again.

        Raises:
            ShapeError: another size than the stream's, or not a frame of its kind.
            OutputError: outside the planned range, disk full, or values that half floats cannot hold.
        """
        plan = self._plan
        if frame not in self._frames:
            raise OutputError(f"{plan.path}: frame must be in {self._frames}, got {frame}; plan the output again")
        try:
            still = self._still(frame, value)
        except ShapeError as error:
            raise ShapeError(f"{plan.path}: frame {frame}: {error}") from error
        self._files.publish(frame, still, key)
        self._finished.add(frame)

    def finish(self) -> WrittenOutput:
        """Prove that every planned frame is on disk, written now or found intact.

        Returns:
            The digest is that of the files' digests, in frame order.

        Raises:
            VerifyError: frames are missing or damaged.
        """
        plan = self._plan
        entries = [self._files.intact(frame) for frame in self._frames]
        missing = [frame for frame, entry in zip(self._frames, entries, strict=True) if entry is None]
        found = [entry for entry in entries if entry is not None]
        if missing:
            raise VerifyError(
                f"{plan.path}: all of {self._frames} must be written, got no intact file for {missing[0]} and "
                f"{len(missing) - 1} more; run it again"
            )
        start = plan.info.start_timecode
        return WrittenOutput(
            path=str(plan.path),
            frames=len(found),
            bytes=sum(entry.bytes for entry in found),
            digest=text_key(digest(*(entry.digest.encode() for entry in found))),
            checks=(
                f"frames: {self._frames}",
                f"samples: {self._proven(len(found))}",
                f"timecode: {start or 'none'}",
                *(f"{loss.property}: declared loss" for loss in plan.losses),
            ),
        )

    def _proven(self, files: int) -> str:
        read_back = f"{len(self._finished)} files read back"
        earlier = files - len(self._finished)
        return f"{read_back}, {earlier} of an earlier run found intact" if earlier else read_back

    def abort(self) -> None:
        """Nothing to undo: every file that has its name is complete, and a later run goes on from there."""

    def _still(self, frame: int, value: Any) -> Still:
        attributes = self._attributes(frame)
        if self._fitter is None:
            return self._data_still(value, attributes)
        try:
            with np.errstate(over="raise"):
                native = self._fitter.fit(value)
        except FloatingPointError as error:
            raise OutputError(
                f"{self._plan.path}: frame {frame}: samples must be within {_HALF_MAX} for half floats, got larger; "
                f"set bit_depth to 32"
            ) from error
        still = picture_still(native, attributes)
        is_alpha = self._plan.container == "exr" and self._plan.info.kind == "mask"
        return replace(still, channels=(passnames.MATTE,)) if is_alpha else still

    def _attributes(self, frame: int) -> tuple[Attribute, ...]:
        info, settings = self._plan.info, self._plan.settings
        timecode = info.timecode_of(frame)
        common = common_attributes(timecode, info.reel, info.sar)
        if self._plan.container == "png":
            return (*common, *png_attributes(info.rate, info.colour))
        return (*common, *exr_attributes(timecode, info.rate, info.colour.primaries, settings.compression))

    def _data_still(self, value: Any, attributes: tuple[Attribute, ...]) -> Still:
        info = self._plan.info
        if info.kind == "flow":
            pixels, channels = flow_pixels(cast(tuple[FlowFrame, ...], value)), passnames.FLOW
        else:
            depth = cast(DepthFrame, value)
            pixels, channels = depth.values[..., None], (passnames.DEPTH,)
            limits = zip(passnames.DEPTH_LIMITS, (depth.low, depth.high), strict=True)
            attributes = (*attributes, *((name, None, float(limit)) for name, limit in limits))
        if pixels.shape[:2] != (info.height, info.width):
            raise ShapeError(
                f"write: {info.kind} frame must be {info.width}x{info.height} like its stream, "
                f"got {pixels.shape[1]}x{pixels.shape[0]}; resize it first"
            )
        return Still(pixels.astype(np.float32, copy=False), channels, attributes)
