"""Every exception Shotgraph raises on purpose, and the exit code each one ends a run with.

A message follows one form: ``<who>: <field> must be <rule>, got <value>; <what to do>``. Each class is also the builtin
a caller would expect (`ValueError`, `FileNotFoundError`), so that library users need not know ours.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Process exit codes; farms act on them, so their meaning never changes."""

    VERIFIED = 0
    NODE_FAILED = 1
    USAGE = 2
    SKIPPED_FRAMES = 3
    MEDIA_CORRUPT = 65
    MEDIA_MISSING = 66
    UNAVAILABLE = 69
    INTERNAL = 70
    CANNOT_CREATE = 73
    IO_FAILED = 74
    CANCELLED = 75
    ENVIRONMENT = 78


# The code of a run over several shots is the first of these that occurred (DESIGN section 5). A shot may also be refused
# for what was asked of it, such as frames it does not have: that is 2, before 1, because running again cannot help.
EXIT_PRECEDENCE = (
    Exit.INTERNAL,
    Exit.ENVIRONMENT,
    Exit.UNAVAILABLE,
    Exit.IO_FAILED,
    Exit.CANNOT_CREATE,
    Exit.MEDIA_MISSING,
    Exit.MEDIA_CORRUPT,
    Exit.USAGE,
    Exit.NODE_FAILED,
    Exit.CANCELLED,
    Exit.SKIPPED_FRAMES,
    Exit.VERIFIED,
)


class ShotgraphError(Exception):
    """Base of every deliberate error.

    Attributes:
        exit_code: what a process that dies of this error returns.
    """

    exit_code: Exit = Exit.NODE_FAILED


class UsageError(ShotgraphError, ValueError):
    """A command, argument or option that cannot be carried out."""

    exit_code = Exit.USAGE


class PresetError(UsageError):
    """One or many faults in a preset, each already formatted as ``file:line:col: path: message``."""

    def __init__(self, faults: list[str]) -> None:
        """Keep the faults one by one; the message is all of them, a line each."""
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class GraphError(UsageError):
    """A graph whose nodes, ports or types do not fit together."""


class RateError(UsageError):
    """A frame rate that is not a positive ratio of integers."""


class TimecodeError(UsageError):
    """A timecode label that does not exist at its rate."""


class FrameRangeError(UsageError):
    """A frame range that is malformed, empty or outside its shot."""


class ShapeError(ShotgraphError, ValueError):
    """An array whose shape or dtype breaks a function's contract."""


class NodeError(ShotgraphError, RuntimeError):
    """A node that failed while processing.

    Attributes:
        hint: what the user can do about it, or an empty string.
    """

    exit_code = Exit.NODE_FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Join message and hint the way every other message of ours reads."""
        super().__init__(f"{message}; {hint}" if hint else message)
        self.hint = hint


class PluginError(ShotgraphError, ImportError):
    """A plugin that cannot be found, imported or trusted."""

    exit_code = Exit.UNAVAILABLE


class MediaError(ShotgraphError, ValueError):
    """Media that opens but is damaged, empty or not what was asked for."""

    exit_code = Exit.MEDIA_CORRUPT


class MediaMissingError(ShotgraphError, FileNotFoundError):
    """Media that is not there."""

    exit_code = Exit.MEDIA_MISSING


class UnavailableError(ShotgraphError, RuntimeError):
    """A model, device or amount of memory that this host does not have."""

    exit_code = Exit.UNAVAILABLE


class LossError(UsageError):
    """A codec or container that would lose something, under the ``strict`` policy."""


class OutputExistsError(ShotgraphError, FileExistsError):
    """A target path that is already taken by something Shotgraph may not replace."""

    exit_code = Exit.CANNOT_CREATE


class OutputError(ShotgraphError, OSError):
    """An output that could not be written: disk full, permission, vanished folder."""

    exit_code = Exit.IO_FAILED


class VerifyError(OutputError):
    """An output that was reopened and is not what was planned."""


class Cancelled(ShotgraphError):
    """The run was asked to stop and did so between two frames."""

    exit_code = Exit.CANCELLED


class EnvironmentMismatchError(ShotgraphError, RuntimeError):
    """A host whose plugins, libraries or media differ from the plan."""

    exit_code = Exit.ENVIRONMENT


def worst_exit(codes: list[Exit]) -> Exit:
    """The code that a run over several shots ends with: the first of `EXIT_PRECEDENCE` that occurred."""
    return min(codes, key=EXIT_PRECEDENCE.index, default=Exit.VERIFIED)
