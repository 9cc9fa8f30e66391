"""The six controls on real clips: what each metric must say of an answer that is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from shotgraph.errors import UnavailableError
from shotgraph.stage.bench.codec import Codec
from shotgraph.stage.bench.controls import JITTER, controls, jittered
from shotgraph.stage.bench.methods import Frames, Settings
from shotgraph.stage.bench.scores import MOST_DB, Instruments, Scores, score
from shotgraph.stage.bench.truth import RANKED_FROM, Truth, held_out, pictures
from shotgraph.stage.edits import Family

FAMILIES: tuple[Family, ...] = ("E1", "E4")
CLIPS = range(RANKED_FROM, RANKED_FROM + 3)
NAMES = ("copy_source", "repeat_frame", "gt_edit", "gt_vae", "colour_jitter", "blur")


@dataclass(frozen=True)
class Softening(Codec):
    """A VAE's stand-in, since none is shipped with the tests: it loses fine detail and is the same on every frame."""

    folder: Path | None = Path("soft")

    @property
    def missing(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return "soft 1"

    def round_trip(self, frames: Frames) -> Frames:
        rolled = (np.roll(frames, 1, axis=1) + np.roll(frames, 1, axis=2)) / 2
        return (0.8 * frames + 0.2 * rolled).astype(np.float32)


@cache
def measured(name: str, family: Family, clip: int) -> Scores:
    truth = Truth(held_out(family, clip, side_px=64, frames=4))
    control = next(c for c in controls(Softening()) if c.name == name)
    outcome = control.run(truth.source, truth.edit, 0, Settings())
    return score(outcome.frames, truth, Instruments())


def mean(name: str, metric: str, families: tuple[Family, ...] = FAMILIES) -> float:
    values = [measured(name, family, clip).values[metric] for family in families for clip in CLIPS]
    return float(np.mean([value for value in values if value is not None]))


def each(metric: str) -> Iterator[float]:
    for name in NAMES:
        yield mean(name, metric)


def test_there_are_six_in_the_order_of_the_report() -> None:
    assert tuple(control.name for control in controls(Codec())) == NAMES
    assert all(control.is_control for control in controls(Codec()))


def test_the_source_never_succeeds_and_tops_preservation() -> None:
    assert mean("copy_source", "success") == 0.0
    assert mean("copy_source", "background_psnr_db") == MOST_DB
    assert mean("copy_source", "psnr_to_source_db") == max(each("psnr_to_source_db"))


def test_a_repeated_frame_tops_consistency_and_fails_trajectory_and_success() -> None:
    consistency = dict(zip(NAMES, each("consistency_pixels"), strict=True))

    assert consistency["repeat_frame"] == pytest.approx(1.0)
    assert all(value < 0.999 for name, value in consistency.items() if name != "repeat_frame")
    assert mean("repeat_frame", "trajectory_error_px") > 1.0
    assert mean("repeat_frame", "success") < 0.2
    assert mean("repeat_frame", "warp_error_e3") > 20 * mean("gt_edit", "warp_error_e3")


@pytest.mark.parametrize("family", ["E1", "E3", "E4"])
def test_a_repeated_frame_is_not_faithful_to_a_moving_object(family: Family) -> None:
    """Over the whole picture it would be: most of it stands still."""
    moving = [clip for clip in CLIPS if (measured("gt_edit", family, clip).values["motion_px"] or 0) > 0.5]
    still, true = (
        [measured(name, family, clip).values["motion_fidelity"] for clip in moving]
        for name in ("repeat_frame", "gt_edit")
    )

    assert moving
    assert all(
        lost is not None and kept is not None and kept - lost > 0.8 for lost, kept in zip(still, true, strict=True)
    )


@pytest.mark.parametrize("family", ["E1", "E2", "E3", "E4", "E5", "E7"])
def test_the_true_edit_does_not_flicker_and_jitter_does(family: Family) -> None:
    """Points are on what was edited, before and after: a shape that changed has no points outside its new rim."""
    true, jittery = (mean(name, "flicker_e3", (family,)) for name in ("gt_edit", "colour_jitter"))

    assert true < 1.0
    assert jittery > 3.0


def test_where_an_object_is_removed_its_metrics_have_a_reason() -> None:
    scores = measured("gt_edit", "E8", RANKED_FROM)

    for metric in ("trajectory_error_px", "motion_fidelity", "flicker_e3"):
        assert scores.values[metric] is None
        assert scores.reasons[metric] == "the object is removed"
    assert scores.values["success"] == 1.0


WAYS = {"right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1)}
PLACED = ((1000, 64), (1001, 64), (1001, 128), (1002, 128), (1004, 128))


def displaced(truth: Truth, x: int, y: int) -> Frames | None:
    """The true object elsewhere on the true plate; None where it would leave the frame."""
    solid = truth.silhouettes > 0.5
    _, rows, columns = np.nonzero(solid)
    height, width = solid.shape[1:]
    if rows.min() + y < 0 or rows.max() + y >= height or columns.min() + x < 0 or columns.max() + x >= width:
        return None
    there, moved = (np.roll(values, (y, x), axis=(1, 2)) for values in (solid, truth.target))
    return np.where(there[..., None], moved, truth.plates[1])


def test_the_true_object_is_found_where_it_is() -> None:
    """The path is the truth's own, and not what the same measurement finds in the truth."""
    truth = Truth(held_out("E1", RANKED_FROM, side_px=64, frames=4))

    there = score(truth.target, truth, Instruments()).values["trajectory_error_px"]

    assert there is not None
    assert 0 < there < 0.3


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("offset_px", [3, 12, 20])
def test_an_object_that_lies_elsewhere_is_off_its_path_by_as_much(offset_px: int, way: str) -> None:
    """Far from its path it must not be found any nearer."""
    x, y = (offset_px * step for step in WAYS[way])
    found: list[float | None] = []
    for clip, side_px in PLACED:
        truth = Truth(held_out("E1", clip, side_px=side_px, frames=3))
        frames = displaced(truth, x, y)
        if frames is not None:
            found.append(score(frames, truth, Instruments()).values["trajectory_error_px"])

    assert len(found) >= 2
    assert all(off is not None and 0.75 * offset_px <= off <= 1.25 * offset_px + 0.5 for off in found), found


def test_an_object_of_which_less_than_half_is_left_is_lost() -> None:
    truth = Truth(held_out("E1", RANKED_FROM, side_px=64, frames=4))
    kept = truth.silhouettes > 0.5
    # Column by column from the left, until a third is left of it in every frame.
    share = np.cumsum(kept.sum(axis=1), axis=1) / kept.sum(axis=(1, 2))[:, None]
    frames = np.where((kept & (share < 1 / 3)[:, None, :])[..., None], truth.target, truth.plates[1])

    scores = score(frames, truth, Instruments())

    assert scores.values["trajectory_error_px"] is None
    assert scores.reasons["trajectory_error_px"] == "the object is found in 0 of 4 frames"


def test_what_is_smaller_or_larger_than_the_object_is_not_taken_for_it() -> None:
    truth = Truth(held_out("E1", RANKED_FROM + 1, side_px=64, frames=4))
    cluttered = truth.target.copy()
    # A speck of 5 px across, which alone would pull the centre by more than a pixel, and a bar across the top.
    cluttered[:, -7:-2, 2:7] = 1 - cluttered[:, -7:-2, 2:7].round()
    cluttered[:, :14] = 1 - cluttered[:, :14].round()

    off = score(cluttered, truth, Instruments()).values["trajectory_error_px"]

    assert off is not None
    assert off < 0.3


def test_the_true_edit_succeeds_and_differs_from_the_source_it_was_made_of() -> None:
    """What compares it with itself could not fail: these are against the source, the flow and the judge."""
    assert mean("gt_edit", "success") == 1.0
    assert mean("gt_edit", "psnr_to_source_db") < 30 < mean("gt_edit", "background_psnr_db")
    assert mean("gt_edit", "warp_error_e3") <= 0.05
    assert mean("gt_edit", "warp_error_far_e3") <= 0.05
    assert 0 < mean("gt_edit", "trajectory_error_px") < 0.3
    assert mean("gt_edit", "motion_fidelity") > 0.9


def test_what_is_measured_against_the_truth_gets_worse_with_every_step_away_from_it() -> None:
    truth = Truth(held_out("E1", RANKED_FROM, side_px=64, frames=4))
    noise = np.random.default_rng(3).standard_normal(truth.target.shape).astype(np.float32)
    shares = (0.0, 0.02, 0.06)

    found = [score(np.clip(truth.target + share * noise, 0, 1), truth, Instruments()).values for share in shares]

    for metric, sign in (
        ("psnr_to_truth_db", -1),
        ("psnr_inside_db", -1),
        ("ssim_to_truth", -1),
        ("gmsd_to_truth", 1),
        ("warp_error_e3", 1),
        ("warp_error_excess_e3", 1),
        ("warp_error_far_excess_e3", 1),
        ("flicker_e3", 1),
    ):
        values = [sign * (values[metric] or 0.0) for values in found]
        assert values[0] < values[1] < values[2], metric
    # Noise of deviation 0.02, a little less where it is clipped.
    assert found[1]["psnr_to_truth_db"] == pytest.approx(-20 * np.log10(0.02), abs=0.5)


def test_excess_is_what_the_true_edit_does_not_have() -> None:
    truth = Truth(held_out("E1", RANKED_FROM, side_px=64, frames=4))
    noisy = truth.target + np.float32(0.05) * np.random.default_rng(5).standard_normal(truth.target.shape).astype(
        np.float32
    )

    own, floor = (score(frames, truth, Instruments()).values for frames in (noisy, truth.target))

    for name in ("warp_error", "warp_error_far"):
        expected = (own[f"{name}_e3"] or 0) - (floor[f"{name}_e3"] or 0)
        assert floor[f"{name}_e3"] != 0
        assert own[f"{name}_excess_e3"] == pytest.approx(expected)
        # Noise on both frames of a pair, taken off twice by a cubic kernel that smooths a little.
        assert 1.2 < expected / (1000 * 0.05**2) < 2.1


def test_jitter_flickers_and_nothing_else() -> None:
    assert mean("colour_jitter", "success") == 1.0
    assert mean("colour_jitter", "warp_error_excess_e3") > 0.01
    assert mean("colour_jitter", "flicker_e3") > 5 * mean("gt_edit", "flicker_e3")
    assert mean("colour_jitter", "trajectory_error_px") == pytest.approx(
        mean("gt_edit", "trajectory_error_px"), abs=0.1
    )


def test_a_steady_blur_fools_the_warp_error_and_not_the_distance_to_the_truth() -> None:
    assert mean("blur", "warp_error_excess_e3") < 0.5 * mean("colour_jitter", "warp_error_excess_e3")
    assert mean("blur", "psnr_to_truth_db") < mean("colour_jitter", "psnr_to_truth_db") - 5
    assert mean("blur", "gmsd_to_truth") > mean("colour_jitter", "gmsd_to_truth") + 0.01


def test_the_true_edit_through_the_vae_succeeds_at_its_loss() -> None:
    assert mean("gt_vae", "success") == 1.0
    assert 20 < mean("gt_vae", "psnr_to_truth_db") < MOST_DB


def test_without_a_vae_there_is_a_reason_and_no_row() -> None:
    control = next(c for c in controls(Codec()) if c.name == "gt_vae")

    assert control.missing(Settings()) == "no model given, so no VAE"
    with pytest.raises(UnavailableError, match="the VAE must be there, got: no model given"):
        Codec().round_trip(np.zeros((1, 8, 8, 3), np.float32))


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    codec = Codec(tmp_path / "vae")

    assert codec.missing == f"no VAE at {tmp_path}/vae/diffusion_pytorch_model.safetensors"
    assert codec.version == ""


def test_jitter_is_a_gain_of_two_per_cent_per_frame_and_channel() -> None:
    grey = np.full((400, 2, 3, 3), 0.5, np.float32)

    frames = jittered(grey, seed=3, clip=8)

    gains = frames[:, 0, 0] / 0.5
    assert np.ptp(frames, axis=(1, 2)).max() == 0
    assert gains.std() == pytest.approx(JITTER, rel=0.1)
    assert np.array_equal(frames, jittered(grey, seed=3, clip=8))
    assert not np.array_equal(frames, jittered(grey, seed=4, clip=8))


def test_two_clips_jitter_independently_of_each_other() -> None:
    """Paired over clips, gains that all clips share would count as one clip."""
    jitter = next(control for control in controls(Codec()) if control.name == "colour_jitter")
    gains = []
    for clip in (RANKED_FROM, RANKED_FROM + 1):
        edit = held_out("E1", clip, side_px=64, frames=4)
        given = pictures(edit.target)
        frames = jitter.run(pictures(edit.source), edit, 0, Settings()).frames
        # A bright value would be cut off at 1.
        ratios = np.where((given > 0.1) & (given < 0.9), frames / given.clip(0.1), np.nan)
        gains.append(np.nanmedian(ratios, axis=(1, 2)))

    assert np.abs(gains[0] - gains[1]).min() > 1e-4


def test_a_metric_without_a_model_has_a_reason() -> None:
    scores = measured("gt_edit", "E1", RANKED_FROM)

    assert scores.values["consistency_adjacent"] is None
    assert scores.reasons["consistency_adjacent"] == "no embedder that sees flicker"
    assert scores.reasons["text_alignment"] == "no embedder of frames and words"
    assert {name for name, value in scores.values.items() if value is None} == set(scores.reasons)


def test_a_texture_without_a_trained_judge_has_no_success_but_every_other_number() -> None:
    scores = measured("gt_edit", "E2", RANKED_FROM)

    assert scores.values["success"] is None
    assert "texture must be read by the trained judge, got none" in scores.reasons["success"]
    assert scores.values["psnr_to_truth_db"] == MOST_DB


def test_why_there_is_no_judge_is_said_where_it_is_missed() -> None:
    truth = Truth(held_out("E2", RANKED_FROM, side_px=64, frames=2))

    scores = score(truth.target, truth, Instruments(no_reader="stage-judge is damaged"))

    assert scores.reasons["success"].endswith("pass one made of stage-judge (stage-judge is damaged)")


def test_metrics_ask_the_embedders_they_are_given() -> None:
    class Means:
        name = "means"

        def image(self, frames: Frames) -> np.ndarray:
            vectors = frames.mean(axis=(1, 2))
            return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

        def text(self, prompts: list[str]) -> np.ndarray:
            return np.eye(3)[: len(prompts)]

    truth = Truth(held_out("E1", RANKED_FROM, side_px=64, frames=3))
    still = np.repeat(truth.source[:1], 3, axis=0)

    scores = score(still, truth, Instruments(embedder=Means(), consistency=Means()))

    assert scores.values["consistency_adjacent"] == pytest.approx(1.0)
    assert scores.values["text_alignment"] == pytest.approx(float(Means().image(still)[:, 0].mean()))
    assert scores.reasons["appearance_leak"] == "the edit transfers no motion"
