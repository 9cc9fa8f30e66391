"""What a test gives an engine instead of what is installed and written: node classes, and a graph out of plain mappings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shotgraph.api import GraphSpec, Node, NodeSpec
from shotgraph.errors import PluginError
from shotgraph.testing.ends import NpyTarget, RampSource, StackTarget
from shotgraph.testing.synthetic import Batch, Gain, HeavyGain, Mix, Null, Smooth, Threshold, Warble
from shotgraph.testing.wholeshot import Accumulate, AddMean, GroupMean, Whole

SYNTHETIC: tuple[type[Node], ...] = (
    RampSource,
    Null,
    Gain,
    HeavyGain,
    Mix,
    Batch,
    Smooth,
    Warble,
    Whole,
    GroupMean,
    AddMean,
    Accumulate,
    Threshold,
    NpyTarget,
    StackTarget,
)


class GivenClasses:
    """A registry of given classes, so that nothing installed on the machine can leak into a test."""

    def __init__(self, classes: Sequence[type[Node]] = SYNTHETIC, *, distribution: str = "synthetic 1") -> None:
        self._classes = {cls.id: cls for cls in classes}
        self._distribution = distribution

    def __iter__(self) -> Iterator[str]:
        """Node ids."""
        return iter(self._classes)

    def node_class(self, node_id: str) -> type[Node]:
        """The class; `PluginError` when it was not given."""
        if node_id not in self._classes:
            raise PluginError(f"node: must be one of {', '.join(self._classes)}, got {node_id!r}")
        return self._classes[node_id]

    def distribution(self, node_id: str) -> str:
        """The same for all."""
        return self._distribution


def graph_spec(
    nodes: Mapping[str, Mapping[str, Any]], *, targets: Sequence[str] = ("out",), preset: str = "test"
) -> GraphSpec:
    """A `GraphSpec` out of plain mappings, as a preset would give it: ``{"out": {"node": "test.target", "video": "a.video"}}``."""
    specs: list[NodeSpec] = []
    for name, block in nodes.items():
        settings = {k: v for k, v in block.items() if k not in ("node", "materialize", "on_error", "contract")}
        specs.append(
            NodeSpec(
                name=name,
                node=block["node"],
                settings=settings,
                materialize=block.get("materialize", False),
                on_error=block.get("on_error", "fail"),
                contract=block.get("contract", {}),
            )
        )
    return GraphSpec(preset=preset, nodes=tuple(specs), targets=tuple(targets))
