"""A session: one preset over many shots. One shot's failure never stops the others."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from shotgraph.api.contracts import Clips
from shotgraph.api.graph import GraphSpec
from shotgraph.api.media import WrittenOutput
from shotgraph.api.plan import Plan
from shotgraph.api.shot import Shot
from shotgraph.errors import Exit, GraphError, ShotgraphError, UnavailableError, UsageError
from shotgraph.pipeline.context import Machine
from shotgraph.pipeline.events import CancelFlag, Event, Listener
from shotgraph.pipeline.execute import Outcome, ShotRun
from shotgraph.pipeline.explain import ingredients
from shotgraph.pipeline.host import set_threads
from shotgraph.pipeline.leases import Leases
from shotgraph.pipeline.planner import Draft, Planner, Prepared

_Answer = TypeVar("_Answer")
# What a studio has against a plan, a sentence each.
Validate = Callable[[Plan], Iterable[str]]


@dataclass(kw_only=True)
class ShotResult:
    """What became of one shot.

    Attributes:
        shot: its name.
        exit: its exit code.
        message: the error, or empty.
        error: the exception behind an internal error, for the traceback.
        plan: its plan, when it got that far.
        written: verified outputs.
        outcome: what was computed.
        up_to_date: there was nothing to do.
        seconds: wall time.
        warnings: what was said while it ran; those of the plan are in the plan.
    """

    shot: str
    exit: Exit = Exit.VERIFIED
    message: str = ""
    error: BaseException | None = None
    plan: Plan | None = None
    written: list[WrittenOutput] = field(default_factory=list[WrittenOutput])
    outcome: Outcome = field(default_factory=Outcome)
    up_to_date: bool = False
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list[str])


class Session:
    """Plans and runs shots with one set of options."""

    def __init__(
        self,
        planner: Planner,
        *,
        listener: Listener,
        cancel: CancelFlag,
        validate: Validate | None = None,
        limit_bytes: int | None = None,
    ) -> None:
        self._planner, self._cancel = planner, cancel
        self._tell, self._warned = listener, dict[str, list[str]]()
        self._validate = validate
        self._limit_bytes = limit_bytes
        self._leases = Leases()

    def plan(self, jobs: Sequence[tuple[Shot, GraphSpec]]) -> list[Prepared | ShotResult]:
        """A plan for each shot, or what keeps it from having one."""
        drafts = [_guarded(shot.name, lambda s=shot, g=spec: self._planner.draft(g, s)) for shot, spec in jobs]
        whole = [d for d in drafts if isinstance(d, Draft)]
        return [self._finished(d, whole, complete=len(whole) == len(drafts)) for d in drafts]

    def _finished(self, draft: Draft | ShotResult, group: list[Draft], *, complete: bool) -> Prepared | ShotResult:
        if isinstance(draft, ShotResult):
            return draft
        name = draft.graph.shot.name
        if not complete and any(isinstance(v.contract, Clips) for v in draft.graph.vertices.values()):
            message = f"{name}: every shot of a group must be planned, got one that failed; mend it or leave it out"
            return ShotResult(shot=name, exit=GraphError.exit_code, message=message)
        return _guarded(name, lambda: self._planner.finish(draft, group))

    def run(self, jobs: Sequence[tuple[Shot, GraphSpec]]) -> list[ShotResult]:
        """Run every shot; the results are in the order of `jobs`."""
        planned = self.plan(jobs)
        runs = {id(p): self._shot_run(p) for p in planned if isinstance(p, Prepared)}
        for run in runs.values():
            run.members = list(runs.values())
        results: list[ShotResult] = []
        for prepared in planned:
            result = prepared if isinstance(prepared, ShotResult) else self._run_one(prepared, runs[id(prepared)])
            self._listener(Event("shot", result.shot, text=_ended(result)))
            results.append(result)
        return results

    def _shot_run(self, prepared: Prepared) -> ShotRun:
        plan = prepared.plan
        # What we wrote, verified and nobody has touched since is ours to replace.
        owned = frozenset(name for name, o in prepared.outputs.items() if prepared.state.owns(Path(o.path)))
        return ShotRun(
            graph=prepared.graph,
            keys=prepared.keys,
            kept=prepared.kept,
            cache=prepared.cache,
            machine=Machine(device=plan.device, threads=plan.threads, dtype=plan.dtype),
            leases=self._leases,
            listener=self._listener,
            cancel=self._cancel,
            outputs=prepared.outputs,
            force=prepared.options.force,
            owned=owned,
            claim=prepared.state.claim,
            strict=prepared.options.strict,
        )

    def _run_one(self, prepared: Prepared, run: ShotRun) -> ShotResult:
        started = time.monotonic()
        plan = prepared.plan
        done = prepared.state.finished(plan) if not (prepared.options.force or prepared.options.refresh) else None
        if done is not None:
            return ShotResult(
                shot=plan.shot, plan=plan, written=done, up_to_date=True, seconds=time.monotonic() - started
            )
        result = _guarded(plan.shot, lambda: self._execute(prepared, run))
        result.plan = plan
        result.warnings = self._warned.get(plan.shot, [])
        result.seconds = time.monotonic() - started
        return result

    def _execute(self, prepared: Prepared, run: ShotRun) -> ShotResult:
        """Run one shot and write down what came of it."""
        self._cancel.check()
        self._admit(prepared.plan)
        prepared.state.save_plan(prepared.plan)
        set_threads(prepared.plan.threads, loaded=dict(sys.modules))
        outcome = run.run(prepared.wanted, lambda clip: self._prepare_members(run, clip))
        prepared.state.finish(prepared.plan, outcome.written, outcome.skipped)
        prepared.state.record_keys(prepared.plan, ingredients(prepared.draft))
        code = Exit.SKIPPED_FRAMES if outcome.skipped else Exit.VERIFIED
        return ShotResult(shot=prepared.plan.shot, exit=code, written=outcome.written, outcome=outcome)

    def _listener(self, event: Event) -> None:
        """Pass an event on; what a person should have read is kept for the summary."""
        if event.kind == "warning":
            self._warned.setdefault(event.shot, []).append(event.text)
        self._tell(event)

    def _prepare_members(self, run: ShotRun, clip: str) -> None:
        """Bring the inputs of a group node up to date in every other shot."""
        for member in run.members:
            if member is not run:
                member.run_stages(member.stages({}, inputs_of=clip), Outcome())

    def _admit(self, plan: Plan) -> None:
        """Refuse what studio policy (exit 2) or this host's memory (exit 69) cannot take."""
        issues = list(self._validate(plan)) if self._validate is not None else []
        if issues:
            raise UsageError(f"{plan.shot}: the plan must pass studio checks, got: {'; '.join(issues)}")
        total = self._limit_bytes if self._limit_bytes is not None else psutil.virtual_memory().total
        if plan.peak_bytes > total:
            raise UnavailableError(
                f"{plan.shot}: frames held at once must fit in {total / 1e9:.1f} GB of memory, got {plan.peak_bytes / 1e9:.1f} GB; "
                "use smaller chunks or a lower resolution"
            )


def _ended(result: ShotResult) -> str:
    """``verified``, ``up to date``, ``media corrupt`` ..."""
    return "up to date" if result.up_to_date else result.exit.name.lower().replace("_", " ")


def _guarded(shot: str, work: Callable[[], _Answer]) -> _Answer | ShotResult:
    """What `work` returns, or the result of a shot that failed; only our own errors count as the shot's."""
    try:
        return work()
    except ShotgraphError as error:
        return ShotResult(shot=shot, exit=error.exit_code, message=str(error))
    except MemoryError:
        message = f"{shot}: memory must suffice for the frames held at once, got too little; use smaller chunks"
        return ShotResult(shot=shot, exit=Exit.UNAVAILABLE, message=message)
    except OSError as error:
        return ShotResult(shot=shot, exit=Exit.IO_FAILED, message=f"{shot}: {error}")
    except Exception as error:  # noqa: BLE001 - a bug of ours must not stop the other shots; it is reported as one
        return ShotResult(shot=shot, exit=Exit.INTERNAL, message=f"{type(error).__name__}: {error}", error=error)
