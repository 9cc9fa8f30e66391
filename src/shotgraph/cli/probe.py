"""``shotgraph probe``: what is known of media, the way the pipeline sees it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from shotgraph.cli.media import look_at, span
from shotgraph.cli.output import counted, json_option, print_json
from shotgraph.io.clipinfo import ClipInfo, VideoInfo


@click.command(name="probe")
@click.argument("files", nargs=-1, required=True)
@click.option("--first-frame", default=1001, show_default=True, help="Number of a movie's first frame.")
@json_option
def command(files: tuple[str, ...], first_frame: int, as_json: bool) -> None:
    """Show what is known of each of FILES: movies, or sequences such as plate.####.exr."""
    clips = [look_at(file, first_frame=first_frame) for file in files]
    if as_json:
        print_json(clips)
        return
    for clip in clips:
        for line in _described(clip, first_frame):
            click.echo(line)
        for warning in clip.warnings:
            click.echo(f"warning: {clip.path}: {warning}", err=True)


def _described(clip: ClipInfo, first_frame: int) -> Iterator[str]:
    yield f"{clip.path}  ({clip.container})"
    for number, video in enumerate(clip.videos):
        info = clip.stream_info(number, first_frame)
        yield f"  video {video.index}: {_picture(video)}"
        yield f"    frames {span(info, info.range)}, timecode from {clip.timecode_source}, reel {clip.reel or 'none'}"
        tags = video.colour
        yield f"    colour primaries {tags.primaries}, transfer {tags.transfer}, matrix {tags.matrix}, range {tags.range}"
        if video.timing.variable:
            yield f"    variable rate; its commonest step is that of {video.timing.rate} fps"
    for audio in clip.audios:
        facts = f"{audio.codec}, {audio.sample_rate} Hz, {audio.layout}, {float(audio.duration_seconds):.3f} s"
        yield f"  audio {audio.index}: {facts}" + (f", {audio.language}" if audio.language else "")
    for other in clip.others:
        yield f"  {other.type} {other.index}: {other.codec or 'unknown'}, {counted(other.packets, 'packet')}"
    if clip.chapters:
        yield f"  chapters: {len(clip.chapters)}"


def _picture(video: VideoInfo) -> str:
    codec = f"{video.codec} {video.profile}".strip()
    parts = [codec, f"{video.width}x{video.height}", video.pixel_format, f"{video.timing.rate} fps", video.field_order]
    if video.sar != 1:
        parts.append(f"pixel aspect {video.sar}")
    if video.rotation:
        parts.append(f"shown rotated by {video.rotation} degrees")
    return ", ".join([*parts, *video.hdr])
