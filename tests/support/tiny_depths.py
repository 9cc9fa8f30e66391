"""Folders of depth networks, one of every class that is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tiny_checkpoints import RANGE, saved
from transformers.models.beit.configuration_beit import BeitConfig
from transformers.models.depth_anything.configuration_depth_anything import DepthAnythingConfig
from transformers.models.depth_anything.modeling_depth_anything import DepthAnythingForDepthEstimation
from transformers.models.depth_pro.configuration_depth_pro import DepthProConfig
from transformers.models.depth_pro.image_processing_depth_pro import DepthProImageProcessor
from transformers.models.depth_pro.modeling_depth_pro import DepthProForDepthEstimation
from transformers.models.dinov2.configuration_dinov2 import Dinov2Config
from transformers.models.dpt.configuration_dpt import DPTConfig
from transformers.models.dpt.image_processing_dpt import DPTImageProcessor
from transformers.models.dpt.modeling_dpt import DPTForDepthEstimation
from transformers.models.zoedepth.configuration_zoedepth import ZoeDepthConfig
from transformers.models.zoedepth.image_processing_zoedepth import ZoeDepthImageProcessor
from transformers.models.zoedepth.modeling_zoedepth import ZoeDepthForDepthEstimation

_WORLDS = [
    {"name": "nyu", "n_bins": 8, "min_depth": 1e-3, "max_depth": 10.0},
    {"name": "kitti", "n_bins": 8, "min_depth": 1e-3, "max_depth": 80.0},
]


def write_dpt(folder: Path) -> Path:
    """Sees 32 x 32 px, whatever the aspect."""
    config = DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=32,
        patch_size=8,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        is_hybrid=False,
        initializer_range=RANGE,
    )
    return saved(folder, lambda: DPTForDepthEstimation(config), DPTImageProcessor(size={"height": 32, "width": 32}))


def write_depth_anything(folder: Path, *, metric: bool = False) -> Path:
    """Sees 28 px of the shorter side."""
    config = DepthAnythingConfig(
        backbone_config=Dinov2Config(
            hidden_size=16,
            num_hidden_layers=4,
            num_attention_heads=2,
            mlp_ratio=2,
            image_size=28,
            patch_size=14,
            out_indices=[1, 2, 3, 4],
            reshape_hidden_states=False,
            apply_layernorm=True,
            initializer_range=RANGE,
        ),
        patch_size=14,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        head_hidden_size=8,
        initializer_range=RANGE,
        **({"depth_estimation_type": "metric", "max_depth": 20} if metric else {}),
    )
    processor = DPTImageProcessor(size={"height": 28, "width": 28}, keep_aspect_ratio=True, ensure_multiple_of=14)
    return saved(folder, lambda: DepthAnythingForDepthEstimation(config), processor)


def write_zoedepth(folder: Path, *, worlds: int = 1) -> Path:
    """Sees 32 px of the height, in one world or in two."""
    config = ZoeDepthConfig(
        backbone_config=BeitConfig(
            hidden_size=16,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=32,
            image_size=32,
            patch_size=16,
            use_relative_position_bias=True,
            reshape_hidden_states=False,
            out_features=["stage1", "stage2", "stage3", "stage4"],
            initializer_range=RANGE,
        ),
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        bottleneck_features=16,
        num_relative_features=8,
        num_attractors=[4, 2, 2, 1],
        bin_embedding_dim=8,
        bin_configurations=_WORLDS[:worlds],
        # The library builds its classifier of worlds for these two numbers alone.
        num_patch_transformer_layers=4,
        patch_transformer_hidden_size=128,
        patch_transformer_intermediate_size=32,
        patch_transformer_num_attention_heads=2,
        initializer_range=RANGE,
    )
    processor = ZoeDepthImageProcessor(size={"height": 32, "width": 64}, ensure_multiple_of=32)
    return saved(folder, lambda: ZoeDepthForDepthEstimation(config), processor)


def write_depth_pro(folder: Path) -> Path:
    """Sees 64 x 64 px, in patches of 16."""
    encoder = {
        "model_type": "dinov2",
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "mlp_ratio": 2,
        "image_size": 16,
        "patch_size": 8,
        "initializer_range": RANGE,
    }
    config = DepthProConfig(
        fusion_hidden_size=16,
        patch_size=16,
        intermediate_hook_ids=[1, 0],
        intermediate_feature_dims=[8, 8],
        scaled_images_feature_dims=[16, 16, 8],
        image_model_config=dict(encoder),
        patch_model_config=dict(encoder),
        fov_model_config=dict(encoder),
        num_fov_head_layers=0,
        merge_padding_value=1,
        initializer_range=0.2,
    )
    processor = DepthProImageProcessor(size={"height": 64, "width": 64})
    return saved(folder, lambda: DepthProForDepthEstimation(config), processor)


DEPTHS: Mapping[str, Callable[[Path], Path]] = {
    "dpt": write_dpt,
    "depth_anything": write_depth_anything,
    "depth_anything_metric": lambda folder: write_depth_anything(folder, metric=True),
    "zoedepth": write_zoedepth,
    "zoedepth_two_worlds": lambda folder: write_zoedepth(folder, worlds=2),
    "depth_pro": write_depth_pro,
}
