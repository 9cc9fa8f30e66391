"""The attribute judge: says what a picture shows, in the stage's words, or that it is unclear. It needs no pose and no matte.

It is taught on whole pictures and crops of 64 to 128 px, of clips of the held-out stream, numbered far above those that are
gated on: a judge that never saw a purple star would be biased against just what a generator is asked to combine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from shotgraph.diffusion.autoencoding import decode, encode
from shotgraph.errors import ShapeError
from shotgraph.models.loading import load_network
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.training.banks import Bank, BankPlan
from shotgraph.stage.training.folders import save_part
from shotgraph.stage.training.gating import Gate, gates_of
from shotgraph.stage.training.judge_data import (
    HEADS,
    SIDES_PX,
    UNCLEAR,
    UNSAID,
    Example,
    Floats,
    blob_example,
    empty_grounds,
    ground_example,
    nameless_example,
    spoiled,
    turned,
    view_of,
)
from shotgraph.stage.training.judge_model import JudgeModel, place_loss
from shotgraph.stage.training.latents import displayed, open_vae
from shotgraph.stage.training.loop import Schedule, Trainee
from shotgraph.stage.training.recipe import WEIGHTS, Recipe, Workshop
from shotgraph.stage.training.truth import batch_rng
from shotgraph.stage.worlds import draw_clip, is_clear

BATCH, SMALLEST_PX = 48, 32
SCHEDULE = Schedule(steps=6_000, learning_rate=2e-3, warmup=100, average=0.998)
_PLACE_WEIGHT = 0.3
# Gated clips are numbered below a million.
PLAN = BankPlan(split="held-out", clips=10_000, start=1_000_000)
# (N, H, W, 3) display values through a VAE and back, not clamped.
RoundTrip = Callable[[Tensor], Tensor]
# Below this share an answer is a guess.
_SURE = 0.5
_GROUNDS = 400
_DECODED = 2_000


def new_judge() -> JudgeModel:
    """The architecture, untrained: 0.61 M parameters."""
    return JudgeModel(pooled=("mean", "most", "deviation"))


def save_judge(judge: JudgeModel, folder: Path) -> None:
    """A folder that `JudgeModel.from_pretrained` loads."""
    save_part(judge, folder, torch.float16)


def load_judge(folder: Path) -> JudgeModel:
    """The judge in `folder`, ready to answer."""
    return load_network(JudgeModel, folder, torch.float32, low_cpu_mem_usage=False)


def answers(judge: JudgeModel, pictures: NDArray[np.float32]) -> dict[str, list[str]]:
    """What the judge says of pictures.

    Args:
        judge: trained.
        pictures: (N, H, W, 3) in [0, 1], at least 32 px a side.

    Returns:
        For every head, N words; ``unclear`` where it is not sure.

    Raises:
        ShapeError: pictures of another form.
    """
    if pictures.ndim != 4 or pictures.shape[3] != 3 or min(pictures.shape[1:3]) < SMALLEST_PX:
        raise ShapeError(
            f"judge: pictures must be (N, H, W, 3) of at least {SMALLEST_PX} px a side, got {pictures.shape}; "
            "pass a larger crop"
        )
    stacked = _stacked(list(pictures))
    with torch.no_grad():
        parts = [judge(part) for part in stacked.split(32)]
    said = {head: torch.cat([part[head] for part in parts]).softmax(dim=-1).max(dim=-1) for head in HEADS}
    return {
        head: [_word(head, float(share), int(index)) for share, index in zip(*best, strict=True)]
        for head, best in said.items()
    }


def _word(head: str, share: float, index: int) -> str:
    return UNCLEAR if share < _SURE or index == len(HEADS[head]) else HEADS[head][index]


def _stacked(pictures: Sequence[Floats]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.stack(pictures))).permute(0, 3, 1, 2)


def through_vae(folder: Path) -> RoundTrip:
    """The round trip through the VAE in a folder."""
    vae = open_vae(folder)
    return lambda pictures: decode(vae, encode(vae, pictures))


def decoded_frames(bank: Bank, round_trip: RoundTrip, count: int) -> NDArray[np.uint8]:
    """The first pictures of a bank through a VAE and back: computed once, since it costs more than a step of training."""
    result = round_trip(displayed(bank.frames[:count, 0]))
    return result.clamp(0, 1).mul(255).round().to(torch.uint8).contiguous().numpy()


@dataclass
class JudgeTrainee:
    """The recipe: cross-entropy of every head that the picture lets be answered.

    Attributes:
        bank: pictures with one or two sprites, one frame a clip.
        judge: what is trained.
        decoded: the bank's first pictures through a VAE; None to teach without.
        seed: of the order of data.
        batch: pictures a step.
    """

    bank: Bank
    judge: JudgeModel = field(default_factory=new_judge)
    decoded: NDArray[np.uint8] | None = None
    seed: int = 0
    batch: int = BATCH
    name: str = "judge"

    def __post_init__(self) -> None:
        self._spec = cache(self.bank.plan.spec)
        self._grounds = empty_grounds(_GROUNDS, "held-out", self.bank.plan.start)

    def module(self) -> nn.Module:
        """The judge."""
        return self.judge

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch; `noise` is not needed, examples are drawn by step."""
        del noise
        pictures, labels, centres = self.examples(step)
        with torch.autocast("cpu", torch.bfloat16):
            logits, places = self.judge.look(pictures)
        losses: list[Tensor] = []
        right: dict[str, float] = {}
        for index, head in enumerate(HEADS):
            known = labels[:, index] != UNSAID
            if known.any():
                said, truth = logits[head][known].float(), labels[known, index]
                losses.append(functional.cross_entropy(said, truth))
                right[head] = float((said.argmax(dim=-1) == truth).float().mean())
        where = place_loss(places, centres)
        return torch.stack(losses).mean() + _PLACE_WEIGHT * where, right | {"place": float(where.detach())}

    def examples(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """((B, 3, side, side), (B, heads), (B, 2)) of a step, the last where objects are: seven tenths renders, the rest unclear."""
        rng = batch_rng(self.seed, step)
        side = int(rng.choice(SIDES_PX))
        chosen = [turned(self._example(side, rng), rng) for _ in range(self.batch)]
        pictures = _stacked([spoiled(example.picture, rng) for example in chosen])
        labels, centres = (np.stack(part) for part in zip(*((e.labels, e.centre) for e in chosen), strict=True))
        return pictures, torch.from_numpy(labels), torch.from_numpy(centres)

    def _example(self, side: int, rng: np.random.Generator) -> Example:
        kind = rng.random()
        ground = self._grounds[int(rng.integers(_GROUNDS))]
        if kind < 0.70:
            return self._render(side, rng)
        if kind < 0.84:
            return blob_example(ground, side, rng)
        if kind < 0.90:
            return ground_example(ground, side, rng)
        return nameless_example([self._render(side, rng).picture for _ in range(2)], rng)

    def _render(self, side: int, rng: np.random.Generator) -> Example:
        clip = int(rng.integers(len(self.bank.frames)))
        frames = self.bank.frames[clip, 0]
        if self.decoded is not None and rng.random() < 0.4:
            clip = int(rng.integers(len(self.decoded)))
            frames = self.decoded[clip]
        picture = frames.astype(np.float32) / 255
        return view_of(picture, self._spec(clip), self.bank.plan.times(clip)[0], side, rng)


def gates(folder: Path, seed: int, *, round_trip: RoundTrip | None = None, count: int = 300) -> list[Gate]:
    """The judge against held-out clips.

    Args:
        folder: as saved by `save_judge`.
        seed: which held-out clips.
        round_trip: through the VAE; without, its rows are NaN and do not pass.
        count: clips, those in which an object is cut or hidden left out, and unclear pictures of each kind.

    Returns:
        A row for every head on renders and through the VAE, and the share of blobs whose shape and of other unclear pictures
        whose every attribute is refused.
    """
    judge = load_judge(folder)
    drawn = (draw_clip(1000 * seed + number, "held-out") for number in range(1000))
    clips = list(islice(filter(is_clear, drawn), count))
    pictures = [Scene(spec).picture(number % spec.frames) for number, spec in enumerate(clips)]
    plain = _hits(judge, clips, pictures)
    values = {f"judge.renders.{head}": plain[head] for head in HEADS}
    through = dict.fromkeys(HEADS, float("nan"))
    if round_trip is not None:
        lossy = round_trip(torch.from_numpy(np.stack(pictures))).clamp(0, 1)
        through = _hits(judge, clips, list(lossy.contiguous().numpy()))
    values |= {f"judge.vae.{head}": through[head] for head in HEADS}
    blobs, nameless = _refusals(judge, seed, count)
    return gates_of(values | {"judge.blobs": blobs, "judge.nameless": nameless})


def _hits(judge: JudgeModel, clips: list[ClipSpec], pictures: list[Floats]) -> dict[str, float]:
    """Share of right answers by head, on whole pictures of one object and crops around one of two."""
    rng = np.random.Generator(np.random.Philox(0))
    right, asked = dict.fromkeys(HEADS, 0), dict.fromkeys(HEADS, 0)
    for number, (spec, picture) in enumerate(zip(clips, pictures, strict=True)):
        side = 128 if len(spec.sprites) == 1 else 80
        example = view_of(picture, spec, number % spec.frames, side, rng)
        said = answers(judge, example.picture[None])
        for head, label in zip(HEADS, example.labels, strict=True):
            if label != UNSAID:
                asked[head] += 1
                right[head] += said[head][0] == HEADS[head][label]
    return {head: right[head] / max(asked[head], 1) for head in HEADS}


def _refusals(judge: JudgeModel, seed: int, count: int) -> tuple[float, float]:
    """Share of blobs whose shape, and of nameless pictures whose attributes on average, are called unclear."""
    rng = np.random.Generator(np.random.Philox(key=[seed, 7]))
    grounds = empty_grounds(max(count // 4, 2), "held-out", 1000 * seed)
    blobs = [blob_example(grounds[index % len(grounds)], 96, rng).picture for index in range(count)]
    said = answers(judge, np.stack(blobs))["shape"]
    pairs = [[blobs[index], grounds[index % len(grounds)][0][:96, :96]] for index in range(count)]
    others = answers(judge, np.stack([nameless_example(pair, rng).picture for pair in pairs]))
    refused = [word == UNCLEAR for words in others.values() for word in words]
    return float(np.mean([word == UNCLEAR for word in said])), float(np.mean(refused))


def _inputs(workshop: Workshop) -> Mapping[str, Path]:
    return {"vae": workshop.sd / "vae" / WEIGHTS}


def _prepare(workshop: Workshop, schedule: Schedule) -> Trainee:
    bank = workshop.bank(PLAN)
    decoded = decoded_frames(bank, through_vae(workshop.sd / "vae"), _DECODED)
    return JudgeTrainee(bank, new_judge(), decoded, seed=schedule.seed, batch=BATCH)


def _publish(workshop: Workshop, trainee: Trainee) -> None:
    if isinstance(trainee, JudgeTrainee):
        save_judge(trainee.judge, workshop.models / "stage-judge")


RECIPE = Recipe(
    name="judge",
    model="stage-judge",
    schedule=SCHEDULE,
    batch=BATCH,
    banks=(PLAN,),
    minutes=25,
    data="10 000 frames of 128 px, spoiled, some through the VAE; blobs, empty grounds, pictures of nothing",
    inputs=_inputs,
    prepare=_prepare,
    publish=_publish,
)
