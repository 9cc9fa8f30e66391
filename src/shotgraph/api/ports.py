"""Typed ports: what a node takes and gives, as annotations that type checkers and the planner both read."""

from __future__ import annotations

import typing
from dataclasses import MISSING, Field, dataclass, fields
from typing import Annotated, Any, ClassVar, Literal, dataclass_transform

import numpy as np
from numpy.typing import NDArray

from shotgraph.api.kinds import STREAM_KINDS, DepthFrame, FlowFrame, KeypointsFrame
from shotgraph.api.pixels import NativeFrame
from shotgraph.errors import GraphError

Medium = Literal["stream", "artifact", "table", "value"]


class Port:
    """The marker inside an annotation: ``Annotated[<what process gets>, Port("stream", "rgb")]``.

    Attributes:
        medium: stream (one value a frame), artifact (one a shot or group), table (small records), or value: an input that takes
            any artifact or table.
        kinds: stream kinds it accepts, preferred first; for artifacts and tables a free name such as ``lora``.
        header_only: the node reads the stream's header and none of its frames; `process` gets None.
    """

    __slots__ = ("header_only", "kinds", "medium")

    def __init__(self, medium: Medium, *kinds: str, header_only: bool = False) -> None:
        """Refuse a stream kind outside the closed list."""
        unknown = [kind for kind in kinds if medium == "stream" and kind not in STREAM_KINDS]
        if unknown or not kinds:
            raise GraphError(f"port: stream kind must be one of {', '.join(STREAM_KINDS)}, got {unknown or kinds!r}")
        self.medium: Medium = medium
        self.kinds = kinds
        self.header_only = header_only

    def __repr__(self) -> str:
        """As written."""
        return f"Port({self.medium!r}, {', '.join(map(repr, self.kinds))})"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One value for a whole shot or group: a LoRA, an atlas, a fitted model.

    Attributes:
        arrays: named tensors, saved as safetensors.
        meta: JSON-serialisable description.
    """

    arrays: dict[str, NDArray[Any]]
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Small records, one per frame or per event.

    Attributes:
        columns: column names; unit at the end of the name.
        rows: one tuple of JSON scalars per record.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


Native = Annotated[NativeFrame, Port("stream", "native")]
Rgb = Annotated[NDArray[np.float32], Port("stream", "rgb")]
RgbLinear = Annotated[NDArray[np.float32], Port("stream", "rgb_linear")]
Picture = Annotated[NativeFrame | NDArray[np.float32], Port("stream", "native", "rgb")]
Mask = Annotated[NDArray[np.float32], Port("stream", "mask")]
Flow = Annotated[FlowFrame, Port("stream", "flow")]
Depth = Annotated[DepthFrame, Port("stream", "depth")]
Trajectory = Annotated[NDArray[np.float32], Port("stream", "trajectory")]
Keypoints = Annotated[KeypointsFrame, Port("stream", "keypoints")]
# A link that hands over a stream's `StreamInfo` and no pixels, e.g. where audio is copied from.
Header = Annotated[None, Port("stream", *STREAM_KINDS, header_only=True)]
# What `core.save` takes: an artifact or a table of any kind.
Value = Annotated[Artifact | Table, Port("value", "any")]
# What `core.write` takes: anything that has a picture form in some file.
Writable = Annotated[Any, Port("stream", "native", "rgb", "rgb_linear", "mask", "flow", "depth")]


@dataclass(frozen=True, slots=True)
class PortSpec:
    """One port of a node class, as the planner sees it.

    Attributes:
        name: field name.
        medium: stream, artifact or table.
        kinds: accepted (inputs) or produced kinds; where an output lists several, `Node.info` says which.
        optional: an input that may stay unlinked; `process` then gets None.
        header_only: an input whose frames are never computed for this node.
    """

    name: str
    medium: Medium
    kinds: tuple[str, ...]
    optional: bool = False
    header_only: bool = False


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Ports:
    """Base of a node's ``In`` and ``Out``: subclassing makes a frozen, keyword-only dataclass of ports."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls) -> None:
        """Turn the annotated class body into a dataclass."""
        dataclass(frozen=True, kw_only=True, eq=False, repr=False)(cls)


def port_specs(ports: type[Ports]) -> tuple[PortSpec, ...]:
    """The ports that `ports` declares.

    Args:
        ports: a node's ``In`` or ``Out``.

    Returns:
        One entry per field, in the order written.

    Raises:
        GraphError: a field without a `Port` marker.
    """
    hints = typing.get_type_hints(ports, include_extras=True)
    specs: list[PortSpec] = []
    # `Ports` itself is no dataclass: a node without inputs or outputs uses it as it is.
    for item in fields(ports) if "__dataclass_fields__" in vars(ports) else ():
        marker, optional = _marker(hints[item.name])
        if marker is None:
            raise GraphError(
                f"{ports.__qualname__}.{item.name}: must be annotated with a port type such as Rgb, got {hints[item.name]!r}"
            )
        optional = optional or item.default is not MISSING
        specs.append(PortSpec(item.name, marker.medium, marker.kinds, optional, marker.header_only))
    return tuple(specs)


def _marker(hint: Any) -> tuple[Port | None, bool]:
    """The marker inside `hint`, and whether None is allowed beside it."""
    for extra in getattr(hint, "__metadata__", ()):
        if isinstance(extra, Port):
            return extra, False
    arguments = typing.get_args(hint)
    if type(None) in arguments:
        inner = next((a for a in arguments if a is not type(None)), None)
        return _marker(inner)[0], True
    return None, False
