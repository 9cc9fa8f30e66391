"""What may be ranked: success, and a background no worse than the VAE's own loss allows."""

from dataclasses import replace
from typing import Any

import pytest

from shotgraph.stage.bench.claims import Claims, Defaults
from shotgraph.stage.bench.methods import Settings
from shotgraph.stage.bench.ranking import Floors, gate
from shotgraph.stage.bench.scores import Scores

EDITS = Settings()


@pytest.fixture
def limits(claims: Claims) -> Defaults:
    return claims.defaults


def scores(**values: float | None) -> Scores:
    return Scores(values={"success": 1.0, "success_every_frame": 1.0, "background_psnr_db": 30.0} | values)


def test_a_background_more_than_six_db_below_the_vae_is_no_success(limits: Defaults) -> None:
    found = scores(background_psnr_db=23.9)

    why = gate(found, Floors(background_db=30.0), EDITS, limits)

    assert why == "background 23.9 dB, more than 6 dB below the VAE's 30.0 dB"
    assert found.values["success"] == 0.0
    assert found.values["success_every_frame"] == 0.0
    assert found.values["success_judged"] == 1.0
    assert found.values["vae_background_psnr_db"] == 30.0


def test_six_db_below_the_vae_is_still_a_success(limits: Defaults) -> None:
    found = scores(background_psnr_db=24.0)

    assert gate(found, Floors(background_db=30.0), EDITS, limits) == ""
    assert found.values["success"] == 1.0


def test_where_nothing_must_stay_or_no_vae_is_there_success_stands_and_the_reason_is_kept(limits: Defaults) -> None:
    everywhere, without = scores(background_psnr_db=None), scores(background_psnr_db=5.0)

    assert gate(everywhere, Floors(background_db=30.0), EDITS, limits) == ""
    assert gate(without, Floors(reason="no model given, so no VAE"), EDITS, limits) == ""
    assert without.reasons["vae_background_psnr_db"] == "no model given, so no VAE"


@pytest.mark.parametrize(
    ("success", "why"), [(0.5, ""), (0.25, "success 25%, below 50%"), (0.0, "success 0%, below 50%")]
)
def test_half_of_the_frames_must_succeed(limits: Defaults, success: float, why: str) -> None:
    assert gate(scores(success=success), Floors(), EDITS, limits) == why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"least_success": 0.8}, "success 75%, below 80%"),
        ({"background_slack_db": 1.5}, "background 28.0 dB, more than 1.5 dB below the VAE's 30.0 dB"),
        ({}, ""),
    ],
)
def test_the_limits_are_those_of_the_claims(limits: Defaults, changes: dict[str, Any], why: str) -> None:
    found = scores(success=0.75, background_psnr_db=28.0)

    assert gate(found, Floors(background_db=30.0), EDITS, limits.model_copy(update=changes)) == why


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("success", [1.0, 0.0, None])
def test_what_was_asked_to_change_nothing_is_never_ranked(
    limits: Defaults, success: float | None, guidance: float
) -> None:
    """It gives the source back without any flicker, and would top every table for that."""
    found = scores(success=success)

    why = gate(found, Floors(background_db=30.0, whole_db=30.0), Settings(reconstruct=True, guidance=guidance), limits)

    assert why == "asked to change nothing"
    assert found.values["success_judged"] == success


def test_what_no_judge_saw_is_not_ranked(limits: Defaults) -> None:
    found = scores(success=None)
    found.reasons["success"] = "no judge for style"

    assert gate(found, Floors(), EDITS, limits) == "success not measured: no judge for style"


def test_the_inversion_gap_is_what_there_and_back_without_guidance_loses_beyond_the_vae(limits: Defaults) -> None:
    back, guided, edited, blind = (scores(psnr_to_source_db=27.5) for _ in range(4))
    there_and_back = Settings(reconstruct=True, guidance=1.0)

    why = gate(back, Floors(whole_db=30.0), there_and_back, limits)
    gate(guided, Floors(whole_db=30.0), replace(there_and_back, guidance=3.0), limits)
    gate(edited, Floors(whole_db=30.0), Settings(guidance=1.0), limits)
    gate(blind, Floors(reason="no VAE here"), there_and_back, limits)

    assert why == "asked to change nothing"
    assert back.values["inversion_gap_db"] == 2.5
    assert "inversion_gap_db" not in guided.values
    assert "inversion_gap_db" not in edited.values
    assert blind.reasons["inversion_gap_db"] == "no VAE here"


def test_what_is_not_finite_is_no_number() -> None:
    found = Scores()

    found.measure("a", lambda: float("nan"))
    found.keep("b", float("inf"), "")
    found.keep("c", 2.0, "")

    assert found.values == {"a": None, "b": None, "c": 2.0}
    assert found.reasons == {"a": "got nan", "b": "got inf"}
