"""stage-sd's MotionAdapter: temporal attention between the layers of the frozen U-Net, which it leaves as it is at first.

Follows Guo et al., "AnimateDiff: Animate Your Personalized Text-to-Image Diffusion Models without Specific Tuning", ICLR 2024.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import MotionAdapter, UNetMotionModel
from torch import nn

from shotgraph.models.loading import load_network
from shotgraph.stage.training.controlnet import sd_inputs
from shotgraph.stage.training.folders import save_part
from shotgraph.stage.training.loop import Schedule, Trainee
from shotgraph.stage.training.moving import BATCHES, PLANS, SCHEDULE, ClipTrainee, clip_trainee
from shotgraph.stage.training.recipe import Recipe, Workshop
from shotgraph.stage.training.t2i import open_unet


def new_adapter(unet: UNet2DConditionModel | UNetMotionModel) -> MotionAdapter:
    """An untrained adapter for `unet`, which adds nothing yet: 1.3 M parameters, none in the middle block."""
    given: Any = unet.config
    kind: Any = MotionAdapter
    adapter = kind(
        block_out_channels=tuple(given["block_out_channels"]),
        motion_layers_per_block=given["layers_per_block"],
        motion_num_attention_heads=4,
        motion_norm_num_groups=given["norm_num_groups"],
        motion_max_seq_length=32,
        use_motion_mid_block=False,
    )
    for name, parameter in adapter.named_parameters():
        if ".proj_out." in name:
            nn.init.zeros_(parameter)
    return adapter


def with_motion(unet: UNet2DConditionModel, adapter: MotionAdapter) -> UNetMotionModel:
    """`unet` over clips, only the adapter's parameters to be trained."""
    net: Any = UNetMotionModel.from_unet2d(unet, adapter)
    net.freeze_unet2d_params()
    return net


def open_motion(sd: Path) -> UNetMotionModel:
    """The U-Net of a folder with its ``motion_adapter``: float32, frozen."""
    adapter = load_network(MotionAdapter, sd / "motion_adapter", torch.float32)
    net: Any = with_motion(open_unet(sd / "unet"), adapter)
    return net.eval().requires_grad_(False)


def _prepare(workshop: Workshop, schedule: Schedule) -> Trainee:
    unet = open_unet(workshop.sd / "unet")
    return clip_trainee(workshop, schedule, with_motion(unet, new_adapter(unet)), name="motion", words_per_frame=True)


def save_motion(net: UNetMotionModel, folder: Path) -> None:
    """Write the adapter of `net`, half precision."""
    adapter: Any = new_adapter(net)
    own = {name: value for name, value in net.state_dict().items() if "motion_modules" in name}
    adapter.load_state_dict(own)
    save_part(adapter, folder, torch.float16)


def _publish(workshop: Workshop, trainee: Trainee) -> None:
    if isinstance(trainee, ClipTrainee) and isinstance(trainee.net, UNetMotionModel):
        save_motion(trainee.net, workshop.sd / "motion_adapter")
        trainee.words.write_into(trainee.text)
        save_part(trainee.text, workshop.sd / "text_encoder", torch.float32)


RECIPE = Recipe(
    name="motion",
    model="stage-sd",
    schedule=SCHEDULE,
    batch=BATCHES[0],
    banks=PLANS,
    minutes=60,
    data="latents and captions of 4 000 clips of 8 frames of 64 px and 1 000 of 128 px with one object",
    inputs=sd_inputs,
    prepare=_prepare,
    publish=_publish,
)
