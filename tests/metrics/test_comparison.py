import numpy as np
import pytest

from shotgraph.api.kinds import FlowFrame
from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.comparison import Comparison, Measure, Motion, embedding_measures

HEIGHT, WIDTH, STEP = 40, 56, 2


def window(index: int) -> np.ndarray:
    """A smooth world that moves left by `STEP` px a frame."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    x = x + STEP * index
    return np.stack([np.sin(x / 5), np.sin(y / 4 + x / 9), np.cos(x / 7 - y / 6)], axis=-1) * np.float32(
        0.4
    ) + np.float32(0.5)


def flow(step: float) -> FlowFrame:
    forward = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    forward[..., 0] = -step
    occluded = np.zeros((HEIGHT, WIDTH), np.float32)
    occluded[:, : round(step)] = 1
    return FlowFrame(forward, -forward, occluded)


def compared(
    result: list[np.ndarray], *, result_step: float = STEP, matte: np.ndarray | None = None
) -> dict[str, Measure]:
    comparison = Comparison()
    for index, frame in enumerate(result):
        motion = Motion(flow(STEP), flow(STEP).occluded < 0.5, flow(result_step)) if index else None
        comparison.add(window(index), frame.astype(np.float32), matte=matte, motion=motion)
    return {measure.name: measure for measure in comparison.measures()}


SOURCE = [window(index) for index in range(5)]


def test_a_copy_of_the_source_is_perfectly_preserved_and_says_so_without_infinity() -> None:
    found = compared(SOURCE)

    assert found["psnr to source"].value is None
    assert found["psnr to source"].note == "equal to the source: no error at all"
    assert found["ssim to source"].value == pytest.approx(1)
    assert found["gmsd to source"].value == 0
    assert found["warp error"].value == pytest.approx(0, abs=1e-3)
    assert found["warp ssim"].value == pytest.approx(1, abs=1e-4)
    assert found["motion alignment"].value == 0
    assert found["motion fidelity"].value == pytest.approx(1)


def test_a_repeated_still_is_found_out_by_motion_and_warp_error() -> None:
    found = compared([SOURCE[0]] * 5, result_step=0)

    assert found["motion fidelity"].value == 0
    assert found["motion alignment"].value == pytest.approx(-STEP)
    assert (found["warp error"].value or 0) > 5
    assert found["warp error of source"].value == pytest.approx(0, abs=1e-3)


def test_flicker_and_drift_are_told_apart() -> None:
    flicker = compared([frame + 0.05 * (-1) ** index for index, frame in enumerate(SOURCE)])
    drift = compared([frame + 0.02 * index for index, frame in enumerate(SOURCE)])

    assert flicker["warp error"].value == pytest.approx(10, rel=1e-3)
    assert flicker["warp error long range"].value == pytest.approx(5, rel=1e-3)
    assert drift["warp error long range of source"].value == pytest.approx(0, abs=1e-3)
    assert drift["warp error"].value == pytest.approx(0.4, rel=1e-2)
    assert drift["warp error long range"].value == pytest.approx(0.4 * (1 + 4 + 9 + 16) / 4, rel=1e-2)


def test_a_matte_splits_fidelity_in_two() -> None:
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[10:22, 20:36] = 1
    result = [np.where(matte[..., None] > 0, frame + 0.1, frame) for frame in SOURCE]

    found = compared(result, matte=matte)

    assert found["psnr to source inside matte"].value == pytest.approx(20, abs=1e-3)
    assert found["psnr to source outside matte"].value is None
    assert found["psnr to source outside matte"].note.startswith("equal")
    whole = -10 * np.log10(0.01 * matte.mean())
    assert found["psnr to source"].value == pytest.approx(whole, abs=1e-3)


def test_a_matte_that_covers_everything_leaves_no_outside() -> None:
    found = compared(SOURCE, matte=np.ones((HEIGHT, WIDTH), np.float32))

    assert found["psnr to source outside matte"].note == "the matte leaves no pixel of this region"
    assert "ssim to source outside matte" not in found


def test_a_matte_too_thin_for_a_window_says_so() -> None:
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[20, 20] = 1
    changed = [frame + np.float32(0.1) for frame in SOURCE]

    found = compared(changed, matte=matte)

    assert found["psnr to source inside matte"].value == pytest.approx(20, abs=1e-3)
    for name in ("ssim", "gmsd"):
        measure = found[f"{name} to source inside matte"]
        assert (measure.value, measure.note) == (None, "the matte is too thin here for a window")


def test_one_frame_has_fidelity_only() -> None:
    assert list(compared(SOURCE[:1])) == ["psnr to source", "ssim to source", "gmsd to source"]


def test_nothing_visible_is_said_and_not_measured() -> None:
    comparison = Comparison()
    hidden = FlowFrame(flow(0).forward, flow(0).backward, np.ones((HEIGHT, WIDTH), np.float32))
    comparison.add(SOURCE[0], SOURCE[0])
    comparison.add(SOURCE[1], SOURCE[1], motion=Motion(hidden, np.zeros((HEIGHT, WIDTH), np.bool_), hidden))

    found = {measure.name: measure for measure in comparison.measures()}

    assert found["warp error"] == Measure("warp error", None, "x1e-3", "lower", "no pixel is visible in the next frame")
    assert found["motion fidelity"].note == "no point could be tracked"
    assert found["motion alignment"].value is None


def test_a_frame_without_its_motion_or_of_another_size_is_refused() -> None:
    comparison = Comparison()
    comparison.add(SOURCE[0], SOURCE[0])

    with pytest.raises(UsageError, match="compare: motion must be given from the second frame on, got None; measure"):
        comparison.add(SOURCE[1], SOURCE[1])
    with pytest.raises(ShapeError, match=r"compare: result must be \(40, 56, 3\), got \(40, 55, 3\)"):
        comparison.add(SOURCE[1], SOURCE[1][:, 1:])
    with pytest.raises(ShapeError, match=r"compare: matte must be \(40, 56\), got \(40, 55\)"):
        comparison.add(SOURCE[1], SOURCE[1], matte=np.ones((HEIGHT, WIDTH - 1), np.float32))
    torn = SOURCE[1].copy()
    torn[3, 4] = np.nan
    with pytest.raises(
        ShapeError, match="compare: result must be finite, got 3 values that are not; paint or mask them"
    ):
        comparison.add(SOURCE[1], torn)


def test_embeddings_say_as_much_as_there_are_prompts() -> None:
    x, y = np.eye(2, dtype=np.float32)
    result, source = np.stack([y, y, x]), np.stack([x, x, x])

    names = [measure.name for measure in embedding_measures(result, source)]
    found = {measure.name: measure.value for measure in embedding_measures(result, source, prompt=y, source_prompt=x)}

    assert names == ["frame consistency adjacent", "frame consistency all pairs"]
    assert found["text alignment"] == pytest.approx(2 / 3)
    assert found["frame accuracy"] == pytest.approx(2 / 3)
    assert found["directional similarity"] == pytest.approx(2 / 3)
    assert found["frame consistency adjacent"] == pytest.approx(0.5)
    assert found["frame consistency all pairs"] == pytest.approx(1 / 3)
    assert embedding_measures(result, source, instances=source)[0].value == 1
    assert [m.name for m in embedding_measures(result[:1], source[:1], prompt=y)] == ["text alignment"]
