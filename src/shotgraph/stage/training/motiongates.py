"""Gates of what moves: whether the object goes where the prompt says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shotgraph.diffusion.bundle import ModelBundle
from shotgraph.diffusion.grid import guided
from shotgraph.diffusion.noise import PhiloxNoise
from shotgraph.diffusion.parts import load_part
from shotgraph.diffusion.sampling import sample
from shotgraph.stage.captions import caption
from shotgraph.stage.spec import Camera, ClipSpec, Ground, Look, Motion, Sprite
from shotgraph.stage.training.cards import Card, read_card
from shotgraph.stage.training.drawgates import STEPS
from shotgraph.stage.training.gating import Gate, gates_of
from shotgraph.stage.training.motion import open_motion
from shotgraph.stage.training.moving import FRAMES
from shotgraph.stage.training.seeing import centre_of, seen_object
from shotgraph.stage.training.t2v import on_clip, open_t2v
from shotgraph.stage.vocabulary import SHAPES, GroundColour, MotionName, ObjectColour

CLIPS = 32
# Where each word leads: x, y.
DIRECTIONS: tuple[tuple[MotionName, tuple[int, int]], ...] = (
    ("left", (-1, 0)),
    ("right", (1, 0)),
    ("up", (0, -1)),
    ("down", (0, 1)),
)
# Pairs that colour alone tells apart, whatever the shade.
_PAIRS: tuple[tuple[ObjectColour, GroundColour], ...] = (
    ("red", "navy"),
    ("yellow", "navy"),
    ("green", "pink"),
    ("cyan", "brown"),
    ("white", "olive"),
    ("orange", "gray"),
    ("purple", "black"),
    ("blue", "gray"),
)
_LEAST_PX = 2.0
# (frames, C, h, w), time, words (1, tokens, width) to predicted noise.
Predict = Callable[[Tensor, int, Tensor], Tensor]


def measure_adapter(models: Path, seed: int) -> list[Gate]:
    """Share of clips of stage-sd with its MotionAdapter that move as asked."""
    sd = models / "stage-sd"
    net = open_motion(sd)

    def predict(frames: Tensor, time: int, words: Tensor) -> Tensor:
        said = words.expand(len(frames), -1, -1)
        return net(frames.transpose(0, 1)[None], time, encoder_hidden_states=said).sample[0].transpose(0, 1)

    return gates_of({"motion.direction": _share(ModelBundle.load(sd), read_card(sd), predict, seed)})


def measure_t2v(models: Path, seed: int) -> list[Gate]:
    """The same of stage-t2v."""
    net = open_t2v(models / "stage-t2v" / "unet")

    def predict(frames: Tensor, time: int, words: Tensor) -> Tensor:
        return on_clip(net, frames, time, words)

    # Its own words: those of motion were learnt with it.
    text = load_part(models / "stage-t2v" / "text_encoder", "text_encoder", torch.float32)
    bundle = replace(ModelBundle.load(models / "stage-sd"), text=text)
    return gates_of({"t2v.direction": _share(bundle, read_card(models / "stage-t2v"), predict, seed)})


def asked_motions(count: int) -> list[tuple[ClipSpec, tuple[int, int]]]:
    """Clips of one plain object that drifts before a plain ground, and where to."""
    found: list[tuple[ClipSpec, tuple[int, int]]] = []
    for number in range(count):
        name, towards = DIRECTIONS[number % len(DIRECTIONS)]
        colour, ground = _PAIRS[(number // len(DIRECTIONS)) % len(_PAIRS)]
        look = Look(shape=SHAPES[number % len(SHAPES)], colour=colour)
        sprite = Sprite(look=look, x=63.5, y=63.5, motion=Motion(name=name, speed=2.5))
        clip = ClipSpec(ground=Ground(colour=ground), sprites=(sprite,), camera=Camera(), frames=FRAMES)
        found.append((clip, towards))
    return found


def goes(frames: NDArray[np.float32], spec: ClipSpec, towards: tuple[int, int]) -> bool:
    """Whether the object of a clip gets somewhere, and more that way than across.

    Args:
        frames: (T, H, W, 3) display values.
        spec: says its colour and the ground's.
        towards: x, y.

    Returns:
        False too when it is not seen in the first or the last frame.
    """
    colour, ground = spec.sprites[0].look.colour, spec.ground.colour
    ends = [centre_of(seen_object(frame, colour, ground)) for frame in (frames[0], frames[-1])]
    if ends[0] is None or ends[1] is None:
        return False
    dx, dy = ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]
    along, across = dx * towards[0] + dy * towards[1], dx * towards[1] + dy * towards[0]
    return along >= _LEAST_PX and along > abs(across)


def _share(bundle: ModelBundle, card: Card, predict: Predict, seed: int) -> float:
    asked = asked_motions(CLIPS)
    return float(
        np.mean([goes(_drawn(bundle, card, predict, (spec, seed, k)), spec, to) for k, (spec, to) in enumerate(asked)])
    )


@torch.no_grad()
def _drawn(bundle: ModelBundle, card: Card, predict: Predict, asked: tuple[ClipSpec, int, int]) -> NDArray[np.float32]:
    """(T, H, W, 3): the clip that is drawn for the caption of `asked`, with a seed and number for its noise."""
    spec, seed, number = asked
    grid, side = bundle.grid(STEPS), card.side_px // bundle.factor
    shape = (bundle.vae.config["latent_channels"], side, side)
    start = PhiloxNoise(seed).draw("gates motion", range(number * FRAMES, (number + 1) * FRAMES), shape)
    nothing, words = bundle.words([card.negative_prompt]), bundle.words([caption(spec, motion=True)])

    def denoise(x: Tensor, index: int) -> Tensor:
        time = grid.times[index]
        output = guided(predict(x, time, nothing), predict(x, time, words), card.guidance)
        return grid.noise_from(output, x, index)

    return bundle.decode(sample(start, denoise, grid)).clamp(0, 1).numpy()
