"""``shotgraph metrics``: how good an edited clip is, on anybody's footage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shotgraph.cli.output import json_option, print_json, print_table
from shotgraph.errors import MediaError, UsageError

if TYPE_CHECKING:
    from shotgraph.api.kinds import FlowFrame
    from shotgraph.io.sources import FrameSource
    from shotgraph.metrics.arrays import Singles
    from shotgraph.metrics.comparison import Measure, Motion
    from shotgraph.metrics.embedder import Embedder

_CAUTION = (
    "No single number tells: a repeated still is consistent, a copy of the source is preserved. Read them together."
)


@dataclass(frozen=True)
class _Clips:
    """The footage of one comparison, opened and found to fit.

    Attributes:
        source: before the edit.
        result: after it.
        matte: where change was meant; None for everywhere.
        flow: files of the source's flow by frame number; empty to measure it.
    """

    source: FrameSource
    result: FrameSource
    matte: FrameSource | None
    flow: dict[int, Path]


@click.command(name="metrics")
@click.option(
    "--source", required=True, help="The clip before the edit: a movie, or a sequence such as plate.####.exr."
)
@click.option("--result", required=True, help="The clip after it: same size, length and rate.")
@click.option("--matte", help="Where change was meant: its alpha if it has one, else its luma.")
@click.option("--flow", help="The source's optical flow, as core.write leaves it: flow.####.exr. Else it is measured.")
@click.option("--prompt", help="What was asked for; needs --embedder.")
@click.option("--source-prompt", help="What the source shows; needs --prompt.")
@click.option(
    "--embedder", metavar="NAME", help="stage-clip, a transformers CLIP folder, or open_clip:ARCHITECTURE:FILE."
)
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    source: str,
    result: str,
    matte: str | None,
    flow: str | None,
    prompt: str | None,
    source_prompt: str | None,
    embedder: str | None,
    as_json: bool,
) -> None:
    """Measure RESULT against SOURCE: preservation, consistency, motion, and what a model of words and pictures says."""
    if prompt is not None and embedder is None:
        raise UsageError(f"metrics: --embedder must be given with --prompt {prompt!r}, got none; try stage-clip")
    if source_prompt is not None and prompt is None:
        raise UsageError(f"metrics: --prompt must be given with --source-prompt {source_prompt!r}, got none; add it")
    embedders = _embedders(embedder)
    with ExitStack() as stack:
        clips = _opened(stack, source, result, matte, flow)
        measures = _measured(clips, embedders, prompt, source_prompt)
    if as_json:
        print_json(
            {
                "source": source,
                "result": result,
                "frames": clips.source.info.range,
                "flow": flow or "measured with DIS medium",
                "embedder": None if embedder is None else _told(embedder, embedders),
                "caution": _CAUTION,
                "measures": measures,
            }
        )
        return
    print_table(("METRIC", "VALUE", "UNIT", "BETTER", "NOTE"), [_row(measure) for measure in measures])
    click.echo(_CAUTION, err=True)


def _row(measure: Measure) -> tuple[str, ...]:
    value = "-" if measure.value is None else f"{measure.value:.4g}"
    return measure.name, value, measure.unit, measure.better, measure.note


def _embedders(name: str | None) -> list[Embedder]:
    """None, or what frames and prompts are embedded with, and what consistency is."""
    if name is None:
        return []
    if name.partition(":")[0] == "open_clip":
        from shotgraph.metrics.openclip import OpenClip

        return [OpenClip.load(name)] * 2
    from shotgraph.metrics.folder_clip import INSTANCE_HEAD, FolderClip
    from shotgraph.models.registry import resolve

    folder = resolve(name).place
    own = FolderClip.load(folder)
    return [own, FolderClip.load(folder, head=INSTANCE_HEAD) if (folder / INSTANCE_HEAD).is_file() else own]


def _told(name: str, embedders: list[Embedder]) -> dict[str, str]:
    """Which models the numbers are of: those of two cannot be compared."""
    from shotgraph.models.registry import resolve

    digest = "" if name.partition(":")[0] == "open_clip" else resolve(name).digest
    return {"name": name, "digest": digest, "words": embedders[0].name, "consistency": embedders[1].name}


def _opened(stack: ExitStack, source: str, result: str, matte: str | None, flow: str | None) -> _Clips:
    """All footage, or the first way in which it does not fit together."""
    from shotgraph.io.sequences import find_sequence
    from shotgraph.io.sources import open_source

    before = stack.enter_context(open_source(source))
    after = stack.enter_context(open_source(result))
    inside = None if matte is None else stack.enter_context(open_source(matte))
    _check_fits(before, after, "result")
    _check_transfer(before, after)
    if inside is not None:
        _check_fits(before, inside, "matte")
    files = {} if flow is None else dict(find_sequence(flow).files)
    missing = [frame for frame in before.info.range if frame not in files]
    if flow is not None and missing:
        raise UsageError(
            f"metrics: --flow must have every frame of {before.info.range}, got none for {missing[0]} in {flow}; "
            "number it like the source"
        )
    return _Clips(before, after, inside, files)


def _check_fits(source: FrameSource, other: FrameSource, name: str) -> None:
    """Refuse what cannot be compared frame by frame. Images seldom state a rate, so theirs is not held against them."""
    mine, its = source.info, other.info
    size, found = f"{mine.width}x{mine.height}", f"{its.width}x{its.height}"
    if size != found:
        raise UsageError(
            f"metrics: {name} must have the source's size {size}, got {found}; resize one with core.resize"
        )
    if mine.count != its.count:
        raise UsageError(
            f"metrics: {name} must have the source's {mine.count} frames, got {its.count}; cut one so that frames pair up"
        )
    if mine.rate != its.rate and "sequence" not in (source.clip.container, other.clip.container):
        raise UsageError(
            f"metrics: {name} must have the source's rate {mine.rate}, got {its.rate}; conform one to the other"
        )


def _check_transfer(source: FrameSource, result: FrameSource) -> None:
    transfers = [clip.info.colour.transfer for clip in (source, result)]
    if (transfers[0] == "linear") != (transfers[1] == "linear"):
        raise MediaError(
            f"metrics: source and result must both be display-referred or both scene-linear, got {transfers[0]} and "
            f"{transfers[1]}; convert one"
        )
    if transfers[0] == "linear":
        click.echo("warning: both clips are scene-linear; every metric assumes display values in [0, 1]", err=True)


def _measured(clips: _Clips, embedders: list[Embedder], prompt: str | None, source_prompt: str | None) -> list[Measure]:
    import numpy as np

    from shotgraph.metrics.comparison import Comparison, embedding_measures

    comparison = Comparison()
    vectors: list[list[Singles]] = [[], [], []]
    before: tuple[Singles, Singles] | None = None
    for number, source, result, matte in _frames(clips):
        flow = (clips.flow[number - 1], clips.flow[number]) if clips.flow and before is not None else None
        motion = None if before is None else _motion(before, (source, result), flow)
        comparison.add(source, result, matte=matte, motion=motion)
        before = source, result
        if embedders:
            words, instances = embedders
            vectors[0].append(words.image(result[None])[0])
            vectors[1].append(words.image(source[None])[0])
            vectors[2].append(vectors[0][-1] if instances is words else instances.image(result[None])[0])
    measures = comparison.measures()
    if not embedders:
        return measures
    said = [None if text is None else embedders[0].text([text])[0] for text in (prompt, source_prompt)]
    of_result, of_source, of_instances = (np.stack(kept) for kept in vectors)
    return measures + embedding_measures(
        of_result, of_source, instances=of_instances, prompt=said[0], source_prompt=said[1]
    )


def _frames(clips: _Clips) -> Iterator[tuple[int, Singles, Singles, Singles | None]]:
    """(number in the source, source, result, matte) of every frame."""
    from shotgraph.io.display import rgb_of
    from shotgraph.plugins.core.matte import matte_of

    def nth(clip: FrameSource, offset: int) -> Singles:
        return rgb_of(clip, clip.info.first_frame + offset)

    for number in clips.source.info.range:
        offset = number - clips.source.info.first_frame
        matte = None if clips.matte is None else matte_of(nth(clips.matte, offset), "auto")
        source, result = nth(clips.source, offset)[..., :3], nth(clips.result, offset)[..., :3]
        yield number, source, result, matte


def _motion(before: tuple[Singles, Singles], now: tuple[Singles, Singles], flow: tuple[Path, Path] | None) -> Motion:
    """From the last pair of frames to this one; flow from files says itself what is hidden."""
    from shotgraph.io.flowimages import read_flow
    from shotgraph.maths.solvers import flow_of_pair
    from shotgraph.metrics.comparison import Motion
    from shotgraph.metrics.warp import visible_by_flow

    of_result = flow_of_pair(before[1], now[1], preset="medium", scale=1.0)
    if flow is None:
        of_source = flow_of_pair(before[0], now[0], preset="medium", scale=1.0)
        return Motion(of_source, visible_by_flow(of_source.forward, of_source.backward), of_result)
    of_source = read_flow(*flow)
    _check_flow(of_source, now[0], flow[0])
    return Motion(of_source, of_source.occluded < 0.5, of_result)


def _check_flow(flow: FlowFrame, frame: Singles, path: Path) -> None:
    (height, width), (rows, columns) = frame.shape[:2], flow.occluded.shape
    if (rows, columns) != (height, width):
        raise UsageError(
            f"metrics: flow must have the source's size {width}x{height}, got {columns}x{rows} in {path}; write it at that size"
        )
