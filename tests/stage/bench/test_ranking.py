"""What may be ranked: success, and a background no worse than the VAE's own loss allows."""

import pytest

from shotgraph.stage.bench.ranking import Floors, gate
from shotgraph.stage.bench.scores import Scores


def scores(**values: float | None) -> Scores:
    return Scores(values={"success": 1.0, "success_every_frame": 1.0, "background_psnr_db": 30.0} | values)


def test_a_background_more_than_six_db_below_the_vae_is_no_success() -> None:
    found = scores(background_psnr_db=23.9)

    why = gate(found, Floors(background_db=30.0), reconstructs=False)

    assert why == "background 23.9 dB, more than 6 dB below the VAE's 30.0 dB"
    assert found.values["success"] == 0.0
    assert found.values["success_every_frame"] == 0.0
    assert found.values["success_judged"] == 1.0
    assert found.values["vae_background_psnr_db"] == 30.0


def test_six_db_below_the_vae_is_still_a_success() -> None:
    found = scores(background_psnr_db=24.0)

    assert gate(found, Floors(background_db=30.0), reconstructs=False) == ""
    assert found.values["success"] == 1.0


def test_where_nothing_must_stay_or_no_vae_is_there_success_stands_and_the_reason_is_kept() -> None:
    everywhere, without = scores(background_psnr_db=None), scores(background_psnr_db=5.0)

    assert gate(everywhere, Floors(background_db=30.0), reconstructs=False) == ""
    assert gate(without, Floors(reason="no model given, so no VAE"), reconstructs=False) == ""
    assert without.reasons["vae_background_psnr_db"] == "no model given, so no VAE"


@pytest.mark.parametrize(
    ("success", "why"), [(0.5, ""), (0.25, "success 25%, below 50%"), (0.0, "success 0%, below 50%")]
)
def test_half_of_the_frames_must_succeed(success: float, why: str) -> None:
    assert gate(scores(success=success), Floors(), reconstructs=False) == why


def test_what_no_judge_saw_is_not_ranked() -> None:
    found = scores(success=None)
    found.reasons["success"] = "no judge for style"

    assert gate(found, Floors(), reconstructs=False) == "success not measured: no judge for style"


def test_the_inversion_gap_is_what_there_and_back_without_guidance_loses_beyond_the_vae() -> None:
    back, guided, edited = (scores(psnr_to_source_db=27.5) for _ in range(3))

    gate(back, Floors(whole_db=30.0), reconstructs=True, guidance=1.0)
    gate(guided, Floors(whole_db=30.0), reconstructs=True, guidance=3.0)
    gate(edited, Floors(whole_db=30.0), reconstructs=False, guidance=1.0)

    assert back.values["inversion_gap_db"] == 2.5
    assert "inversion_gap_db" not in guided.values
    assert "inversion_gap_db" not in edited.values
