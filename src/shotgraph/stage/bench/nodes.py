"""The seam to edit nodes: a method is ``edit.NAME``, run through the real engine on a clip of the stage.

What a node needs beside the plate is computed by other nodes, named by the kind of the port, and kept in one cache: methods
that start from the same inversion share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from shotgraph.api.graph import GraphSpec, NodeSpec
from shotgraph.api.node import Node
from shotgraph.api.ports import PortSpec, port_specs
from shotgraph.api.shot import Shot
from shotgraph.errors import Exit, NodeError, PluginError, UnavailableError
from shotgraph.models.registry import resolve
from shotgraph.pipeline.cache import Cache
from shotgraph.pipeline.compile import NodeClasses
from shotgraph.pipeline.events import CancelFlag, Event
from shotgraph.pipeline.identity import IdentityMemo
from shotgraph.pipeline.planner import Planner, RunOptions
from shotgraph.pipeline.session import Session
from shotgraph.stage.bench.counting import measured
from shotgraph.stage.bench.ends import ClipSource, MatteSource, keeping
from shotgraph.stage.bench.methods import Frames, Outcome, Settings
from shotgraph.stage.bench.truth import Truth
from shotgraph.stage.edits import Edit

PREFIX = "edit."
# Which node gives what a port of that kind asks for.
_PROVIDERS = {"trajectory": "diffuse.invert", "flow": "flow.dis", "depth": "depth.estimate"}


def node_methods(ids: Iterable[str]) -> tuple[str, ...]:
    """The methods among node ids, by the names the bench knows them under."""
    return tuple(node_id.removeprefix(PREFIX) for node_id in ids if node_id.startswith(PREFIX))


@dataclass(frozen=True)
class WithEnds:
    """The installed nodes and the bench's own ends.

    Attributes:
        installed: the registry.
        ends: node id to class.
    """

    installed: NodeClasses
    ends: Mapping[str, type[Node]]

    def node_class(self, node_id: str) -> type[Node]:
        """An end, or what is installed."""
        return self.ends[node_id] if node_id in self.ends else self.installed.node_class(node_id)

    def distribution(self, node_id: str) -> str:
        """Of an end, the bench itself."""
        return "shotgraph.bench 1" if node_id in self.ends else self.installed.distribution(node_id)


@dataclass(frozen=True)
class NodeMethod:
    """One edit node as a method.

    Attributes:
        name: the node's id without its family.
        classes: the registry.
        cache: folder of kept results, shared by all methods of a run.
        device: ``auto``, ``cpu`` or ``cuda:N``.
        threads: CPU threads; 0 for all cores.
        is_control: never.
    """

    name: str
    classes: NodeClasses
    cache: Path
    device: str = "auto"
    threads: int = 0
    is_control: bool = field(default=False, init=False)

    @property
    def node_id(self) -> str:
        """As in presets."""
        return PREFIX + self.name

    @property
    def version(self) -> str:
        """Of the node and of its distribution."""
        return f"{self.classes.node_class(self.node_id).version} ({self.classes.distribution(self.node_id)})"

    def is_sampled(self, settings: Settings) -> bool:
        """Whether it takes a seed; where that is only for noise on the way, whether there is any."""
        fields = self.classes.node_class(self.node_id).Params.model_fields
        draws = "eta" not in fields or float(settings.extra.get("eta", fields["eta"].default)) > 0
        return "seed" in fields and draws

    def missing(self, settings: Settings) -> str:
        """The node, a node it needs, its model, or a parameter that the variation names."""
        try:
            node = self.classes.node_class(self.node_id)
            providers = {port.name: self._provider(port) for port in _needed(node, settings)}
        except PluginError as error:
            return str(error)
        without = sorted(name for name, provider in providers.items() if not provider)
        if without:
            return f"{self.node_id} needs {', '.join(without)}, which the bench cannot give"
        unknown = sorted(set(settings.extra) - set(node.Params.model_fields))
        if unknown:
            return f"{self.node_id} has no parameter {', '.join(unknown)}"
        if settings.matte and _matte_port(node) is None:
            return f"{self.node_id} takes no matte"
        return _lacks(node, settings) or (_no_model(settings.model) if "model" in node.Params.model_fields else "")

    def run(self, frames: Frames, edit: Edit, seed: int, settings: Settings) -> Outcome:
        """Edit through the engine.

        Args:
            frames: (T, H, W, 3).
            edit: prompts, and the matte where the settings ask for it.
            seed: of the noise.
            settings: of the run.

        Returns:
            Frames, counted evaluations, and every number the nodes noted.

        Raises:
            NodeError: the graph did not run.
        """
        node = self.classes.node_class(self.node_id)
        kept: list[Frames] = []
        facts: dict[str, float] = {}
        with TemporaryDirectory(prefix="shotgraph-bench-") as name:
            folder = Path(name)
            np.save(folder / "clip.npy", frames)
            if settings.matte:
                np.save(folder / "matte.npy", Truth(edit).mattes)
            graph = GraphSpec(
                preset="bench", nodes=tuple(self._graph(node, folder, _asked(edit, seed, settings))), targets=("out",)
            )
            ends: dict[str, type[Node]] = {cls.id: cls for cls in (ClipSource, MatteSource, keeping(kept))}
            planner = Planner(
                WithEnds(self.classes, ends),
                Cache(self.cache),
                IdentityMemo(None),
                # Kept frames of the edit itself would make it free; what other methods share is kept.
                RunOptions(device=self.device, threads=self.threads, identity="content", force=True, refresh=("edit",)),
            )
            session = Session(planner, listener=lambda event: _note(event, facts), cancel=CancelFlag())
            with measured(counts="model" in node.Params.model_fields) as cost:
                (result,) = session.run([(Shot(name="clip", root=folder), graph)])
        if result.exit is not Exit.VERIFIED:
            raise NodeError(f"bench: {self.node_id} must edit the clip, got: {result.message}")
        return Outcome(frames=np.stack(kept), evaluations=cost.evaluations, facts=facts)

    def _provider(self, port: PortSpec) -> str:
        """Id of the node that gives what `port` needs; empty when the bench has none. `PluginError` when not installed."""
        kind = port.kinds[0]
        if kind in ("rgb", "native", "mask"):
            return ClipSource.id
        provider = _PROVIDERS.get(kind, "")
        return provider if not provider else self.classes.node_class(provider).id

    def _graph(self, node: type[Node], folder: Path, asked: Mapping[str, Any]) -> list[NodeSpec]:
        """Plate, what the node needs, the node, and the end."""
        specs = [NodeSpec(name="plate", node=ClipSource.id, settings={"file": str(folder / "clip.npy")})]
        links: dict[str, str] = {}
        for port in port_specs(node.In):
            kind, matte = port.kinds[0], folder / "matte.npy"
            if kind == "mask" and matte.exists():
                specs.append(NodeSpec(name="given_matte", node=MatteSource.id, settings={"file": str(matte)}))
                links[port.name] = "given_matte"
            elif port.optional:
                continue
            elif kind in _PROVIDERS:
                provider = self.classes.node_class(_PROVIDERS[kind])
                own = dict.fromkeys(_pictures(provider), "plate") | _fitting(provider, asked)
                specs.append(NodeSpec(name=f"given_{kind}", node=provider.id, settings=own))
                links[port.name] = f"given_{kind}"
            else:
                links[port.name] = "plate"
        specs.append(NodeSpec(name="edit", node=node.id, settings=links | _fitting(node, asked)))
        specs.append(NodeSpec(name="out", node="bench.keep", settings={"video": f"edit.{_picture_output(node)}"}))
        return specs


def _needed(node: type[Node], settings: Settings) -> list[PortSpec]:
    """Ports that must be linked."""
    return [port for port in port_specs(node.In) if not port.optional and not (settings.matte and "mask" in port.kinds)]


def _lacks(node: type[Node], settings: Settings) -> str:
    """Required parameters that the bench knows no value for."""
    known = {"model", "prompt", "source_prompt", "inversion_prompt", "steps", "inversion_steps", "guidance", "seed"}
    required = {name for name, item in node.Params.model_fields.items() if item.is_required()}
    without = sorted(required - known - set(settings.extra))
    return f"{node.id} needs {', '.join(without)}, which no prompt says" if without else ""


def _no_model(name: str) -> str:
    """Why there is no model; empty when there is one."""
    if not name:
        return "no model given; use --model"
    try:
        resolve(name)
    except UnavailableError as error:
        return str(error)
    return ""


def _matte_port(node: type[Node]) -> str | None:
    return next((port.name for port in port_specs(node.In) if "mask" in port.kinds), None)


def _pictures(node: type[Node]) -> list[str]:
    """Names of the required picture inputs."""
    return [p.name for p in port_specs(node.In) if not p.optional and p.kinds[0] in ("rgb", "native")]


def _picture_output(node: type[Node]) -> str:
    return next(port.name for port in port_specs(node.Out) if "rgb" in port.kinds)


def _asked(edit: Edit, seed: int, settings: Settings) -> dict[str, Any]:
    """Every parameter that the bench knows a value for."""
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


def _fitting(node: type[Node], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Those parameters that the node has."""
    return {name: value for name, value in asked.items() if name in node.Params.model_fields}


def _note(event: Event, facts: dict[str, float]) -> None:
    """Numbers that nodes note about their units: the last one counts."""
    if event.kind == "note":
        facts.update({name: float(value) for name, value in event.values if isinstance(value, int | float)})
