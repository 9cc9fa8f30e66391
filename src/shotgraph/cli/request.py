"""What ``run``, ``plan``, ``explain`` and ``graph`` share: their options, and the way from a command line to jobs."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import platformdirs
from click.core import ParameterSource

from shotgraph.api.frames import FrameSet
from shotgraph.api.graph import GraphSpec
from shotgraph.api.plan import Plan
from shotgraph.api.shot import Shot
from shotgraph.cli.discovery import shots_of
from shotgraph.cli.session import open_registry, open_site
from shotgraph.cli.site import SiteConfig, read_site_config, size_bytes
from shotgraph.errors import PresetError, UsageError
from shotgraph.pipeline.cache import Cache
from shotgraph.pipeline.events import CancelFlag, Listener
from shotgraph.pipeline.frozen import read_plan, shot_of, spec_of
from shotgraph.pipeline.identity import IdentityMemo
from shotgraph.pipeline.planner import Planner, RunOptions
from shotgraph.pipeline.registry import Registry
from shotgraph.pipeline.session import Session
from shotgraph.pipeline.state import FOLDER
from shotgraph.presets import Preset, graph_for, load

Command = TypeVar("Command", bound=Callable[..., Any])
Job = tuple[Shot, GraphSpec]
_CACHE_VARIABLE = "SHOTGRAPH_CACHE"
# What a frozen plan has settled.
_DECIDED = ("frames", "targets", "sets", "device", "dtype", "threads", "version", "identity")

_OPTIONS = (
    click.argument("preset"),
    click.argument("inputs", nargs=-1),
    click.option("-F", "--frames", metavar="A-B", help="Only these frames: lists of A, A-B, A-BxN."),
    click.option("-t", "--target", "targets", multiple=True, metavar="NODE", help="Only these targets."),
    click.option("--set", "sets", metavar="PATH=VALUE", multiple=True, help="Change one setting, e.g. vars.seed=3."),
    click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda:N; frozen by the plan."),
    click.option("--dtype", type=click.Choice(["auto", "fp32", "fp16", "bf16"]), default="auto", show_default=True),
    click.option("--threads", type=click.IntRange(min=0), default=0, help="CPU threads; 0 for all cores."),
    click.option("--version", "version", default="next", show_default=True, help="next, latest or a number."),
    click.option(
        "--identity",
        type=click.Choice(["auto", "content", "sampled", "stat"]),
        default="auto",
        show_default=True,
        help="How media are told apart.",
    ),
    click.option("--strict", is_flag=True, help="Refuse what a codec or container would lose."),
    click.option("--force", is_flag=True, help="Replace foreign files; run even what is up to date."),
    click.option("--refresh", multiple=True, metavar="NODE", help="Compute this node's kept results again."),
    click.option("--cache", "cache", metavar="DIR", help="Where kept results lie."),
    click.option("--cache-read-only", is_flag=True, help="Read kept results, keep no new ones."),
)


def request_options(command: Command) -> Command:
    """The options of every command that plans."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True)
class Request(ABC):
    """One command line, understood.

    Attributes:
        registry: the nodes.
        config: the site's.
        options: for the planner.
        cache: folder asked for, or None.
        cache_read_only: keep no new results.
    """

    registry: Registry
    config: SiteConfig
    options: RunOptions
    cache: Path | None
    cache_read_only: bool

    @abstractmethod
    def jobs(self) -> list[Job]:
        """Every shot with its graph."""

    @property
    def frozen(self) -> Mapping[str, Plan]:
        """Shot to the plan it must keep to."""
        return {}

    def sessions(
        self, listener: Listener, cancel: CancelFlag, *, reserve: bool = True
    ) -> list[tuple[Session, Sequence[Job]]]:
        """One session for each root, with its jobs; each root keeps its own results unless one place is asked for."""
        by_root: dict[Path, list[Job]] = {}
        for shot, spec in self.jobs():
            by_root.setdefault(shot.root, []).append((shot, spec))
        return [(self._session(root, listener, cancel, reserve=reserve), jobs) for root, jobs in by_root.items()]

    def planner(self, root: Path, *, reserve: bool) -> Planner:
        """The planner for shots below `root`."""
        cache = Cache(cache_place(self.cache, root), read_only=self.cache_read_only)
        memo = IdentityMemo(platformdirs.user_cache_path("shotgraph") / "media.sqlite")
        return Planner(self.registry, cache, memo, self.options, reserve=reserve, frozen=self.frozen)

    def _session(self, root: Path, listener: Listener, cancel: CancelFlag, *, reserve: bool) -> Session:
        planner = self.planner(root, reserve=reserve)
        if self.config.cache_limit is not None and reserve:
            planner.cache.collect(limit_bytes=size_bytes(self.config.cache_limit))
        return Session(planner, listener=listener, cancel=cancel, validate=self._issues)

    def _issues(self, plan: Plan) -> list[str]:
        """What studio hooks have against a plan; a hook that itself fails is only warned about."""
        issues, warnings = self.registry.hooks.validate_plan(plan)
        for warning in warnings:
            click.echo(f"warning: {warning}", file=sys.stderr)
        return issues


@dataclass(frozen=True, kw_only=True)
class PresetRequest(Request):
    """A preset over shots.

    Attributes:
        preset: loaded, with its layers.
        shots: as found.
        targets: names asked for; empty for the preset's own.
    """

    preset: Preset
    shots: tuple[Shot, ...]
    targets: tuple[str, ...]

    @classmethod
    def of(cls, ctx: click.Context, asked: Mapping[str, Any]) -> PresetRequest:
        """Load the preset, find the shots and open the registry for the options `asked`."""
        shared = shared_options(ctx, asked)
        preset = load(asked["preset"], site=open_site(shared["config"]), sets=asked["sets"])
        shots = shots_of(preset, asked["inputs"] or (str(Path.cwd()),), shared["registry"].hooks)
        return cls(preset=preset, shots=shots, targets=asked["targets"], **shared)

    def jobs(self) -> list[Job]:
        """The graph of every shot; the faults of all shots are raised together, each once."""
        jobs: list[Job] = []
        faults: dict[str, None] = {}
        for shot in self.shots:
            try:
                jobs.append((shot, graph_for(self.preset, shot, self.registry, targets=self.targets)))
            except PresetError as error:
                faults |= dict.fromkeys(error.faults)
        if faults:
            raise PresetError(list(faults))
        return jobs


@dataclass(frozen=True, kw_only=True)
class PlanRequest(Request):
    """Frozen plans, run as they are.

    Attributes:
        plans: as read.
    """

    plans: tuple[Plan, ...]

    @classmethod
    def of(cls, ctx: click.Context, asked: Mapping[str, Any]) -> PlanRequest:
        """Read the plans; `UsageError` for an option that a plan has decided, or two plans of one shot."""
        given = [name for name in _DECIDED if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        if given:
            option = {"sets": "set", "targets": "target"}.get(given[0], given[0])
            raise UsageError(
                f"run: --{option} must be left out beside a plan, got {asked[given[0]]!r}; plan again with it"
            )
        plans = tuple(read_plan(Path(path)) for path in (asked["preset"], *asked["inputs"]))
        for shot, count in Counter(plan.shot for plan in plans).items():
            if count > 1:
                raise UsageError(f"run: plans must be of different shots, got {count} of {shot}; run them one by one")
        return cls(plans=plans, **shared_options(ctx, asked))

    @property
    def frozen(self) -> Mapping[str, Plan]:
        """Shot to the plan it must keep to."""
        return {plan.shot: plan for plan in self.plans}

    def jobs(self) -> list[Job]:
        """The shots and graphs that the plans were made of."""
        return [(shot_of(plan), spec_of(plan)) for plan in self.plans]


def request_of(ctx: click.Context, asked: Mapping[str, Any]) -> Request:
    """The request of a command that runs presets and frozen plans alike."""
    if Path(asked["preset"]).suffix == ".json":
        return PlanRequest.of(ctx, asked)
    return PresetRequest.of(ctx, asked)


def shared_options(ctx: click.Context, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Request`, from the options `asked` and the site."""
    config = read_site_config()
    place = asked["cache"] or os.environ.get(_CACHE_VARIABLE) or config.cache
    options = RunOptions(
        frames=FrameSet.parse(asked["frames"]) if asked["frames"] else None,
        threads=asked["threads"] or config.threads,
        **{name: asked[name] for name in ("device", "dtype", "version", "identity", "strict", "force", "refresh")},
    )
    return {
        "registry": open_registry(config, ctx.find_root().obj),
        "config": config,
        "options": options,
        "cache": Path(place) if place else None,
        "cache_read_only": asked["cache_read_only"],
    }


def cache_place(asked: Path | None, root: Path) -> Path:
    """The folder of kept results: the one asked for, else beside the shots."""
    return asked if asked is not None else root / FOLDER / "cache"
