"""A group of commands that imports one only when it is called."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from shotgraph.cli.commands import Entry


class LazyGroup(click.Group):
    """Knows its commands by name and help; their modules stay closed."""

    def __init__(self, *, table: Sequence[Entry], package: str, sections: Sequence[str], **settings: Any) -> None:
        """A group of the commands of `table`, whose modules lie in `package`; `sections` orders its help."""
        super().__init__(**settings)
        self._table, self._package, self._sections = tuple(table), package, tuple(sections)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table."""
        return [entry.name for entry in self._table]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None when there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(f"{self._package}.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a name that does not exist."""
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            close = difflib.get_close_matches(args[0], known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"`{ctx.command_path} --help` lists them"
            ctx.fail(f"command must be one of {', '.join(known)}, got {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """From the table, by section."""
        for section in self._sections:
            rows = [(entry.name, entry.help) for entry in self._table if entry.section == section]
            if rows:
                with formatter.section(section.capitalize()):
                    formatter.write_dl(rows)
