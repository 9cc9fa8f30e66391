"""Shot patterns such as ``{root}/{seq}/{shot}/plate_v{version:03d}.####.exr``: made for finding, hence parsers.

Each folder or file name along a pattern becomes one regular expression. A field matches any text, a padded field digits,
``{ext}`` and ``.*`` an extension of media, ``####``, ``%04d``, ``$F4`` and ``{frame:04d}`` a frame number. ``.*`` and a final
``.{ext}`` also match the numbered images of a sequence (``.1001.exr``). A field that occurs twice must match equal text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shotgraph.api.paths import FIELD
from shotgraph.errors import UsageError

MOVIE_EXTENSIONS = (
    "mov", "mp4", "m4v", "mkv", "webm", "avi", "mxf", "mts", "m2ts", "ts", "mpg", "mpeg", "ogv", "wmv", "flv", "3gp",
    "dv", "y4m", "vob",
)  # fmt: skip
IMAGE_EXTENSIONS = ("exr", "png", "dpx", "cin", "tif", "tiff", "jpg", "jpeg", "tga")
MAX_FIELDS_PER_NAME = 4
FRAME = "frame"

FRAME_TOKEN = re.compile(r"(?P<hashes>#+)|%(?:0(?P<percent>\d+))?d|\$F(?P<dollar>\d*)")
_ANY = "(?i:" + "|".join((*MOVIE_EXTENSIONS, *IMAGE_EXTENSIONS)) + ")"
_IMAGE = "(?i:" + "|".join(IMAGE_EXTENSIONS) + ")"
# A number in front of an image's extension counts its frames; in front of a movie's it belongs to the name.
_NUMBERED = rf"(?:[._](?P<frame>-?\d+)(?=\.{_IMAGE}\Z))?"


@dataclass(frozen=True, slots=True)
class Found:
    """A name that a pattern matched.

    Attributes:
        fields: captured values.
        frame: digits of the frame number, with a sign if any; empty when the name has none.
        span: where `frame` is in the name.
    """

    fields: dict[str, str]
    frame: str = ""
    span: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One path pattern, split at its separators.

    Attributes:
        text: as written, without the ``?``.
        names: folder names and, last, the file name, each still with its fields.
        is_optional: whether it ended in ``?``.
    """

    text: str
    names: tuple[str, ...]
    is_optional: bool = False

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """The pattern in `text`.

        Args:
            text: as a preset has it.

        Returns:
            The parsed pattern.

        Raises:
            UsageError: it would leave the root, or could match in more ways than one.
        """
        bare = text.removesuffix("?")
        head, *names = bare.split("/")
        if head != "{root}" or not names:
            raise UsageError(f"pattern must begin with {{root}}/, got {text!r}")
        if any(name in ("", ".", "..") for name in names):
            raise UsageError(f"pattern must not have empty, '.' or '..' parts, got {text!r}")
        for index, name in enumerate(names):
            _check_name(name, text, is_file=index == len(names) - 1)
        return cls(bare, tuple(names), bare != text)

    def matcher(self, index: int, known: Mapping[str, str]) -> Matcher:
        """What part `index` matches, given the fields captured before it; made once for all names of a folder."""
        return Matcher(self.names[index], known, is_file=index == len(self.names) - 1)

    def literal(self, index: int, known: Mapping[str, str]) -> str | None:
        """The one name that part `index` can match, or None when it has to be looked for."""
        name = self.names[index]
        if name.endswith(".*") or FRAME_TOKEN.search(name):
            return None
        if any(match["name"] not in known for match in FIELD.finditer(name)):
            return None
        return FIELD.sub(lambda match: _written(known[match["name"]], match["width"]), name)


def _written(value: str, width: str | None) -> str:
    return value if width is None or not value.isdecimal() else f"{int(value):0{int(width)}d}"


def _check_name(name: str, text: str, *, is_file: bool) -> None:
    fields = [match["name"] for match in FIELD.finditer(name)]
    bare = name.removesuffix(".*") if is_file else name
    if "*" in bare:
        raise UsageError(f"pattern may use * only as the extension .*, got {text!r}; use a field such as {{name}}")
    if len(fields) > MAX_FIELDS_PER_NAME:
        raise UsageError(f"pattern must have at most {MAX_FIELDS_PER_NAME} fields in one name, got {text!r}")
    if re.search(r"\}\{", name):
        raise UsageError(f"pattern must have text between two fields, got {text!r}")
    widths: dict[str, set[bool]] = {}
    for match in FIELD.finditer(name):
        widths.setdefault(match["name"], set()).add(match["width"] is None)
    mixed = [field for field, kinds in widths.items() if len(kinds) > 1]
    if mixed:
        raise UsageError(f"pattern must pad a repeated field both times or never, got {mixed[0]!r} in {text!r}")
    frames = len(FRAME_TOKEN.findall(FIELD.sub("", name))) + fields.count("frame")
    if frames > (1 if is_file else 0):
        raise UsageError(f"pattern must have at most one frame number, in the file name, got {text!r}")
    leftover = FIELD.sub("", name)
    if "{" in leftover or "}" in leftover:
        raise UsageError(f"pattern fields must look like {{name}} or {{name:03d}}, got {text!r}")
    if "root" in fields or "plate" in fields:
        raise UsageError(f"pattern must not use {{root}} or {{plate}} after its beginning, got {text!r}")


class Matcher:
    """The regular expression of one name of a pattern."""

    def __init__(self, name: str, known: Mapping[str, str], *, is_file: bool) -> None:
        self._known = known
        self._first: dict[str, tuple[str, str | None]] = {}
        self._groups: dict[str, str] = {}
        stem, tail = self._split(name) if is_file else (name, "")
        pieces: list[str] = []
        end = 0
        for match in FIELD.finditer(stem):
            pieces += [self._plain(stem[end : match.start()]), self._field(match["name"], match["width"])]
            end = match.end()
        self._compiled = re.compile("".join([*pieces, self._plain(stem[end:]), tail]), re.DOTALL)

    def match(self, name: str) -> Found | None:
        """What the pattern captures from `name`, or None."""
        found = self._compiled.fullmatch(name)
        if found is None:
            return None
        fields: dict[str, str] = {}
        for group, field in self._groups.items():
            # The same number may be written with two paddings, which no back-reference can say.
            if field in fields and int(fields[field]) != int(found[group]):
                return None
            fields.setdefault(field, found[group])
        has_frame = FRAME in self._compiled.groupindex and found[FRAME] is not None
        return Found(fields, found[FRAME], found.span(FRAME)) if has_frame else Found(fields)

    def _split(self, name: str) -> tuple[str, str]:
        """A file name without its extension, and the expression of the extension where that is a field or ``*``."""
        has_frame = FRAME_TOKEN.search(name) or any(match["name"] == "frame" for match in FIELD.finditer(name))
        numbered = "" if has_frame else _NUMBERED
        if name.endswith(".*"):
            return name.removesuffix(".*"), rf"{numbered}\.{_ANY}"
        if name.endswith(".{ext}") and "ext" not in self._known:
            return name.removesuffix(".{ext}"), rf"{numbered}\.{self._captured('ext', _ANY)}"
        return name, ""

    def _plain(self, text: str) -> str:
        """Literal text, with at most one frame token in it."""
        token = FRAME_TOKEN.search(text)
        if token is None:
            return re.escape(text)
        return re.escape(text[: token.start()]) + _frame(token_width(token)) + re.escape(text[token.end() :])

    def _field(self, field: str, width: str | None) -> str:
        if field == "frame":
            return _frame(int(width or 1))
        if field in self._known:
            return re.escape(_written(self._known[field], width))
        if field in self._first:
            group, first_width = self._first[field]
            if first_width == width:
                return f"(?P={group})"
        anything = _ANY if field == "ext" else ".+?"
        return self._captured(field, anything if width is None else digits(int(width)), width)

    def _captured(self, field: str, expression: str, width: str | None = None) -> str:
        group = f"g{len(self._groups)}"
        self._groups[group] = field
        self._first.setdefault(field, (group, width))
        return f"(?P<{group}>{expression})"


def digits(width: int) -> str:
    """Expression for exactly `width` digits, or more that begin with none too many."""
    return rf"(?:[0-9]{{{width}}}|[1-9][0-9]{{{width},}})"


def token_width(token: re.Match[str]) -> int:
    """Digits that a match of `FRAME_TOKEN` pads to."""
    return len(token["hashes"]) if token["hashes"] else int(token["percent"] or token["dollar"] or 1)


def _frame(width: int) -> str:
    return f"(?P<frame>-?{digits(width)})"
