"""The loop: every clip, edit, method and seed, measured once and written down at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

from shotgraph.errors import UsageError
from shotgraph.pipeline.state import replace_text
from shotgraph.stage.bench.claims import Claims, additions
from shotgraph.stage.bench.codec import Codec
from shotgraph.stage.bench.controls import controls
from shotgraph.stage.bench.entrants import Entrant, entrant_of, tuning_entrant
from shotgraph.stage.bench.guidance import DEFAULT, Guidance, tuned
from shotgraph.stage.bench.measuring import BENCH_VERSION, Drawn, Meter
from shotgraph.stage.bench.methods import Method, Settings
from shotgraph.stage.bench.names import normal_name, varied
from shotgraph.stage.bench.profiles import Profile
from shotgraph.stage.bench.rows import Results, Row
from shotgraph.stage.bench.scores import Instruments
from shotgraph.stage.bench.strips import strip, write_png
from shotgraph.stage.bench.truth import RANKED_FROM, TUNING_FROM, Truth, held_out
from shotgraph.stage.edits import Family

MANIFEST = "bench.json"
# So many clips of each edit get a contact sheet.
PICTURED_CLIPS = 4
_TUNED_ON: Family = "E1"

Tell = Callable[[str], None]
# The methods of a name without its variation; `UsageError` when there is none.
Find = Callable[[str], Method]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One benchmark in one folder.

    Attributes:
        folder: for results, pictures and the page.
        profile: how much.
        claims: frozen.
        methods: names beside the controls, in any form.
        find: name to method.
        codec: the model's VAE.
        instruments: judges and embedders.
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
        self.entrants(self.asked, DEFAULT)
        added = self._added()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._bind()
        results, guidance = Results(self.folder), self._guidance()
        entrants = self._controls(guidance.value) + self.entrants((*self.asked, *added), guidance.value)
        for name, why in added.items():
            self.tell(f"added {name}: {why}")
        keys = [row.key for place in range(self.profile.clips) for row in self._rows_of(place, entrants, results)]
        return Finished(self, guidance, tuple(results.rows(keys)), tuple(entrants), added)

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """Names of methods in their normal form, each once."""
        return tuple(dict.fromkeys(map(normal_name, self.methods)))

    def entrants(self, names: Sequence[str], guidance: float) -> list[Entrant]:
        """Every method named, able to run or not; `UsageError` for one that does not exist."""
        found: list[Entrant] = []
        for name in names:
            base, settings = varied(name, replace(self.settings, guidance=guidance))
            found.append(entrant_of(name, self.find(base), settings, self.profile.seeds))
        return found

    def _controls(self, guidance: float) -> list[Entrant]:
        plain = replace(self.settings, guidance=guidance)
        return [entrant_of(control.name, control, plain, self.profile.seeds) for control in controls(self.codec)]

    def _added(self) -> dict[str, str]:
        """Name to why, of what the claims between the methods asked for need as well; what does not exist is told."""
        known = {control.name for control in controls(self.codec)}
        wanted = additions(self.claims.all, asked=set(self.asked), controls=known, edits=set(self.profile.edits))
        for name in list(wanted):
            try:
                self.find(varied(name, self.settings)[0])
            except UsageError as error:
                self.tell(f"cannot add {name}, {wanted.pop(name)}: {error}")
        return wanted

    def _bind(self) -> None:
        """Tie the folder to the claims that it was started with."""
        path = self.folder / MANIFEST
        if not path.exists():
            replace_text(path, json.dumps({"claims_digest": self.claims.digest, "bench": BENCH_VERSION}))
            return
        begun = _claims_begun_with(path)
        if begun != self.claims.digest:
            raise UsageError(
                f"bench: claims must be those that {self.folder} was started with ({begun}), got {self.claims.digest}; "
                "claims are frozen before the first run: choose another --out"
            )

    def _guidance(self) -> Guidance:
        """One for all methods, written down."""
        if self.guidance is not None:
            guidance = Guidance(value=self.guidance, origin="given")
        else:
            entrant = tuning_entrant(self.entrants(self.asked, DEFAULT), _TUNED_ON)
            clips = tuple(range(TUNING_FROM, TUNING_FROM + self.profile.tuning_clips))
            if entrant is None or not clips:
                why = "the profile tunes nothing" if not clips else "no method to tune with"
                guidance = Guidance(value=DEFAULT, origin=f"profile default: {why}")
            else:
                guidance = self._kept_guidance(entrant, clips)
        replace_text(self.folder / "guidance.json", json.dumps(asdict(guidance), indent=1))
        return guidance

    def _kept_guidance(self, entrant: Entrant, clips: tuple[int, ...]) -> Guidance:
        """As tuned; every trial is a row in a file of its own, so that it too goes on where it was stopped."""
        folder = self.folder / "tuning"
        folder.mkdir(exist_ok=True)
        results = Results(folder)

        def trial(value: float, number: int) -> dict[str, float | None]:
            chosen = replace(entrant, settings=replace(entrant.settings, guidance=value))
            return self._row(self._drawn(_TUNED_ON, number), chosen, self.profile.seeds[0], results).metrics

        return tuned(trial, clips, method=entrant.name)

    def _drawn(self, family: Family, number: int) -> Drawn:
        edit = held_out(family, number, side_px=self.profile.side_px, frames=self.profile.frames)
        return Drawn(number, Truth(edit), self.codec)

    def _rows_of(self, place: int, entrants: Sequence[Entrant], results: Results) -> Iterator[Row]:
        """All rows of one clip, edit by edit, so that the truth is computed once.

        Controls cost nothing: they take every edit also where methods take turns, so that the claims about the metrics
        themselves have clips enough.
        """
        number, turn = RANKED_FROM + place, self.profile.families(place)
        for family in self.profile.edits:
            drawn = self._drawn(family, number)
            for entrant in entrants:
                if entrant.refuses(family) or not (entrant.is_control or family in turn):
                    continue
                for seed in entrant.seeds:
                    yield self._row(drawn, entrant, seed, results)

    def _row(self, drawn: Drawn, entrant: Entrant, seed: int, results: Results) -> Row:
        """From the file, or measured now."""
        meter = Meter(self.instruments, self.claims.defaults)
        blank = meter.blank(drawn, entrant, seed)
        done = results.done(blank.key)
        if done is not None:
            return done
        row, outcome = meter.measured(blank, drawn, entrant)
        # The picture first: a row that is there is never measured again, and would never get one.
        if outcome is not None and row.clip < RANKED_FROM + PICTURED_CLIPS:
            write_png(strip_path(self.folder, row.key), strip(outcome.frames))
        results.append(row)
        told = row.error or row.not_rankable or f"success {row.metrics['success']}"
        self.tell(f"{row.method}  clip {row.clip}  {row.edit}  seed {seed}  {row.seconds:.1f} s  {told}")
        return row


@dataclass(frozen=True)
class Finished:
    """A benchmark with its rows.

    Attributes:
        bench: what was asked.
        guidance: what was used.
        rows: of this benchmark alone, whatever else the file holds.
        entrants: everybody, the controls first.
        added: name to why, of those that nobody asked for.
    """

    bench: Bench
    guidance: Guidance
    rows: tuple[Row, ...]
    entrants: tuple[Entrant, ...]
    added: Mapping[str, str]

    @property
    def missing(self) -> dict[str, str]:
        """Method to why it could not run."""
        return {entrant.name: entrant.missing for entrant in self.entrants if entrant.missing}

    @property
    def trials(self) -> list[tuple[int, Family]]:
        """Every clip and edit that methods were to run on; controls have more where methods take turns."""
        places = range(self.bench.profile.clips)
        return [(RANKED_FROM + place, family) for place in places for family in self.bench.profile.families(place)]

    def rows_of(self, method: str) -> list[Row]:
        """Its rows on those clips and edits, so that all lines of a table are about the same."""
        trials = set(self.trials)
        return [row for row in self.rows if row.method == method and (row.clip, row.edit) in trials]


def _claims_begun_with(path: Path) -> str:
    """The digest in a manifest; `UsageError` for a file that is none."""
    content = path.read_bytes()
    try:
        return str(json.loads(content)["claims_digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"bench: {path} must hold the claims_digest of a benchmark, got {content[:60]!r}; choose another --out"
        ) from error


def strip_path(folder: Path, key: str) -> Path:
    """Where the picture of a row lies."""
    return folder / "strips" / f"{key.rpartition(':')[2]}.png"
