"""OpenPose as controlnet-aux has it: all persons of a picture and their joints at once, without boxes.

Follows Z. Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", CVPR 2017. The package's
`OpenposeDetector.detect_poses` gives every joint a score of 1; the step inside it that knows the scores is asked here, on floats.
Its code and the published weights are for non-commercial use only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from shotgraph.annotators.quiet import quietly
from shotgraph.maths.pose import Joints, Scores, coco_17
from shotgraph.maths.resize import resize
from shotgraph.models.loading import load_tensors

# The network sees half as many rows, whatever it is given; what follows it blurs by 3 px of what it is given.
_ROWS_PX = 368
# Two cells of its answer: of a single one the package loses the axis.
_LEAST_COLUMNS_PX = 32
_PARTS = 18


@dataclass(frozen=True, slots=True)
class OpenPose:
    """The network with the search for persons in its answer.

    Attributes:
        body: of controlnet-aux.
    """

    body: Any

    @classmethod
    def of(cls, network: nn.Module) -> OpenPose:
        """The search around a network whose answer is affinities and heat maps."""
        with quietly():
            from controlnet_aux.open_pose.body import Body
        # Its own __init__ wants a file, which it reads wherever it was saved.
        body = Body.__new__(Body)
        vars(body)["model"] = network
        return cls(body)

    def __call__(self, picture: NDArray[np.float32]) -> tuple[Joints, Scores]:
        """Persons and their joints.

        Args:
            picture: (H, W, 3|4) display values, clamped to [0, 1] here.

        Returns:
            ((P, 17, 2) px, (P, 17)): COCO's joints; one that was not found is at (0, 0) with score 0.
        """
        height, width = picture.shape[:2]
        columns = max(_LEAST_COLUMNS_PX, round(width * _ROWS_PX / height))
        seen = np.clip(resize(np.clip(picture[..., :3], 0, 1), width=columns, height=_ROWS_PX), 0, 1)
        # Blue first, of 255.
        candidates, persons = self.body(np.ascontiguousarray(seen[..., ::-1]) * np.float32(255))
        bodies = self.body.format_body_result(candidates, persons)
        points, scores = np.zeros((len(bodies), _PARTS, 2), np.float32), np.zeros((len(bodies), _PARTS), np.float32)
        scale = np.array([width / columns, height / _ROWS_PX])
        for person, body in enumerate(bodies):
            for part, found in enumerate(body.keypoints):
                if found is not None:
                    # Centres of pixels are half a pixel inside.
                    points[person, part] = (np.array([found.x, found.y]) + 0.5) * scale - 0.5
                    scores[person, part] = np.clip(found.score, 0, 1)
        return coco_17(points, scores)


def load_openpose(weights: Path, *, device: str) -> OpenPose:
    """OpenPose with the network of a file.

    Args:
        weights: ``body_pose_model.pth``, or a ``.safetensors`` of it.
        device: where it shall live.

    Returns:
        OpenPose, float32; `UnavailableError` where the file is damaged, holds more than tensors, or belongs to another network.
    """
    with quietly():
        from controlnet_aux.open_pose.model import bodypose_model
    network = bodypose_model()
    load_tensors(_by_layer(network), weights, who="openpose")
    return OpenPose.of(network.eval().requires_grad_(False).to(device))


def _by_layer(network: nn.Module) -> nn.Module:
    """The same layers without the stages they are in: files name layers alone."""
    return nn.ModuleDict({name: layer for stage in network.children() for name, layer in stage.named_children()})
