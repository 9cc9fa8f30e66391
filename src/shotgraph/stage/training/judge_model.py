"""The judge's network: find the object, then look at it closely.

At an eighth of the size it says where the object is and what lies behind it; what the object itself is, it reads off a window of
64 px cut out around that place, in which every object is whole and in the middle. The place is taught, since it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional

from shotgraph.stage.training.judge_data import HEADS

# What is asked of the object; all other heads are asked of the whole picture.
OBJECT_HEADS = ("shape", "colour", "texture")
# Pixels a place of the map, and the window's side.
STRIDE_PX, WINDOW_PX = 8, 64
# How far from the true centre, as a deviation, a place may be taught to be.
_SIGMA_PX = 4.0
# The root of a variance of 0 has no gradient.
_LEAST_VARIANCE = 1e-6


class Seen(NamedTuple):
    """What the network makes of pictures.

    Attributes:
        answers: logits (N, words + 1) of every head; the last class is "unclear".
        places: (N, h, w) logarithms of probabilities of where the object's centre is, a place every 8 px.
    """

    answers: dict[str, Tensor]
    places: Tensor


class _Residual(nn.Module):
    """A convolution beside what it adds to."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, features: Tensor) -> Tensor:
        """Same shape."""
        return features + functional.silu(self.norm(self.convolution(features)))


class JudgeModel(ModelMixin, ConfigMixin):
    """(N, 3, H, W) in [0, 1] to the logits of every head."""

    @register_to_config
    def __init__(
        self,
        scene_widths: tuple[int, ...] = (24, 40, 64),
        object_widths: tuple[int, ...] = (32, 64, 96),
        pooled: tuple[str, ...] = ("mean", "most"),
    ) -> None:
        super().__init__()
        # Red, green, blue, and how far from the middle: of two objects the one in the middle is meant.
        layers = _halvings(4, scene_widths)
        # Three halvings and these dilations: a place sees 100 px, a whole object.
        layers += [_Residual(scene_widths[-1], dilation) for dilation in (1, 2, 2)]
        self.scene = nn.Sequential(*layers)
        self.place = nn.Conv2d(scene_widths[-1], 1, 1)
        first, second, third = object_widths
        self.close = nn.Sequential(
            *_halvings(3, (first, second)),
            _Residual(second),
            _Residual(second),
            *_halvings(second, (third,)),
            _Residual(third),
        )
        widths = {head: third if head in OBJECT_HEADS else scene_widths[-1] for head in HEADS}
        self.answers = nn.ModuleDict(
            {
                head: nn.Sequential(
                    nn.Linear(len(pooled) * width, width), nn.SiLU(), nn.Linear(width, len(HEADS[head]) + 1)
                )
                for head, width in widths.items()
            }
        )

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Logits (N, words + 1) of every head."""
        return self.look(pictures).answers

    def look(self, pictures: Tensor) -> Seen:
        """The answers, and where the object is; pictures (N, 3, H, W) in [0, 1]."""
        values = pictures * 2 - 1
        scene = self.scene(torch.cat((values, _from_middle(pictures)), dim=1))
        places = self.place(scene).squeeze(1).float()
        logs = places.flatten(1).log_softmax(dim=1).view_as(places)
        # What the object is must not decide where it is.
        close = self.close(window(values, expected_place(logs.detach())))
        read = {head: self._pooled(close if head in OBJECT_HEADS else scene) for head in HEADS}
        return Seen({head: self.answers[head](read[head]) for head in HEADS}, logs)

    def _pooled(self, features: Tensor) -> Tensor:
        """(N, poolings x C)."""
        whole = features.float()
        return torch.cat([_POOLINGS[name](whole) for name in self.config["pooled"]], dim=1)


def _halvings(channels: int, widths: tuple[int, ...]) -> list[nn.Module]:
    """Convolutions that each halve the size."""
    layers: list[nn.Module] = []
    for before, width in zip((channels, *widths), widths, strict=False):
        layers += [nn.Conv2d(before, width, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(width), nn.SiLU()]
    return layers


def _deviation(features: Tensor) -> Tensor:
    return (features.var(dim=(2, 3), correction=0) + _LEAST_VARIANCE).sqrt()


# Over places; the deviation tells a plain ground from one that slowly darkens.
_POOLINGS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "mean": lambda features: features.mean(dim=(2, 3)),
        "most": lambda features: features.amax(dim=(2, 3)),
        "deviation": _deviation,
    }
)


def expected_place(logs: Tensor) -> Tensor:
    """(N, 2) pixels, x then y: the mean over the places of a map (N, h, w) of logarithms of probabilities."""
    shares = logs.exp()
    x, y = (
        STRIDE_PX * torch.arange(size, dtype=logs.dtype, device=logs.device) for size in (logs.shape[2], logs.shape[1])
    )
    return torch.stack(((shares.sum(dim=1) * x).sum(dim=1), (shares.sum(dim=2) * y).sum(dim=1)), dim=1)


def window(pictures: Tensor, centres: Tensor) -> Tensor:
    """(N, C, 64, 64) of pictures (N, C, H, W) around (N, 2) pixels, the border repeated beyond it."""
    height, width = pictures.shape[2:]
    offsets = torch.arange(WINDOW_PX, dtype=torch.float32, device=pictures.device) - (WINDOW_PX - 1) / 2
    x = (centres[:, :1] + offsets) * (2 / (width - 1)) - 1
    y = (centres[:, 1:] + offsets) * (2 / (height - 1)) - 1
    grid = torch.stack((x[:, None].expand(-1, WINDOW_PX, -1), y[:, :, None].expand(-1, -1, WINDOW_PX)), dim=-1)
    return functional.grid_sample(pictures.float(), grid, padding_mode="border", align_corners=True)


def place_loss(logs: Tensor, centres: Tensor) -> Tensor:
    """Cross-entropy between a map (N, h, w) and Gaussians around true centres (N, 2); rows of NaN have no object, and no loss."""
    known = centres.isfinite().all(dim=1)
    if not known.any():
        return logs.sum() * 0
    x, y = (STRIDE_PX * torch.arange(size, device=logs.device) for size in (logs.shape[2], logs.shape[1]))
    across, down = x - centres[known, :1], y - centres[known, 1:]
    squares = across.square()[:, None] + down.square()[:, :, None]
    wanted = (-squares / (2 * _SIGMA_PX**2)).flatten(1).softmax(dim=1)
    return -(wanted * logs[known].flatten(1)).sum(dim=1).mean()


def _from_middle(pictures: Tensor) -> Tensor:
    """(N, 1, H, W) distance from the middle in units of 64 px."""
    height, width = pictures.shape[-2:]
    y = (torch.arange(height, device=pictures.device) - (height - 1) / 2) / 64
    x = (torch.arange(width, device=pictures.device) - (width - 1) / 2) / 64
    return torch.hypot(y[:, None], x[None]).to(pictures.dtype).expand(len(pictures), 1, height, width)
