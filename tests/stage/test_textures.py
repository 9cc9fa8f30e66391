"""Textures: nothing finer than eight pixels, and the aperiodic ones never repeat."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from stage_clips import HardStripes, lively

from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec, Ground
from shotgraph.stage.textures import FINEST_CYCLES_PER_PX, pattern_of
from shotgraph.stage.vocabulary import GROUND_TEXTURES, PERIODIC, TEXTURES

SIDE_PX = 256
PATTERNS = sorted({*TEXTURES, *GROUND_TEXTURES} - {"plain"})
# A soft limit leaves a little of the third harmonic: the warp errors are what it must not be seen in.
FINE_SHARE = 0.02


def plane(side_px: int = SIDE_PX) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    v, u = np.mgrid[:side_px, :side_px].astype(np.float32)
    return u, v


def fine_share(picture: NDArray[Any]) -> float:
    """Share of a picture's energy, its mean left out, above the limit; the window smears it by two bins."""
    rows, columns = picture.shape
    window = np.hanning(rows)[:, None] * np.hanning(columns)
    energy = np.abs(np.fft.fft2((picture - picture.mean()) * window)) ** 2
    cycles = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns))
    return float(energy[cycles > FINEST_CYCLES_PER_PX + 2 / min(rows, columns)].sum() / energy.sum())


@pytest.mark.parametrize("texture", PATTERNS)
def test_a_texture_holds_nothing_finer_than_eight_pixels(texture: Any) -> None:
    shares = [fine_share(pattern_of(texture, seed)(*plane())) for seed in range(6)]

    assert max(shares) < FINE_SHARE


def test_hard_stripes_would_be_found_out() -> None:
    assert fine_share(HardStripes.pattern(*plane())) > 5 * FINE_SHARE


@pytest.mark.parametrize("texture", GROUND_TEXTURES[1:])
def test_a_receding_ground_is_not_too_fine_at_its_far_edge(texture: Any) -> None:
    ground = Ground(colour="pink", texture=texture, slant=0.4, seed=7)

    picture = Scene(ClipSpec(width=256, height=256, ground=ground)).picture(0)[..., 0]

    assert fine_share(picture[:128]) < FINE_SHARE


@pytest.mark.parametrize("texture", PATTERNS)
def test_a_pattern_stays_between_dark_and_bright_and_uses_both(texture: Any) -> None:
    tones = pattern_of(texture, 3)(*plane(512))

    assert tones.dtype == np.float32
    assert -1e-6 <= tones.min() < 0.25
    assert 0.75 < tones.max() <= 1 + 1e-6


@pytest.mark.parametrize("texture", PATTERNS)
def test_the_seed_decides_the_pattern(texture: Any) -> None:
    first, again, other = (pattern_of(texture, seed)(*plane(64)) for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_plain_leaves_the_colour_as_it_is() -> None:
    assert np.array_equal(pattern_of("plain", 5)(*plane(8)), np.ones((8, 8), np.float32))


@pytest.mark.parametrize("texture", [texture for texture in PATTERNS if texture != "gradient"])
def test_only_the_periodic_ones_repeat(texture: Any) -> None:
    tones = pattern_of(texture, 11)(*plane(108))
    patch = tones[38:70, 38:70]

    # The best match of a patch anywhere else: a period finds a twin, noise does not.
    shifts = [(dy, dx) for dy in range(-36, 37) for dx in range(-36, 37) if dy * dy + dx * dx > 36]
    best = min(float(np.abs(tones[38 + dy : 70 + dy, 38 + dx : 70 + dx] - patch).mean()) for dy, dx in shifts)

    assert (best < 0.04) == (texture in PERIODIC)


def test_the_picture_of_a_clip_moves_when_its_seed_does() -> None:
    clip = lively()
    other = clip.model_copy(update={"ground": clip.ground.model_copy(update={"seed": 4})})

    assert np.abs(Scene(clip).picture(0) - Scene(other).picture(0)).max() > 0.05
