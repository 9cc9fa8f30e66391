"""Checkpoints of analysis networks, random and tiny, made with the real classes: what is tested is how they are loaded and asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models.optical_flow import raft_large, raft_small
from transformers.models.sam2.configuration_sam2 import Sam2HieraDetConfig, Sam2VisionConfig
from transformers.models.sam2.image_processing_sam2 import Sam2ImageProcessor
from transformers.models.sam2_video.configuration_sam2_video import (
    Sam2VideoConfig,
    Sam2VideoMaskDecoderConfig,
    Sam2VideoPromptEncoderConfig,
)
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoModel
from transformers.models.sam2_video.processing_sam2_video import Sam2VideoProcessor
from transformers.models.sam2_video.video_processing_sam2_video import Sam2VideoVideoProcessor

# Wide enough that answers of random networks are no constants.
RANGE = 0.3


def saved(folder: Path, build: Callable[[], Any], *others: Any, seed: int = 0) -> Path:
    """A folder with a network drawn from `seed`, and what else belongs to it."""
    # Initial weights come from the global generator; it is put back, so that no other test sees a difference.
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(seed)
        network = build()
    for part in (network, *others):
        part.save_pretrained(folder)
    return folder


def write_sam2(folder: Path) -> Path:
    """Sees 128 x 128 px."""
    backbone = Sam2HieraDetConfig(
        hidden_size=16,
        image_size=[128, 128],
        num_attention_heads=1,
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[16, 32, 64, 128],
        num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[8, 4, 7, 4],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[7, 7],
        initializer_range=RANGE,
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[128, 64, 32, 16],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
        fpn_hidden_size=128,
    )
    config = Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(hidden_size=128, image_size=128, patch_size=16),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(
            hidden_size=128, num_attention_heads=2, mlp_dim=64, iou_head_hidden_dim=32
        ),
        image_size=128,
        memory_attention_hidden_size=128,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=64,
        memory_attention_rope_feat_sizes=[8, 8],
        memory_encoder_hidden_size=128,
        memory_encoder_output_channels=64,
        mask_downsampler_embed_dim=128,
        memory_fuser_embed_dim=128,
        memory_fuser_intermediate_dim=64,
        initializer_range=0.1,
    )
    size = {"height": 128, "width": 128}
    processor = Sam2VideoProcessor(
        image_processor=Sam2ImageProcessor(size=size, mask_size={"height": 32, "width": 32}),
        video_processor=Sam2VideoVideoProcessor(size=size),
        target_size=128,
    )
    return saved(folder, lambda: Sam2VideoModel(config), processor)


def thin_state(network: nn.Module, *, spread: float, **own: torch.Tensor) -> dict[str, torch.Tensor]:
    """Weights for a network of any size that take little room on disk: all of them are views of the same few values.

    Args:
        network: whose names and shapes they have.
        spread: standard deviation of those with more than one axis; scales are 1, and shifts 0.
        **own: weights with values of their own.

    Returns:
        By name.
    """
    wanted = network.state_dict()
    most = max(value.numel() for value in wanted.values())
    drawn = (torch.randn(most, generator=torch.Generator().manual_seed(0)) * spread).bfloat16()
    longest = max(value.numel() for value in wanted.values() if value.ndim == 1)
    ones, zeros = torch.ones(longest), torch.zeros(longest)
    state: dict[str, torch.Tensor] = {}
    for name, value in wanted.items():
        is_scale = value.ndim == 1 and name.endswith("weight")
        pool = drawn if value.ndim > 1 else ones if is_scale else zeros
        state[name] = own.get(name, pool[: value.numel()].view(value.shape))
    return state


def write_raft(path: Path, size: str) -> Path:
    """As torchvision would keep it."""
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        network = {"small": raft_small, "large": raft_large}[size](weights=None, progress=False)
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A folder or file that a function of this module wrote, once for the whole session; copy it before changing it."""
    root, written = tmp_path_factory.mktemp("checkpoints"), dict[Any, Path]()

    def get(write: Callable[..., Path], *arguments: Any, suffix: str = "", **settings: Any) -> Path:
        key = (write, arguments, tuple(sorted(settings.items())))
        if key not in written:
            written[key] = write(root / f"{len(written)}{suffix}", *arguments, **settings)
        return written[key]

    return get
