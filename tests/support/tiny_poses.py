"""Networks of persons and joints, and an OpenPose that finds what it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from tiny_checkpoints import RANGE, saved, thin_state
from transformers.models.rt_detr.configuration_rt_detr import RTDetrConfig
from transformers.models.rt_detr.configuration_rt_detr_resnet import RTDetrResNetConfig
from transformers.models.rt_detr.image_processing_rt_detr import RTDetrImageProcessor
from transformers.models.rt_detr.modeling_rt_detr import RTDetrForObjectDetection
from transformers.models.vitpose.configuration_vitpose import VitPoseConfig
from transformers.models.vitpose.image_processing_vitpose import VitPoseImageProcessor
from transformers.models.vitpose.modeling_vitpose import VitPoseForPoseEstimation
from transformers.models.vitpose_backbone.configuration_vitpose_backbone import VitPoseBackboneConfig

from shotgraph.annotators.quiet import quietly

# (part, part, channel of the affinity along x; that along y is the next), as OpenPose's network answers.
AFFINITIES = (
    (1, 2, 12), (1, 5, 20), (2, 3, 14), (3, 4, 16), (5, 6, 22), (6, 7, 24), (1, 8, 0), (8, 9, 2), (9, 10, 4), (1, 11, 6),
    (11, 12, 8), (12, 13, 10), (1, 0, 28), (0, 14, 30), (14, 16, 34), (0, 15, 32), (15, 17, 36),
)  # fmt: skip
_STRIDE_PX = 8
# Part to where it is, as shares of width and height, and how sure the network is.
Person = Mapping[int, tuple[float, float, float]]


def write_vitpose(folder: Path, *, experts: int = 1, joints: int = 17) -> Path:
    """Sees 48 x 64 px of every person."""
    config = VitPoseConfig(
        backbone_config=VitPoseBackboneConfig(
            image_size=[64, 48],
            patch_size=[16, 16],
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            mlp_ratio=2,
            out_indices=[2],
            num_experts=experts,
            part_features=8 if experts > 1 else 0,
            initializer_range=RANGE,
        ),
        num_labels=joints,
        use_simple_decoder=True,
        scale_factor=4,
        # Heat maps within [0, 1], so that scores differ.
        initializer_range=0.02,
    )
    processor = VitPoseImageProcessor(size={"height": 64, "width": 48})
    return saved(folder, lambda: VitPoseForPoseEstimation(config), processor)


def write_rt_detr(folder: Path, *, classes: tuple[str, ...] = ("chair", "Person")) -> Path:
    """Sees 64 x 64 px; ten boxes."""
    backbone = RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = RTDetrConfig(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[16, 16, 16],
        encoder_ffn_dim=16,
        encoder_layers=1,
        encoder_attention_heads=2,
        d_model=16,
        num_queries=10,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        num_denoising=0,
        anchor_image_size=None,
        id2label=dict(enumerate(classes)),
        label2id={name: number for number, name in enumerate(classes)},
    )
    processor = RTDetrImageProcessor(size={"height": 64, "width": 64})
    return saved(folder, lambda: RTDetrForObjectDetection(config), processor)


class Told(torch.nn.Module):
    """In place of OpenPose's network: answers as if it saw given persons, and remembers what it was shown."""

    def __init__(self, persons: Sequence[Person], *, columns_px: int, rows_px: int = 184) -> None:
        """Persons within `columns_px` by `rows_px` of what the network is shown; the rest is padding."""
        super().__init__()
        self.place = torch.nn.Parameter(torch.zeros(()), requires_grad=False)
        self.persons, self.extent = persons, torch.tensor([columns_px, rows_px])
        self.shown: list[torch.Tensor] = []

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """((1, 38, h, w), (1, 19, h, w)) affinities and heat maps, an eighth of the picture."""
        self.shown.append(picture)
        rows, columns = (side // _STRIDE_PX for side in picture.shape[2:])
        grid = torch.stack(torch.meshgrid(torch.arange(columns), torch.arange(rows), indexing="xy"), dim=-1).float()
        affinities, heat = torch.zeros(1, 38, rows, columns), torch.zeros(1, 19, rows, columns)
        for person in self.persons:
            cells = {part: self._cell(*place[:2]) for part, place in person.items()}
            for part, (_, _, score) in person.items():
                bump = score * torch.exp(-(grid - cells[part]).square().sum(dim=-1) / (2 * 1.2**2))
                heat[0, part] = torch.maximum(heat[0, part], bump)
            for start, end, channel in AFFINITIES:
                if start in cells and end in cells:
                    along, near = _limb(grid, cells[start], cells[end])
                    affinities[0, channel : channel + 2, near] = along[:, None]
        return affinities, heat

    def _cell(self, x: float, y: float) -> torch.Tensor:
        """Where a place lies on the grid of the answer."""
        return torch.tensor([x, y]) * self.extent / _STRIDE_PX - 0.5


def _limb(grid: torch.Tensor, start: torch.Tensor, end: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The direction of a limb, and which cells are near to it."""
    length = (end - start).norm()
    along = (end - start) / length
    far = ((grid - start) @ along).clamp(0, float(length))
    return along, (grid - start - far[..., None] * along).norm(dim=-1) < 1.5


def write_openpose(path: Path) -> Path:
    """A whole network that never finds anybody, under the names of the published file."""
    with quietly():
        from controlnet_aux.open_pose.model import bodypose_model
    with torch.device("meta"):
        network = bodypose_model()
    values = thin_state(network, spread=0.0)
    torch.save({name.partition(".")[2]: value for name, value in values.items()}, path)
    return path
