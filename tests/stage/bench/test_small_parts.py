"""Names of variations, profiles, guidance, and the truth that rows are measured against."""

import re
from pathlib import Path

import numpy as np
import pytest

from shotgraph.errors import UsageError
from shotgraph.models.registry import Places
from shotgraph.stage.bench.codec import codec_of
from shotgraph.stage.bench.guidance import tuned
from shotgraph.stage.bench.instruments import instruments_here
from shotgraph.stage.bench.methods import Settings, varied
from shotgraph.stage.bench.profiles import PROFILES, families_of, seeds_of
from shotgraph.stage.bench.truth import RANKED_FROM, TUNING_FROM, Truth, held_out, pictures
from shotgraph.stage.edits import FAMILIES


def test_a_variation_is_taken_apart() -> None:
    name, settings = varied("tokenflow@guidance=7.5+matte+keyframes=random+shuffle=false+n=12", Settings(steps=9))

    assert name == "tokenflow"
    assert settings == Settings(
        steps=9, guidance=7.5, matte=True, extra={"keyframes": "random", "shuffle": False, "n": 12}
    )
    assert settings.group == "matte"
    assert varied("tokenflow", Settings()) == ("tokenflow", Settings())
    assert varied("a@steps=4+inversion_steps=8", Settings())[1] == Settings(steps=4, inversion_steps=8)
    assert varied("a@x=0.5", Settings())[1].extra == {"x": 0.5}


@pytest.mark.parametrize("name", ["a@fast", "a@=3", "a@guidance=", "a@steps"])
def test_a_variation_that_says_nothing_is_refused(name: str) -> None:
    fault = name.partition("@")[2]

    with pytest.raises(
        UsageError, match=re.escape(f"a variation must be matte, reconstruct or name=value, got {fault!r}")
    ):
        varied(name, Settings())


def test_edits_and_seeds_are_read_from_lists() -> None:
    assert families_of("e4, E1,E1") == ("E1", "E4")
    assert seeds_of("3, 0,3") == (3, 0)


@pytest.mark.parametrize(("text", "got"), [("E1,E99", "E99"), (" ,", "' ,'")])
def test_unknown_edits_are_named(text: str, got: str) -> None:
    with pytest.raises(UsageError, match=rf"edits must be of E1, .*E10, got {re.escape(got)}"):
        families_of(text)


@pytest.mark.parametrize("text", ["-1", "a", "", "1.5"])
def test_seeds_are_whole_numbers(text: str) -> None:
    with pytest.raises(UsageError, match=rf"seeds must be whole numbers from 0, got {text!r}"):
        seeds_of(text)


def test_the_claims_profile_is_the_one_that_was_agreed() -> None:
    profile = PROFILES["claims"]

    assert (profile.frames, profile.steps, profile.inversion_steps, profile.clips) == (8, 25, 50, 24)
    assert len(profile.seeds) == 3
    families = [profile.families(place) for place in range(profile.clips)]
    assert sum(family[0] in ("E2", "E4", "E5") for family in families) >= 16
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


def test_guidance_cannot_be_tuned_on_nothing() -> None:
    with pytest.raises(UsageError, match=r"tuned on at least 1 clip, got \(\); give it with --guidance"):
        tuned(lambda _value, _clip: {}, (), method="m")


@pytest.mark.parametrize("family", ["E1", "E3", "E4", "E8"])
def test_what_must_stay_is_the_same_before_and_after(family: str) -> None:
    truth = Truth(held_out(family, RANKED_FROM + 1, side_px=64, frames=3))  # pyright: ignore[reportArgumentType]
    background = truth.background
    assert background is not None

    difference = np.abs(truth.source - truth.target).max(axis=-1)

    assert float(difference[background].max(initial=0)) < 1e-3
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


def test_pictures_cannot_be_written_to() -> None:
    frames = pictures(held_out("E1", RANKED_FROM, side_px=64, frames=2).source)

    with pytest.raises(ValueError, match="read-only"):
        frames[0] = 0


def test_models_that_are_not_here_are_named(tmp_path: Path) -> None:
    places = Places(bundled=tmp_path, hub=tmp_path / "hub", records=tmp_path / "records")

    instruments = instruments_here(places)

    assert instruments.reader is None
    assert instruments.embedder is None
    assert instruments.no_embedder == "stage-clip is not installed"
    assert instruments.version == ""
    assert codec_of("").missing == "no model given, so no VAE"
    assert "model: must be one of" in codec_of("stage-nothing").missing
    assert f"{tmp_path}/none must exist" in codec_of(str(tmp_path / "none")).missing
