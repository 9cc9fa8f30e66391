"""``shotgraph run``: a preset over shots, verified."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

from shotgraph.cli.failures import DELIVERED, tell_failures
from shotgraph.cli.output import counted, json_option, plain, print_json
from shotgraph.cli.progress import Progress, progress
from shotgraph.cli.request import Request, request_of, request_options
from shotgraph.cli.summary import document, print_summary
from shotgraph.errors import PluginError, ShotgraphError
from shotgraph.pipeline.events import CancelFlag, Event
from shotgraph.pipeline.session import ShotResult


@click.command(name="run")
@request_options
@click.option(
    "--progress",
    "mode",
    type=click.Choice(["auto", "tty", "plain", "json", "none"]),
    default="auto",
    show_default=True,
    help="How progress is told.",
)
@json_option
@click.pass_context
def command(ctx: click.Context, mode: str, as_json: bool, **asked: Any) -> int:
    """Run PRESET over INPUTS: files, sequences or folders of shots; the current folder without any.

    PRESET and INPUTS may instead be frozen plans (SHOT.plan.json, written by plan --out): they run as they were planned, or
    not at all.
    """
    request = request_of(ctx, asked)
    for broken in request.registry.hooks.broken():
        click.echo(f"warning: {broken.error}", err=True)
    teller = progress(mode, to_stderr=as_json)
    cancel = CancelFlag()
    results: list[ShotResult] = []
    with _stopping(cancel):
        try:
            for session, jobs in request.sessions(_listener(request, teller), cancel):
                results.extend(session.run(jobs))
        finally:
            teller.close()
    refusals = _publish(request, results)
    if as_json:
        print_json(document(results))
    elif mode == "json":
        click.echo(json.dumps({"ev": "summary"} | plain(document(results))))
    else:
        print_summary(results)
        _report(request, results)
    for refusal in refusals:
        click.echo(f"warning: {refusal}", err=True)
    code = tell_failures(results, total=len(results))
    if refusals and code in DELIVERED:
        raise PluginError(
            f"publish: every output must be taken over, got {counted(len(refusals), 'refusal')}, told above; the outputs are "
            "verified and stay, repair the plugin and run with --force to offer them again"
        )
    return code


def _listener(request: Request, teller: Progress) -> Any:
    """Progress for the person, and every event that is no mere unit for the studio's observers."""
    hooks = request.registry.hooks

    def hear(event: Event) -> None:
        teller(event)
        if event.kind not in ("unit", "progress"):
            hooks.emit({"kind": event.kind, "shot": event.shot, "node": event.node, "text": event.text})

    return hear


def _report(request: Request, results: list[ShotResult]) -> None:
    """What studio plugins add to the summary; one that fails is warned about: the outputs are verified by now."""
    try:
        sections = request.registry.hooks.call("shotgraph_report_section", summary=plain(document(results)))
    except ShotgraphError as error:
        click.echo(f"warning: {error}", err=True)
        return
    for section in sections:
        click.echo(f"\n{section}")


def _publish(request: Request, results: list[ShotResult]) -> list[str]:
    """Offer every freshly written output to the studio's asset system; what it has against them."""
    refusals: list[str] = []
    for result in results:
        for output in result.written if result.plan is not None and not result.up_to_date else ():
            record = {
                "shot": result.shot,
                "path": output.path,
                "digest": output.digest,
                "plan": result.plan.digest if result.plan else "",
            }
            try:
                request.registry.hooks.call("shotgraph_publish", record=record)
            except ShotgraphError as error:
                refusals.append(str(error))
    return refusals


@contextmanager
def _stopping(cancel: CancelFlag) -> Iterator[None]:
    """The first SIGINT or SIGTERM stops between two frames, the second at once."""

    def stop(number: int, _frame: FrameType | None) -> None:
        if cancel.is_set:
            raise KeyboardInterrupt
        cancel.set(signal.Signals(number).name)

    previous = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
