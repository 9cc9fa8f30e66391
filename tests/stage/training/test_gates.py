"""The table of gates: nothing is hidden, and each measurement can tell right from wrong."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shotgraph.stage.scene import Scene
from shotgraph.stage.training import gates
from shotgraph.stage.training.cards import Card, read_card, write_card
from shotgraph.stage.training.controlgates import telling_clips
from shotgraph.stage.training.controlnet import CONTROLS, draw_controls
from shotgraph.stage.training.drawgates import asked_clip, other_means
from shotgraph.stage.training.gates import PROBES, Probe, Row, keep_in_cards, run_gates, run_probe
from shotgraph.stage.training.gating import BOUNDS, Bound, Gate
from shotgraph.stage.training.motiongates import asked_motions, goes
from shotgraph.stage.training.seeing import centre_of, overlap, seen_object
from shotgraph.stage.training.vaegates import codec_gates

FAKE = Probe("fake", "stage-sd", ("stage-sd",), "shotgraph.stage.training.gates:fake")


class Exact(nn.Module):
    """A VAE that loses nothing but what its `error` adds: every latent is a pixel of its picture."""

    def __init__(self, error: float = 0.0, noise: float = 0.0) -> None:
        super().__init__()
        self.error, self.noise, self.generator = error, noise, torch.Generator().manual_seed(3)
        self.config = type("Config", (), {"scaling_factor": 2.0})()

    def encode(self, pictures: torch.Tensor) -> object:
        latents = type("Latents", (), {"mean": pictures})()
        return type("Encoded", (), {"latent_dist": latents})()

    def decode(self, latents: torch.Tensor) -> object:
        drawn = self.noise * torch.randn(latents.shape, generator=self.generator)
        return type("Decoded", (), {"sample": latents + self.error + drawn})()


def by_name(rows: list[Gate]) -> dict[str, Gate]:
    return {row.name: row for row in rows}


def test_every_gate_of_a_model_that_is_not_there_is_listed_and_missed(tmp_path: Path) -> None:
    probes = [probe for probe in PROBES if probe.needs]

    rows = run_gates(tmp_path, 0, probes)

    assert [row.gate for row in rows] == [gate for probe in probes for gate in probe.bounds]
    assert not any(row.passed for row in rows)
    assert all(row.value is None and row.note.startswith(f"no model: {tmp_path}/stage-") for row in rows)
    assert len({row.gate for row in rows}) == len(rows) >= 20


def test_a_model_that_is_there_is_measured_at_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stage-sd").mkdir()
    monkeypatch.setattr(gates, "fake", lambda _, seed: [Gate("fake.share", seed / 10, Bound(">=", 0.5))], raising=False)

    assert run_probe(FAKE, tmp_path, 7) == [Row("fake.share", 0.7, ">=", 0.5, passed=True)]
    assert run_probe(FAKE, tmp_path, 4) == [Row("fake.share", 0.4, ">=", 0.5, passed=False)]


def test_what_could_not_be_measured_is_missed_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stage-sd").mkdir()
    monkeypatch.setattr(gates, "fake", lambda *_: [Gate("fake.share", float("nan"), Bound("<=", 0.5))], raising=False)

    assert run_probe(FAKE, tmp_path, 0) == [Row("fake.share", None, "<=", 0.5, False, "nothing could be measured")]


def test_rows_are_kept_in_the_card_in_place_of_older_ones(tmp_path: Path) -> None:
    old = {"gate": "other.x", "value": 1.0, "rule": ">=", "threshold": 0.5, "passed": True, "note": ""}
    write_card(tmp_path / "stage-sd", replace(Card(model="stage-sd"), gates=(old, old | {"gate": "fake.share"})))

    keep_in_cards(tmp_path, [Row("fake.share", 0.25, ">=", 0.5, passed=False)], [FAKE])

    kept = {row["gate"]: row["value"] for row in read_card(tmp_path / "stage-sd").gates}
    assert kept == {"other.x": 1.0, "fake.share": 0.25}


def test_rows_of_a_model_that_is_not_there_make_no_folder(tmp_path: Path) -> None:
    keep_in_cards(tmp_path, [Row("fake.share", None, ">=", 0.5, passed=False)], [FAKE])

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rule", "value", "passed"),
    [(">=", 0.5, True), (">=", 0.49, False), ("<=", 0.5, True), ("<=", 0.51, False), (">=", math.nan, False)],
)
def test_a_threshold_itself_passes(rule: Any, value: float, passed: bool) -> None:
    assert Gate("gate", value, Bound(rule, 0.5)).passed is passed


def test_every_bound_belongs_to_one_probe() -> None:
    assert [gate for probe in PROBES for gate in probe.bounds] == list(BOUNDS)


def test_a_vae_that_loses_nothing_passes_what_it_can() -> None:
    rows = by_name(codec_gates(Exact(), 0, pictures=4, clips=1))

    assert rows["vae.psnr_db"].value > 100
    assert rows["vae.excess_warp_error_e3"].value == pytest.approx(0, abs=1e-4)
    assert rows["vae.psnr_plain_db"].passed


def test_a_vae_that_is_a_little_off_has_the_psnr_of_that() -> None:
    rows = by_name(codec_gates(Exact(error=0.04), 0, pictures=4, clips=1))

    # Off by 0.02 of the display range: 34 dB; less where white clips.
    assert rows["vae.psnr_db"].value == pytest.approx(33.98, abs=0.3)
    assert rows["vae.excess_warp_error_e3"].value == pytest.approx(0, abs=2e-3)


def test_a_vae_that_flickers_misses_the_warp_error_though_its_psnr_is_fine() -> None:
    rows = by_name(codec_gates(Exact(noise=0.04), 0, pictures=4, clips=1))

    assert rows["vae.psnr_db"].passed
    # Twice the variance of 0.02, and what the cubic kernel leaves of it.
    assert 0.4 < rows["vae.excess_warp_error_e3"].value < 0.9
    assert not rows["vae.excess_warp_error_e3"].passed


def test_an_object_is_seen_by_its_colour_where_it_is() -> None:
    clips = telling_clips(0, 4)

    for spec in clips:
        picture, truth = Scene(spec).picture(0), Scene(spec).alpha(1, 0) > 0.5
        seen = seen_object(picture, spec.sprites[0].look.colour, spec.ground.colour)
        assert overlap(seen, truth) >= 0.9
        assert overlap(seen, np.roll(truth, 25, axis=1)) < 0.6


def test_a_shifted_square_overlaps_by_what_they_share() -> None:
    first, second = np.zeros((6, 9), bool), np.zeros((6, 9), bool)
    first[1:5, 1:5], second[1:5, 3:7] = True, True

    assert overlap(first, second) == pytest.approx(8 / 24)
    assert overlap(np.zeros((3, 4), bool), np.zeros((3, 4), bool)) == 0


def test_the_middle_of_a_rectangle_and_of_next_to_nothing() -> None:
    seen = np.zeros((12, 20), bool)
    seen[2:7, 10:17] = True

    assert centre_of(seen) == (13, 4)
    assert centre_of(seen & False) is None


@pytest.mark.parametrize("number", range(4))
def test_true_clips_go_where_they_are_asked_to_and_nowhere_else(number: int) -> None:
    spec, towards = asked_motions(4)[number]
    frames = np.stack([Scene(spec).picture(time) for time in range(spec.frames)])

    assert goes(frames, spec, towards)
    assert not goes(frames[::-1], spec, towards)
    assert not goes(frames, spec, (towards[1], towards[0]))
    assert not goes(np.repeat(frames[:1], 8, axis=0), spec, towards)


def test_a_clip_whose_object_is_gone_goes_nowhere() -> None:
    spec, towards = asked_motions(1)[0]
    frames = np.stack([Scene(spec).picture(time) for time in range(spec.frames)])
    frames[-1] = Scene(spec.model_copy(update={"sprites": ()})).picture(0)

    assert not goes(frames, spec, towards)


def test_asked_clips_show_one_object_without_a_style_and_are_others_at_another_seed() -> None:
    clips = [asked_clip(0, number) for number in range(30)]

    assert all(len(spec.sprites) == 1 and spec.style == "none" for spec in clips)
    assert clips[0] != asked_clip(1, 0)


def test_only_the_mean_of_the_noise_is_changed() -> None:
    start = torch.randn((3, 4, 8, 16), generator=torch.Generator().manual_seed(0))

    moved = other_means(start, 5)

    difference = (moved - start).flatten(2)
    assert torch.allclose(difference, difference[..., :1].expand_as(difference), atol=1e-6)
    assert 0.02 < float(moved.mean(dim=(2, 3)).std()) < 0.3


def test_controls_show_the_object_and_nothing_of_a_plain_ground() -> None:
    spec, _ = asked_motions(1)[0]
    scene = Scene(spec)

    depth, edges, mask = draw_controls(scene, 0)

    inside = scene.alpha(1, 0) > 0.99
    outside = scene.alpha(1, 0) == 0
    assert CONTROLS == ("depth", "edges", "mask")
    assert depth[inside].min() == 255
    assert depth[outside].max() == 0
    assert mask[inside].min() >= 252
    assert mask[outside].max() == 0
    assert 40 < (edges == 255).sum() < 0.3 * inside.sum()
    assert not edges[inside & (scene.alpha(1, 0) > 0.9999)].any()


def test_strong_edges_alone_leave_out_outlines_between_colours_of_like_luma() -> None:
    scene = Scene(asked_motions(1)[0][0])

    assert draw_controls(scene, 0, edges=(30, 60))[1].any()
    assert not draw_controls(scene, 0, edges=(100, 200))[1].any()
