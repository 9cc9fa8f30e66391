"""A gate: one number that a trained model has to reach on clips it never saw. What it has to reach is written here and only here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple


class Bound(NamedTuple):
    """What a value is held against.

    Attributes:
        rule: ``>=`` or ``<=``.
        threshold: itself passes.
    """

    rule: Literal[">=", "<="]
    threshold: float

    def holds(self, value: float) -> bool:
        """Whether a value passes; a NaN does not."""
        return value >= self.threshold if self.rule == ">=" else value <= self.threshold


class Gate(NamedTuple):
    """A measured row of `shotgraph stage gates`.

    Attributes:
        name: ``judge.renders.shape``.
        value: measured; NaN where nothing could be measured.
        bound: what it has to reach.
    """

    name: str
    value: float
    bound: Bound

    @property
    def passed(self) -> bool:
        """Whether it does."""
        return self.bound.holds(self.value)


_HEADS = ("shape", "colour", "texture", "ground_colour", "ground_texture", "style")
# Name to bound, in the order in which they are printed.
BOUNDS: Mapping[str, Bound] = MappingProxyType(
    {
        "vae.psnr_db": Bound(">=", 30.0),
        "vae.psnr_plain_db": Bound(">=", 34.0),
        "vae.excess_warp_error_e3": Bound("<=", 0.10),
        "vae.latent_std.least": Bound(">=", 0.5),
        "vae.latent_std.most": Bound("<=", 2.0),
        "vae.scale_error": Bound("<=", 0.05),
        "t2i.colour": Bound(">=", 0.95),
        "t2i.ground": Bound(">=", 0.90),
        "t2i.shape": Bound(">=", 0.85),
        "t2i.ground_from_noise_mean": Bound("<=", 0.05),
        "inversion.gap_db": Bound("<=", 1.0),
        "inversion.deviation_error": Bound("<=", 0.1),
        "inversion.neighbour_correlation": Bound("<=", 0.2),
        "controlnet.depth_iou": Bound(">=", 0.8),
        "controlnet.edges_iou": Bound(">=", 0.8),
        "controlnet.mask_iou": Bound(">=", 0.8),
        "motion.direction": Bound(">=", 0.8),
        "t2v.direction": Bound(">=", 0.8),
        **{f"judge.renders.{head}": Bound(">=", 0.98) for head in _HEADS},
        **{f"judge.vae.{head}": Bound(">=", 0.95) for head in _HEADS},
        "judge.blobs": Bound(">=", 0.90),
        "judge.nameless": Bound(">=", 0.90),
        "clip.retrieval@1": Bound(">=", 0.90),
        "clip.instance.jitter_auc": Bound(">=", 0.95),
        "clip.instance.phase_auc": Bound(">=", 0.95),
        "depth.ordinal": Bound(">=", 0.90),
        "depth.ordinal_in_rows": Bound(">=", 0.90),
        "pose.pck@0.1": Bound(">=", 0.90),
        "occlusion.dis_share_128px": Bound(">=", 0.40),
        "occlusion.dis_share_256px": Bound(">=", 0.50),
    }
)


def gates_of(values: Mapping[str, float]) -> list[Gate]:
    """Measured values, by the names of their gates, held against the table."""
    return [Gate(name, value, BOUNDS[name]) for name, value in values.items()]
