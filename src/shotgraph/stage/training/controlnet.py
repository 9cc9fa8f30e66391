"""stage-sd's ControlNet: one net for depth, edges and mask, of which every sample shows one as a grey RGB picture.

It starts as a copy of the U-Net's encoder, which stays frozen (Zhang, Rao, Agrawala, "Adding Conditional Control to
Text-to-Image Diffusion Models", ICCV 2023). The picture is brought to the latents' size by a factor of 4, not 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers.models.clip.modeling_clip import CLIPTextModel

from shotgraph.models.loading import load_network
from shotgraph.plugins.analysis.edges import canny
from shotgraph.stage.layers import GROUND
from shotgraph.stage.scene import Scene
from shotgraph.stage.training.banks import Bank, BankPlan, codes, open_table
from shotgraph.stage.training.denoising import denoising_loss, draw_batch, plain_attention
from shotgraph.stage.training.folders import save_part
from shotgraph.stage.training.latents import open_latents
from shotgraph.stage.training.loop import Schedule, Trainee
from shotgraph.stage.training.recipe import WEIGHTS, Recipe, Workshop
from shotgraph.stage.training.t2i import LAST, open_unet
from shotgraph.stage.training.text import bank_ids, open_text, token_ids
from shotgraph.stage.training.tokens import new_tokenizer

Control = Literal["depth", "edges", "mask"]
CONTROLS: tuple[Control, ...] = get_args(Control)
PLAN = BankPlan(split="train", clips=4_000)
# How often each is shown: edges say least of where an object is, and are learnt last.
SHARES = (0.25, 0.5, 0.25)
BATCH, DROPPED = 16, 0.3
SCHEDULE = Schedule(steps=2_000, learning_rate=5e-4, warmup=50, average=0.995)
# Weak and strong edges, in code values: the first shows every outline, the last is the node's default, which misses those
# between colours of like luma. Training sees all three, so that none of them is strange to the net.
EDGES = ((30, 60), (60, 120), (100, 200))


def new_controlnet(unet: UNet2DConditionModel) -> ControlNetModel:
    """A copy of the encoder of `unet` whose outputs are still zero."""
    kind: Any = ControlNetModel
    net = kind.from_unet(unet, conditioning_embedding_out_channels=(8, 16, 32))
    # Left as the library makes them, these layers shrink a picture a hundredfold before the first zero convolution, and the
    # training waits for them to grow.
    for layer in (net.controlnet_cond_embedding.conv_in, *net.controlnet_cond_embedding.blocks):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    return net


def open_controlnet(folder: Path) -> ControlNetModel:
    """The ControlNet in a folder: float32, frozen."""
    return load_network(ControlNetModel, folder, torch.float32)


def controls_of(plan: BankPlan, index: int) -> NDArray[np.uint8]:
    """(3, H, W) codes of a clip's depth, edges and mask, at the time of its frame in the bank."""
    return draw_controls(Scene(plan.spec(index)), plan.times(index)[0], edges=EDGES[index % len(EDGES)])


def draw_controls(scene: Scene, time: float, *, edges: tuple[int, int] = EDGES[0]) -> NDArray[np.uint8]:
    """(3, H, W) codes of a frame's control pictures, in the order of `CONTROLS`; `edges` are the weak and the strong."""
    nearness = 1 / scene.depth(time)
    span = float(nearness.max() - nearness.min())
    depth = (nearness - nearness.min()) / (span or 1.0)
    outlines = canny(scene.picture(time), low=edges[0], high=edges[1])
    return np.stack([codes(control) for control in (depth, outlines, 1 - scene.alpha(GROUND, time))])


def open_controls(bank: Bank, processes: int) -> NDArray[np.uint8]:
    """(clips, 3, H, W): the controls of a bank's frames, made once for these edges."""
    side, edges = bank.plan.side_px, "-".join(f"{weak}.{strong}" for weak, strong in EDGES)
    return open_table(
        bank.place / f"controls-{edges}.npy", bank.plan, (3, side, side), controls_of, processes=processes
    )


def to_condition(control: NDArray[np.uint8]) -> Tensor:
    """(N, H, W) codes to (N, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.array(control)).float().div(255)[:, None].expand(-1, 3, -1, -1)


@dataclass
class ControlTrainee:
    """The recipe.

    Attributes:
        latents: (N, 4, h, w), scaled.
        controls: (N, 3, H, W) codes in the order of `CONTROLS`.
        ids: (N, forms, 32) token ids of captions.
        empty: (32) token ids of no caption.
        unet: frozen.
        text: frozen.
        net: what is trained.
        batch: pictures a step.
        seed: of the order of data.
    """

    latents: Tensor
    controls: NDArray[np.uint8]
    ids: Tensor
    empty: Tensor
    unet: UNet2DConditionModel
    text: CLIPTextModel
    net: ControlNetModel
    batch: int = BATCH
    seed: int = 0
    name: str = "controlnet"

    def __post_init__(self) -> None:
        self.unet.requires_grad_(False)
        self.text.requires_grad_(False)

    def module(self) -> nn.Module:
        """The ControlNet."""
        return self.net

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Weighted error of the predicted noise over one batch, each picture with one of its controls."""
        chosen, ids = draw_batch(self.ids, self.empty, size=self.batch, address=(self.seed, step), dropped=DROPPED)
        kinds = torch.multinomial(torch.tensor(SHARES), self.batch, replacement=True, generator=noise)
        condition = to_condition(self.controls[chosen.numpy(), kinds.numpy()])
        speak: Any = self.text
        words = speak(ids).last_hidden_state

        def guess(noisy: Tensor, times: Tensor) -> Tensor:
            return controlled(self.unet, self.net, (noisy, times), words, condition)

        return denoising_loss(guess, self.latents[chosen].float(), noise)


def controlled(
    unet: UNet2DConditionModel,
    net: ControlNetModel,
    state: tuple[Tensor, Tensor | int],
    words: Tensor,
    condition: Tensor,
) -> Tensor:
    """Noise predicted under control.

    Args:
        unet: predicts it.
        net: steers it.
        state: noisy latents (N, C, h, w) and their times.
        words: (N, tokens, width).
        condition: (N, 3, H, W) in [0, 1].

    Returns:
        (N, C, h, w).
    """
    noisy, times = state
    steer: Any = net
    predict: Any = unet
    down, middle = steer(noisy, times, encoder_hidden_states=words, controlnet_cond=condition, return_dict=False)
    return predict(
        noisy,
        times,
        encoder_hidden_states=words,
        down_block_additional_residuals=down,
        mid_block_additional_residual=middle,
    ).sample


def sd_inputs(workshop: Workshop) -> Mapping[str, Path]:
    """What goes on from a whole stage-sd."""
    return {
        "vae": workshop.sd / "vae" / WEIGHTS,
        LAST: workshop.sd / "unet" / WEIGHTS,
        f"{LAST} words": workshop.masters(LAST) / "text_encoder" / "model.safetensors",
    }


def _prepare(workshop: Workshop, schedule: Schedule) -> Trainee:
    bank, tokenizer, sd = workshop.bank(PLAN), new_tokenizer(), workshop.sd
    unet = open_unet(sd / "unet")
    return ControlTrainee(
        latents=open_latents(bank, sd / "vae")[:, 0],
        controls=open_controls(bank, workshop.processes),
        ids=bank_ids(bank, tokenizer),
        empty=token_ids(tokenizer, [""])[0],
        net=plain_attention(new_controlnet(unet)),
        unet=plain_attention(unet),
        text=open_text(workshop.masters(LAST) / "text_encoder"),
        batch=BATCH,
        seed=schedule.seed,
    )


def _publish(workshop: Workshop, trainee: Trainee) -> None:
    if isinstance(trainee, ControlTrainee):
        save_part(trainee.net, workshop.sd / "controlnet", torch.float16)


RECIPE = Recipe(
    name="controlnet",
    model="stage-sd",
    schedule=SCHEDULE,
    batch=BATCH,
    banks=(PLAN,),
    minutes=45,
    data="latents, captions and exact depth, edges and masks of 4 000 frames of 128 px",
    inputs=sd_inputs,
    prepare=_prepare,
    publish=_publish,
)
