"""``shotgraph stage render``: a shot folder like a real one, with the truth beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from shotgraph.cli.output import counted, json_option, print_json
from shotgraph.errors import MediaMissingError, UsageError

if TYPE_CHECKING:
    from shotgraph.stage.edits import Edit
    from shotgraph.stage.spec import ClipSpec

# Options that decide how a clip is drawn, and what the edit of one that is read: their parameters.
_ONLY_DRAWN = {"--split": "split", "--purpose": "purpose", "--size": "side_px", "--frames": "frames"}
_ONLY_READ = {"--seed": "seed"}
_FAMILIES = [f"E{number}" for number in range(1, 11)]


@click.command(name="render")
@click.argument("spec", required=False, type=click.Path(path_type=Path))
@click.option("--number", type=int, help="Draw the clip with this number instead of reading SPEC.")
@click.option("--split", type=click.Choice(["train", "held-out"]), default="held-out", show_default=True)
@click.option(
    "--purpose",
    type=click.Choice(["general", "flow", "depth", "figure"]),
    default="general",
    show_default=True,
    help="What a drawn clip must show.",
)
@click.option("--size", "side_px", default=128, show_default=True, help="Width and height of a drawn clip, pixels.")
@click.option("--frames", default=16, show_default=True, help="Length of a drawn clip.")
@click.option("--edit", "family", type=click.Choice(_FAMILIES), help="Write what this edit should give, too.")
@click.option("--seed", default=0, show_default=True, help="Draws the edit of a SPEC.")
@click.option("--out", "folder", type=click.Path(path_type=Path), required=True, help="The shot's folder.")
@click.option("--force", is_flag=True, help="Replace an earlier render.")
@json_option
def command(spec: Path | None, folder: Path, force: bool, as_json: bool, **asked: Any) -> None:
    """Render the clip that SPEC describes, or the one with a --number, into a shot folder.

    The folder holds plate.mov with timecode, reel and sound, shotgraph.yaml with its prompts, and truth/ with depth, flow,
    ids, a matte of every object and, with --edit, the edited movie.
    """
    from shotgraph.stage.edits import Edit
    from shotgraph.stage.footage import write_shot_folder

    clip = _clip(spec, asked)
    shot = write_shot_folder(folder.resolve(), clip, force=force)
    if as_json:
        print_json(shot)
        return
    source = clip.source if isinstance(clip, Edit) else clip
    click.echo(f"plate   {shot.plate}  {counted(source.frames, 'frame')}, {source.width}x{source.height}")
    click.echo(f"truth   {shot.truth}")
    if isinstance(clip, Edit):
        click.echo(f"edited  {shot.edited}  {clip.family}: {clip.source_prompt!r} -> {clip.target_prompt!r}")


def _clip(path: Path | None, asked: dict[str, Any]) -> ClipSpec | Edit:
    """What is asked for; a clip that was drawn for an edit suits it."""
    from shotgraph.stage.edits import draw_edit, edit_of
    from shotgraph.stage.worlds import draw_clip

    number, family = asked["number"], asked["family"]
    if (path is None) == (number is None):
        given = "neither" if path is None else f"{str(path)!r} and {number}"
        raise UsageError(f"stage: a clip must be either a SPEC or a --number, got {given}; give one of them")
    _check_used(path)
    if path is not None:
        clip = _read(path)
        return clip if family is None else edit_of(family, clip, asked["seed"])
    settings = {"purpose": asked["purpose"], "side_px": asked["side_px"], "frames": asked["frames"]}
    if family is None:
        return draw_clip(number, asked["split"], **settings)
    return draw_edit(family, number, asked["split"], **settings)


def _check_used(spec: Path | None) -> None:
    """Refuse what the other way to name a clip would have used: nothing asked for is left out in silence."""
    ctx = click.get_current_context()
    unused, needed = (_ONLY_DRAWN, "--number") if spec is not None else (_ONLY_READ, "SPEC")
    for option, name in unused.items():
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"stage: {option} must go with {needed}, got {ctx.params[name]!r} without one; leave it out"
            )


def _read(path: Path) -> ClipSpec:
    from shotgraph.stage.spec import read_spec

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MediaMissingError(f"stage: SPEC must be an existing file, got {str(path)!r}; check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"stage: SPEC must be a readable text file, got {str(path)!r} ({error})") from error
    return read_spec(text, who=str(path))
