"""The loop: every clip, edit, method and seed, measured once and written down at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from shotgraph import __version__
from shotgraph.errors import ShotgraphError, UsageError
from shotgraph.stage.bench.claims import Claims
from shotgraph.stage.bench.codec import Codec
from shotgraph.stage.bench.controls import controls
from shotgraph.stage.bench.counting import measured
from shotgraph.stage.bench.guidance import DEFAULT, Guidance, tuned
from shotgraph.stage.bench.methods import Method, Outcome, Settings, varied
from shotgraph.stage.bench.profiles import Profile
from shotgraph.stage.bench.ranking import Floors, gate
from shotgraph.stage.bench.rows import Results, Row, key_of
from shotgraph.stage.bench.scores import Instruments, Scores, psnr_db, score
from shotgraph.stage.bench.strips import strip, write_png
from shotgraph.stage.bench.truth import RANKED_FROM, TUNING_FROM, Truth, held_out
from shotgraph.stage.edits import Edit, Family

# Bump it whenever the same frames may get other numbers.
BENCH_VERSION = "1"
MANIFEST = "bench.json"
# So many clips of each edit get a contact sheet.
PICTURED_CLIPS = 4
_LIBRARIES = ("numpy", "opencv-python-headless", "torch", "diffusers", "transformers")

Tell = Callable[[str], None]
# The methods of a name without its variation; `UsageError` when there is none.
Find = Callable[[str], Method]


@dataclass(frozen=True)
class Entrant:
    """A method with what its name varies.

    Attributes:
        name: as typed, variation included.
        method: that runs.
        settings: of this variant.
        missing: why it cannot run; empty when it can.
    """

    name: str
    method: Method
    settings: Settings
    missing: str


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One benchmark in one folder.

    Attributes:
        folder: for results, pictures and the page.
        profile: how much.
        claims: frozen.
        methods: names beside the controls.
        find: name to method.
        codec: the model's VAE.
        instruments: judges and embedder.
        settings: for all methods.
        guidance: given; None to choose it.
        tell: hears a line for every row.
    """

    folder: Path
    profile: Profile
    claims: Claims
    methods: tuple[str, ...] = ()
    find: Find
    codec: Codec = field(default_factory=Codec)
    instruments: Instruments = field(default_factory=Instruments)
    settings: Settings = field(default_factory=Settings)
    guidance: float | None = None
    tell: Tell = print

    def run(self) -> Finished:
        """Measure what is not measured yet.

        Returns:
            Every row of this benchmark, old and new.
        """
        # A name that is no method must not leave a folder behind.
        self.entrants(DEFAULT)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._bind()
        results = Results(self.folder)
        guidance = self._guidance()
        entrants = self.entrants(guidance.value)
        keys = [row.key for place in range(self.profile.clips) for row in self._rows_of(place, entrants, results)]
        missing = {entrant.name: entrant.missing for entrant in entrants if entrant.missing}
        return Finished(self, guidance, tuple(results.rows(keys)), missing, tuple(item.name for item in entrants))

    def entrants(self, guidance: float) -> list[Entrant]:
        """The controls and every method named, able to run or not."""
        plain = replace(self.settings, guidance=guidance)
        entrants = [Entrant(c.name, c, plain, c.missing(plain)) for c in controls(self.codec)]
        for name in self.methods:
            base, settings = varied(name, plain)
            method = self.find(base)
            entrants.append(Entrant(name, method, settings, method.missing(settings)))
        return entrants

    def _bind(self) -> None:
        """Tie the folder to the claims that it was started with."""
        path = self.folder / MANIFEST
        if path.exists():
            begun = json.loads(path.read_text(encoding="utf-8"))["claims_digest"]
            if begun != self.claims.digest:
                raise UsageError(
                    f"bench: claims must be those that {self.folder} was started with ({begun}), got {self.claims.digest}; "
                    "claims are frozen before the first run: choose another --out"
                )
        else:
            path.write_text(json.dumps({"claims_digest": self.claims.digest, "bench": BENCH_VERSION}), encoding="utf-8")

    def _guidance(self) -> Guidance:
        """One for all methods, written down."""
        if self.guidance is not None:
            guidance = Guidance(value=self.guidance, origin="given")
        else:
            first = next((e for e in self.entrants(DEFAULT) if not e.method.is_control and not e.missing), None)
            clips = tuple(range(TUNING_FROM, TUNING_FROM + self.profile.tuning_clips))
            if first is None or not clips:
                guidance = Guidance(value=DEFAULT, origin="profile default")
            else:
                guidance = self._kept_guidance(first, clips)
        (self.folder / "guidance.json").write_text(json.dumps(asdict(guidance), indent=1), encoding="utf-8")
        return guidance

    def _kept_guidance(self, entrant: Entrant, clips: tuple[int, ...]) -> Guidance:
        """As tuned; every trial is a row in a file of its own, so that it too goes on where it was stopped."""
        folder = self.folder / "tuning"
        folder.mkdir(exist_ok=True)
        results = Results(folder)

        def trial(value: float, number: int) -> dict[str, float | None]:
            chosen = replace(entrant, settings=replace(entrant.settings, guidance=value))
            return self._row(self._drawn("E1", number), number, chosen, 0, results).metrics

        return tuned(trial, clips, method=entrant.name)

    def _drawn(self, family: Family, number: int) -> Drawn:
        edit = held_out(family, number, side_px=self.profile.side_px, frames=self.profile.frames)
        return Drawn(Truth(edit), self.codec)

    def _rows_of(self, place: int, entrants: Sequence[Entrant], results: Results) -> Iterator[Row]:
        """All rows of one clip, edit by edit, so that the truth is computed once.

        Controls cost nothing: they take every edit also where methods take turns, so that the claims about the metrics
        themselves have clips enough.
        """
        number, turn = RANKED_FROM + place, self.profile.families(place)
        for family in self.profile.edits:
            chosen = [e for e in entrants if not e.missing and (e.method.is_control or family in turn)]
            drawn = self._drawn(family, number)
            for entrant in chosen:
                for seed in self._seeds(entrant):
                    yield self._row(drawn, number, entrant, seed, results)

    def _seeds(self, entrant: Entrant) -> tuple[int, ...]:
        seeds = self.profile.seeds
        return seeds if entrant.method.is_sampled(entrant.settings) else seeds[:1]

    def _row(self, drawn: Drawn, number: int, entrant: Entrant, seed: int, results: Results) -> Row:
        """From the file, or measured now."""
        empty = self._empty(drawn.truth.edit, number, entrant, seed)
        done = results.done(empty.key)
        if done is not None:
            return done
        row, outcome = _measured(empty, drawn, entrant, self.instruments)
        results.append(row)
        if outcome is not None and number < RANKED_FROM + PICTURED_CLIPS:
            write_png(strip_path(self.folder, row.key), strip(outcome.frames))
        told = row.error or row.not_rankable or f"success {row.metrics['success']}"
        self.tell(f"{row.method}  clip {number}  {row.edit}  seed {seed}  {row.seconds:.1f} s  {told}")
        return row

    def _empty(self, edit: Edit, number: int, entrant: Entrant, seed: int) -> Row:
        """A row without numbers, under its key."""
        settings = asdict(entrant.settings) | {"sampled": entrant.method.is_sampled(entrant.settings)}
        decides: dict[str, Any] = {
            "bench": BENCH_VERSION,
            "source": edit.source.model_dump(mode="json"),
            "target": edit.target.model_dump(mode="json"),
            "seed": seed,
            "method": entrant.name,
            "version": entrant.method.version,
            "settings": {} if entrant.method.is_control else settings,
            "instruments": self.instruments.version,
            "vae": self.codec.version,
        }
        return Row(
            key=key_of(decides),
            clip=number,
            edit=edit.family,
            seed=seed,
            method=entrant.name,
            version=entrant.method.version,
            group=entrant.settings.group,
            control=entrant.method.is_control,
            settings=settings,
            versions=versions(),
        )


@dataclass(frozen=True)
class Finished:
    """A benchmark with its rows.

    Attributes:
        bench: what was asked.
        guidance: what was used.
        rows: of this benchmark alone, whatever else the file holds.
        missing: method to why it could not run.
        names: every method, the controls first.
    """

    bench: Bench
    guidance: Guidance
    rows: tuple[Row, ...]
    missing: dict[str, str]
    names: tuple[str, ...]

    @property
    def trials(self) -> list[tuple[int, Family]]:
        """Every clip and edit that methods were to run on; controls have more where methods take turns."""
        places = range(self.bench.profile.clips)
        return [(RANKED_FROM + place, family) for place in places for family in self.bench.profile.families(place)]

    def rows_of(self, method: str) -> list[Row]:
        """Its rows on those clips and edits, so that all lines of a table are about the same."""
        trials = set(self.trials)
        return [row for row in self.rows if row.method == method and (row.clip, row.edit) in trials]


@dataclass(frozen=True)
class Drawn:
    """One clip and edit with everything that does not depend on a method.

    Attributes:
        truth: exact.
        codec: the model's VAE.
    """

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


def _measured(empty: Row, drawn: Drawn, entrant: Entrant, instruments: Instruments) -> tuple[Row, Outcome | None]:
    """Run and score; what the method dies of becomes a row too."""
    truth, outcome, fault = drawn.truth, None, ""
    with measured(counts=False) as cost:
        try:
            outcome = entrant.method.run(truth.source, truth.edit, empty.seed, entrant.settings)
        except ShotgraphError as error:
            fault = str(error)
    spent = {"seconds": cost.seconds, "peak_bytes": cost.peak_bytes}
    if outcome is None:
        return empty.model_copy(update={**spent, "error": fault, "not_rankable": fault, "evaluations": None}), None
    if outcome.frames.shape != truth.source.shape:
        fault = f"frames must be {truth.source.shape}, got {outcome.frames.shape}"
        return empty.model_copy(update={**spent, "error": fault, "not_rankable": fault}), None
    scores = score(outcome.frames, truth, instruments)
    for name, value in outcome.facts.items():
        scores.keep(name, value, "")
    asked = entrant.settings
    why = gate(scores, drawn.floors, reconstructs=asked.reconstruct, guidance=asked.guidance)
    return _filled(empty, scores, outcome, why, spent), outcome


def _filled(empty: Row, scores: Scores, outcome: Outcome, why: str, spent: dict[str, Any]) -> Row:
    return empty.model_copy(
        update={
            **spent,
            "metrics": scores.values,
            "reasons": scores.reasons,
            "evaluations": outcome.evaluations,
            "rankable": not why,
            "not_rankable": why,
        }
    )


def strip_path(folder: Path, key: str) -> Path:
    """Where the picture of a row lies."""
    return folder / "strips" / f"{key.rpartition(':')[2]}.png"


def versions() -> dict[str, str]:
    """Of us and of the libraries whose release can change a number."""
    installed = {name: metadata.version(name) for name in _LIBRARIES}
    return {"shotgraph": __version__, **installed}
