"""``shotgraph shots``: what `run` would work on."""

from __future__ import annotations

from typing import Any

import click

from shotgraph.api.shot import Shot
from shotgraph.api.stream import StreamInfo
from shotgraph.cli.discovery import shots_of
from shotgraph.cli.media import look_at, span
from shotgraph.cli.output import json_option, print_json, print_table
from shotgraph.cli.session import registry_of, site_of
from shotgraph.errors import ShotgraphError, worst_exit
from shotgraph.presets import load


@click.command(name="shots")
@click.argument("preset")
@click.argument("inputs", nargs=-1, required=True)
@json_option
@click.pass_context
def command(ctx: click.Context, preset: str, inputs: tuple[str, ...], as_json: bool) -> int:
    """List the shots that INPUTS mean to PRESET, with frames and timecode.

    A shot whose media does not open is listed with the reason, and decides the exit code.
    """
    shots = shots_of(load(preset, site=site_of()), inputs, registry_of(ctx).hooks)
    found = [(shot, *_header(shot)) for shot in shots]
    if as_json:
        print_json([_record(shot, info, error) for shot, info, error in found])
    else:
        print_table(("SHOT", "FRAMES", "RATE", "SIZE", "PLATE"), [_row(*entry) for entry in found])
    return worst_exit([error.exit_code for _, _, error in found if error is not None])


def _header(shot: Shot) -> tuple[StreamInfo | None, ShotgraphError | None]:
    try:
        clip = look_at(shot.media["plate"], first_frame=shot.first_frame)
        return clip.stream_info(first_frame=shot.first_frame), None
    except ShotgraphError as error:
        click.echo(f"{shot.name}: {error}", err=True)
        return None, error


def _row(shot: Shot, info: StreamInfo | None, error: ShotgraphError | None) -> tuple[str, ...]:
    if info is None:
        return (shot.name, f"unreadable ({type(error).__name__})", "", "", shot.media["plate"])
    size = f"{info.width}x{info.height}"
    return (shot.name, span(info, info.range), str(info.rate), size, shot.media["plate"])


def _record(shot: Shot, info: StreamInfo | None, error: ShotgraphError | None) -> dict[str, Any]:
    # Time stamps of a long movie would bury everything else; `probe --json` has them.
    header = None if info is None else {"frames": info.range, "timecode": info.start_timecode, "rate": info.rate}
    return {"shot": shot, "header": header, "error": None if error is None else str(error)}
