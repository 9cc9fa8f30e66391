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
from shotgraph.stage.training.gating import Gate

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
        rows: (gate, rule, threshold) of what it yields, for when it cannot.
    """

    name: str
    model: str
    needs: tuple[str, ...]
    measure: str
    rows: tuple[tuple[str, str, float], ...]


_ROOM = "shotgraph.stage.training"
_HEADS = ("shape", "colour", "texture", "ground_colour", "ground_texture", "style")
PROBES = (
    Probe(
        "vae",
        "stage-sd",
        ("stage-sd/vae",),
        f"{_ROOM}.vaegates:measure",
        (
            ("vae.psnr_db", ">=", 30.0),
            ("vae.psnr_plain_db", ">=", 34.0),
            ("vae.excess_warp_error_e3", "<=", 0.10),
            ("vae.latent_std.least", ">=", 0.5),
            ("vae.latent_std.most", "<=", 2.0),
            ("vae.scale_error", "<=", 0.05),
        ),
    ),
    Probe(
        "t2i",
        "stage-sd",
        ("stage-sd/unet", "stage-judge"),
        f"{_ROOM}.drawgates:measure",
        (
            ("t2i.colour", ">=", 0.95),
            ("t2i.ground", ">=", 0.90),
            ("t2i.shape", ">=", 0.85),
            ("t2i.ground_from_noise_mean", "<=", 0.05),
        ),
    ),
    Probe(
        "inversion",
        "stage-sd",
        ("stage-sd/unet", "stage-sd/vae"),
        f"{_ROOM}.inversiongates:measure",
        (
            ("inversion.gap_db", "<=", 1.0),
            ("inversion.deviation_error", "<=", 0.1),
            ("inversion.neighbour_correlation", "<=", 0.2),
        ),
    ),
    Probe(
        "controlnet",
        "stage-sd",
        ("stage-sd/unet", "stage-sd/controlnet"),
        f"{_ROOM}.controlgates:measure",
        (
            ("controlnet.depth_iou", ">=", 0.8),
            ("controlnet.edges_iou", ">=", 0.8),
            ("controlnet.mask_iou", ">=", 0.8),
        ),
    ),
    Probe(
        "motion",
        "stage-sd",
        ("stage-sd/unet", "stage-sd/motion_adapter"),
        f"{_ROOM}.motiongates:measure_adapter",
        (("motion.direction", ">=", 0.8),),
    ),
    Probe(
        "t2v",
        "stage-t2v",
        ("stage-t2v/unet",),
        f"{_ROOM}.motiongates:measure_t2v",
        (("t2v.direction", ">=", 0.8),),
    ),
    Probe(
        "judge",
        "stage-judge",
        ("stage-judge", "stage-sd/vae"),
        f"{_ROOM}.perceptiongates:measure_judge",
        (
            *((f"judge.renders.{head}", ">=", 0.98) for head in _HEADS),
            *((f"judge.vae.{head}", ">=", 0.95) for head in _HEADS),
            ("judge.blobs", ">=", 0.90),
            ("judge.nameless", ">=", 0.90),
        ),
    ),
    Probe(
        "clip",
        "stage-clip",
        ("stage-clip",),
        f"{_ROOM}.perceptiongates:measure_clip",
        (
            ("clip.retrieval@1", ">=", 0.90),
            ("clip.instance.jitter_auc", ">=", 0.95),
            ("clip.instance.phase_auc", ">=", 0.95),
        ),
    ),
    Probe(
        "depth",
        "stage-depth",
        ("stage-depth",),
        f"{_ROOM}.perceptiongates:measure_depth",
        (("depth.ordinal", ">=", 0.90), ("depth.ordinal_in_rows", ">=", 0.90)),
    ),
    Probe(
        "pose",
        "stage-pose",
        ("stage-pose",),
        f"{_ROOM}.perceptiongates:measure_pose",
        (("pose.pck@0.1", ">=", 0.90),),
    ),
    Probe(
        "occlusion",
        "",
        (),
        f"{_ROOM}.occlusiongates:measure",
        (
            ("occlusion.dis_share_128px", ">=", 0.40),
            ("occlusion.dis_share_256px", ">=", 0.50),
        ),
    ),
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
        return [Row(gate, None, rule, threshold, passed=False, note=note) for gate, rule, threshold in probe.rows]
    module, _, function = probe.measure.partition(":")
    measure: Measure = getattr(import_module(module), function)
    return [_row(gate) for gate in measure(models, seed)]


def _row(gate: Gate) -> Row:
    if math.isnan(gate.value):
        return Row(gate.name, None, gate.rule, gate.threshold, passed=False, note="nothing could be measured")
    return Row(gate.name, float(gate.value), gate.rule, float(gate.threshold), bool(gate.passed))


def keep_in_cards(models: Path, rows: Sequence[Row], probes: Sequence[Probe] = PROBES) -> None:
    """Write rows into the cards of the models that they are about; models that are not there have none."""
    for model in dict.fromkeys(probe.model for probe in probes):
        names = tuple(f"{probe.name}." for probe in probes if probe.model == model)
        own = tuple(asdict(row) for row in rows if row.gate.startswith(names))
        if model and (models / model).is_dir() and own:
            card = read_card(models / model)
            others = tuple(row for row in card.gates if not str(row["gate"]).startswith(names))
            write_card(models / model, replace(card, gates=(*others, *own)))
