"""Every gate of the tiny models: a table of probes, each of which measures one model on clips that it never saw.

A probe whose model is not there yields its rows without a value, and they count as missed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path

from shotgraph.stage.training.cards import read_card, write_card
from shotgraph.stage.training.gating import BOUNDS, Bound, Gate

# (folder of models, seed) to rows.
Measure = Callable[[Path, int], Sequence[Gate]]


@dataclass(frozen=True, slots=True)
class Row:
    """What is printed of a gate.

    Attributes:
        gate: its name.
        value: measured; None where nothing could be.
        rule: ``>=`` or ``<=``.
        threshold: what the value is held against.
        passed: whether it holds.
        note: why there is no value, or nothing.
    """

    gate: str
    value: float | None
    rule: str
    threshold: float
    passed: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """One measurement.

    Attributes:
        name: what its gates' names start with.
        model: whose card keeps the rows; empty where no model is measured.
        needs: files and folders below the models that it cannot do without.
        measure: ``module:function``, imported when it is run.
    """

    name: str
    model: str
    needs: tuple[str, ...]
    measure: str

    @property
    def bounds(self) -> dict[str, Bound]:
        """By gate, what it measures."""
        return {gate: bound for gate, bound in BOUNDS.items() if gate.startswith(f"{self.name}.")}


_ROOM = "shotgraph.stage.training"
PROBES = (
    Probe("vae", "stage-sd", ("stage-sd/vae",), f"{_ROOM}.vaegates:measure"),
    Probe("t2i", "stage-sd", ("stage-sd/unet", "stage-judge"), f"{_ROOM}.drawgates:measure"),
    Probe("inversion", "stage-sd", ("stage-sd/unet", "stage-sd/vae"), f"{_ROOM}.inversiongates:measure"),
    Probe("controlnet", "stage-sd", ("stage-sd/unet", "stage-sd/controlnet"), f"{_ROOM}.controlgates:measure"),
    Probe("motion", "stage-sd", ("stage-sd/unet", "stage-sd/motion_adapter"), f"{_ROOM}.motiongates:measure_adapter"),
    Probe("t2v", "stage-t2v", ("stage-t2v/unet", "stage-sd/unet", "stage-sd/vae"), f"{_ROOM}.motiongates:measure_t2v"),
    Probe("judge", "stage-judge", ("stage-judge", "stage-sd/vae"), f"{_ROOM}.perceptiongates:measure_judge"),
    Probe("clip", "stage-clip", ("stage-clip",), f"{_ROOM}.perceptiongates:measure_clip"),
    Probe("depth", "stage-depth", ("stage-depth",), f"{_ROOM}.perceptiongates:measure_depth"),
    Probe("pose", "stage-pose", ("stage-pose",), f"{_ROOM}.perceptiongates:measure_pose"),
    Probe("occlusion", "", (), f"{_ROOM}.occlusiongates:measure"),
)


def run_gates(models: Path, seed: int, probes: Sequence[Probe] = PROBES) -> list[Row]:
    """Measure every gate.

    Args:
        models: folder of finished models.
        seed: which clips and noise; other seeds are other held-out clips.
        probes: which measurements.

    Returns:
        A row for every gate, in the table's order.
    """
    return [row for probe in probes for row in run_probe(probe, models, seed)]


def run_probe(probe: Probe, models: Path, seed: int) -> list[Row]:
    """The rows of one measurement; without its models, rows without values."""
    missing = [need for need in probe.needs if not (models / need).exists()]
    if missing:
        note = f"no model: {models / missing[0]} is not there"
        return [Row(gate, None, *bound, passed=False, note=note) for gate, bound in probe.bounds.items()]
    module, _, function = probe.measure.partition(":")
    measure: Measure = getattr(import_module(module), function)
    return [_row(gate) for gate in measure(models, seed)]


def _row(gate: Gate) -> Row:
    if math.isnan(gate.value):
        return Row(gate.name, None, *gate.bound, passed=False, note="nothing could be measured")
    return Row(gate.name, float(gate.value), *gate.bound, passed=bool(gate.passed))


def keep_in_cards(models: Path, rows: Sequence[Row], probes: Sequence[Probe] = PROBES) -> None:
    """Write rows into the cards of the models that they are about; models that are not there have none."""
    for model in dict.fromkeys(probe.model for probe in probes):
        names = tuple(f"{probe.name}." for probe in probes if probe.model == model)
        own = tuple(asdict(row) for row in rows if row.gate.startswith(names))
        if model and (models / model).is_dir() and own:
            card = read_card(models / model)
            others = tuple(row for row in card.gates if not str(row["gate"]).startswith(names))
            write_card(models / model, replace(card, gates=(*others, *own)))
