"""What embeddings of frames and prompts say. All vectors have length 1.

Frame consistency comes in two kinds that papers do not tell apart: of adjacent frames (FateZero, Pix2Video, V2VBench) and of
all pairs (LOVEU-TGVE, Tune-A-Video). They are kept apart here. Frame accuracy is FateZero's (C. Qi et al., ICCV 2023);
directional similarity is that of StyleGAN-NADA (R. Gal et al., 2022), a frame at a time.
"""

from __future__ import annotations

import numpy as np

from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.arrays import Doubles, Floats, require_shape

_UNIT_TOLERANCE = 1e-3


def frame_consistency_adjacent(frames: Floats) -> float:
    """``1/(T-1) Σ cos(E_t, E_{t+1})``.

    Args:
        frames: (T, D) unit vectors, T >= 2.

    Returns:
        In [-1, 1]. A repeated still reaches 1, so it means nothing by itself.
    """
    vectors = _several(frames)
    return float((vectors[:-1] * vectors[1:]).sum(axis=1).mean())


def frame_consistency_all_pairs(frames: Floats) -> float:
    """``1/(T(T-1)) Σ_{i≠j} cos(E_i, E_j)``.

    Args:
        frames: (T, D) unit vectors, T >= 2.

    Returns:
        In [-1, 1].
    """
    vectors = _several(frames)
    count = len(vectors)
    everything = float(np.square(vectors.sum(axis=0)).sum())
    return (everything - float(np.square(vectors).sum())) / (count * (count - 1))


def text_alignment(frames: Floats, prompt: Floats, *, scale: float = 1.0) -> float:
    """Mean cosine of frames and prompt.

    Args:
        frames: (T, D) unit vectors.
        prompt: (D,) unit vector.
        scale: 1 gives the raw cosine; LOVEU and V2VBench print 100 times it.

    Returns:
        In [-scale, scale].
    """
    return scale * float(_against(frames, prompt).mean())


def frame_accuracy(frames: Floats, prompt: Floats, source_prompt: Floats) -> float:
    """Share of the frames that are closer to the wanted prompt than to the source's.

    Args:
        frames: (T, D) unit vectors.
        prompt: (D,) unit vector of what was asked for.
        source_prompt: (D,) unit vector of what was there.

    Returns:
        In [0, 1].
    """
    return float((_against(frames, prompt) > _against(frames, source_prompt)).mean())


def directional_similarity(frames: Floats, source: Floats, prompt: Floats, source_prompt: Floats) -> float:
    """``cos(E(y) - E(x), E(p) - E(p_src))``, mean over frames.

    Args:
        frames: (T, D) unit vectors of the result.
        source: (T, D) unit vectors of the source.
        prompt: (D,) unit vector of what was asked for.
        source_prompt: (D,) unit vector of what was there.

    Returns:
        In [-1, 1]; a frame that equals its source went nowhere and counts 0.

    Raises:
        UsageError: the prompts mean the same.
    """
    require_shape(source, frames.shape, who="embedding", name="source")
    require_shape(source_prompt, prompt.shape, who="embedding", name="source prompt")
    moved = _units(frames, "frames") - _units(source, "source")
    require_shape(prompt, (moved.shape[1],), who="embedding", name="prompt")
    asked = _units(prompt[None], "prompt")[0] - _units(source_prompt[None], "source prompt")[0]
    if not asked.any():
        raise UsageError(
            f"directional: prompts must differ, got {len(asked)} equal coordinates; say what the edit changes"
        )
    lengths = np.linalg.norm(moved, axis=1)
    return float(np.divide(moved @ asked, lengths * np.linalg.norm(asked), out=lengths * 0, where=lengths > 0).mean())


def appearance_leak(frames: Floats, driving: Floats, *, base: Floats | None = None) -> float:
    """How much a motion transfer looks like the clip that it took the motion from.

    Args:
        frames: (T, D) unit vectors of the result.
        driving: (S, D) unit vectors of the driving clip.
        base: (U, D) unit vectors of the same prompt without the transfer, whose likeness is taken off.

    Returns:
        Mean cosine over all pairs, minus that of `base`; lower is better, 0 is no leak.
    """
    leak = _likeness(frames, driving)
    return leak if base is None else leak - _likeness(base, driving)


def _likeness(first: Floats, second: Floats) -> float:
    a, b = _units(first, "frames"), _units(second, "driving frames")
    require_shape(b, ("S", a.shape[1]), who="embedding", name="driving frames")
    return float(a.mean(axis=0) @ b.mean(axis=0))


def _against(frames: Floats, prompt: Floats) -> Doubles:
    vectors = _units(frames, "frames")
    require_shape(prompt, (vectors.shape[1],), who="embedding", name="prompt")
    return vectors @ _units(prompt[None], "prompt")[0]


def _several(frames: Floats) -> Doubles:
    vectors = _units(frames, "frames")
    if len(vectors) < 2:
        raise UsageError(f"frame consistency: frames must be at least 2, got {len(vectors)}; measure a longer clip")
    return vectors


def _units(vectors: Floats, name: str) -> Doubles:
    require_shape(vectors, ("T", "D"), who="embedding", name=name)
    doubles = vectors.astype(np.float64)
    lengths = np.linalg.norm(doubles, axis=1)
    if not (np.abs(lengths - 1) <= _UNIT_TOLERANCE).all():
        worst = lengths[np.argmax(np.abs(lengths - 1))]
        raise ShapeError(f"embedding: {name} must have length 1, got {worst:.4g}; divide each vector by its length")
    return doubles
