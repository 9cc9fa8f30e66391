"""Benchmarks small enough for seconds: clips of four frames at 64 px, and methods whose quality is chosen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotgraph.errors import NodeError, UsageError
from shotgraph.stage.bench.claims import Claims, read_claims
from shotgraph.stage.bench.harness import Bench
from shotgraph.stage.bench.methods import Frames, Method, Outcome, Settings
from shotgraph.stage.bench.profiles import PROFILES
from shotgraph.stage.bench.rows import Row
from shotgraph.stage.bench.truth import pictures
from shotgraph.stage.edits import Edit


@dataclass
class Blend:
    """A method between the source (0) and the true edit (1); counts its calls, and can be told to fail.

    Attributes:
        share: of the true edit.
        noise: standard deviation of noise per frame.
        fails: raises instead.
        absent: why it cannot run.
        calls: guidance of every call.
        weights: what else decides its answer.
        refused: families that it does not take.
    """

    name: str = "blend"
    share: float = 1.0
    noise: float = 0.0
    fails: bool = False
    absent: str = ""
    version: str = "1"
    is_control: bool = False
    calls: list[float] | None = None
    weights: str = "w1"
    refused: tuple[str, ...] = ()

    def is_sampled(self, settings: Settings) -> bool:
        return self.noise > 0

    def missing(self, settings: Settings) -> str:
        return self.absent

    def refuses(self, family: str) -> str:
        return f"blend takes no {family}" if family in self.refused else ""

    def identity(self, settings: Settings) -> Mapping[str, str]:
        return {"weights": self.weights}

    def run(self, frames: Frames, edit: Edit, seed: int, settings: Settings) -> Outcome:
        if self.calls is not None:
            self.calls.append(settings.guidance)
        if self.fails:
            raise NodeError(f"blend: guidance must be mild, got {settings.guidance}", hint="lower it")
        wanted = frames if settings.reconstruct else pictures(edit.target)
        result = frames + np.float32(self.share) * (wanted - frames)
        rng = np.random.Generator(np.random.Philox(key=[seed, 5]))
        result = result + self.noise * rng.standard_normal(result.shape)
        return Outcome(frames=np.clip(result, 0, 1).astype(np.float32), evaluations=7)


def finding(*methods: Method) -> Callable[[str], Method]:
    known = {method.name: method for method in methods}

    def find(name: str) -> Method:
        if name not in known:
            raise UsageError(f"bench: a method must be one of {', '.join(known)}, got {name!r}")
        return known[name]

    return find


@pytest.fixture(scope="session")
def claims() -> Claims:
    return read_claims()


@pytest.fixture
def small(tmp_path: Path, claims: Claims) -> Callable[..., Bench]:
    """A bench of two clips and one edit, with the methods given."""

    def make(
        *methods: Method, names: tuple[str, ...] = (), profile: dict[str, Any] | None = None, **given: Any
    ) -> Bench:
        size = replace(PROFILES["smoke"], **({"edits": ("E1",)} | (profile or {})))
        told: list[str] = []
        settings: dict[str, Any] = {"folder": tmp_path / "out", "claims": claims, "tell": told.append} | given
        chosen = names or tuple(method.name for method in methods)
        return Bench(profile=size, methods=chosen, find=finding(*methods), **settings)

    return make


@pytest.fixture
def blend() -> type[Blend]:
    return Blend


def row(method: str, clip: int, *, edit: Any = "E1", seed: int = 0, **given: Any) -> Row:
    """A row with the metrics given; rankable unless said otherwise."""
    fields: dict[str, Any] = {"version": "1", "group": "free", "control": False, "settings": {}, "rankable": True}
    key = f"{method} {clip} {edit} {seed}"
    return Row(key=key, clip=clip, edit=edit, seed=seed, method=method, **(fields | given))


@pytest.fixture
def make_row() -> Callable[..., Row]:
    return row
