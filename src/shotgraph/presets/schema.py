"""The preset document as pydantic models, and its faults in our own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema

from shotgraph.api.frames import FrameRange, FrameSet
from shotgraph.api.graph import OnError
from shotgraph.errors import FrameRangeError, UsageError
from shotgraph.presets.document import Item
from shotgraph.presets.faults import Faults, KeyPath, did_you_mean, shown
from shotgraph.presets.substitute import is_unresolved

FORMAT = 1
RESERVED_NAMES = ("vars", "shots", "targets", "graph", "overrides", "extends", "description", "shotgraph")
RESERVED_FIELDS = ("root", "shot", "plate", "preset", "frame", "version")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
MAX_HANDLES = 10_000


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _frames_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def frame_range(text: str) -> FrameRange:
    """The consecutive frames that `text` names.

    Args:
        text: like ``1001-1050``.

    Returns:
        One range.

    Raises:
        FrameRangeError: malformed, or more than one range.
    """
    frames = FrameSet.parse(text)
    if len(frames.ranges) != 1:
        raise FrameRangeError(f"frames: must be one range such as 1001-1050, got {text!r}")
    return frames.ranges[0]


def _checked_frames(text: Any) -> Any:
    if isinstance(text, str):
        frame_range(text)
    return text


def _checked_version(value: Any) -> Any:
    if value != "latest" and (type(value) is not int or value < 0):
        raise UsageError(f"must be latest or a number, got {shown(value)}")
    return value


Texts = Annotated[list[str], BeforeValidator(_listed)]
Frames = Annotated[str, BeforeValidator(_checked_frames), BeforeValidator(_frames_text)]
Version = Annotated[
    int | Literal["latest"],
    PlainValidator(_checked_version),
    WithJsonSchema({"anyOf": [{"const": "latest"}, {"type": "integer", "minimum": 0}]}),
]
VarName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
NodeName = Annotated[str, StringConstraints(pattern=rf"^{NAME.pattern}$")]


class Section(pydantic.BaseModel):
    """A mapping of a preset: exact types, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ShotSettings(Section):
    """What may differ from shot to shot."""

    handles: int = Field(
        0, ge=0, le=MAX_HANDLES, description="frames at either end that nodes see and outputs leave out"
    )
    first_frame: int = Field(1001, description="number of a movie's first frame; sequences keep their own numbers")
    frames: Frames | None = Field(None, description="the part of the shot to work on, like 1001-1050")


class Shots(ShotSettings):
    """Where shots and their media are found."""

    plate: Texts = Field(min_length=1, description="path patterns; the first that matches in a folder wins")
    also: dict[VarName, str] = Field(
        {}, description="more media of a shot, by path field; a trailing ? makes it optional"
    )
    version: Version = Field("latest", description="which {version} of a plate: a number, or latest")


class WindowSettings(Section):
    """Fields of a Window contract to replace."""

    past: int | None = Field(None, ge=0, description="frames before")
    future: int | None = Field(None, ge=0, description="frames after")
    edge: Literal["clamp", "mirror", "blank", "error"] | None = Field(
        None, description="what stands in outside the shot"
    )


class ChunkSettings(Section):
    """Fields of a Chunk contract to replace."""

    size: int | None = Field(None, ge=1, description="frames per window")
    overlap: int | None = Field(None, ge=0, description="frames two neighbours share")
    blend: Literal["linear", "cosine", "none"] | None = Field(None, description="weights across an overlap")
    tail: Literal["shift", "short", "pad"] | None = Field(None, description="what happens to the last window")
    anchors: list[int] | None = Field(None, description="offsets of frames that every window may read")


class NodeEntry(Section):
    """One node: reserved keys here; every other key is a link when it names an input port, else a parameter."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    node: str = Field(description="node id, such as flow.dis")
    materialize: bool = Field(False, description="keep its outputs on disk and cut the stage behind it")
    on_error: OnError = Field("fail", description="what happens to a frame whose processing fails")
    enabled: bool = Field(True, description="false bypasses it: links to it go to its first stream input")
    batch: int | None = Field(None, ge=1, description="frames per call of a Frame node")
    window: WindowSettings | None = Field(None, description="fields of a Window contract to replace")
    chunk: ChunkSettings | None = Field(None, description="fields of a Chunk contract to replace")


class Override(Section):
    """What an override may say for the shots its glob matches."""

    vars: dict[VarName, Any] = Field({}, description="as in the preset")
    shots: ShotSettings | None = Field(None, description="handles, first_frame and frames")
    graph: dict[NodeName, dict[str, Any]] = Field({}, description="as in the preset, merged into it")
    targets: Texts = Field([], description="as in the preset")


class PresetModel(Section):
    """A whole preset."""

    # The loader checks this in every file, not only in the last one.
    shotgraph: Annotated[Any, WithJsonSchema({"const": FORMAT})] = Field(FORMAT, description="version of this format")
    description: str = Field("", description="one line for `shotgraph presets`")
    extends: Texts = Field([], description="presets to build on, later ones win")
    vars: dict[VarName, Any] = Field({}, description="values for ${vars.name}")
    shots: Shots = Field(description="where shots and their media are found")
    graph: dict[NodeName, NodeEntry] = Field(min_length=1, description="nodes by name; the order does not matter")
    targets: Texts = Field([], description="nodes to bring up to date; every node without outputs when empty")
    overrides: dict[str, Override] = Field({}, description="by glob on the shot's name; the most specific wins")


RESERVED_KEYS = tuple(NodeEntry.model_fields)
SHOT_KEYS = tuple(ShotSettings.model_fields)


def validated(root: Item, faults: Faults) -> PresetModel | None:
    """The model of a merged preset; None when a fault (noted in `faults`) leaves nothing to work with."""
    _check_names(root, faults)
    try:
        return PresetModel.model_validate(root.plain())
    except pydantic.ValidationError as error:
        for fault in error.errors(include_url=False):
            _note(fault, root, faults)
        return None


def is_valid_entry(settings: Mapping[str, Any]) -> bool:
    """Whether `settings` are sound as part of a node entry; `validated` tells what is wrong when they are not."""
    try:
        NodeEntry.model_validate({"node": "any", **settings})
    except pydantic.ValidationError:
        return False
    return True


def _check_names(root: Item, faults: Faults) -> None:
    """Names that the schema's patterns cannot refuse."""
    graph = root.find(("graph",))
    for name, item in (graph.mapping() if graph else {}).items():
        if name in RESERVED_NAMES:
            faults.add(
                item.key, ("graph", name), f"a node must not be called one of {', '.join(RESERVED_NAMES)}; rename it"
            )
    also = root.find(("shots", "also"))
    for name, item in (also.mapping() if also else {}).items():
        if name in RESERVED_FIELDS:
            path = ("shots", "also", name)
            faults.add(item.key, path, f"media must not be called one of {', '.join(RESERVED_FIELDS)}; rename it")


def _note(fault: Any, root: Item, faults: Faults) -> None:
    """One fault of pydantic's, at its place and in our words."""
    path, is_key = _path_of(fault["loc"], root)
    kind: str = fault["type"]
    if kind == "extra_forbidden":
        hint = did_you_mean(str(path[-1]), _known_keys(path[:-1]))
        faults.add(root.locate(path, key=True), path, f"unknown key; {hint}")
        return
    item = root.find(path)
    if item is not None and is_unresolved(item):
        return
    if kind == "missing":
        faults.add(root.locate(path), path, "must be given, got nothing")
        return
    if is_key:
        rule = "must be letters, digits and _ and not begin with a digit"
        faults.add(root.locate(path, key=True), path, f"a name {rule}, got {shown(path[-1])}")
        return
    message = str(fault["msg"]).removeprefix("Value error, ").replace("Input should", "must")
    message = message.replace("a valid boolean", "true or false")
    suffix = "" if kind == "value_error" else f", got {shown(fault['input'])}"
    faults.add(root.locate(path), path, f"{message}{suffix}")


def _path_of(loc: tuple[str | int, ...], root: Item) -> tuple[KeyPath, bool]:
    """The path in the document behind pydantic's `loc`, which also names branches of unions, and whether it is a key."""
    path: list[str | int] = []
    item: Item | None = root
    for index, part in enumerate(loc):
        is_last = index == len(loc) - 1
        if part == "[key]" and is_last:
            return tuple(path), True
        below = item.find((part,)) if item else None
        if below is None and not is_last:
            break
        if below is None and item is not None and not isinstance(item.value, dict):
            break
        path.append(part)
        item = below
    return tuple(path), False


def _known_keys(path: KeyPath) -> list[str]:
    """Keys that the section at `path` may have."""
    match path:
        case ():
            section = PresetModel
        case ("shots",):
            section = Shots
        case ("overrides", _):
            section = Override
        case ("overrides", _, "shots"):
            section = ShotSettings
        case ("graph", _, "window"):
            section = WindowSettings
        case ("graph", _, "chunk"):
            section = ChunkSettings
        case _:
            return []
    return list(section.model_fields)
