"""A frozen plan, run again: somewhere else, later, or by a farm; the preset that it came from is not needed.

The plan says which plugins, libraries and media it was made with. A host that differs would give other pixels under the same
promise, so it is refused with exit 78.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pydantic

from shotgraph.api.frames import FrameSet
from shotgraph.api.graph import GraphSpec, Location, NodeSpec
from shotgraph.api.plan import PLAN_SCHEMA, Plan, PlanNode
from shotgraph.api.shot import Shot
from shotgraph.errors import EnvironmentMismatchError, MediaMissingError, UsageError
from shotgraph.pipeline.compile import NodeClasses


def read_plan(path: Path) -> Plan:
    """The plan in a file.

    Args:
        path: written by ``shotgraph plan --out``.

    Returns:
        The plan, schema checked.

    Raises:
        MediaMissingError: no such file.
        UsageError: not a plan, or one of another schema.
    """
    try:
        plan = Plan.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MediaMissingError(
            f"plan: {path} must exist, got nothing there; write it with shotgraph plan --out"
        ) from error
    except (pydantic.ValidationError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"plan: {path} must be a plan of schema {PLAN_SCHEMA}, got {reason}; plan again") from error
    if plan.plan_schema != PLAN_SCHEMA:
        raise UsageError(
            f"plan: {path} must have schema {PLAN_SCHEMA}, got {plan.plan_schema}; plan again with this version"
        )
    return plan


def shot_of(plan: Plan) -> Shot:
    """The shot that `plan` is about."""
    return Shot(
        name=plan.shot,
        root=Path(plan.root),
        media=plan.media,
        fields=plan.fields,
        first_frame=plan.first_frame,
        handles=plan.handles,
    )


def spec_of(plan: Plan) -> GraphSpec:
    """The graph that `plan` was made of: its own nodes, with what the planner inserted taken out again."""
    nodes = {node.name: node for node in plan.nodes}
    where = Location(f"plan {plan.digest}")
    templates = {output.target: {"file": output.template} for output in plan.outputs if output.template}
    specs = tuple(_spec(n, nodes, where, templates.get(n.name, {})) for n in plan.nodes if not n.inserted)
    return GraphSpec(preset=plan.preset, nodes=specs, targets=tuple(output.target for output in plan.outputs))


def frames_of(plan: Plan) -> FrameSet:
    """The frames to be written."""
    return FrameSet.parse(plan.frames)


def _spec(node: PlanNode, nodes: dict[str, PlanNode], where: Location, template: dict[str, str]) -> NodeSpec:
    return NodeSpec(
        name=node.name,
        node=node.node,
        settings={**node.params, **template, **{port: _origin(link, nodes) for port, link in node.inputs.items()}},
        materialize=node.materialize,
        on_error=node.on_error,
        contract={name: _tupled(value) for name, value in node.contract.items() if name != "name"},
        where=where,
    )


def _origin(link: str, nodes: dict[str, PlanNode]) -> str:
    """The output of a node of the preset behind `link`, which may pass through an inserted node."""
    name, _, port = link.partition(".")
    if not nodes[name].inserted:
        return link
    (inner,) = nodes[name].inputs.values()
    producer, _, inner_port = inner.partition(".")
    return f"{producer}.{inner_port or port}"


def _tupled(value: Any) -> Any:
    """JSON has lists where contracts have tuples."""
    return tuple(cast(list[Any], value)) if isinstance(value, list) else value


def check_host(plan: Plan, classes: NodeClasses) -> None:
    """Refuse a host whose plugins are not those of `plan`.

    Args:
        plan: frozen.
        classes: the registry of this host.

    Raises:
        EnvironmentMismatchError: a plugin of another version.
    """
    for node in plan.nodes:
        here = "" if node.inserted else classes.distribution(node.node)
        if not node.inserted and here != node.distribution:
            raise EnvironmentMismatchError(
                f"{plan.shot}: {node.node} must come from {node.distribution} as planned, got {here}; install that version or plan again"
            )


def check_version(plan: Plan, owner: str) -> None:
    """Refuse to write over the version that another plan has taken since.

    Args:
        plan: frozen.
        owner: digest of the plan that its version number belongs to; empty when nobody took it.

    Raises:
        UsageError: it belongs to another plan.
    """
    if owner not in ("", plan.digest):
        raise UsageError(
            f"{plan.shot}: version {plan.version} must be free for plan {plan.digest}, got it taken by plan {owner}; "
            "plan again, or run with --force to replace it"
        )


def check_same(frozen: Plan, here: Plan) -> None:
    """Refuse to run when planning again on this host gives another plan.

    Args:
        frozen: as read.
        here: planned now, from the frozen one.

    Raises:
        EnvironmentMismatchError: libraries, device, threads or media differ; the message names the first that does.
    """
    for name in sorted(frozen.environment.keys() | here.environment.keys()):
        planned, found = frozen.environment.get(name, "nothing"), here.environment.get(name, "nothing")
        if planned != found:
            raise EnvironmentMismatchError(
                f"{frozen.shot}: {name} must be {planned} as planned, got {found}; run on a host of the same class or plan again"
            )
    for planned_media, found_media in zip(frozen.sources, here.sources, strict=False):
        if planned_media != found_media:
            raise EnvironmentMismatchError(
                f"{frozen.shot}: {planned_media.path} must be the media that was planned ({planned_media.digest}), got "
                f"{found_media.digest}; plan again"
            )
    for planned_node, found_node in zip(frozen.nodes, here.nodes, strict=False):
        if planned_node.models != found_node.models:
            raise EnvironmentMismatchError(
                f"{frozen.shot}: models of {planned_node.name} must be {planned_node.models} as planned, got "
                f"{found_node.models}; copy the planned models to this host or plan again"
            )
    if frozen.digest != here.digest:
        raise EnvironmentMismatchError(
            f"{frozen.shot}: plan must be {frozen.digest}, got {here.digest} on this host; plan again"
        )
