"""`matte.sam2`: prompts, both ways through a shot, and what goes wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_checkpoints import write_sam2
from tiny_depths import write_dpt

from shotgraph.annotators.sam2 import Prompt
from shotgraph.api.kinds import check_frame
from shotgraph.errors import GraphError, NodeError, UnavailableError
from shotgraph.models.registry import resolve
from shotgraph.plugins.analysis.matte_sam2 import Sam2, shaped

Checkpoint = Callable[..., Path]
RunClip = Callable[..., Any]
Stream = Callable[..., Any]
Drifting = Callable[..., list[np.ndarray]]
POINT = ((12.0, 20.0, 1),)


@pytest.fixture
def model(checkpoint: Checkpoint) -> str:
    return str(checkpoint(write_sam2))


def mattes_of(ran: Any) -> dict[int, np.ndarray]:
    return {frame: out.matte for frame, out in ran.emitted.items()}


def disc(count: int) -> list[np.ndarray]:
    """Mattes of a disc that moves."""
    y, x = np.mgrid[0:40, 0:56]
    return [((x - 20 - 2 * n) ** 2 + (y - 18) ** 2 < 90).astype(np.float32) for n in range(count)]


def test_every_frame_is_a_matte(model: str, run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    ran = run_clip(Sam2, {"video": stream(drifting(4))}, model=model, points=POINT)

    assert sorted(ran.emitted) == [1001, 1002, 1003, 1004]
    for matte in mattes_of(ran).values():
        check_frame("mask", matte, who="matte.matte")
        assert matte.shape == (40, 56)
        assert 0 <= matte.min() <= matte.max() <= 1
    # A network that knows nothing may lose the object, and then says 0 everywhere.
    assert max(matte.std() for matte in mattes_of(ran).values()) > 1e-3
    assert ran.out is None


def test_one_frame_is_enough(model: str, run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    assert list(run_clip(Sam2, {"video": stream(drifting(1))}, model=model, points=POINT).emitted) == [1001]


def test_a_part_is_that_part_of_the_whole(model: str, run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    reader = stream(drifting(6))

    whole = mattes_of(run_clip(Sam2, {"video": reader}, model=model, points=POINT, frame=1003))
    part = mattes_of(run_clip(Sam2, {"video": reader}, model=model, points=POINT, frame=1003, frames=(1002, 1005)))

    assert sorted(part) == [1002, 1005]
    for frame, matte in part.items():
        np.testing.assert_array_equal(matte, whole[frame])


def test_the_prompted_frame_is_where_both_ways_begin(
    model: str, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    pictures = drifting(5)

    middle = mattes_of(run_clip(Sam2, {"video": stream(pictures)}, model=model, points=POINT, frame=1003))
    ahead = mattes_of(run_clip(Sam2, {"video": stream(pictures[2:])}, model=model, points=POINT))
    turned = mattes_of(run_clip(Sam2, {"video": stream(pictures[2::-1])}, model=model, points=POINT))

    assert sorted(middle) == [1001, 1002, 1003, 1004, 1005]
    for step in range(3):
        np.testing.assert_array_equal(middle[1003 + step], ahead[1001 + step])
        np.testing.assert_array_equal(middle[1003 - step], turned[1001 + step])
    assert np.abs(middle[1001] - middle[1005]).max() > 1e-3


class Followed:
    """In place of SAM 2: mattes that the test wrote, and what was asked."""

    def __init__(self, mattes: list[np.ndarray]) -> None:
        self.mattes, self.begun, self.shown = mattes, list[tuple[Prompt, Any]](), 0

    def begin(self, prompt: Prompt, size: tuple[int, int]) -> "Followed":
        self.begun.append((prompt, size))
        self.left = list(self.mattes)
        return self

    def next(self, picture: np.ndarray) -> np.ndarray:
        self.shown += 1
        return self.left.pop(0)


def leased(model: str, stand_in: Followed) -> dict[str, Any]:
    return {f"sam2 {resolve(model).digest} cpu": stand_in}


def test_a_matte_prompts_with_its_own_frame(model: str, run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    stand_in, mattes = Followed(disc(4)), disc(4)
    readers = {"video": stream(drifting(4)), "prompt": stream(mattes, kind="mask")}

    run_clip(Sam2, readers, leased=leased(model, stand_in), model=model, frame=1003)

    assert [size for _, size in stand_in.begun] == [(40, 56)] * 2
    for prompt, _ in stand_in.begun:
        np.testing.assert_array_equal(prompt.matte, mattes[2])
        assert (prompt.points, prompt.box) == ((), None)
    assert readers["prompt"].read == [1003]


def test_nothing_is_followed_backwards_from_the_first_frame(
    model: str, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    stand_in = Followed(disc(4))

    run_clip(Sam2, {"video": stream(drifting(4))}, leased=leased(model, stand_in), model=model, points=POINT)

    assert (len(stand_in.begun), stand_in.shown) == (1, 4)


def test_points_and_a_box_go_to_the_network_as_they_are(
    model: str, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    stand_in, box = Followed(disc(2)), (0.0, 3.5, 56.0, 40.0)

    run_clip(Sam2, {"video": stream(drifting(2))}, leased=leased(model, stand_in), model=model, points=POINT, box=box)

    assert stand_in.begun[0][0] == Prompt(points=POINT, box=box)


def test_a_threshold_makes_a_matte_of_0_and_1(
    model: str, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    soft = [np.linspace(0, 1, 40 * 56, dtype=np.float32).reshape(40, 56)]

    ran = run_clip(
        Sam2,
        {"video": stream(drifting(1))},
        leased=leased(model, Followed(soft)),
        model=model,
        points=POINT,
        threshold=0.7,
    )

    matte = ran.emitted[1001].matte
    assert matte.dtype == np.float32
    np.testing.assert_array_equal(matte, soft[0] > 0.7)
    assert shaped(soft[0], None) is soft[0]


def test_frames_on_which_the_object_is_not_seen_are_told(
    model: str, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    mattes = disc(5)
    mattes[2], mattes[4] = mattes[2] * 0.4, np.zeros_like(mattes[4])
    mattes[4][0, :3] = 1

    ran = run_clip(
        Sam2, {"video": stream(drifting(5))}, leased=leased(model, Followed(mattes)), model=model, points=POINT
    )

    assert ran.warnings == ["node: the object is not seen on frames 1003,1005"]


def test_no_frame_is_held_when_the_next_is_read(
    model: str, run_clip: RunClip, make_reader: Any, make_header: Any, alive: Any
) -> None:
    picture = np.random.default_rng(0).random((12, 16, 3)).astype(np.float32)
    reader = make_reader(make_header(count=20, width=16, height=12), lambda _: alive.note(picture))

    run_clip(
        Sam2,
        {"video": reader},
        leased=leased(model, Followed([np.ones((12, 16), np.float32)] * 20)),
        model=model,
        points=((5.0, 5.0, 1),),
    )

    assert alive.most == 1


def test_an_empty_prompt_fails_with_the_cure(model: str, run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    mattes = disc(3)
    mattes[1] = np.zeros_like(mattes[1])
    mattes[1][0, :3] = 1
    readers = {"video": stream(drifting(3)), "prompt": stream(mattes, kind="mask")}

    with pytest.raises(
        NodeError,
        match="node: the prompt must show the object on frame 1002, got an empty matte; set frame to one on which the matte shows it",
    ):
        run_clip(Sam2, readers, leased=leased(model, Followed([])), model=model, frame=1002)


def test_frames_of_one_pixel_are_followed(model: str, run_clip: RunClip, stream: Stream) -> None:
    pictures = [np.full((1, 1, 3), level, np.float32) for level in (0.2, 0.8)]

    ran = run_clip(Sam2, {"video": stream(pictures)}, model=model, points=((0.0, 0.0, 1),))

    assert [matte.shape for matte in mattes_of(ran).values()] == [(1, 1), (1, 1)]


def test_a_checkpoint_of_another_class_is_refused(
    checkpoint: Checkpoint, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    other = checkpoint(write_dpt)

    with pytest.raises(
        UnavailableError, match=rf"model: {other} must be a Sam2VideoModel, got DPTForDepthEstimation; choose"
    ):
        run_clip(Sam2, {"video": stream(drifting(1))}, model=str(other), points=POINT)


def test_absent_weights_say_how_to_get_them_and_nothing_is_fetched(make_context: Any) -> None:
    commit = "c" * 40

    with pytest.raises(UnavailableError, match=rf"with a network run: shotgraph models pull acme/sam2@{commit}$"):
        Sam2.models(Sam2.Params(model=f"acme/sam2@{commit}"), make_context(headers={}))


@pytest.mark.parametrize(
    ("settings", "prompt", "said"),
    [
        ({}, None, "node: a prompt must be a matte, or points and a box, got neither; give one of them"),
        ({"points": POINT}, {}, "node: a prompt must be a matte, or points and a box, got both; give one of them"),
        (
            {},
            {"width": 32, "height": 20},
            "node: prompt must be 64x40 like video, got 32x20; make it from the same picture",
        ),
        (
            {"points": POINT, "frame": 1009},
            None,
            "node: frame must lie in 1001-1008, got 1009; choose a frame of the shot",
        ),
        (
            {"points": ((64.0, 5.0, 1),)},
            None,
            r"node: points must lie in 64x40 with label 0 or 1, got \(64.0, 5.0, 1\); measure them on the plate",
        ),
        ({"points": ((5.0, -0.5, 1),)}, None, r"got \(5.0, -0.5, 1\); measure"),
        ({"points": ((5.0, 5.0, 2),)}, None, r"with label 0 or 1, got \(5.0, 5.0, 2\); measure"),
        (
            {"box": (20.0, 5.0, 10.0, 30.0)},
            None,
            r"node: box must be left, upper, right, lower within 64x40, got \(20.0, 5.0, 10.0, 30.0\); measure it on the plate",
        ),
        ({"box": (0.0, 0.0, 65.0, 30.0)}, None, r"within 64x40, got \(0.0, 0.0, 65.0, 30.0\)"),
    ],
)
def test_a_prompt_that_cannot_be_followed_is_refused(
    settings: dict[str, Any], prompt: dict[str, int] | None, said: str, make_context: Any, make_header: Any
) -> None:
    headers = {"video": make_header(width=64, height=40)}
    if prompt is not None:
        headers["prompt"] = make_header(**({"width": 64, "height": 40, "kind": "mask"} | prompt))

    with pytest.raises(GraphError, match=said):
        Sam2.info(Sam2.Params(model="sam2", **settings), make_context(headers=headers))


def test_a_prompt_to_the_edge_of_the_frame_is_right(make_context: Any, make_header: Any) -> None:
    ctx = make_context(headers={"video": make_header(width=64, height=40)})

    assert Sam2.info(Sam2.Params(model="sam2", box=(0, 0, 64, 40), points=((63, 39, 0),), frame=1008), ctx) == {}
