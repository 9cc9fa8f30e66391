"""stage-t2v: a UNet3DConditionModel in ModelScope's layout, inflated from stage-sd, whose temporal layers alone are trained.

It starts as exactly the 2-D net on every frame: what every temporal layer adds is zero at first.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_3d_condition import UNet3DConditionModel
from torch import Tensor

from shotgraph.errors import ShapeError
from shotgraph.models.loading import load_network
from shotgraph.stage.training.cards import read_card, write_card
from shotgraph.stage.training.controlnet import sd_inputs
from shotgraph.stage.training.folders import save_t2v
from shotgraph.stage.training.loop import Schedule, Trainee
from shotgraph.stage.training.moving import BATCHES, PLANS, SCHEDULE, ClipTrainee, clip_trainee
from shotgraph.stage.training.recipe import Recipe, Workshop
from shotgraph.stage.training.t2i import open_unet

# How names of layers along time begin.
_TEMPORAL = ("temp_convs", "temp_attentions", "transformer_in")


def is_temporal(name: str) -> bool:
    """Whether a parameter belongs to a layer along time."""
    return any(part in _TEMPORAL for part in name.split("."))


def inflated(unet: UNet2DConditionModel) -> UNet3DConditionModel:
    """`unet` over clips: equal to it on every frame, only layers along time to be trained.

    Args:
        unet: of Stable Diffusion's layout.

    Returns:
        A net over (B, C, frames, h, w) with captions (B, tokens, width).

    Raises:
        ShapeError: a parameter of `unet` has no place in the video net.
    """
    net = _like(unet)
    state, own = unet.state_dict(), net.state_dict()
    for name, value in state.items():
        if name not in own or own[name].numel() != value.numel():
            raise ShapeError(
                f"t2v: {name} must be a parameter of the video net too, got {tuple(value.shape)}; keep to SD's layout"
            )
        # Projections around attention: a 1 x 1 convolution there, linear here.
        own[name] = value.reshape(own[name].shape)
    # Temporal convolutions end in zeros by themselves; zeros in front of those would never learn.
    own |= {name: torch.zeros_like(value) for name, value in own.items() if is_temporal(name) and ".proj_out." in name}
    net.load_state_dict(own)
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(is_temporal(name))
    return net


def _like(unet: UNet2DConditionModel) -> UNet3DConditionModel:
    given: Any = unet.config
    widths, heads = tuple(given["block_out_channels"]), given["attention_head_dim"]
    # "attention_head_dim" counts heads in the 2-D net and is the width of one in the video net.
    sizes = {width // count for width, count in zip(widths, heads, strict=True)}
    if len(sizes) != 1:
        raise ShapeError(
            f"t2v: heads must all have one width, got {sorted(sizes)}; choose heads in proportion to the blocks"
        )
    kind: Any = UNet3DConditionModel
    return kind(
        sample_size=given["sample_size"],
        in_channels=given["in_channels"],
        out_channels=given["out_channels"],
        down_block_types=tuple(name.replace("2D", "3D") for name in given["down_block_types"]),
        up_block_types=tuple(name.replace("2D", "3D") for name in given["up_block_types"]),
        block_out_channels=widths,
        layers_per_block=given["layers_per_block"],
        cross_attention_dim=given["cross_attention_dim"],
        attention_head_dim=sizes.pop(),
        norm_num_groups=given["norm_num_groups"],
    )


def open_t2v(folder: Path) -> UNet3DConditionModel:
    """The video U-Net in a folder: float32, frozen."""
    return load_network(UNet3DConditionModel, folder, torch.float32)


def on_clip(net: UNet3DConditionModel, frames: Tensor, time: int, words: Tensor) -> Tensor:
    """Noise predicted for frames (N, C, h, w) of one clip, with one caption (1, tokens, width)."""
    predict: Any = net
    return predict(frames.transpose(0, 1)[None], time, encoder_hidden_states=words).sample[0].transpose(0, 1)


def _prepare(workshop: Workshop, schedule: Schedule) -> Trainee:
    net = inflated(open_unet(workshop.sd / "unet"))
    return clip_trainee(workshop, schedule, net, name="t2v", words_per_frame=False)


def _publish(workshop: Workshop, trainee: Trainee) -> None:
    if isinstance(trainee, ClipTrainee) and isinstance(trainee.net, UNet3DConditionModel):
        trainee.words.write_into(trainee.text)
        is_new = not workshop.t2v.is_dir()
        save_t2v(workshop.t2v, workshop.sd, trainee.net, trainee.text)
        if is_new:
            # The guidance that suits stage-sd is what its frames were learnt with.
            guidance = read_card(workshop.sd).guidance
            write_card(workshop.t2v, replace(read_card(workshop.t2v), guidance=guidance))


RECIPE = Recipe(
    name="t2v",
    model="stage-t2v",
    schedule=SCHEDULE,
    batch=BATCHES[0],
    banks=PLANS,
    minutes=75,
    data="from stage-sd: latents and captions of 4 000 clips of 8 frames of 64 px and 1 000 of 128 px with one object",
    inputs=sd_inputs,
    prepare=_prepare,
    publish=_publish,
)
