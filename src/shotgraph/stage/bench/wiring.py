"""What an edit node needs beside the plate, and the graph that gives it: by the kind of the port, and the name of the parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydantic

from shotgraph.api.graph import NodeSpec
from shotgraph.api.node import Node
from shotgraph.api.params import field_flags
from shotgraph.api.ports import PortSpec, port_specs
from shotgraph.errors import OutputError
from shotgraph.pipeline.compile import NodeClasses
from shotgraph.stage.bench.ends import FIRST_FRAME, ClipSource, MatteSource
from shotgraph.stage.bench.methods import Frames, Settings
from shotgraph.stage.edits import Edit

# Which node gives what a port of that kind asks for.
_PROVIDERS = {"trajectory": "diffuse.invert", "flow": "flow.dis", "depth": "depth.estimate"}
# A painted frame, as `edit.propagate` takes it.
PAINT = "file"
_KNOWN = {"model", "prompt", "source_prompt", "inversion_prompt", "steps", "inversion_steps", "guidance", "seed", PAINT}
_CODES = 65535


@dataclass(frozen=True)
class Wiring:
    """One edit node with everything around it.

    Attributes:
        node: that edits.
        classes: the registry.
        settings: of the run.
    """

    node: type[Node]
    classes: NodeClasses
    settings: Settings

    @property
    def needed(self) -> list[PortSpec]:
        """Ports that must be linked and are no matte that is given."""
        told = self.settings.matte
        return [port for port in port_specs(self.node.In) if not port.optional and not (told and "mask" in port.kinds)]

    @property
    def unfed(self) -> list[str]:
        """Names of needed ports that the bench has nothing for, sorted."""
        fed = ("rgb", "native", *_PROVIDERS)
        return sorted(port.name for port in self.needed if port.kinds[0] not in fed)

    @property
    def providers(self) -> list[type[Node]]:
        """Nodes that compute what it needs; `PluginError` for one that is not installed."""
        kinds = dict.fromkeys(port.kinds[0] for port in self.needed)
        return [self.classes.node_class(_PROVIDERS[kind]) for kind in kinds if kind in _PROVIDERS]

    @property
    def unsaid(self) -> list[str]:
        """Required parameters that the bench knows no value for, sorted."""
        required = {name for name, item in self.node.Params.model_fields.items() if item.is_required()}
        return sorted(required - _KNOWN - set(self.settings.extra))

    @property
    def unknown(self) -> list[str]:
        """Parameters that the variation names and the node does not have, sorted."""
        return sorted(set(self.settings.extra) - set(self.node.Params.model_fields))

    @property
    def unfit(self) -> list[str]:
        """What the node's own parameters say against the values that it is given, one sentence each."""
        numbers = {name: getattr(self.settings, name) for name in ("steps", "inversion_steps", "guidance")}
        given = _fitting(self.node, numbers | dict(self.settings.extra))
        try:
            self.node.Params(**given)
        except pydantic.ValidationError as error:
            # Words and files are not there yet.
            faults = [fault for fault in error.errors() if fault["loc"] and fault["loc"][0] in given]
            return [
                f"{self.node.id}: {fault['loc'][0]} {_rule(fault['msg'])}, got {fault['input']!r}" for fault in faults
            ]
        return []

    @property
    def needs_matte(self) -> bool:
        """Whether it must be told where to edit, and is not."""
        return any(port.kinds[0] == "mask" for port in self.needed)

    @property
    def takes_matte(self) -> bool:
        """Whether it can be told where to edit."""
        return any("mask" in port.kinds for port in port_specs(self.node.In))

    @property
    def models(self) -> dict[str, str]:
        """Node id to the name of its model, for every node that has one: the run's, but its own for one that measures."""
        found = (
            {self.node.id: self.settings.extra.get("model", self.settings.model)} if _has(self.node, "model") else {}
        )
        for provider in self.providers:
            if _has(provider, "model"):
                is_own = provider.id != _PROVIDERS["trajectory"]
                found[provider.id] = provider.Params.model_fields["model"].default if is_own else self.settings.model
        return {node_id: str(name or "") for node_id, name in found.items()}

    def graph(self, folder: Path, asked: Mapping[str, Any]) -> list[NodeSpec]:
        """Plate, what the node needs, the node, and the end.

        Args:
            folder: holds ``clip.npy``, and ``matte.npy`` where a matte is given.
            asked: every parameter that has a value.

        Returns:
            Nodes by name; the edit is ``edit``, the end ``out``.
        """
        specs = [NodeSpec(name="plate", node=ClipSource.id, settings={"file": str(folder / "clip.npy")})]
        links: dict[str, str] = {}
        for port in port_specs(self.node.In):
            kind, matte = port.kinds[0], folder / "matte.npy"
            if kind == "mask" and matte.exists():
                specs.append(NodeSpec(name="given_matte", node=MatteSource.id, settings={"file": str(matte)}))
                links[port.name] = "given_matte"
            elif port.optional:
                continue
            elif kind in _PROVIDERS:
                specs.append(self._given(kind, asked))
                links[port.name] = f"given_{kind}"
            else:
                links[port.name] = "plate"
        specs.append(NodeSpec(name="edit", node=self.node.id, settings=links | _fitting(self.node, asked)))
        specs.append(NodeSpec(name="out", node="bench.keep", settings={"video": f"edit.{_picture_output(self.node)}"}))
        return specs

    def _given(self, kind: str, asked: Mapping[str, Any]) -> NodeSpec:
        provider = self.classes.node_class(_PROVIDERS[kind])
        # What measures the plate has a model of its own.
        own = {name: value for name, value in asked.items() if name != "model" or kind == "trajectory"}
        settings = dict.fromkeys(_pictures(provider), "plate") | _fitting(provider, own)
        return NodeSpec(name=f"given_{kind}", node=provider.id, settings=settings)


def takes_paint(node: type[Node]) -> bool:
    """Whether it can be given a painted frame."""
    return _has(node, PAINT) and field_flags(node.Params, PAINT)["path"] == "read"


def needs_paint(node: type[Node]) -> bool:
    """Whether it must be."""
    return takes_paint(node) and node.Params.model_fields[PAINT].is_required()


def write_paint(folder: Path, picture: Frames) -> str:
    """Write one painted frame.

    Args:
        folder: where.
        picture: (H, W, 3) the first frame as it shall be, in [0, 1].

    Returns:
        The pattern that finds it: RGBA of 16 bits, opaque, so that nothing says where the paint is but the paint.

    Raises:
        OutputError: it cannot be encoded.
    """
    opaque = np.concatenate((picture[..., ::-1], np.ones_like(picture[..., :1])), axis=-1)
    path = folder / f"paint.{FIRST_FRAME}.png"
    done, data = cv2.imencode(".png", np.rint(np.clip(opaque, 0, 1) * _CODES).astype(np.uint16))
    if not done:
        raise OutputError(f"bench: {path} must be written as PNG, got a picture of {picture.shape} that cannot be")
    path.write_bytes(data.tobytes())
    return str(folder / "paint.####.png")


def asked_of(edit: Edit, seed: int, settings: Settings) -> dict[str, Any]:
    """Every parameter that the bench knows a value for, but files."""
    return {
        "model": settings.model,
        "prompt": edit.source_prompt if settings.reconstruct else edit.target_prompt,
        "source_prompt": edit.source_prompt,
        "inversion_prompt": edit.source_prompt,
        "steps": settings.steps,
        "inversion_steps": settings.inversion_steps,
        "guidance": settings.guidance,
        "seed": seed,
        **settings.extra,
    }


def _rule(message: str) -> str:
    """What pydantic asks of a value, as the end of a sentence about it."""
    rule = message.removeprefix("Input should ")
    return f"must {rule}" if rule != message else f"is refused: {message}"


def _has(node: type[Node], name: str) -> bool:
    return name in node.Params.model_fields


def _pictures(node: type[Node]) -> list[str]:
    """Names of the required picture inputs."""
    return [p.name for p in port_specs(node.In) if not p.optional and p.kinds[0] in ("rgb", "native")]


def _picture_output(node: type[Node]) -> str:
    return next(port.name for port in port_specs(node.Out) if "rgb" in port.kinds)


def _fitting(node: type[Node], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Those parameters that the node has."""
    return {name: value for name, value in asked.items() if _has(node, name)}
