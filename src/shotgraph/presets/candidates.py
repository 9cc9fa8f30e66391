"""Files and sequences on disk that a pattern or a person's path means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shotgraph.api.paths import FIELD
from shotgraph.errors import UsageError
from shotgraph.presets.faults import shown
from shotgraph.presets.folders import Folders, collapsed
from shotgraph.presets.patterns import FRAME_TOKEN, IMAGE_EXTENSIONS, Found, Pattern, digits, token_width

_IMAGE_NAME = re.compile(
    rf"(?P<stem>.*?)(?P<separator>[._]?)(?P<frame>-?\d+)(?P<suffix>\.(?i:{'|'.join(IMAGE_EXTENSIONS)}))", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Media that may be a shot's.

    Attributes:
        media: a file, or a sequence pattern with ``####``.
        fields: values captured from its path, ``shot`` among them.
        folder: the folder that is the shot's own; None when several shots share it.
    """

    media: Path
    fields: dict[str, str]
    folder: Path | None = None


def find(pattern: Pattern, root: Path, known: Mapping[str, str], folders: Folders) -> list[Candidate]:
    """Everything below `root` that `pattern` matches, each sequence once.

    Args:
        pattern: what to look for.
        root: stands for ``{root}``.
        known: fields whose values are given.
        folders: listings made so far.

    Returns:
        Candidates in the order of their names; `UsageError` for a captured value that no path may hold.
    """
    return _Walk(pattern, known, folders).below(root, 0, {}, None)


class _Walk:
    """One pattern's way down the folders."""

    def __init__(self, pattern: Pattern, known: Mapping[str, str], folders: Folders) -> None:
        self._pattern, self._known, self._folders = pattern, known, folders

    def below(self, folder: Path, index: int, fields: dict[str, str], own: Path | None) -> list[Candidate]:
        """Candidates for part `index` of the pattern and what follows it."""
        if index == len(self._pattern.names) - 1:
            return self._files(folder, index, fields, own)
        known = {**self._known, **fields}
        literal = self._pattern.literal(index, known)
        names = self._folders.listing(folder).folders if literal is None else (literal,)
        matcher = self._pattern.matcher(index, known)
        found: list[Candidate] = []
        for name in names:
            match = matcher.match(name)
            inside = folder / name
            if match is None or (literal is None and self._folders.is_our_output(inside)):
                continue
            is_own = any(field["name"] == "shot" for field in FIELD.finditer(self._pattern.names[index]))
            captured = {**fields, **_safe(match.fields, inside)}
            found += self.below(inside, index + 1, captured, inside if is_own else own)
        return found

    def _files(self, folder: Path, index: int, fields: dict[str, str], own: Path | None) -> list[Candidate]:
        matcher = self._pattern.matcher(index, {**self._known, **fields})
        sequences: dict[tuple[str, str], tuple[Found, list[str]]] = {}
        for name in self._folders.listing(folder).files:
            match = matcher.match(name)
            if match is None:
                continue
            start, end = match.span
            around = (name, "") if match.frame == "" else (name[:start], name[end:])
            sequences.setdefault(around, (match, []))[1].append(match.frame)
        found: list[Candidate] = []
        for (before, after), (match, numbers) in sequences.items():
            for padding in collapsed(numbers) if match.frame else ("",):
                media = folder / f"{before}{padding}{after}"
                found.append(Candidate(media, {**fields, **_safe(match.fields, media)}, own))
        return found


def one_file(path: Path, folders: Folders) -> Candidate:
    """The shot that an existing file belongs to: a movie, a still, or the sequence that an image is a member of.

    An image is a member when a number stands before its extension, alone or after ``.`` or ``_``: ``plate_v02.png`` is not.
    """
    match = _IMAGE_NAME.fullmatch(path.name)
    if match is None or (match["stem"] and not match["separator"]):
        return _candidate(path, path.stem, path.suffix)
    before, after = match["stem"] + match["separator"], match["suffix"]
    numbers = _numbers(path.parent, rf"{re.escape(before)}(-?\d+){re.escape(after)}", folders)
    number = match["frame"].removeprefix("-")
    padding = next(p for p in collapsed(numbers) if re.fullmatch(digits(len(p)), number))
    media = path.with_name(f"{before}{padding}{after}")
    return _candidate(media, match["stem"], after)


def one_sequence(path: Path, folders: Folders) -> Candidate | None:
    """The sequence that ``plate.####.exr``, ``plate.%04d.exr`` or ``plate.$F4.exr`` names; None when it has no frames."""
    token = FRAME_TOKEN.search(path.name)
    if token is None:
        return None
    before, after = path.name[: token.start()], path.name[token.end() :]
    width = token_width(token)
    if not _numbers(path.parent, rf"{re.escape(before)}(-?{digits(width)}){re.escape(after)}", folders):
        return None
    return _candidate(path.with_name(f"{before}{'#' * width}{after}"), before, Path(after).suffix)


def _candidate(media: Path, stem: str, suffix: str) -> Candidate:
    name = stem.rstrip("._") or media.parent.name
    return Candidate(media, _safe({"shot": name, "ext": suffix.removeprefix(".")}, media))


def _numbers(folder: Path, expression: str, folders: Folders) -> list[str]:
    matches = (re.fullmatch(expression, name, re.DOTALL) for name in folders.listing(folder).files)
    return [match[1] for match in matches if match]


def _safe(fields: dict[str, str], path: Path) -> dict[str, str]:
    """`fields`, which will become parts of other paths and of messages.

    Args:
        fields: captured from `path`.
        path: for the message.

    Returns:
        `fields`.

    Raises:
        UsageError: a value with a separator, ``..``, a control character, or bytes that are not text.
    """
    for field, value in fields.items():
        is_text = all(ord(character) >= 32 and not 0xD800 <= ord(character) <= 0xDFFF for character in value)
        if not is_text or "/" in value or "\\" in value or ".." in value or value == ".":
            rule = "must not hold a separator, '..' or a control character"
            raise UsageError(f"shots: {field} {rule}, got {shown(value)} from {str(path)!r}; rename the file")
    return fields
