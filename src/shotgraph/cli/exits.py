"""The one place where an exception becomes an exit code and a last line on stderr."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from typing import Any

import click

from shotgraph.errors import Exit, PresetError, ShotgraphError


def exit_code_of(work: Callable[[], Any]) -> int:
    """Run `work` and say how the process should end.

    ``Error:`` begins exactly one line, the last one, because farms look for it.

    Args:
        work: returns an exit code; None means verified.

    Returns:
        A member of `Exit`, or what click's own ``--help`` and ``--version`` end with.
    """
    try:
        return int(work() or Exit.VERIFIED)
    except (click.Abort, KeyboardInterrupt):
        return fatal("cancelled; run the same command again to go on", Exit.CANCELLED)
    except click.UsageError as error:
        if error.ctx is not None:
            click.echo(f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help' for help.\n", err=True)
        return fatal(error.format_message(), Exit.USAGE)
    except click.ClickException as error:
        return fatal(error.format_message(), Exit.USAGE)
    except ShotgraphError as error:
        for line in _context(error):
            click.echo(line, err=True)
        return fatal(_summary(error), error.exit_code)
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        return fatal(
            f"{place}must be readable and writable, got {error.strerror}; check the path, permissions and free space",
            Exit.IO_FAILED,
        )
    except Exception as error:  # noqa: BLE001 - the last line of defence: whatever it is, it must end with a code
        for line in traceback_lines(error):
            click.echo(line, err=True)
        return fatal(
            f"internal: {type(error).__name__}: {error}; please report this with the lines above", Exit.INTERNAL
        )


def fatal(message: str, code: Exit) -> Exit:
    """Print the last line of a failed command.

    Args:
        message: of several lines, it has its headline first; the details go above, so that the headline is the last line.
        code: what the process ends with.

    Returns:
        `code`.
    """
    headline, *details = message.splitlines() or [""]
    for line in details:
        click.echo(line, err=True)
    click.echo(f"Error: {headline}", err=True)
    return code


def _context(error: ShotgraphError) -> Iterator[str]:
    """What a person should read before the last line."""
    if isinstance(error, PresetError) and len(error.faults) > 1:
        yield from error.faults
    yield from getattr(error, "__notes__", ())


def _summary(error: ShotgraphError) -> str:
    if isinstance(error, PresetError) and len(error.faults) > 1:
        return f"preset: must be free of faults, got {len(error.faults)}; they are listed above"
    return str(error)


def traceback_lines(error: BaseException) -> Iterator[str]:
    """A traceback whose lines never look like a fatal one: causes first, each with its frames."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from traceback_lines(cause)
        yield f"{type(cause).__name__} ({cause}), and then:"
    yield from "".join(traceback.format_tb(error.__traceback__)).splitlines()
