"""Gates of the ControlNet: whether the object is drawn where its depth, edges or mask say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from shotgraph.diffusion.bundle import ModelBundle
from shotgraph.diffusion.grid import guided
from shotgraph.diffusion.sampling import sample
from shotgraph.stage.captions import caption
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.training.cards import read_card
from shotgraph.stage.training.controlnet import CONTROLS, controlled, draw_controls, open_controlnet, to_condition
from shotgraph.stage.training.drawgates import STEPS, asked_clip, starts
from shotgraph.stage.training.gating import Gate, gates_of
from shotgraph.stage.training.seeing import overlap, seen_object

CLIPS = 24
# A clip in which colour does not even tell the true object's place cannot gate a drawn one's.
_TELLING, _INSIDE = 0.9, 0.5


def measure(models: Path, seed: int) -> list[Gate]:
    """Mean IoU with the true silhouette, a row for every kind of control."""
    sd = models / "stage-sd"
    bundle, net, card = ModelBundle.load(sd), open_controlnet(sd / "controlnet"), read_card(sd)
    specs = telling_clips(seed, CLIPS)
    truth = np.stack([draw_controls(Scene(spec), 0) for spec in specs])
    grid, nothing = bundle.grid(STEPS), bundle.words([card.negative_prompt])
    words = bundle.words([caption(spec, motion=False) for spec in specs])
    both = torch.cat((nothing.expand(len(specs), -1, -1), words))
    values: dict[str, float] = {}
    for index, kind in enumerate(CONTROLS):
        condition = to_condition(truth[:, index])

        def denoise(x: Tensor, step: int, condition: Tensor = condition) -> Tensor:
            state = (torch.cat((x, x)), grid.times[step])
            output = controlled(bundle.unet, net, state, both, torch.cat((condition, condition)))
            without, with_words = output.chunk(2)
            return grid.noise_from(guided(without, with_words, card.guidance), x, step)

        clean = sample(starts(bundle, seed, len(specs), card.side_px), denoise, grid)
        pictures = bundle.decode(clean).clamp(0, 1).numpy()
        found = [
            overlap(seen_object(picture, spec.sprites[0].look.colour, spec.ground.colour), _inside(mask))
            for picture, spec, mask in zip(pictures, specs, truth[:, CONTROLS.index("mask")], strict=True)
        ]
        values[f"controlnet.{kind}_iou"] = float(np.mean(found))
    return gates_of(values)


def telling_clips(seed: int, count: int) -> list[ClipSpec]:
    """The first held-out clips in whose true frame the object is found by its colour."""
    found: list[ClipSpec] = []
    number = 0
    while len(found) < count:
        spec = asked_clip(seed, number)
        scene, number = Scene(spec), number + 1
        seen = seen_object(scene.picture(0), spec.sprites[0].look.colour, spec.ground.colour)
        if overlap(seen, scene.alpha(1, 0) >= _INSIDE) >= _TELLING:
            found.append(spec)
    return found


def _inside(mask: np.ndarray) -> np.ndarray:
    return mask >= round(255 * _INSIDE)
