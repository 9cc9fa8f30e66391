"""The way in for writing: what an output will be, and an open writer of it."""

from __future__ import annotations

from pathlib import Path

from shotgraph.api import ExpectedOutput, FrameSet, StreamInfo, Writer
from shotgraph.io.avsink import AvSink
from shotgraph.io.codecs import WriteSettings
from shotgraph.io.outputs import plan_output
from shotgraph.io.sequencesink import SequenceSink


def expect_output(
    path: str | Path, info: StreamInfo, settings: WriteSettings, audio_from: StreamInfo | None = None
) -> ExpectedOutput:
    """What writing `info` to `path` will give; reads headers of the source's files, never a frame to be written.

    UsageError for settings that do not fit together, MediaError for frame times that no container can hold, LossError under
    `strict` when something would be lost.

    Args:
        path: a movie, or a pattern of images.
        info: header of exactly the frames that will be written; `StreamInfo.sliced` makes it for a partial run.
        settings: what the user said.
        audio_from: whole header of the stream whose movie gives sound, subtitles and chapters; cut to `info`'s frames.

    Returns:
        Path, frames, size estimate, and what will be lost or assumed.
    """
    plan = plan_output(path, info, settings, audio_from)
    return ExpectedOutput(
        path=str(plan.path),
        frames=str(info.range),
        bytes=plan.estimated_bytes,
        losses=(*map(str, plan.losses), *plan.notes),
    )


def open_sink(
    path: str | Path,
    info: StreamInfo,
    settings: WriteSettings,
    audio_from: StreamInfo | None = None,
    *,
    frames: FrameSet | None = None,
) -> Writer:
    """A writer of `info` to `path`.

    Raises what `expect_output` does; OutputExistsError for a foreign file in the way, OutputError for a place that cannot be
    written.

    Args:
        path: as for `expect_output`.
        info: as for `expect_output`.
        settings: as for `expect_output`.
        audio_from: as for `expect_output`.
        frames: those of `info` that a sequence gets; None for all. A movie always holds all of them.

    Returns:
        An open `AvSink` or `SequenceSink`.
    """
    plan = plan_output(path, info, settings, audio_from)
    return AvSink(plan) if plan.codec.is_movie else SequenceSink(plan, frames)
