"""Folders as discovery sees them: each is listed once, however many patterns and shots look into it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

OUTPUT_FOLDER = "out"
_VERSIONED = re.compile(r"_v\d{3,}(?:\.|_|\Z)")


@dataclass(frozen=True, slots=True)
class Listing:
    """What one folder holds; hidden entries and unfinished files are left out.

    Attributes:
        files: names of everything that is not a folder, sorted.
        folders: names of folders, sorted.
    """

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


@dataclass(slots=True)
class Folders:
    """Listings, made on first use."""

    _listed: dict[Path, Listing] = field(default_factory=dict[Path, Listing])

    def listing(self, folder: Path) -> Listing:
        """The listing of `folder`; empty where there is none, or none that we may read."""
        if folder not in self._listed:
            self._listed[folder] = _list(folder)
        return self._listed[folder]

    def is_our_output(self, folder: Path) -> bool:
        """Whether `folder` is where our own versions go: called ``out``, with ``_v001`` in a name."""
        if folder.name != OUTPUT_FOLDER:
            return False
        listing = self.listing(folder)
        return any(_VERSIONED.search(name) for name in (*listing.files, *listing.folders))


def _list(folder: Path) -> Listing:
    files: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.endswith(".part"):
                    continue
                # The directory itself says what an entry is: no stat per frame.
                (folders if entry.is_dir() else files).append(entry.name)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return Listing()
    return Listing(tuple(sorted(files)), tuple(sorted(folders)))


def collapsed(numbers: Iterable[str]) -> tuple[str, ...]:
    """The paddings, as ``####``, that frame numbers written like `numbers` have.

    ``#`` stands for at least one digit, so ``8, 9, 10`` is one unpadded run and ``0998, 0999, 1000`` one of four digits; a
    number that has leading zeros of its own begins another sequence.
    """
    digits = sorted((number.removeprefix("-") for number in numbers), key=len)
    paddings: list[int] = []
    for text in digits:
        fits = any(len(text) == width or (len(text) > width and text[0] != "0") for width in paddings)
        if not fits:
            paddings.append(len(text))
    return tuple("#" * width for width in paddings)
