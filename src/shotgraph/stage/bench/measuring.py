"""One row: a method run on one edit of one clip, and everything that can be said about what it gave."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import metadata
from typing import Any

import numpy as np

from shotgraph import __version__
from shotgraph.errors import ShotgraphError
from shotgraph.stage.bench.claims import Defaults
from shotgraph.stage.bench.codec import Codec
from shotgraph.stage.bench.cost import measured
from shotgraph.stage.bench.entrants import Entrant
from shotgraph.stage.bench.methods import Frames, Outcome
from shotgraph.stage.bench.ranking import Floors, gate
from shotgraph.stage.bench.rows import Row, key_of
from shotgraph.stage.bench.scores import Instruments, psnr_db, score
from shotgraph.stage.bench.truth import Truth
from shotgraph.stage.training.banks import world_digest

# Bump it whenever the same frames may get other numbers.
BENCH_VERSION = "3"
_LIBRARIES = ("numpy", "opencv-python-headless", "scikit-image", "torch", "diffusers", "transformers")


@dataclass(frozen=True)
class Drawn:
    """One clip and edit with everything that does not depend on a method.

    Attributes:
        number: of the clip.
        truth: exact.
        codec: the model's VAE.
    """

    number: int
    truth: Truth
    codec: Codec

    @cached_property
    def floors(self) -> Floors:
        """What the VAE alone loses of the source."""
        if self.codec.missing:
            return Floors(reason=self.codec.missing)
        source, background = self.truth.source, self.truth.background
        there_and_back = self.codec.round_trip(source)
        kept = psnr_db(there_and_back, source, background) if background is not None and background.any() else None
        return Floors(kept, psnr_db(there_and_back, source), "nothing has to stay")


@dataclass(frozen=True)
class Meter:
    """Runs and scores.

    Attributes:
        instruments: judges and embedders.
        limits: what a row needs to be ranked.
    """

    instruments: Instruments
    limits: Defaults

    def blank(self, drawn: Drawn, entrant: Entrant, seed: int) -> Row:
        """A row without numbers, under a key of everything that decides them."""
        method, edit = entrant.method, drawn.truth.edit
        settings = asdict(entrant.settings) | {"sampled": entrant.is_sampled}
        decides: dict[str, Any] = {
            "bench": BENCH_VERSION,
            "family": edit.family,
            "source": edit.source.model_dump(mode="json"),
            "target": edit.target.model_dump(mode="json"),
            "prompts": [edit.source_prompt, edit.target_prompt],
            "seed": seed,
            "method": entrant.name,
            "version": method.version,
            "identity": entrant.identity,
            "settings": {} if method.is_control else settings,
            "instruments": self.instruments.version,
            "vae": drawn.codec.version,
            # The renderer and the metrics decide the rows of controls too.
            "libraries": versions(),
            "world": world_digest("general"),
            "limits": [self.limits.least_success, self.limits.background_slack_db],
        }
        return Row(
            key=key_of(decides),
            clip=drawn.number,
            edit=edit.family,
            seed=seed,
            method=entrant.name,
            version=method.version,
            group=entrant.settings.group,
            control=method.is_control,
            settings=settings,
            identity=entrant.identity,
            versions=versions(),
        )

    def measured(self, blank: Row, drawn: Drawn, entrant: Entrant) -> tuple[Row, Outcome | None]:
        """The row with its numbers, and what they are of; what the method dies of becomes a row too."""
        truth, outcome, fault = drawn.truth, None, ""
        with measured() as cost:
            try:
                outcome = entrant.method.run(truth.source, truth.edit, blank.seed, entrant.settings)
            except ShotgraphError as error:
                fault = str(error)
        spent = {
            "seconds": cost.seconds if outcome is None or outcome.seconds is None else outcome.seconds,
            "peak_bytes": cost.peak_bytes,
            "evaluations": None if outcome is None else outcome.evaluations,
        }
        fault = fault or _fault(outcome, truth.source.shape)
        if fault or outcome is None:
            return _filled(blank, **spent, error=fault, not_rankable=fault), None
        scores = score(outcome.frames, truth, self.instruments)
        why = gate(scores, drawn.floors, entrant.settings, self.limits)
        found = {"metrics": scores.values, "reasons": scores.reasons, "facts": dict(outcome.facts)}
        return _filled(blank, **spent, **found, rankable=not why, not_rankable=why), outcome


def _fault(outcome: Outcome | None, shape: tuple[int, ...]) -> str:
    """What makes an answer none; empty when it is one."""
    if outcome is None:
        return ""
    if outcome.frames.shape != shape:
        return f"frames must be {shape}, got {outcome.frames.shape}"
    odd = [f"{name} = {value}" for name, value in outcome.facts.items() if not math.isfinite(value)]
    return f"facts must be finite, got {', '.join(odd)}" if odd else _not_finite(outcome.frames)


def _not_finite(frames: Frames) -> str:
    """Names the first frame that holds anything but numbers."""
    known = np.isfinite(frames)
    if known.all():
        return ""
    first = int(np.argmin(known.all(axis=(1, 2, 3))))
    return f"frames must be finite, got {frames[first][~known[first]][0]} in frame {first}"


def _filled(blank: Row, **found: Any) -> Row:
    """Validated as a whole, so that what is written can be read again."""
    return Row.model_validate(blank.model_dump() | found)


def versions() -> dict[str, str]:
    """Of us and of the libraries whose release can change a number."""
    installed = {name: metadata.version(name) for name in _LIBRARIES}
    return {"shotgraph": __version__, **installed}
