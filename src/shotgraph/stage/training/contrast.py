"""Contrast between captions and pictures of one batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# Similarity of what is not to be told apart.
NEVER = -1e4


def contrast(similarity: Tensor, ids: Tensor) -> tuple[Tensor, float]:
    """Symmetric InfoNCE (Radford et al. 2021, figure 3) in which equal captions are no negatives of each other.

    Args:
        similarity: (B, B), of pictures and captions in the same order, times the temperature's inverse.
        ids: (B, tokens) of the captions.

    Returns:
        The loss, and the share whose own partner is the nearest.
    """
    same = (ids[:, None] == ids[None]).all(dim=-1) & ~torch.eye(len(ids), dtype=torch.bool)
    similarity = similarity.masked_fill(same, NEVER)
    target = torch.arange(len(ids))
    loss = (functional.cross_entropy(similarity, target) + functional.cross_entropy(similarity.T, target)) / 2
    return loss, float((similarity.detach().argmax(dim=1) == target).float().mean())
