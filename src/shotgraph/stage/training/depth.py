"""stage-depth: relative inverse depth, a Depth Anything folder trained on clips whose depth can be seen.

There haze grows with distance and the ground is slanted. Loss: L1 of inverse depth, and a logistic ranking loss on pairs of pixels
that are more than 5 % apart (W. Chen et al., "Single-Image Depth Perception in the Wild", NeurIPS 2016, Eq. (2)): planes give
ties, so order is what can be measured. The result is relative: larger is nearer, scale and shift mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.depth_anything.configuration_depth_anything import DepthAnythingConfig
from transformers.models.depth_anything.modeling_depth_anything import DepthAnythingForDepthEstimation
from transformers.models.dinov2.configuration_dinov2 import Dinov2Config
from transformers.models.dpt.image_processing_dpt import DPTImageProcessor

from shotgraph.metrics.depth import ordinal_accuracy
from shotgraph.models.loading import load_network
from shotgraph.stage.scene import Scene
from shotgraph.stage.training.banks import Bank, BankPlan
from shotgraph.stage.training.folders import save_small
from shotgraph.stage.training.gating import Gate, gates_of
from shotgraph.stage.training.loop import Schedule, Trainee
from shotgraph.stage.training.recipe import Recipe, Workshop, no_inputs
from shotgraph.stage.training.truth import batch_rng
from shotgraph.stage.worlds import draw_clip

SIDE_PX, PATCH_PX, BATCH = 128, 8, 16
PLAN = BankPlan(split="train", clips=3_000, purpose="depth")
SCHEDULE = Schedule(steps=1_200, learning_rate=1e-3, warmup=100, average=0.995, weight_decay=0.02)
_PAIRS = 512
# A pair counts as ordered when one is this much farther than the other.
_APART = 1.05
# Inverse depths of the stage lie about 0.5 apart; the logistic must not be flat over that.
_SHARPNESS = 10.0


def new_depth() -> DepthAnythingForDepthEstimation:
    """The architecture, untrained: 0.2 M parameters."""
    width = 64
    backbone: Any = Dinov2Config
    config: Any = DepthAnythingConfig
    kind: Any = DepthAnythingForDepthEstimation
    model = kind(
        config(
            backbone_config=backbone(
                hidden_size=width,
                num_hidden_layers=4,
                num_attention_heads=2,
                mlp_ratio=2,
                image_size=SIDE_PX,
                patch_size=PATCH_PX,
                out_indices=[1, 2, 3, 4],
                reshape_hidden_states=False,
                apply_layernorm=True,
            ),
            patch_size=PATCH_PX,
            reassemble_hidden_size=width,
            neck_hidden_sizes=[16, 24, 32, 32],
            fusion_hidden_size=24,
            head_hidden_size=16,
        )
    )
    # Its last step is a ReLU: a network that starts below 0 everywhere would never learn.
    nn.init.constant_(model.head.conv3.bias, 0.4)
    return model


def new_processor() -> DPTImageProcessor:
    """Resizes to 128 px, the aspect kept, sides multiples of 8, values to [-1, 1]."""
    kind: Any = DPTImageProcessor
    return kind(
        size={"height": SIDE_PX, "width": SIDE_PX},
        keep_aspect_ratio=True,
        ensure_multiple_of=PATCH_PX,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )


def save_depth(model: DepthAnythingForDepthEstimation, folder: Path) -> None:
    """An ordinary folder."""
    save_small(model, folder)
    new_processor().save_pretrained(folder)


@dataclass
class DepthTrainee:
    """The recipe.

    Attributes:
        bank: pictures of clips drawn for depth, one frame a clip.
        model: what is trained.
        batch: pictures a step.
        seed: of the order of data.
    """

    bank: Bank
    model: DepthAnythingForDepthEstimation
    batch: int = BATCH
    seed: int = 0
    name: str = "depth"
    _depths: dict[int, NDArray[np.float16]] = field(default_factory=dict, repr=False)

    def module(self) -> nn.Module:
        """The model."""
        return self.model

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch, its pairs drawn from `noise`."""
        pictures, depth = self.batch_of(step)
        net: Any = self.model
        inverse = net(pixel_values=pictures).predicted_depth
        error = (inverse - 1 / depth).abs().mean()
        ranking, right = _ranking(inverse, depth, noise)
        return error + 0.3 * ranking, {"l1": float(error.detach()), "order": right}

    def batch_of(self, step: int) -> tuple[Tensor, Tensor]:
        """((B, 3, H, W) in [-1, 1], (B, H, W) depth) of a step, half of them mirrored, brightness and colour varied."""
        rng = batch_rng(self.seed, step)
        chosen = np.sort(rng.choice(len(self.bank.frames), self.batch, replace=False))
        gains = rng.normal(1, 0.05, (len(chosen), 1, 1, 3)).astype(np.float32)
        pictures = np.clip(self.bank.frames[chosen, 0].astype(np.float32) / 255 * gains, 0, 1) * 2 - 1
        depth = np.stack([self._depth(int(clip)) for clip in chosen]).astype(np.float32)
        mirrored = rng.random(len(chosen)) < 0.5
        pictures[mirrored], depth[mirrored] = pictures[mirrored, :, ::-1], depth[mirrored, :, ::-1]
        return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(depth)

    def _depth(self, clip: int) -> NDArray[np.float16]:
        """Depth of a picture of the bank, computed when it is first asked for."""
        if clip not in self._depths:
            plan = self.bank.plan
            self._depths[clip] = Scene(plan.spec(clip)).depth(plan.times(clip)[0]).astype(np.float16)
        return self._depths[clip]


def _ranking(inverse: Tensor, depth: Tensor, noise: torch.Generator) -> tuple[Tensor, float]:
    """Logistic loss over pairs of every picture, half of them in one row, and the share of them in the right order."""
    count, height, width = depth.shape
    first, second = torch.randint(0, height * width, (2, count, _PAIRS), generator=noise)
    # Within a row the slant of the ground does not give the answer away.
    half = slice(0, _PAIRS // 2)
    second[:, half] = first[:, half] // width * width + second[:, half] % width
    near, far = depth.flatten(1).gather(1, first), depth.flatten(1).gather(1, second)
    apart = torch.maximum(near, far) > _APART * torch.minimum(near, far)
    # Positive where the first is nearer: its inverse depth should be the larger one.
    sign = torch.sign(far - near)
    gap = sign * (inverse.flatten(1).gather(1, first) - inverse.flatten(1).gather(1, second))
    total = apart.sum().clamp(min=1)
    loss = (functional.softplus(-_SHARPNESS * gap) * apart).sum() / total
    return loss, float(((gap.detach() > 0) & apart).sum() / total)


def inverse_depths(folder: Path, frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, H, W) relative inverse depth of frames (T, H, W, 3) in [0, 1], as any user of the folder would compute it."""
    processors: Any = DPTImageProcessor
    model = load_network(DepthAnythingForDepthEstimation, folder, torch.float32)
    processor = processors.from_pretrained(folder, local_files_only=True)
    results: list[Tensor] = []
    with torch.no_grad():
        for part in torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).split(16):
            given = processor(list(part), do_rescale=False, return_tensors="pt")
            sizes = [tuple(frames.shape[1:3])] * len(part)
            told = processor.post_process_depth_estimation(model(**given), target_sizes=sizes)
            results += [one["predicted_depth"] for one in told]
    return torch.stack(results).numpy()


def gates(folder: Path, seed: int, *, clips: int = 100) -> list[Gate]:
    """stage-depth against held-out clips.

    Args:
        folder: as saved by `save_depth`.
        seed: which held-out clips, and which pairs.
        clips: one frame of each.

    Returns:
        The rows of `ordinal_gates`.
    """
    specs = [draw_clip(1000 * seed + number, "held-out", purpose="depth") for number in range(clips)]
    scenes = [(Scene(spec), number % spec.frames) for number, spec in enumerate(specs)]
    inverse = inverse_depths(folder, np.stack([scene.picture(time) for scene, time in scenes]))
    depth = np.stack([scene.depth(time) for scene, time in scenes])
    return ordinal_gates(inverse, depth, np.random.Generator(np.random.Philox(key=[seed, 13])))


def ordinal_gates(inverse: NDArray[np.float32], depth: NDArray[np.float32], rng: np.random.Generator) -> list[Gate]:
    """How many pairs of pixels, more than 5 % apart in depth, are in the right order.

    Args:
        inverse: (T, H, W) predicted, larger is nearer.
        depth: (T, H, W) true depth.
        rng: draws the pairs.

    Returns:
        Share of any pairs; and of pairs in one row, since a ramp from top to bottom, which has seen no picture,
        orders 95 % of any pairs on these slanted grounds.
    """
    rows = (-1, 1, depth.shape[2])
    anywhere = ordinal_accuracy(inverse, depth, rng=rng, pairs=1000 * len(depth))
    in_rows = ordinal_accuracy(
        inverse.reshape(rows), depth.reshape(rows), rng=rng, pairs=20 * depth.shape[1] * len(depth)
    )
    named = {"depth.ordinal": anywhere, "depth.ordinal_in_rows": in_rows}
    return gates_of({name: float("nan") if value is None else value for name, value in named.items()})


def _prepare(workshop: Workshop, schedule: Schedule) -> Trainee:
    return DepthTrainee(workshop.bank(PLAN), new_depth(), batch=BATCH, seed=schedule.seed)


def _publish(workshop: Workshop, trainee: Trainee) -> None:
    if isinstance(trainee, DepthTrainee):
        save_depth(trainee.model, workshop.models / "stage-depth")


RECIPE = Recipe(
    name="depth",
    model="stage-depth",
    schedule=SCHEDULE,
    batch=BATCH,
    banks=(PLAN,),
    minutes=15,
    data="3 000 frames of 128 px with haze and a slanted ground, and their exact depth",
    inputs=no_inputs,
    prepare=_prepare,
    publish=_publish,
)
