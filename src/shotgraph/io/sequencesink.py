"""Writing an image sequence: one file a frame, each complete and read back before it gets its name.

Frames already written with the same key are kept, so a restarted render goes on where it stopped. Files that are not in the
sequence's own log are foreign and stay.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np

from shotgraph.api import DepthFrame, FlowFrame, FrameSet, WrittenOutput
from shotgraph.digests import digest, file_key, text_key
from shotgraph.errors import OutputError, OutputExistsError, ShapeError, VerifyError
from shotgraph.io.fitting import PictureFitter
from shotgraph.io.flowimages import FLOW_CHANNELS
from shotgraph.io.framelog import FrameLog, WrittenFrame
from shotgraph.io.outputs import OutputPlan
from shotgraph.io.settling import refuse_existing, settle
from shotgraph.io.stillwriter import (
    Attribute,
    Still,
    common_attributes,
    exr_attributes,
    picture_still,
    png_attributes,
    write_still,
)

_HALF_MAX = 65504


def frame_path(pattern: Path, frame: int) -> Path:
    """The file of `frame`: the number fills the ``#`` marks, one digit each."""
    marks = pattern.name.count("#")
    return pattern.with_name(pattern.name.replace("#" * marks, f"{frame:0{marks}d}"))


class SequenceSink:
    """An `api.Writer` of one image sequence; frames may come in any order."""

    def __init__(self, plan: OutputPlan, frames: FrameSet | None = None) -> None:
        """Look at what is there: OutputExistsError for a file that Shotgraph did not write, unless `force` was said."""
        self._plan = plan
        self._frames = FrameSet((plan.info.range,)) if frames is None else frames
        self._finished: set[int] = set()
        target = plan.format
        self._fitter = PictureFitter.between(plan.info, plan.written, target) if target is not None else None
        try:
            plan.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{plan.path.parent}: folder must be creatable, got {error}; check permissions"
            ) from error
        self._log = FrameLog(plan.path)
        for frame in self._frames:
            if self._log.intact(frame) is None:
                refuse_existing(frame_path(plan.path, frame), force=plan.settings.force)

    def done(self, frame: int, key: str) -> bool:
        """Whether the file of `frame` is intact and was written with this key."""
        entry = self._log.intact(frame)
        return entry is not None and entry.key == key and entry.file == frame_path(self._plan.path, frame).name

    def write(self, frame: int, value: Any, key: str) -> None:
        """Write one frame under a temporary name, read it back, and rename it.

        Args:
            frame: its number, in the planned range.
            value: a frame of the stream's kind and size.
            key: what `done` must be asked with to find it again.

        Raises:
            ShapeError: another size than the stream's, or not a frame of its kind.
            OutputExistsError: somebody put a file there since the sink was opened.
            OutputError: outside the planned range, disk full, or values that half floats cannot hold.
        """
        plan = self._plan
        if frame not in self._frames:
            raise OutputError(f"{plan.path}: frame must be in {self._frames}, got {frame}; plan the output again")
        try:
            still = self._still(frame, value)
        except ShapeError as error:
            raise ShapeError(f"{plan.path}: frame {frame}: {error}") from error
        final = frame_path(plan.path, frame)
        # The extension stays last: OpenImageIO reads by it. One name a frame: what a killed run left is written over.
        part = final.with_name(f".{final.stem}.part{final.suffix}")
        try:
            write_still(part, still)
            size, digest = part.stat().st_size, file_key(part)
            entry = WrittenFrame(frame=frame, key=key, file=final.name, bytes=size, digest=digest)
            if self._log.intact(frame) is None:
                refuse_existing(final, force=plan.settings.force)
            self._log.announce(entry)
            settle(part, final)
            self._log.settled(entry)
        except OutputExistsError:
            raise
        except OutputError as error:
            raise OutputError(f"{plan.path}: frame {frame}: {error}") from error
        except OSError as error:
            raise OutputError(
                f"{plan.path}: frame {frame} must be written, got {error}; free space, or check the folder's permissions"
            ) from error
        finally:
            part.unlink(missing_ok=True)
        self._finished.add(frame)

    def finish(self) -> WrittenOutput:
        """Prove that every planned frame is on disk, written now or found intact.

        Returns:
            The digest is that of the files' digests, in frame order.

        Raises:
            VerifyError: frames are missing or damaged.
        """
        plan = self._plan
        entries = [self._log.intact(frame) for frame in self._frames]
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
                f"samples: {len(self._finished)} files read back, {len(found) - len(self._finished)} found intact",
                f"timecode: {start or 'none'}",
                *(f"{loss.property}: declared loss" for loss in plan.losses),
            ),
        )

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
        return picture_still(native, attributes)

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
            flow = cast(FlowFrame, value)
            pixels = np.concatenate((flow.forward, flow.backward, flow.occluded[..., None]), axis=-1)
            channels = FLOW_CHANNELS
        else:
            depth = cast(DepthFrame, value)
            pixels, channels = depth.values[..., None], ("depth",)
            limits = (("shotgraph:low", None, float(depth.low)), ("shotgraph:high", None, float(depth.high)))
            attributes = (*attributes, *limits)
        if pixels.shape[:2] != (info.height, info.width):
            raise ShapeError(
                f"write: {info.kind} frame must be {info.width}x{info.height} like its stream, "
                f"got {pixels.shape[1]}x{pixels.shape[0]}; resize it first"
            )
        return Still(pixels.astype(np.float32, copy=False), channels, attributes)
