"""Numbered image files, each complete and read back before it gets its name.

Files that are not in the log beside them are foreign and stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from shotgraph.api import WrittenOutput
from shotgraph.digests import digest, file_key, text_key
from shotgraph.errors import OutputError, OutputExistsError, VerifyError
from shotgraph.io.framelog import FrameLog, WrittenFrame
from shotgraph.io.settling import refuse_existing, settle
from shotgraph.io.stillwriter import Still, write_still


def frame_path(pattern: Path, frame: int) -> Path:
    """The file of `frame`: the number fills the ``#`` marks, one digit each."""
    marks = pattern.name.count("#")
    return pattern.with_name(pattern.name.replace("#" * marks, f"{frame:0{marks}d}"))


class NumberedStills:
    """The files of one pattern.

    Attributes:
        pattern: path with ``#`` marks.
    """

    def __init__(self, pattern: Path, *, force: bool) -> None:
        """Make the folder; `force` allows to replace foreign files."""
        self.pattern, self._force = pattern, force
        try:
            pattern.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{pattern.parent}: folder must be creatable, got {error}; check permissions") from error
        self._log = FrameLog(pattern)

    @property
    def known(self) -> tuple[int, ...]:
        """Numbers that the log has heard of, whether their files are intact or not."""
        return self._log.known

    def intact(self, number: int) -> WrittenFrame | None:
        """What was written under `number`, when its file is still exactly that."""
        return self._log.intact(number)

    def reserve(self, number: int) -> None:
        """Refuse a foreign file in the place of `number`: OutputExistsError, unless `force` was said."""
        if self._log.intact(number) is None:
            refuse_existing(frame_path(self.pattern, number), force=self._force)

    def publish(self, number: int, still: Still, key: str) -> None:
        """Write one image under a temporary name, read it back, and rename it.

        Args:
            number: fills the marks of the pattern.
            still: what to write.
            key: of its content.

        Raises:
            OutputExistsError: somebody put a file there meanwhile.
            OutputError: disk full, no permission, or samples that do not come back.
        """
        final = frame_path(self.pattern, number)
        # The extension stays last: OpenImageIO reads by it. One name a frame: what a killed run left is written over.
        part = final.with_name(f".{final.stem}.part{final.suffix}")
        try:
            write_still(part, still)
            entry = WrittenFrame(number, key, final.name, part.stat().st_size, file_key(part))
            self.reserve(number)
            self._log.announce(entry)
            settle(part, final)
            self._log.settled(entry)
        except OutputExistsError:
            raise
        except OutputError as error:
            raise OutputError(f"{self.pattern}: frame {number}: {error}") from error
        except OSError as error:
            raise OutputError(
                f"{self.pattern}: frame {number} must be written, got {error}; free space, or check the folder's permissions"
            ) from error
        finally:
            part.unlink(missing_ok=True)


class StillSetSink:
    """An `api.Writer` of one value that becomes a handful of numbered images, such as an atlas for every layer."""

    def __init__(self, pattern: Path, stills_of: Callable[[Any], Iterable[Still]], *, force: bool) -> None:
        """`stills_of` makes the images of the value, numbered from 0."""
        self._files, self._stills_of = NumberedStills(pattern, force=force), stills_of
        self._written: list[WrittenFrame] = []

    def done(self, frame: int, key: str) -> bool:  # noqa: ARG002 - a value has no frames
        """Whether all images of the value with this key are on disk, intact."""
        found = [entry for entry in map(self._files.intact, self._files.known) if entry is not None]
        self._written = [entry for entry in found if entry.key.startswith(f"{key}/")]
        # The key holds how many there are, so that a killed run's first few do not count as all.
        return bool(self._written) and self._written[0].key == f"{key}/{len(self._written)}"

    def write(self, frame: int, value: Any, key: str) -> None:  # noqa: ARG002 - a value has no frames
        """Write every image of `value`."""
        stills = list(self._stills_of(value))
        for number in range(len(stills)):
            self._files.reserve(number)
        for number, still in enumerate(stills):
            self._files.publish(number, still, f"{key}/{len(stills)}")
        entries = [self._files.intact(number) for number in range(len(stills))]
        self._written = [entry for entry in entries if entry is not None]

    def finish(self) -> WrittenOutput:
        """What was written, now or before; `VerifyError` when nothing was."""
        if not self._written:
            raise VerifyError(f"{self._files.pattern}: images must be written, got none; run it again")
        return WrittenOutput(
            path=str(self._files.pattern),
            frames=len(self._written),
            bytes=sum(entry.bytes for entry in self._written),
            digest=text_key(digest(*(entry.digest.encode() for entry in self._written))),
            checks=(f"images: {len(self._written)}, each read back",),
        )

    def abort(self) -> None:
        """Every image is whole or not there: nothing to take back."""
