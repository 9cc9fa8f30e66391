"""OpenCV's solvers against a known shift."""

import numpy as np
import pytest
from moving_textures import error_px, texture

from shotgraph.maths.flow import occlusion
from shotgraph.maths.solvers import dis_flow, farneback_flow, flow_of_pair, luma_codes, solved_pair


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_known_shift_is_found_x_then_y(preset: str, scale: float) -> None:
    first, second = texture(96, 160), texture(96, 160, (4.5, -2.5))

    flow = flow_of_pair(first, second, preset=preset, scale=scale)

    assert error_px(flow.forward, (4.5, -2.5)) < 0.4
    assert error_px(flow.backward, (-4.5, 2.5)) < 0.4
    assert error_px(flow.forward, (-2.5, 4.5)) > 5


def test_occlusion_follows_the_same_test_as_everywhere() -> None:
    flow = flow_of_pair(texture(96, 160), texture(96, 160, (6, 0)), preset="fast", scale=1.0)

    np.testing.assert_array_equal(flow.occluded, occlusion(flow.forward, flow.backward))
    assert flow.occluded[10:-10, -4:].mean() > 0.9
    assert flow.occluded[10:-10, 20:120].mean() < 0.02


@pytest.mark.parametrize(("height", "width"), [(5, 7), (12, 200), (24, 1000), (31, 33), (200, 12)])
@pytest.mark.parametrize("preset", ["ultrafast", "medium"])
def test_small_and_thin_frames_work(height: int, width: int, preset: str) -> None:
    codes = luma_codes(texture(height, width), scale=1.0)

    flow = dis_flow(codes, codes, preset=preset)

    assert flow.shape == (height, width, 2)
    assert np.abs(flow).max() < 0.1


def test_codes_are_8_bit_luma_at_scale() -> None:
    picture = np.zeros((10, 20, 3), np.float32)
    picture[:, 10:] = (2, 1, 1)
    picture[5:, :10] = (0, 0.5, 0)

    full, half = luma_codes(picture, scale=1.0), luma_codes(picture, scale=0.5)

    assert full[0, 0] == 0
    assert full[0, 15] == 255
    assert full[7, 3] == 91
    assert half.shape == (5, 10)


def test_the_same_frames_give_the_same_bits() -> None:
    first, second = texture(80, 120), texture(80, 120, (3, 2))

    a, b = (flow_of_pair(first, second, preset="medium", scale=1.0) for _ in range(2))

    np.testing.assert_array_equal(a.forward, b.forward)
    np.testing.assert_array_equal(a.occluded, b.occluded)


def test_any_solver_serves_both_ways_at_any_scale() -> None:
    first, second = texture(96, 160), texture(96, 160, (4.5, -2.5))

    flow = solved_pair(
        first, second, lambda a, b: farneback_flow(a, b, levels=3, window_px=15, iterations=3), scale=0.5
    )

    assert error_px(flow.forward, (4.5, -2.5)) < 0.4
    assert error_px(flow.backward, (-4.5, 2.5)) < 0.4
    np.testing.assert_array_equal(flow.occluded, occlusion(flow.forward, flow.backward))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 7), (12, 200), (31, 33)])
def test_farneback_takes_small_and_thin_frames_too(height: int, width: int) -> None:
    codes = luma_codes(texture(height, width), scale=1.0)

    flow = farneback_flow(codes, codes, levels=5, window_px=15, iterations=3)

    assert flow.shape == (height, width, 2)
    assert np.abs(flow).max() < 0.1


def test_each_level_of_the_pyramid_doubles_the_reach_of_farneback() -> None:
    first, second = texture(200, 280), texture(200, 280, (20, -8))
    a, b = luma_codes(first, scale=1.0), luma_codes(second, scale=1.0)

    near, far = (farneback_flow(a, b, levels=levels, window_px=25, iterations=5) for levels in (1, 3))

    assert error_px(far, (20, -8), margin=48) < 1
    assert error_px(near, (20, -8), margin=48) > 4
