"""The entry point: a group that imports a command only when it is called."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib import import_module

import click

from shotgraph import __version__
from shotgraph.cli.commands import COMMANDS
from shotgraph.cli.exits import exit_code_of

SECTIONS = ("artist", "author", "farm", "help")


class LazyGroup(click.Group):
    """Knows its commands by name and help; their modules stay closed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table."""
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None when there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(f"shotgraph.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a name that does not exist."""
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            close = difflib.get_close_matches(args[0], known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "`shotgraph --help` lists them"
            ctx.fail(f"command must be one of {', '.join(known)}, got {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """From the table, by section."""
        for section in SECTIONS:
            rows = [(entry.name, entry.help) for entry in COMMANDS if entry.section == section]
            if rows:
                with formatter.section(section.capitalize()):
                    formatter.write_dl(rows)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
