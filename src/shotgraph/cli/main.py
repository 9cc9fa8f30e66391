"""The entry point: a group that imports a command only when it is called."""

from __future__ import annotations

from collections.abc import Sequence

import click

from shotgraph import __version__
from shotgraph.cli.commands import COMMANDS
from shotgraph.cli.exits import exit_code_of
from shotgraph.cli.lazygroup import LazyGroup

SECTIONS = ("artist", "author", "farm", "help")


@click.command(
    cls=LazyGroup,
    table=COMMANDS,
    package="shotgraph.cli",
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="shotgraph", message="%(prog)s %(version)s")
@click.option(
    "-p", "plugins", metavar="no:NAME", multiple=True, help="Disable a node, a pattern such as flow.* or a package."
)
@click.pass_context
def shotgraph(ctx: click.Context, plugins: tuple[str, ...]) -> None:
    """Run YAML presets over shots: decode, analyse, edit and re-encode, with timecode intact."""
    for name in plugins:
        if not name.startswith("no:") or name == "no:":
            raise click.UsageError(f"-p must be no:NAME, got {name!r}; SHOTGRAPH_PLUGINS holds an allow list", ctx)
    ctx.obj = tuple(name.removeprefix("no:") for name in plugins)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: without the program's name; None takes the process's own.

    Returns:
        The exit code.
    """
    return exit_code_of(lambda: shotgraph.main(arguments, prog_name="shotgraph", standalone_mode=False))
