"""``shotgraph graph``: the planned graph as Mermaid."""

from __future__ import annotations

from typing import Any

import click

from shotgraph.api.plan import Plan
from shotgraph.cli.failures import tell_failures
from shotgraph.cli.request import PresetRequest, request_options
from shotgraph.pipeline.events import CancelFlag
from shotgraph.pipeline.session import ShotResult


@click.command(name="graph")
@request_options
@click.pass_context
def command(ctx: click.Context, **asked: Any) -> int:
    """Print the graph of PRESET for the first shot in INPUTS, with inserted conversions and stages."""
    request = PresetRequest.of(ctx, asked)
    session, jobs = request.sessions(lambda _event: None, CancelFlag(), reserve=False)[0]
    planned = session.plan(jobs[:1])[0]
    if isinstance(planned, ShotResult):
        return tell_failures([planned], total=1)
    click.echo(mermaid(planned.plan))
    return 0


def mermaid(plan: Plan) -> str:
    """A flowchart: boxes are nodes, rounded ones the planner's, thick ones are kept on disk."""
    ids = {node.name: f"n{index}" for index, node in enumerate(plan.nodes)}
    lines = ["flowchart LR"]
    for node in plan.nodes:
        label = _quoted(
            f"{node.name}<br/>{_escaped(node.note)}" if node.inserted else f"{_escaped(node.name)}<br/>{node.node}"
        )
        shape = f"([{label}])" if node.inserted else f"[[{label}]]" if node.kept else f"[{label}]"
        lines.append(f"  {ids[node.name]}{shape}")
    for node in plan.nodes:
        for port, link in node.inputs.items():
            producer, _, output = link.partition(".")
            kind = next((n.kinds.get(output, "") for n in plan.nodes if n.name == producer), "")
            lines.append(
                f"  {ids[producer]} -->|{_quoted(_escaped(f'{port}: {kind}' if kind else port))}| {ids[node.name]}"
            )
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return f'"{text}"'


def _escaped(text: str) -> str:
    """Names come from presets, which are untrusted: nothing of them may end a label or start markup."""
    return "".join(c if c.isalnum() or c in " ._-,:/" else f"#{ord(c)};" for c in text)
