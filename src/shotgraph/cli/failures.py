"""What stderr says of shots that failed, the same for every command that works on shots."""

from __future__ import annotations

from collections.abc import Sequence

import click

from shotgraph.cli.exits import fatal, traceback_lines
from shotgraph.cli.output import counted
from shotgraph.errors import Exit, worst_exit
from shotgraph.pipeline.session import ShotResult

# A shot that ended with one of these has its outputs.
DELIVERED = (Exit.VERIFIED, Exit.SKIPPED_FRAMES)


def tell_failures(results: Sequence[ShotResult], *, total: int, what: str = "failed") -> Exit:
    """Say on stderr why shots failed; ``Error:`` begins the last line only.

    Args:
        results: at least those that failed.
        total: how many shots there were.
        what: the verb of the last line when there were several.

    Returns:
        The exit code of the whole command.
    """
    code = worst_exit([result.exit for result in results])
    failed = [result for result in results if result.exit not in DELIVERED]
    for result in failed:
        for line in traceback_lines(result.error) if result.error is not None else ():
            click.echo(line, err=True)
    if failed and total == 1:
        return fatal(told(failed[0]), code)
    for result in failed:
        click.echo(told(result), err=True)
    if failed:
        names = ", ".join(result.shot for result in failed)
        return fatal(f"{len(failed)} of {counted(total, 'shot')} {what}: {names}; the reasons are above", code)
    return code


def told(result: ShotResult) -> str:
    """The message of a shot, led by its name; many begin with it already."""
    is_led = result.message.startswith(f"{result.shot}: ")
    return result.message if is_led else f"{result.shot}: {result.message}"
