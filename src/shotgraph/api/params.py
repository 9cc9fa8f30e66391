"""Node parameters: one pydantic model drives YAML, command line, JSON Schema, keys and docs."""

from __future__ import annotations

from typing import Any, Literal, cast

import pydantic
from pydantic import ConfigDict

PathUse = Literal["", "read", "write"]


class Params(pydantic.BaseModel):
    """Base of a node's parameters: frozen, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


def Field(
    default: Any = ...,
    *,
    description: str,
    unit: str = "",
    semantic: bool = True,
    per_shot: bool = False,
    path: PathUse = "",
    **limits: Any,
) -> Any:
    """A parameter with its meaning beside it.

    Args:
        default: value when the preset says nothing; none makes the parameter required.
        description: one line for docs and ``nodes``.
        unit: unit of the value, empty when dimensionless.
        semantic: False for what cannot change a pixel (preview interval, log level); it then stays out of the key.
        per_shot: a shot's own sidecar may set it.
        path: the value takes ``{shot}``-style fields; ``read`` puts the file's content in the key, ``write`` nothing.
        **limits: pydantic's own (``ge``, ``le``, ``gt``, ``lt``, ``pattern``, ``min_length`` ...).

    Returns:
        What pydantic needs; typed `Any`, as pydantic does, so that any annotation fits.
    """
    extra: dict[str, Any] = {"unit": unit, "semantic": semantic, "per_shot": per_shot, "path": path}
    return pydantic.Field(default, description=description, json_schema_extra=extra, **limits)


def field_flags(params: type[Params], name: str) -> dict[str, Any]:
    """The flags `Field` stored for parameter `name`: unit, semantic, per_shot, path; the defaults where it was not used."""
    extra = params.model_fields[name].json_schema_extra
    flags: dict[str, Any] = {"unit": "", "semantic": True, "per_shot": False, "path": ""}
    return flags | cast(dict[str, Any], extra if isinstance(extra, dict) else {})
