"""Flow: resizing, occlusion, chains."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shotgraph.api import FlowFrame
from shotgraph.maths.flow import (
    chain_to_first,
    chain_to_second,
    extend_chain,
    long_range,
    no_chain,
    occlusion,
    pair_of,
    resize_flow,
)
from shotgraph.maths.planar import moved
from shotgraph.maths.warp import leaves_frame, pixel_grid, sample
from shotgraph.stage.scene import Scene
from shotgraph.stage.truth import flow_frame
from shotgraph.stage.worlds import draw_clip

HEIGHT, WIDTH = 12, 30


def constant(x: float, y: float, *, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.tile(np.array([x, y], np.float32), (height, width, 1))


def test_resized_vectors_scale_x_by_the_width_and_y_by_the_height() -> None:
    flow = constant(3, 5)

    resized = resize_flow(flow, width=60, height=18)

    assert resized.shape == (18, 60, 2)
    np.testing.assert_allclose(resized, constant(6, 7.5, height=18, width=60))


def test_a_resized_ramp_keeps_its_place() -> None:
    flow = np.zeros((4, 8, 2), np.float32)
    flow[..., 0] = np.arange(8)

    resized = resize_flow(flow, width=16, height=4)

    # Pixel x of 16 has its centre at (x + 0.5) / 2 - 0.5 of 8; inside, a ramp is read there and doubled.
    np.testing.assert_allclose(resized[2, 5, 0], 2 * (5.5 / 2 - 0.5))


@given(
    st.tuples(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1), st.floats(-9, 9)),
    st.tuples(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1), st.floats(-9, 9)),
    st.integers(20, 90),
    st.integers(20, 90),
)
def test_resized_flow_leads_to_the_same_places_of_the_picture(
    x: tuple[float, float, float], y: tuple[float, float, float], width: int, height: int
) -> None:
    def field(of_width: int, of_height: int) -> np.ndarray:
        """An affine motion, told in shares of the frame, sampled at pixel centres: edges stay edges."""
        size = np.array([of_width, of_height])
        here = (pixel_grid(of_height, of_width) + 0.5) / size
        there = np.stack([u * here[..., 0] + v * here[..., 1] + w / 90 for u, v, w in (x, y)], axis=-1)
        return (there * size).astype(np.float32)

    resized = resize_flow(field(45, 30), width=width, height=height)

    # At the border there is nothing to interpolate with.
    margin = 1 + max(width // 45, height // 30)
    inner = (slice(margin, -margin), slice(margin, -margin))
    np.testing.assert_allclose(resized[inner], field(width, height)[inner], atol=2e-4)


@given(st.floats(-4, 4, width=32), st.floats(-4, 4, width=32), st.integers(1, 4), st.integers(1, 4))
def test_resizing_up_and_back_changes_nothing_of_a_constant(x: float, y: float, wider: int, higher: int) -> None:
    flow = constant(x, y)

    there = resize_flow(flow, width=wider * WIDTH, height=higher * HEIGHT)

    np.testing.assert_allclose(there[0, 0], [wider * x, higher * y], rtol=1e-6)
    np.testing.assert_allclose(resize_flow(there, width=WIDTH, height=HEIGHT), flow, rtol=1e-6)


def test_the_same_size_is_the_same_array() -> None:
    flow = constant(1, 2)

    assert resize_flow(flow, width=WIDTH, height=HEIGHT) is flow


def test_consistent_flow_hides_only_what_leaves_the_frame() -> None:
    occluded = occlusion(constant(4, -2), constant(-4, 2))

    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[:, -4:] = True
    expected[:2, :] = True
    np.testing.assert_array_equal(occluded, expected)


@pytest.mark.parametrize(
    ("forward_x", "error_px", "hidden"),
    [
        # Still: the bound is 0.5 + 0.01 e², met at e² = 0.50505, e = 0.7107.
        (0.0, 0.70, False),
        (0.0, 0.72, True),
        # 10 px: |F|² + |B|² is 100 + (10 - e)²; the bound is met at e = 1.5076.
        (10.0, 1.45, False),
        (10.0, 1.56, True),
    ],
)
def test_the_bound_is_unflows(forward_x: float, error_px: float, hidden: bool) -> None:
    occluded = occlusion(constant(forward_x, 0), constant(-forward_x + error_px, 0))

    assert occluded[5, 8] == hidden


def test_the_backward_flow_is_read_where_the_pixel_arrives() -> None:
    forward = constant(6, 3)
    backward = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    backward[4:7, 10:14] = (-6, -3)

    occluded = occlusion(forward, backward)

    expected = np.ones((HEIGHT, WIDTH), bool)
    expected[1:4, 4:8] = False
    np.testing.assert_array_equal(occluded, expected)


@pytest.mark.parametrize("side", ["flow", "back"])
def test_unknown_flow_counts_as_hidden(side: str) -> None:
    fields = {"flow": constant(0, 0), "back": constant(0, 0)}
    fields[side][3, 7] = np.nan

    occluded = occlusion(**fields)

    assert occluded[3, 7]
    assert not occluded[8, 20]


def chain_of(vectors: np.ndarray, confidence: float = 1) -> np.ndarray:
    return np.dstack((vectors, np.full(vectors.shape[:2], confidence, np.float32)))


def chained(steps: list[np.ndarray]) -> np.ndarray:
    chain = no_chain(HEIGHT, WIDTH)
    for step in steps:
        chain = extend_chain(chain, step, -step)
    return chain


def hide(step: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    step = step.copy()
    step[rows, columns] = np.nan
    return step


@given(st.lists(st.tuples(st.floats(-1.5, 1.5, width=32), st.floats(-0.5, 0.5, width=32)), min_size=1, max_size=4))
def test_constant_steps_add_up_and_break_where_they_leave(steps: list[tuple[float, float]]) -> None:
    chain = chained([constant(x, y) for x, y in steps])

    known = chain[..., 2] > 0
    total = np.sum(np.array(steps, np.float32), axis=0)
    np.testing.assert_allclose(chain[known][:, :2], np.tile(total, (known.sum(), 1)), atol=1e-5)
    # The newest step is walked first. A way that stays a pixel inside the frame is known; one that leaves it is not.
    ways = pixel_grid(HEIGHT, WIDTH)[None] + np.cumsum(np.array(steps[::-1], np.float32), axis=0)[:, None, None]
    deep = (ways >= 4).all(axis=(0, 3)) & (ways <= [WIDTH - 5, HEIGHT - 5]).all(axis=(0, 3))
    np.testing.assert_allclose(chain[deep][:, 2], 1, atol=1e-6)
    assert not known[leaves_frame(ways[0], height=HEIGHT, width=WIDTH)].any()


def test_a_chain_is_read_where_its_step_arrives() -> None:
    # Zooming steps differ from pixel to pixel, so order and place matter: x -> 0.9 x, twice, is x -> 0.81 x.
    grid = pixel_grid(HEIGHT, WIDTH)
    step = (grid * np.array([-0.1, -0.2], np.float32)).astype(np.float32)
    # The way back from x' = 0.9 x is x - x' = x' / 9.
    back = (grid * np.array([1 / 9, 1 / 4], np.float32)).astype(np.float32)

    chain = extend_chain(extend_chain(no_chain(HEIGHT, WIDTH), step, back), step, back)

    np.testing.assert_allclose(chain[..., :2], grid * np.array([0.81 - 1, 0.64 - 1], np.float32), atol=1e-4)
    np.testing.assert_allclose(chain[..., 2], 1, atol=1e-6)


def test_hidden_pixels_break_the_chain_and_stay_broken() -> None:
    still = constant(0, 0)
    broken = extend_chain(no_chain(HEIGHT, WIDTH), hide(still, slice(2, 6), slice(10, 20)), still)

    later = extend_chain(broken, constant(3, 1), constant(-3, -1))

    expected = np.ones((HEIGHT, WIDTH), np.float32)
    expected[2:6, 10:20] = 0
    np.testing.assert_array_equal(broken[..., 2], expected)
    # What was hidden at x in 10..19, y in 2..5 lies three pixels left and one up in the later frame.
    assert (later[1:5, 7:17, 2] == 0).all()
    assert (later[2:8, 18:26, 2] == 1).all()


@pytest.mark.parametrize(("x", "y"), [(0.4, 0.1), (-0.3, 0.05), (0.6, -0.1)])
def test_a_break_moves_with_its_surface_under_fractional_motion(x: float, y: float) -> None:
    size, frames = {"height": 30, "width": 60}, 10
    still = constant(0, 0, **size)
    chain = extend_chain(no_chain(30, 60), hide(still, slice(13, 18), slice(27, 34)), still)

    for _ in range(frames):
        chain = extend_chain(chain, constant(x, y, **size), constant(-x, -y, **size))

    # Centre of mass of what is lost, away from the frame's border: at the start x = 30, y = 15.
    lost = 1 - chain[8:22, 15:45, 2]
    rows, columns = np.mgrid[8:22, 15:45]
    assert (lost * columns).sum() / lost.sum() == pytest.approx(30 - frames * x, abs=0.05)
    assert (lost * rows).sum() / lost.sum() == pytest.approx(15 - frames * y, abs=0.05)
    assert lost.sum() == pytest.approx(35, rel=0.02)


def test_a_surface_stays_in_sight_up_to_its_edge() -> None:
    # The edge moves right by 0.4 a frame with the surface left of it; beyond it another one comes from 9 px further right.
    size, frames = {"height": 6, "width": 80}, 20
    chain = no_chain(6, 80)
    for t in range(1, frames + 1):
        edge, before = 15.5 + 0.4 * t, 15.5 + 0.4 * (t - 1)
        step, back = constant(-0.4, 0, **size), constant(0.4, 0, **size)
        step[:, int(np.ceil(edge)) :] = (9, 0)
        back[:, int(np.ceil(before)) :] = (-9, 0)
        chain = extend_chain(chain, step, back)

    # The last pixel before the edge may be lost; linear reads spread that over one more.
    last = int(np.ceil(15.5 + 0.4 * frames)) - 1
    assert (chain[2, 10 : last - 1, 2] >= 0.5).all()
    np.testing.assert_allclose(chain[2, 10 : last - 1, 0], -0.4 * frames, rtol=1e-5)


@pytest.mark.parametrize(
    ("step_x", "error_px", "known"),
    [(0.0, 0.70, True), (0.0, 0.72, False), (10.0, 1.45, True), (10.0, 1.56, False)],
)
def test_a_step_that_the_way_back_does_not_undo_breaks_the_chain(step_x: float, error_px: float, known: bool) -> None:
    chain = extend_chain(no_chain(HEIGHT, WIDTH), constant(step_x, 0), constant(-step_x + error_px, 0))

    assert chain[5, 8, 2] == known


def test_the_way_back_is_asked_of_each_neighbour_where_the_pixel_arrives() -> None:
    # From column 16 on the neighbouring frame shows another surface, which comes from 9 px further right.
    other, chain = constant(9, 0), chain_of(constant(0, 0))
    chain[:, 16:, :2] = (5, 5)

    def extended(x: float) -> np.ndarray:
        back = constant(-x, 0)
        back[:, 16:] = other[:, 16:]
        return extend_chain(chain, constant(x, 0), back)

    # Pixel 15 reads columns 15 and 16; only 15 is its surface. Three quarters of the weight will do, a quarter will not.
    assert extended(0.25)[5, 15].tolist() == [0.25, 0, 1]
    assert extended(0.25)[5, 16].tolist() == [0, 0, 0]
    assert extended(0.75)[5, 15].tolist() == [0, 0, 0]
    assert extended(0.75)[5, 14, 2] == 1


def test_confidence_weighs_what_a_neighbour_says() -> None:
    chain = chain_of(constant(0, 0))
    chain[:, 15:] = (0.5, 0, 0.2)

    extended = extend_chain(chain, constant(0.25, 0), constant(-0.25, 0))

    # Weights 0.75 x 1 and 0.25 x 0.2: confidence 0.8, displacement 0.25 + 0.05 x 0.5 / 0.8.
    np.testing.assert_allclose(extended[5, 14], [0.25 + 0.025 / 0.8, 0, 0.8], rtol=1e-5)


def test_two_surfaces_are_not_averaged() -> None:
    chain = chain_of(constant(0, 0))
    chain[:, 15:, :2] = (8, -4)

    extended = extend_chain(chain, constant(0.25, 0), constant(-0.25, 0))

    # Both move alike now, so both count; pixel 14 reads 14.25, nearer to 14, the left surface. A mean would be 2.25.
    assert extended[5, 14].tolist() == [0.25, 0, 1]
    assert extended[5, 15].tolist() == [8.25, -4, 1]


def test_a_smooth_chain_is_averaged() -> None:
    chain = chain_of(constant(0, 0))
    chain[..., 1] = 0.5 * np.arange(WIDTH)

    extended = extend_chain(chain, constant(0.25, 0), constant(-0.25, 0))

    np.testing.assert_allclose(extended[5, 10], [0.25, 0.5 * 10.25, 1])


def test_warping_a_frame_by_its_flow_gives_the_frame_before() -> None:
    # I_t(p) = I_{t+1}(p + F): the picture moves by (+3, -2), so F = (3, -2).
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    first = np.stack((x * 1.0, y * 5.0), axis=-1).astype(np.float32)
    second = np.stack((x - 3.0, (y + 2) * 5.0), axis=-1).astype(np.float32)

    back = sample(second, pixel_grid(HEIGHT, WIDTH) + constant(3, -2))

    inside = ~leaves_frame(pixel_grid(HEIGHT, WIDTH) + constant(3, -2), height=HEIGHT, width=WIDTH)
    np.testing.assert_allclose(back[inside], first[inside], atol=1e-5)
    swapped = sample(second, pixel_grid(HEIGHT, WIDTH) + constant(-2, 3))
    assert np.abs(swapped - first)[4:8, 8:20].min() > 1


def test_a_pair_extends_a_chain_to_either_of_its_frames() -> None:
    occluded = np.zeros((HEIGHT, WIDTH), np.float32)
    occluded[:, 10] = 1
    pair = FlowFrame(constant(3, 1), constant(-3, -1), occluded)
    start = no_chain(HEIGHT, WIDTH)

    second, first = chain_to_second(start, pair), chain_to_first(start, pair)

    assert second[5, 10].tolist() == [-3, -1, 1]
    assert first[5, 9].tolist() == [3, 1, 1]
    # Hidden in the second frame by the record alone: its vectors agree. It says nothing of the way back.
    assert first[5, 10].tolist() == [0, 0, 0]
    # What leaves the frame: three columns on the right going on, and on the left going back.
    assert (first[5, :, 2] == 0).nonzero()[0].tolist() == [10, 27, 28, 29]
    assert (second[5, :, 2] == 0).nonzero()[0].tolist() == [0, 1, 2]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(-0.02, 0.02), st.floats(0.97, 1.03), st.floats(-1, 1)), min_size=1, max_size=5))
def test_a_long_range_is_the_product_of_its_steps(steps: list[tuple[float, float, float]]) -> None:
    size = {"height": 40, "width": 50}
    here = pixel_grid(**size).astype(np.float64)
    pairs, whole = [], np.eye(3)
    for angle, scale, shift in steps:
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        # About the middle, so that little leaves the frame.
        step = np.array(
            [[cos, -sin, 25 - 25 * cos + 20 * sin + shift], [sin, cos, 20 - 25 * sin - 20 * cos], [0, 0, 1]]
        )
        forward, backward = (moved(m, here) - here for m in (step, np.linalg.inv(step)))
        pairs.append(pair_of(forward.astype(np.float32), backward.astype(np.float32)))
        whole = step @ whole

    chain = long_range(pairs)

    # Nearer to the border a mean lacks the neighbours that left.
    inner = (slice(12, -12), slice(12, -12))
    assert (chain[inner][..., 2] >= 0.5).all()
    np.testing.assert_allclose(chain[inner][..., :2], (moved(whole, here) - here)[inner], atol=1e-3)


def test_a_long_range_of_one_pair_is_that_pair() -> None:
    pair = pair_of(constant(3, 1), constant(-3, -1))

    np.testing.assert_array_equal(long_range([pair]), chain_to_first(no_chain(HEIGHT, WIDTH), pair))


def test_a_long_range_on_the_stage_is_its_true_flow_where_the_surface_stayed_in_sight() -> None:
    scene = Scene(draw_clip(5, "held-out", purpose="flow", side_px=64, frames=7))
    pairs = [flow_frame(scene, time) for time in range(6)]
    truth = scene.flow(0, 6)

    chain = long_range(pairs)
    summed = np.sum([pair.forward for pair in pairs], axis=0)

    seen, known = scene.visible(0, 6), chain[..., 2] >= 0.5
    errors, of_sum = (np.hypot(*np.moveaxis(flow - truth, -1, 0)) for flow in (chain[..., :2], summed))
    assert known[seen].mean() > 0.8
    assert errors[known & seen].mean() < 0.02
    # Steps that are added up where they begin, and not where they arrive, lead elsewhere.
    assert of_sum[known & seen].mean() > 5 * errors[known & seen].mean()
    assert known[~seen].mean() < 0.2
