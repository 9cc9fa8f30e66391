"""The controls every benchmark report shows, as tests: what each metric must say of damage whose size is known."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from shotgraph.metrics.fidelity import gmsd, psnr, ssim
from shotgraph.metrics.flicker import object_flicker
from shotgraph.metrics.flow import flow_scores, interior_of
from shotgraph.metrics.motion import centroids, motion_fidelity, trajectory_error
from shotgraph.metrics.warp import long_range_warp_error, visible_by_flow, warp_error, warp_ssim

Damage = Callable[[np.ndarray], np.ndarray]


def jittered(percent: float) -> Damage:
    """Every channel of every frame gains or loses up to so much."""

    def damage(frames: np.ndarray) -> np.ndarray:
        gains = 1 + np.random.default_rng(5).uniform(-percent, percent, (len(frames), 1, 1, 3)) / 100
        return (frames * gains).astype(np.float32)

    return damage


def noisy(sigma: float) -> Damage:
    def damage(frames: np.ndarray) -> np.ndarray:
        return (frames + np.random.default_rng(6).normal(0, sigma, frames.shape)).astype(np.float32)

    return damage


def blurred(frames: np.ndarray) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in frames])


def repeated(frames: np.ndarray) -> np.ndarray:
    return np.repeat(frames[:1], len(frames), axis=0)


def errors(clips, damage: Damage) -> np.ndarray:
    """Adjacent warp error x1e3 of every clip."""
    found = [warp_error(damage(clip.frames), clip.flow, clip.visible).value for clip in clips]
    return 1e3 * np.array(found, np.float64)


def test_the_true_clip_has_no_warp_error(stage_clips) -> None:
    far = [long_range_warp_error(clip.frames, clip.to_first, clip.visible_in_first).value for clip in stage_clips]

    assert errors(stage_clips, lambda frames: frames).max() < 5e-4
    assert 1e3 * max(far) < 5e-4


def test_without_occlusion_a_perfect_clip_is_worse_than_published_methods_differ(stage_clips) -> None:
    everything = [warp_error(c.frames, c.flow, np.ones_like(c.visible)).value or 0 for c in stage_clips]

    assert 1e3 * max(everything) > 0.5
    assert 1e3 * float(np.mean(everything)) > 500 * errors(stage_clips, lambda frames: frames).mean()


@pytest.mark.parametrize(("percent", "published"), [(1, 0.014), (2, 0.116), (5, 0.390)])
def test_colour_jitter_is_near_its_published_anchor(stage_clips, percent: float, published: float) -> None:
    """Other textures, other colours: within a factor of four."""
    assert published / 4 < errors(stage_clips, jittered(percent)).mean() < published * 4


def test_warp_error_orders_the_controls(stage_clips) -> None:
    names: dict[str, Damage] = {
        "truth": lambda frames: frames,
        "blur": blurred,
        "jitter 2 %": jittered(2),
        "jitter 5 %": jittered(5),
        "noise 0.05": noisy(0.05),
    }

    means = {name: errors(stage_clips, damage).mean() for name, damage in names.items()}

    assert sorted(means, key=means.__getitem__) == list(names)


@pytest.mark.parametrize("sigma", [0.01, 0.02, 0.05])
def test_noise_adds_at_most_twice_its_variance(stage_clips, sigma: float) -> None:
    """Two independent values are subtracted; reading between pixels averages some of it away."""
    found = errors(stage_clips, noisy(sigma))

    assert (found <= 2e3 * sigma**2 * 1.02).all()
    assert (found >= 1.2e3 * sigma**2).all()


def test_warp_error_is_blind_to_blur_and_fidelity_is_not(stage_clips) -> None:
    assert errors(stage_clips, blurred).mean() < errors(stage_clips, jittered(2)).mean()
    for clip in stage_clips:
        soft, tinted = blurred(clip.frames), jittered(2)(clip.frames)
        assert psnr(soft, clip.frames).clip_db < psnr(tinted, clip.frames).clip_db
        assert gmsd(soft[0], clip.frames[0]) > 10 * gmsd(tinted[0], clip.frames[0])
        assert ssim(soft[0], clip.frames[0]) < ssim(tinted[0], clip.frames[0])


def test_warp_ssim_is_one_for_the_truth_and_falls_with_noise(stage_clips) -> None:
    clip = stage_clips[1]

    values = [
        warp_ssim(damage(clip.frames), clip.flow, clip.visible).value for damage in (noisy(0), noisy(0.02), noisy(0.05))
    ]

    assert values[0] == pytest.approx(1, abs=1e-3)
    assert values[0] > values[1] > values[2]


def test_a_repeated_still_moves_nowhere(stage_clips) -> None:
    """It is perfectly consistent by every embedding: tracks, trajectory and long-range error must catch it."""
    caught = 0
    for clip in stage_clips:
        path, still = (
            centroids(np.stack([clip.scene.alpha(1, t) for t in times]))
            for times in (range(len(clip.frames)), [0] * len(clip.frames))
        )
        if np.hypot(*(path[-1] - path[0])) > 2:
            caught += 1
            assert (trajectory_error(still, path) or 0) > 1
            assert trajectory_error(path, path) == 0
            assert motion_fidelity(still[None], path[None]) < 0.3
            assert motion_fidelity(path[None], path[None]) == pytest.approx(1)
    assert caught >= 2
    assert errors(stage_clips, repeated).mean() > 100 * errors(stage_clips, lambda frames: frames).mean()


def test_flicker_in_the_frame_of_the_object_sees_jitter_and_not_motion(stage_clips) -> None:
    clip = stage_clips[0]
    u, v = (axis.ravel() for axis in np.meshgrid(np.linspace(-6, 6, 9), np.linspace(-6, 6, 9)))
    tracks = [clip.scene.track(1, u, v, t) for t in range(len(clip.frames))]
    places, seen = np.stack([p for p, _ in tracks]), np.stack([s for _, s in tracks])

    truth = object_flicker(clip.frames, places, seen)
    jitter = object_flicker(jittered(2)(clip.frames), places, seen)

    assert truth < 5e-4
    assert jitter > 10 * truth


def test_measured_visibility_agrees_with_the_truth_where_the_flow_is_exact(stage_clips) -> None:
    """The validity test drops motion boundaries on purpose: little that is hidden may pass."""
    for clip in stage_clips[:3]:
        forward, back = clip.scene.flow(1, 2), clip.scene.flow(2, 1)
        tested, hidden = visible_by_flow(forward, back), ~clip.seen[1]

        assert tested.mean() > 0.8
        assert (tested & hidden).mean() < 0.01


def test_flow_metrics_on_an_exact_and_a_missing_flow(stage_clips) -> None:
    clip = stage_clips[0]
    ids = clip.scene.ids(0)
    interior = interior_of(ids)

    exact = flow_scores(clip.flow[0], clip.flow[0], occluded=~clip.seen[0], interior=interior)
    missing = flow_scores(0 * clip.flow[0], clip.flow[0], occluded=~clip.seen[0], interior=interior)

    assert exact.epe_px == 0
    assert missing.epe_px == pytest.approx(np.hypot(clip.flow[0][..., 0], clip.flow[0][..., 1]).mean(), rel=1e-5)
