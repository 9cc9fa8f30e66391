"""Profiles, guidance, instruments, and the truth that rows are measured against."""

import re
from pathlib import Path

import numpy as np
import pytest
from tiny_clip import save_tiny_clip

from shotgraph.errors import UnavailableError, UsageError
from shotgraph.metrics.folder_clip import INSTANCE_HEAD
from shotgraph.models.registry import Places
from shotgraph.stage.bench.codec import codec_of
from shotgraph.stage.bench.guidance import DEFAULT, tuned
from shotgraph.stage.bench.instruments import TrainedJudge, instruments_here
from shotgraph.stage.bench.profiles import PROFILES, families_of, seeds_of
from shotgraph.stage.bench.truth import RANKED_FROM, TUNING_FROM, Truth, held_out, pictures
from shotgraph.stage.edits import FAMILIES, Family
from shotgraph.stage.layers import GROUND
from shotgraph.stage.scene import Scene


def test_edits_and_seeds_are_read_from_lists() -> None:
    assert families_of("e4, E1,E1") == ("E1", "E4")
    assert seeds_of("3, 0,3") == (3, 0)
    assert seeds_of("9223372036854775807") == (2**63 - 1,)


@pytest.mark.parametrize(("text", "got"), [("E1,E99", "E99"), (" ,", "' ,'")])
def test_unknown_edits_are_named(text: str, got: str) -> None:
    with pytest.raises(UsageError, match=rf"edits must be of E1, .*E10, got {re.escape(got)}"):
        families_of(text)


@pytest.mark.parametrize("text", ["-1", "a", "", "1.5", "²", "٣", "0,9223372036854775808", "18446744073709551616"])
def test_seeds_are_whole_numbers(text: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"seeds must be whole numbers from 0 below 2^63, got {text!r}")):
        seeds_of(text)


def test_the_claims_profile_has_more_clips_than_were_agreed_so_that_a_third_of_them_may_fail_the_edit() -> None:
    """24 were agreed; 24 of the 32 have an edit that flicker is claimed on, which leaves the 16 of a claim."""
    profile = PROFILES["claims"]

    assert (profile.frames, profile.steps, profile.inversion_steps, profile.clips) == (8, 25, 50, 32)
    assert len(profile.seeds) == 3
    families = [profile.families(place) for place in range(profile.clips)]
    assert sum(family[0] in ("E2", "E4", "E5") for family in families) == 24
    assert families.count(("E1",)) == 8
    assert PROFILES["full"].families(0) == FAMILIES


def test_no_clip_is_both_ranked_and_tuned_on() -> None:
    assert all(RANKED_FROM + profile.clips < TUNING_FROM for profile in PROFILES.values())


def test_of_equal_successes_the_guidance_closest_to_the_truth_wins() -> None:
    results = {1.5: (0.5, 30.0), 3.0: (1.0, 20.0), 5.0: (1.0, 22.0), 7.5: (1.0, None)}
    asked: list[tuple[float, int]] = []

    def trial(value: float, clip: int) -> dict[str, float | None]:
        asked.append((value, clip))
        success, psnr = results[value]
        return {"success": success, "psnr_to_truth_db": psnr}

    chosen = tuned(trial, (7, 8), method="m", candidates=tuple(results))

    assert chosen.value == 5.0
    assert (chosen.origin, chosen.method, chosen.clips) == ("tuned", "m", (7, 8))
    assert chosen.trials["7.5"] == (1.0, 0.0)
    assert len(asked) == 8


def test_where_nothing_succeeds_the_default_is_taken_and_said() -> None:
    """The weakest guidance changes least, and lies closest to a truth that differs little from the source."""
    chosen = tuned(lambda value, _clip: {"success": 0.0, "psnr_to_truth_db": 30 - value}, (7,), method="m")

    assert chosen.value == DEFAULT == 3.0
    assert chosen.origin == "profile default: no trial succeeded"
    assert chosen.trials["1.5"] == (0.0, 28.5)


def test_guidance_cannot_be_tuned_on_nothing() -> None:
    with pytest.raises(UsageError, match=r"tuned on at least 1 clip, got \(\); give it with --guidance"):
        tuned(lambda _value, _clip: {}, (), method="m")


@pytest.mark.parametrize("family", ["E1", "E3", "E4", "E8"])
def test_what_must_stay_is_the_same_before_and_after(family: str) -> None:
    truth = Truth(held_out(family, RANKED_FROM + 1, side_px=64, frames=3))  # pyright: ignore[reportArgumentType]
    background = truth.background
    assert background is not None

    difference = np.abs(truth.source - truth.target).max(axis=-1)

    # One code of 8 bits: the far tail of a rim that a pose of 64 px brings within the margin.
    assert float(difference[background].max(initial=0)) < 1 / 255
    assert float(difference[truth.mattes > 0.9].max()) > 0.1


def test_an_edit_of_everything_leaves_nothing() -> None:
    assert Truth(held_out("E5", RANKED_FROM, side_px=64, frames=2)).background is None


def test_the_world_without_the_object_differs_from_the_clip_on_the_object_alone() -> None:
    truth = Truth(held_out("E1", RANKED_FROM, side_px=64, frames=2))
    before, after = truth.plates

    assert np.abs(before - truth.source)[0][truth.object_alpha(0) < 1e-4].max() < 1e-3
    assert np.abs(before - truth.source)[0][truth.object_alpha(0) > 0.9].mean() > 0.05
    assert np.array_equal(before, after)


def test_tracks_follow_the_flow() -> None:
    truth = Truth(held_out("E1", RANKED_FROM, side_px=64, frames=3))
    places, seen = truth.object_tracks
    flows, _ = truth.flows
    start = places[0].round().astype(int)

    assert places.shape[0] == seen.shape[0] == 3
    np.testing.assert_allclose(places[1] - places[0], flows[0][start[:, 1], start[:, 0]], atol=1e-3)


@pytest.mark.parametrize("family", ["E3", "E7"])
def test_tracks_of_a_reshaped_object_lie_on_it_before_and_after(family: Family) -> None:
    truth = Truth(held_out(family, RANKED_FROM, side_px=64, frames=3))
    places, seen = truth.object_tracks
    index = truth.object_index + 1

    for time in range(3):
        x, y = places[time][seen[time]].round().astype(int).T
        assert len(x) > 5
        for spec in (truth.edit.source, truth.edit.target):
            assert (Scene(spec).alpha(index, time)[y, x] > 0.9).all()


def test_the_ground_has_tracks_of_its_own_where_it_is_edited() -> None:
    truth = Truth(held_out("E4", RANKED_FROM, side_px=64, frames=3))
    places, seen = truth.edited_tracks
    x, y = places[0][seen[0]].round().astype(int).T

    assert len(x) > 20
    assert (Scene(truth.edit.target).alpha(GROUND, 0)[y, x] > 0.9).all()


def test_the_path_of_an_object_is_that_of_what_is_seen_of_it_after_the_edit() -> None:
    truth = Truth(held_out("E3", RANKED_FROM + 1, side_px=64, frames=3))
    after = Scene(truth.edit.target).alpha(truth.object_index + 1, 2)
    y, x = np.mgrid[0:64, 0:64]

    assert truth.path[2] == pytest.approx([(after * x).sum() / after.sum(), (after * y).sum() / after.sum()], abs=1e-4)
    assert np.hypot(*(truth.path[2] - truth.path[0])) > 0.5


def test_pictures_cannot_be_written_to() -> None:
    frames = pictures(held_out("E1", RANKED_FROM, side_px=64, frames=2).source)

    with pytest.raises(ValueError, match="read-only"):
        frames[0] = 0


def places_in(folder: Path) -> Places:
    return Places(bundled=folder, hub=folder / "hub", records=folder / "records")


def test_models_that_are_not_here_are_named(tmp_path: Path) -> None:
    instruments = instruments_here(places_in(tmp_path))

    assert instruments.reader is None
    assert instruments.embedder is None
    assert "model: must be one of" in instruments.no_embedder
    assert "got 'stage-clip'" in instruments.no_consistency
    assert "got 'stage-judge'" in instruments.no_reader
    assert instruments.version == ""
    assert codec_of("").missing == "no model given, so no VAE"
    assert "model: must be one of" in codec_of("stage-nothing").missing
    assert f"{tmp_path}/none must exist" in codec_of(str(tmp_path / "none")).missing


def test_an_instrument_that_is_here_and_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    for name in ("stage-judge", "stage-clip"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
        (tmp_path / name / "model.safetensors").write_bytes(b"no tensors")

    instruments = instruments_here(places_in(tmp_path))

    assert (instruments.reader, instruments.embedder, instruments.consistency) == (None, None, None)
    assert f"{tmp_path}/stage-judge must hold a trained judge, got " in instruments.no_reader
    assert "config.json of model_type 'bert'" in instruments.no_embedder
    assert "config.json of model_type 'bert'" in instruments.no_consistency
    assert instruments.version == ""


def test_a_judge_that_cannot_be_loaded_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"must hold a trained judge, got .*; install it again"):
        TrainedJudge.load(tmp_path)


def test_a_clip_model_without_its_second_head_still_reads_words(tmp_path: Path) -> None:
    save_tiny_clip(tmp_path / "stage-clip", head=False)
    instruments = instruments_here(places_in(tmp_path))

    assert instruments.embedder is not None
    assert instruments.no_embedder == ""
    assert instruments.consistency is None
    assert INSTANCE_HEAD in instruments.no_consistency
    assert instruments.version.startswith("stage-clip b2:")


def test_a_vae_that_is_here_and_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"no tensors")

    assert (
        f"model: {tmp_path}/vae must be a whole part of a diffusers or transformers folder, got: "
        in codec_of(str(tmp_path)).missing
    )
