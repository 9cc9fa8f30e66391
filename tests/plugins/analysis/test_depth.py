"""`depth.estimate`: what it promises of every frame, one scale for a clip, and none across a cut."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_depths import DEPTHS, write_dpt, write_zoedepth
from tiny_poses import write_vitpose

from shotgraph.api import Table
from shotgraph.api.kinds import check_frame
from shotgraph.digests import file_key
from shotgraph.errors import GraphError, NodeError, UnavailableError
from shotgraph.maths.solvers import flow_of_pair
from shotgraph.models.registry import resolve
from shotgraph.plugins.analysis import depth as module
from shotgraph.plugins.analysis.depth import Answers, Estimate

Checkpoint = Callable[..., Path]
RunClip = Callable[..., Any]
Stream = Callable[..., Any]
Drifting = Callable[..., list[np.ndarray]]


def flows_of(pictures: list[np.ndarray]) -> list[Any]:
    """Flow of every pair, and of the last frame, which has none."""
    pairs = zip(pictures, [*pictures[1:], pictures[-1]], strict=True)
    return [flow_of_pair(a, b, preset="medium", scale=1.0) for a, b in pairs]


def values_of(ran: Any) -> np.ndarray:
    """(T, H, W) that were emitted."""
    return np.stack([out.depth.values for out in ran.emitted.values()])


@pytest.fixture
def stub(checkpoint: Checkpoint) -> Callable[..., dict[str, Any]]:
    """What the node leases for `folder`, in place of its network: a function of a stack of frames."""

    def make(network: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
        folder = checkpoint(write_dpt)
        return {f"depth {resolve(str(folder)).digest} False cpu": network}

    return make


@pytest.fixture
def folder(checkpoint: Checkpoint) -> str:
    return str(checkpoint(write_dpt))


@pytest.mark.parametrize("name", DEPTHS)
def test_every_frame_is_relative_inverse_depth_with_one_range(
    name: str, checkpoint: Checkpoint, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    pictures = drifting(5)
    readers = {"video": stream(pictures), "flow": stream(flows_of(pictures), kind="flow", size=(40, 56))}

    ran = run_clip(Estimate, readers, model=str(checkpoint(DEPTHS[name])), batch_frames=2)

    assert list(ran.emitted) == [1001, 1002, 1003, 1004, 1005]
    assert ran.out is None
    assert ran.warnings == []
    for out in ran.emitted.values():
        check_frame("depth", out.depth, who="depth.depth")
        assert out.depth.values.shape == (40, 56)
        assert np.isfinite(out.depth.values).all()
    assert len({(float(out.depth.low), float(out.depth.high)) for out in ran.emitted.values()}) == 1
    assert ran.emitted[1001].depth.low < ran.emitted[1001].depth.high
    assert ran.notes["far"] == pytest.approx(float(ran.emitted[1001].depth.low))


def test_one_frame_is_enough(folder: str, run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    pictures = drifting(1)
    readers = {"video": stream(pictures), "flow": stream(flows_of(pictures), kind="flow", size=(40, 56))}

    with_flow = run_clip(Estimate, readers, model=folder)
    without = run_clip(Estimate, {"video": readers["video"]}, model=folder)

    assert list(with_flow.emitted) == [1001]
    np.testing.assert_array_equal(values_of(with_flow), values_of(without))


def test_a_part_is_that_part_of_the_whole(folder: str, run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    pictures = drifting(7)
    readers = {"video": stream(pictures), "flow": stream(flows_of(pictures), kind="flow", size=(40, 56))}

    whole = run_clip(Estimate, readers, model=folder, batch_frames=3)
    part = run_clip(Estimate, readers, model=folder, batch_frames=3, frames=(1003, 1004))

    assert list(part.emitted) == [1003, 1004]
    np.testing.assert_array_equal(values_of(part), values_of(whole)[2:4])
    assert part.emitted[1003].depth.high == whole.emitted[1003].depth.high


def test_the_batch_is_filled_up_and_changes_nothing(
    folder: str, run_clip: RunClip, stream: Stream, drifting: Drifting, stub: Any
) -> None:
    sizes: list[int] = []

    def network(frames: np.ndarray) -> np.ndarray:
        sizes.append(len(frames))
        return frames[..., 0] * 3

    reader = stream(drifting(5))
    by_two = run_clip(Estimate, {"video": reader}, leased=stub(network), model=folder, batch_frames=2)
    read = list(reader.read)
    by_four = run_clip(Estimate, {"video": reader}, leased=stub(network), model=folder, batch_frames=4)

    assert sizes == [2, 2, 2, 4, 4]
    assert read == [1001, 1002, 1003, 1004, 1005]
    np.testing.assert_array_equal(values_of(by_two), values_of(by_four))


class Flickering:
    """Truth is the green of each picture; every frame comes with a scale and a shift of its own."""

    def __init__(self, scales: list[float]) -> None:
        self.scales, self.at = scales, 0

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        told = [frame[..., 1] * scale + (scale - 1) for frame, scale in zip(frames, self._next(frames), strict=True)]
        return np.stack(told).astype(np.float32)

    def _next(self, frames: np.ndarray) -> list[float]:
        start, self.at = self.at, self.at + len(frames)
        return self.scales[start : self.at]


def scale_of(values: np.ndarray, truth: np.ndarray) -> float:
    """Slope of values over the truth they were made of."""
    return float(np.polyfit(truth[..., 1].ravel(), values.ravel(), 1)[0])


def test_frames_are_brought_to_one_scale_along_the_flow(
    folder: str, run_clip: RunClip, stream: Stream, drifting: Drifting, stub: Any
) -> None:
    pictures, scales = drifting(6), [1.0, 1.6, 0.7, 1.2, 0.5, 1.4]
    readers = {"video": stream(pictures), "flow": stream(flows_of(pictures), kind="flow", size=(40, 56))}

    leased = stub(Flickering(scales))
    steady = run_clip(Estimate, readers, leased=leased, model=folder, batch_frames=1)
    raw = run_clip(Estimate, {"video": readers["video"]}, leased=stub(Flickering(scales)), model=folder, batch_frames=1)

    found = [scale_of(v, p) for v, p in zip(values_of(steady), pictures, strict=True)]
    kept = [scale_of(v, p) for v, p in zip(values_of(raw), pictures, strict=True)]
    np.testing.assert_allclose(kept, scales, rtol=1e-4)
    # Two per cent of what is left over is drawn back at every frame.
    np.testing.assert_allclose(found, 1.0, atol=0.06)
    assert steady.warnings == []


def cut_clip(drifting: Drifting) -> tuple[list[np.ndarray], list[Any]]:
    """Four frames of one place and four of another, and what flow makes of the cut between them."""
    pictures = drifting(4, height=96, width=128, seed=1) + drifting(4, height=96, width=128, seed=2)
    return pictures, flows_of(pictures)


def test_no_scale_is_carried_over_a_cut(
    folder: str, run_clip: RunClip, stream: Stream, drifting: Drifting, stub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, flows = cut_clip(drifting)
    scales = [1.0, 0.5, 2.0, 2.0, 3.0, 1.5, 6.0, 3.0]
    readers = {"video": stream(pictures), "flow": stream(flows, kind="flow", size=(96, 128))}

    def run() -> Any:
        return run_clip(Estimate, readers, leased=stub(Flickering(scales)), model=folder, batch_frames=1)

    ran = run()
    monkeypatch.setattr(module, "is_cut", lambda _: False)
    carried = run()

    found = [scale_of(v, p) for v, p in zip(values_of(ran), pictures, strict=True)]
    np.testing.assert_allclose(found[:4], 1.0, atol=0.06)
    # Behind the cut the network's own scale counts, from its first frame on.
    np.testing.assert_array_equal(values_of(ran)[4], Flickering([3.0])(pictures[4][None])[0])
    np.testing.assert_allclose(found[4:], 3.0, atol=0.2)
    assert ran.warnings == ["node: the shot looks cut before 1005; depth begins a scale of its own there"]
    assert not np.allclose(scale_of(values_of(carried)[4], pictures[4]), 3.0, atol=0.5)
    assert carried.warnings == []


def test_a_cut_that_flow_does_not_show_is_told_by_a_table(
    folder: str, run_clip: RunClip, stream: Stream, drifting: Drifting, stub: Any
) -> None:
    pictures, scales = drifting(4), [1.0, 1.0, 4.0, 2.0]
    readers = {"video": stream(pictures), "flow": stream(flows_of(pictures), kind="flow", size=(40, 56))}
    cuts = Table(("change_lab", "frame"), ((30.0, 1003),))

    ran = run_clip(
        Estimate, readers, values={"cuts": cuts}, leased=stub(Flickering(scales)), model=folder, batch_frames=1
    )

    found = [scale_of(v, p) for v, p in zip(values_of(ran), pictures, strict=True)]
    np.testing.assert_allclose(found, [1, 1, 4, 4], rtol=0.08)
    assert ran.warnings == ["node: the shot looks cut before 1003; depth begins a scale of its own there"]


def test_what_stands_for_far_and_near_are_percentiles_of_the_clip(
    folder: str, run_clip: RunClip, stream: Stream, stub: Any
) -> None:
    pictures = [np.full((20, 50, 3), level, np.float32) for level in (0.1, 0.2, 0.3, 0.4)]

    def far_and_near(**settings: float) -> tuple[float, float]:
        ran = run_clip(
            Estimate, {"video": stream(pictures)}, leased=stub(lambda f: f[..., 0]), model=folder, **settings
        )
        return float(ran.emitted[1002].depth.low), float(ran.emitted[1002].depth.high)

    assert far_and_near(far_percentile=0, near_percentile=100) == pytest.approx((0.1, 0.4))
    assert far_and_near(far_percentile=40, near_percentile=60) == pytest.approx((0.2, 0.3))


def test_a_killed_estimate_goes_on_where_it_was(
    folder: str, run_clip: RunClip, stream: Stream, drifting: Drifting, stub: Any, tmp_path: Path
) -> None:
    asked: list[int] = []

    def network(frames: np.ndarray) -> np.ndarray:
        asked.append(len(frames))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return frames[..., 0]

    reader = stream(drifting(6))
    uninterrupted = run_clip(
        Estimate, {"video": reader}, leased=stub(lambda f: f[..., 0]), model=folder, batch_frames=2
    )
    with pytest.raises(KeyboardInterrupt):
        run_clip(Estimate, {"video": reader}, leased=stub(network), model=folder, batch_frames=2)
    with pytest.raises(KeyboardInterrupt):
        run_clip(Estimate, {"video": reader}, leased=stub(network), model=folder, batch_frames=2, stop_after=2)
    again = run_clip(Estimate, {"video": reader}, leased=stub(network), model=folder, batch_frames=2)

    # Two batches, a third that was cut short, and that one again; the last run asks nothing.
    assert asked == [2, 2, 2, 2]
    np.testing.assert_array_equal(values_of(again), values_of(uninterrupted))
    assert list((tmp_path / "work").iterdir()) == []


def test_a_torn_answer_is_none(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    (tmp_path / "answer_1001.part.npy").write_bytes(b"half")

    answers.keep(1002, np.ones((2, 3), np.float32))

    assert 1001 not in answers
    assert 1002 in answers
    np.testing.assert_array_equal(answers[1002], np.ones((2, 3)))


def test_no_more_frames_are_held_than_a_batch_whatever_the_length(
    folder: str, run_clip: RunClip, make_reader: Any, make_header: Any, stub: Any, alive: Any
) -> None:
    most = []
    for count in (8, 40):
        info = make_header(count=count, width=16, height=12, first_frame=1001)
        picture = np.random.default_rng(0).random((12, 16, 3)).astype(np.float32)
        reader = make_reader(info, lambda _, picture=picture: alive.note(picture))
        run_clip(Estimate, {"video": reader}, leased=stub(lambda f: f[..., 0].copy()), model=folder, batch_frames=3)
        most.append(alive.most)

    assert most == [3, 3]


def test_frames_too_small_for_the_network_fail_with_the_cure(
    checkpoint: Checkpoint, run_clip: RunClip, stream: Stream
) -> None:
    with pytest.raises(
        NodeError, match=r"ZoeDepthForDepthEstimation can be shown, got 4x3: .+; enlarge them with core\.resize"
    ):
        run_clip(Estimate, {"video": stream([np.zeros((3, 4, 3), np.float32)])}, model=str(checkpoint(write_zoedepth)))


def test_a_checkpoint_of_another_class_is_refused(
    checkpoint: Checkpoint, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    other = checkpoint(write_vitpose)

    with pytest.raises(
        UnavailableError, match=rf"model: {other} must be a DPT, .+ got VitPoseForPoseEstimation; choose stage-depth"
    ):
        run_clip(Estimate, {"video": stream(drifting(1))}, model=str(other))


def test_absent_weights_say_how_to_get_them_and_nothing_is_fetched(make_context: Any) -> None:
    commit = "a" * 40

    with pytest.raises(UnavailableError, match=rf"with a network run: shotgraph models pull acme/depth@{commit}$"):
        Estimate.models(Estimate.Params(model=f"acme/depth@{commit}"), make_context(headers={}))
    with pytest.raises(
        UnavailableError,
        match=r"weights: /none/dpt_hybrid\.pt must be a file on this machine, got nothing at /none/dpt_hybrid\.pt; check the path$",
    ):
        Estimate.models(
            Estimate.Params(estimator="midas_hybrid", model="/none/dpt_hybrid.pt"), make_context(headers={})
        )


@pytest.mark.parametrize("estimator", ["midas_hybrid", "midas_large"])
def test_midas_is_asked_by_the_file_of_its_weights(
    estimator: str, run_clip: RunClip, stream: Stream, drifting: Drifting, tmp_path: Path
) -> None:
    weights = tmp_path / "midas.pt"
    torch.save({"a": torch.zeros(1)}, weights)
    readers = {"video": stream(drifting(2))}
    name = f"{estimator} {file_key(weights)} cpu"

    ran = run_clip(
        Estimate, readers, leased={name: lambda frames: frames[..., 2]}, estimator=estimator, model=str(weights)
    )

    assert ran.leased == (name,)
    np.testing.assert_array_equal(values_of(ran), np.stack([picture[..., 2] for picture in drifting(2)]))
    with pytest.raises(
        UnavailableError, match=rf"{weights} must hold the 368 tensors of {estimator}, got 1, 0 of them alike"
    ):
        run_clip(Estimate, readers, estimator=estimator, model=str(weights))


def test_a_metric_network_is_another_network(
    folder: str, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    readers = {"video": stream(drifting(1))}

    relative, metric = (run_clip(Estimate, readers, model=folder, metric=flag) for flag in (False, True))

    assert relative.leased != metric.leased
    assert not np.allclose(values_of(relative), values_of(metric))


def test_metres_of_midas_are_refused(make_context: Any, make_header: Any) -> None:
    params = Estimate.Params(estimator="midas_large", model="/weights.pt", metric=True)

    with pytest.raises(
        GraphError,
        match="node: metric must be false with midas_large, which answers with inverse depth, got true; leave it out",
    ):
        Estimate.info(params, make_context(headers={"video": make_header()}))


def test_flow_of_another_size_is_refused(make_context: Any, make_header: Any) -> None:
    headers = {"video": make_header(width=64, height=40), "flow": make_header(width=32, height=20, kind="flow")}

    with pytest.raises(
        GraphError, match="node: flow must be 64x40 like video, got 32x20; make it from the same picture"
    ):
        Estimate.info(Estimate.Params(), make_context(headers=headers))
