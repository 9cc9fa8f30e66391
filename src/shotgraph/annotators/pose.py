"""Persons and their joints by networks of transformers: RT-DETR for boxes, ViTPose for joints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.rt_detr.modeling_rt_detr import RTDetrForObjectDetection
from transformers.models.vitpose.modeling_vitpose import VitPoseForPoseEstimation

from shotgraph.annotators.checkpoints import check_class, config_of, processor_of
from shotgraph.annotators.pictures import planes_of
from shotgraph.errors import UnavailableError
from shotgraph.models.loading import load_network

# Mixtures of experts ask which data a crop is like; the first expert learnt COCO.
_COCO_EXPERT = 0

Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PersonDetector:
    """RT-DETR.

    Attributes:
        network: of transformers.
        processor: that came with it.
        person: its class of persons.
    """

    network: Any
    processor: Any
    person: int

    @classmethod
    def load(cls, folder: Path, *, device: str) -> PersonDetector:
        """The detector in a folder; `UnavailableError` for anything else, or one that knows no persons."""
        check_class(folder, RTDetrForObjectDetection, examples="an RT-DETR folder such as PekingU/rtdetr_r50vd")
        classes: dict[int, str] = config_of(folder).id2label
        persons = [number for number, name in classes.items() if name.lower() == "person"]
        if not persons:
            known = ", ".join(list(classes.values())[:5])
            raise UnavailableError(
                f"model: {folder} must know the class person, got {len(classes)} others ({known}); choose an RT-DETR trained on COCO"
            )
        network = load_network(RTDetrForObjectDetection, folder, torch.float32).to(device)
        return cls(network, processor_of(folder), persons[0])

    @torch.no_grad()
    def __call__(self, picture: NDArray[np.float32], *, least: float) -> Boxes:
        """(P, 4) boxes of persons, x, y, width, height in px, the surest first; of (H, W, 3|4) display values."""
        given = self.processor([planes_of(picture)], do_rescale=False, return_tensors="pt")
        device = next(self.network.parameters()).device
        answer = self.network(pixel_values=given["pixel_values"].to(device))
        (told,) = self.processor.post_process_object_detection(
            answer, threshold=least, target_sizes=[picture.shape[:2]]
        )
        persons = told["boxes"][told["labels"] == self.person].float().cpu().numpy()
        return np.concatenate((persons[:, :2], persons[:, 2:] - persons[:, :2]), axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class PoseNetwork:
    """ViTPose.

    Attributes:
        network: of transformers.
        processor: that came with it.
    """

    network: Any
    processor: Any

    @classmethod
    def load(cls, folder: Path, *, device: str) -> PoseNetwork:
        """The network in a folder; `UnavailableError` for anything else, or other joints than COCO's 17."""
        check_class(folder, VitPoseForPoseEstimation, examples="stage-pose or usyd-community/vitpose-base-simple")
        network = load_network(VitPoseForPoseEstimation, folder, torch.float32).to(device)
        if network.config.num_labels != 17:
            raise UnavailableError(
                f"model: {folder} must know COCO's 17 joints, got {network.config.num_labels}; choose another ViTPose"
            )
        return cls(network, processor_of(folder))

    @torch.no_grad()
    def __call__(self, picture: NDArray[np.float32], boxes: Boxes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """((P, 17, 2) px, (P, 17)): joints and scores of the person in each of (P, 4) boxes."""
        if not len(boxes):
            return np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.float32)
        asked = [[box.tolist() for box in boxes]]
        given = self.processor([planes_of(picture)], boxes=asked, do_rescale=False, return_tensors="pt")
        crops = given["pixel_values"].to(next(self.network.parameters()).device)
        expert = torch.full((len(crops),), _COCO_EXPERT, device=crops.device)
        has_experts = getattr(self.network.config.backbone_config, "num_experts", 1) > 1
        answer = self.network(pixel_values=crops, **({"dataset_index": expert} if has_experts else {}))
        # No target size is given: the processor would multiply the boxes by it.
        (persons,) = self.processor.post_process_pose_estimation(answer, boxes=asked)
        points = torch.stack([person["keypoints"] for person in persons]).float().cpu().numpy()
        scores = torch.stack([person["scores"] for person in persons]).float().cpu().numpy()
        return points, np.clip(scores, 0, 1)
