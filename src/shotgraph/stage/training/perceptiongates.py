"""The gates of what perceives, each on its own folder below the models."""

from __future__ import annotations

from pathlib import Path

from shotgraph.stage.training import clip, depth, judge, pose
from shotgraph.stage.training.gating import Gate


def measure_judge(models: Path, seed: int) -> list[Gate]:
    """The rows of ``stage-judge``, on renders and through the VAE of ``stage-sd``."""
    round_trip = judge.through_vae(models / "stage-sd" / "vae")
    return judge.gates(models / "stage-judge", seed, round_trip=round_trip)


def measure_clip(models: Path, seed: int) -> list[Gate]:
    """The rows of ``stage-clip``."""
    return clip.gates(models / "stage-clip", seed)


def measure_depth(models: Path, seed: int) -> list[Gate]:
    """The rows of ``stage-depth``."""
    return depth.gates(models / "stage-depth", seed)


def measure_pose(models: Path, seed: int) -> list[Gate]:
    """The row of ``stage-pose``."""
    return pose.gates(models / "stage-pose", seed)
