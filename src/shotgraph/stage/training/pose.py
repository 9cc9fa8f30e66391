"""stage-pose: COCO's 17 key points of the stage's figure, a ViTPose folder (Xu et al., NeurIPS 2022) with the simple decoder.

Crops are made by the folder's own processor, so that training sees just what a user's call sees. Loss: squared error of heat maps,
a Gaussian of 1.5 px around every key point. Left limbs are nearer than right ones whichever way the figure walks, so a mirrored
picture keeps its labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers.models.vitpose.configuration_vitpose import VitPoseConfig
from transformers.models.vitpose.image_processing_vitpose import VitPoseImageProcessor
from transformers.models.vitpose.modeling_vitpose import VitPoseForPoseEstimation
from transformers.models.vitpose_backbone.configuration_vitpose_backbone import VitPoseBackboneConfig

from shotgraph.metrics.pose import pck
from shotgraph.models.loading import load_network
from shotgraph.stage.figure import KEYPOINTS, joints
from shotgraph.stage.scene import Scene
from shotgraph.stage.training.banks import Bank, BankPlan
from shotgraph.stage.training.folders import save_small
from shotgraph.stage.training.gating import Gate, gates_of
from shotgraph.stage.training.loop import Schedule, Trainee
from shotgraph.stage.training.recipe import Recipe, Workshop, no_inputs
from shotgraph.stage.training.truth import batch_rng
from shotgraph.stage.worlds import draw_clip

Floats = NDArray[np.float32]
HEIGHT_PX, WIDTH_PX, PATCH_PX, BATCH = 96, 72, 8, 32
PLAN = BankPlan(split="train", clips=3_000, purpose="figure")
SCHEDULE = Schedule(steps=4_000, learning_rate=1e-3, warmup=200, average=0.998, weight_decay=0.02)
# Heat maps are half as fine as the crop.
_FACTOR, _SIGMA = 4, 1.5
# What the processor adds to a box on both sides together.
_PADDING = 1.25


def new_pose() -> VitPoseForPoseEstimation:
    """The architecture, untrained: 0.2 M parameters."""
    backbone: Any = VitPoseBackboneConfig
    config: Any = VitPoseConfig
    kind: Any = VitPoseForPoseEstimation
    return kind(
        config(
            backbone_config=backbone(
                image_size=[HEIGHT_PX, WIDTH_PX],
                patch_size=[PATCH_PX, PATCH_PX],
                hidden_size=64,
                num_hidden_layers=4,
                num_attention_heads=4,
                mlp_ratio=3,
                out_indices=[4],
            ),
            num_labels=len(KEYPOINTS),
            use_simple_decoder=True,
            scale_factor=_FACTOR,
        )
    )


def new_processor() -> VitPoseImageProcessor:
    """Crops a box to 96 x 72 px, values to [-1, 1]."""
    kind: Any = VitPoseImageProcessor
    size = {"height": HEIGHT_PX, "width": WIDTH_PX}
    return kind(size=size, image_mean=[0.5] * 3, image_std=[0.5] * 3)


def save_pose(model: VitPoseForPoseEstimation, folder: Path) -> None:
    """An ordinary folder."""
    save_small(model, folder)
    new_processor().save_pretrained(folder)


def box_of(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(x, y, width, height) around the joints (17, 2), and a twelfth of the longer side more: limbs are thick."""
    low, high = places.min(axis=0), places.max(axis=0)
    margin = float((high - low).max()) / 12
    return np.concatenate((low - margin, high - low + 2 * margin))


def heat_maps(places: NDArray[np.float64], box: NDArray[np.float64]) -> Floats:
    """(17, 48, 36): a Gaussian at every joint, on the grid of the model's answer for `box`."""
    height, width = HEIGHT_PX * _FACTOR // PATCH_PX, WIDTH_PX * _FACTOR // PATCH_PX
    # The processor widens a box to the crop's aspect, then pads it; both ends of the crop lie on pixel centres.
    long = max(box[2], box[3] * WIDTH_PX / HEIGHT_PX) * _PADDING
    extent = np.array([long, long * HEIGHT_PX / WIDTH_PX])
    corner = box[:2] + box[2:] / 2 - extent / 2
    x, y = ((places - corner) / extent * (np.array([width, height]) - 1)).T
    rows, columns = np.mgrid[0:height, 0:width]
    squares = (columns - x[:, None, None]) ** 2 + (rows - y[:, None, None]) ** 2
    return np.exp(-squares / (2 * _SIGMA**2)).astype(np.float32)


@dataclass
class PoseTrainee:
    """The recipe.

    Attributes:
        bank: pictures of clips drawn for a figure, one frame a clip.
        model: what is trained.
        batch: pictures a step.
        seed: of the order of data.
    """

    bank: Bank
    model: VitPoseForPoseEstimation
    batch: int = BATCH
    seed: int = 0
    name: str = "pose"

    def __post_init__(self) -> None:
        self._processor: Any = new_processor()

    def module(self) -> nn.Module:
        """The model."""
        return self.model

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:  # noqa: ARG002
        """Loss of one batch; `noise` is not needed, boxes are drawn by step."""
        crops, truth = self.batch_of(step)
        net: Any = self.model
        answer = net(pixel_values=crops).heatmaps
        error = (answer - truth).square().mean()
        near = (_peaks(answer.detach()) - _peaks(truth)).norm(dim=-1) < 3
        return 100 * error, {"near": float(near.float().mean())}

    def batch_of(self, step: int) -> tuple[Tensor, Tensor]:
        """((B, 3, 96, 72) crops, (B, 17, 48, 36) heat maps) of a step: boxes moved and resized a little, half mirrored."""
        rng = batch_rng(self.seed, step)
        chosen = np.sort(rng.choice(len(self.bank.frames), self.batch, replace=False))
        pictures, boxes, maps = [], [], []
        for clip in (int(number) for number in chosen):
            picture = np.asarray(self.bank.frames[clip, 0])
            places = np.array(joints(self.bank.plan.spec(clip), self.bank.plan.times(clip)[0]))
            if rng.random() < 0.5:
                picture = np.ascontiguousarray(picture[:, ::-1])
                places = np.stack((picture.shape[1] - 1 - places[:, 0], places[:, 1]), axis=1)
            box = _moved(box_of(places), rng)
            pictures.append(torch.from_numpy(picture.copy()).permute(2, 0, 1))
            boxes.append([box.tolist()])
            maps.append(heat_maps(places, box))
        crops = self._processor(pictures, boxes=boxes, return_tensors="pt").pixel_values
        return crops, torch.from_numpy(np.stack(maps))


def _moved(box: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A box as a detector might give it."""
    side = float(box[2:].max())
    size = box[2:] * rng.uniform(0.9, 1.15)
    middle = box[:2] + box[2:] / 2 + rng.uniform(-0.05, 0.05, 2) * side
    return np.concatenate((middle - size / 2, size))


def _peaks(maps: Tensor) -> Tensor:
    """(B, K, 2) places of the maxima, map pixels."""
    width = maps.shape[-1]
    index = maps.flatten(2).argmax(dim=-1)
    return torch.stack((index % width, index // width), dim=-1).float()


def key_points(folder: Path, frames: Floats, boxes: NDArray[np.float64]) -> Floats:
    """(T, 17, 2) pixels of the person in a box (x, y, width, height) of every frame (T, H, W, 3) in [0, 1]."""
    processors: Any = VitPoseImageProcessor
    model = load_network(VitPoseForPoseEstimation, folder, torch.float32)
    processor = processors.from_pretrained(folder, local_files_only=True)
    pictures = list(torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2))
    asked = [[box.tolist()] for box in boxes]
    found: list[Tensor] = []
    with torch.no_grad():
        for start in range(0, len(pictures), 16):
            part = asked[start : start + 16]
            given = processor(pictures[start : start + 16], boxes=part, do_rescale=False, return_tensors="pt")
            told = processor.post_process_pose_estimation(model(**given), boxes=part)
            found += [people[0]["keypoints"] for people in told]
    return torch.stack(found).numpy().astype(np.float32)


def gates(folder: Path, seed: int, *, clips: int = 100) -> list[Gate]:
    """stage-pose against held-out figures.

    Args:
        folder: as saved by `save_pose`.
        seed: which held-out clips.
        clips: one frame of each.

    Returns:
        PCK@0.1: share of the joints inside the frame that are closer than a tenth of the box's longer side.
    """
    specs = [draw_clip(1000 * seed + number, "held-out", purpose="figure") for number in range(clips)]
    times = [number % spec.frames for number, spec in enumerate(specs)]
    frames = np.stack([Scene(spec).picture(time) for spec, time in zip(specs, times, strict=True)])
    truth = np.array([joints(spec, time) for spec, time in zip(specs, times, strict=True)])
    boxes = np.stack([box_of(places) for places in truth])
    limits = np.array([frames.shape[2] - 1, frames.shape[1] - 1])
    value = pck(
        key_points(folder, frames, boxes),
        truth.astype(np.float32),
        np.asarray(((truth >= 0) & (truth <= limits)).all(axis=-1)),
        reference_px=boxes[:, 2:].max(axis=1).astype(np.float32),
        threshold=0.1,
    )
    return gates_of({"pose.pck@0.1": value})


def _prepare(workshop: Workshop, schedule: Schedule) -> Trainee:
    return PoseTrainee(workshop.bank(PLAN), new_pose(), batch=BATCH, seed=schedule.seed)


def _publish(workshop: Workshop, trainee: Trainee) -> None:
    if isinstance(trainee, PoseTrainee):
        save_pose(trainee.model, workshop.models / "stage-pose")


RECIPE = Recipe(
    name="pose",
    model="stage-pose",
    schedule=SCHEDULE,
    batch=BATCH,
    banks=(PLAN,),
    minutes=15,
    data="3 000 frames of 128 px of a walking figure, and its exact joints",
    inputs=no_inputs,
    prepare=_prepare,
    publish=_publish,
)
