"""stage-clip: pictures and captions in one space, as an ordinary CLIP folder, and a second head that tells instances apart.

The first head is taught by contrast (Radford et al., ICML 2021) on captions of single frames, so it learns to ignore what a
caption does not say: two frames with another phase of the same texture are the same to it, and it cannot see flicker. The second
head, a projection of the same pooled output, is for consistency: frames of one clip are alike, the same caption with other seeds
is not, nor is a frame whose colour shifted by a few hundredths. No output of a model is ever trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.clip.configuration_clip import CLIPConfig, CLIPVisionConfig
from transformers.models.clip.image_processing_clip import CLIPImageProcessor
from transformers.models.clip.modeling_clip import CLIPModel
from transformers.models.clip.processing_clip import CLIPProcessor
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from shotgraph.metrics.embedder import Embedder
from shotgraph.metrics.embeddings import frame_consistency_adjacent
from shotgraph.metrics.folder_clip import INSTANCE_HEAD, FolderClip
from shotgraph.stage.captions import caption
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.training.banks import Bank, BankPlan, codes
from shotgraph.stage.training.contrast import NEVER, contrast
from shotgraph.stage.training.folders import save_small
from shotgraph.stage.training.gating import Gate, gates_of
from shotgraph.stage.training.loop import Schedule, Trainee
from shotgraph.stage.training.recipe import Recipe, Workshop, no_inputs
from shotgraph.stage.training.text import bank_ids, new_text_model
from shotgraph.stage.training.tokens import new_tokenizer, save_tokenizer
from shotgraph.stage.training.truth import batch_rng, reseeded
from shotgraph.stage.worlds import draw_clip

SIDE_PX, PATCH_PX, WIDTH, INSTANCE_WIDTH = 64, 8, 96, 64
SPOKEN, CLIPS = 96, 24
SCHEDULE = Schedule(steps=1_800, learning_rate=1e-3, warmup=100, average=0.997, weight_decay=0.05)
PLAN = BankPlan(split="train", clips=10_000)
PAIRS = BankPlan(split="train", clips=2_000, frames=4, start=100_000)
_JITTER = 0.02
_CHOICES = 64
Floats = NDArray[np.float32]


class StageClip(nn.Module):
    """What is trained: the model, its second head, and what only the training needs."""

    def __init__(self, clip: CLIPModel, tokens: int) -> None:
        super().__init__()
        self.clip = clip
        self.instance = nn.Linear(WIDTH, INSTANCE_WIDTH, bias=False)
        self.sharpness = nn.Parameter(torch.tensor(3.0))
        # Which words are spoken of a picture: a shortcut for the gradient, thrown away afterwards.
        self.words = nn.Linear(WIDTH, tokens)


def new_clip(tokenizer: CLIPTokenizer) -> StageClip:
    """The architecture, untrained: 0.5 M parameters that see, 0.3 M that read."""
    config = CLIPConfig(
        text_config=new_text_model(tokenizer).config.to_dict(),
        vision_config=CLIPVisionConfig(
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=4,
            num_attention_heads=4,
            image_size=SIDE_PX,
            patch_size=PATCH_PX,
        ).to_dict(),
        projection_dim=WIDTH,
    )
    return StageClip(CLIPModel(config), len(tokenizer))


def new_processor(tokenizer: CLIPTokenizer) -> CLIPProcessor:
    """Resizes to 64 px and to [-1, 1]; reads captions."""
    pictures = CLIPImageProcessor(
        size={"shortest_edge": SIDE_PX},
        crop_size={"height": SIDE_PX, "width": SIDE_PX},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return CLIPProcessor(image_processor=pictures, tokenizer=tokenizer)


def save_clip(trained: StageClip, folder: Path) -> None:
    """An ordinary folder, and beside it the second head."""
    tokenizer = new_tokenizer()
    save_small(trained.clip, folder)
    new_processor(tokenizer).save_pretrained(folder)
    save_tokenizer(tokenizer, folder)
    save_file({"weight": trained.instance.weight.detach().contiguous().clone()}, folder / INSTANCE_HEAD)


def seen(pictures: NDArray[np.float32]) -> Tensor:
    """(N, 3, 64, 64) in [-1, 1] of (N, H, W, 3) in [0, 1]: what the processor does, for a whole batch."""
    stacked = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2)
    small = functional.interpolate(stacked, size=SIDE_PX, mode="bicubic", antialias=True, align_corners=False)
    return small.clamp(0, 1) * 2 - 1


def mirrored(pictures: Floats, where: NDArray[np.bool_]) -> Floats:
    """(N, H, W, 3), left and right exchanged `where` (N) says so: no caption of a single frame tells them apart."""
    return np.where(where[:, None, None, None], pictures[:, :, ::-1], pictures)


def jittered(pictures: Floats, size: float | NDArray[np.float32], rng: np.random.Generator) -> Floats:
    """(N, H, W, 3) with every channel of every picture scaled by 1 + N(0, size)."""
    gains = 1 + np.asarray(size, np.float32).reshape(-1, 1) * rng.normal(0, 1, (len(pictures), 3))
    changed = np.clip(pictures * gains[:, None, None, :], 0, 1)
    return changed.astype(np.float32)


@dataclass
class ClipTrainee:
    """The recipe: contrast between captions and pictures, and between instances.

    Attributes:
        bank: one frame of many clips.
        pairs: several frames of each clip.
        tokenizer: of the captions.
        model: what is trained.
        spoken: pictures with captions a step.
        clips: clips of the instance loss a step; each gives four pictures.
        seed: of the order of data.
    """

    bank: Bank
    pairs: Bank
    tokenizer: CLIPTokenizer
    model: StageClip
    spoken: int = SPOKEN
    clips: int = CLIPS
    seed: int = 0
    name: str = "clip"
    _others: dict[int, NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._ids = bank_ids(self.bank, self.tokenizer)

    def module(self) -> nn.Module:
        """The model with both heads."""
        return self.model

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:  # noqa: ARG002
        """Loss of one batch of captions and one of instances."""
        rng = batch_rng(self.seed, step)
        chosen = np.sort(rng.choice(len(self.bank.frames), self.spoken, replace=False))
        pictures = seen(mirrored(_floats(self.bank.frames[chosen, 0]), rng.random(self.spoken) < 0.5))
        instances, same = self.instances(rng)
        pooled = self._pooled(torch.cat((pictures, seen(instances))))
        spoken, hits = self._spoken_loss(pooled[: self.spoken], self._ids[chosen, 0])
        told, apart = self._instance_loss(pooled[self.spoken :], same)
        return spoken + 0.5 * told, {"retrieval": hits, "apart": apart}

    def instances(self, rng: np.random.Generator) -> tuple[Floats, Tensor]:
        """Pictures of clips, and what must stay near them or get away.

        Args:
            rng: draws clips, times and shifts.

        Returns:
            (4 x clips, H, W, 3): anchors, other frames of their clips, the anchors' reseeded twins, the anchors with shifted
            colour; and (clips), where a twin is its clip's own picture, because nothing in it has a texture.
        """
        chosen = rng.choice(len(self.pairs.frames), self.clips, replace=False)
        times = np.stack([rng.choice(self.pairs.plan.frames, 2, replace=False) for _ in chosen])
        anchors = _floats(self.pairs.frames[chosen, times[:, 0]])
        positives = _floats(self.pairs.frames[chosen, times[:, 1]])
        twins = np.stack([self._twin(int(clip)) for clip in chosen])
        same = (twins == self.pairs.frames[chosen, 0]).all(axis=(1, 2, 3))
        shifted = jittered(anchors, rng.uniform(0.015, 0.06, len(chosen)).astype(np.float32), rng)
        turned = rng.random(len(chosen)) < 0.5
        parts = (anchors, positives, _floats(twins), shifted)
        return np.concatenate([mirrored(part, turned) for part in parts]), torch.from_numpy(same)

    def _twin(self, clip: int) -> NDArray[np.uint8]:
        """The first frame of a clip with the same caption and other seeds."""
        if clip not in self._others:
            picture = Scene(reseeded(self.pairs.plan.spec(clip), 1)).picture(0)
            self._others[clip] = codes(picture)
        return self._others[clip]

    def _pooled(self, pictures: Tensor) -> Tensor:
        tower: Any = self.model.clip.vision_model
        with torch.autocast("cpu", torch.bfloat16):
            return tower(pixel_values=pictures).pooler_output.float()

    def _spoken_loss(self, pooled: Tensor, ids: Tensor) -> tuple[Tensor, float]:
        clip: Any = self.model.clip
        pictures = functional.normalize(clip.visual_projection(pooled), dim=-1)
        texts = functional.normalize(clip.text_projection(clip.text_model(input_ids=ids).pooler_output), dim=-1)
        similarity = clip.logit_scale.exp().clamp(max=100) * pictures @ texts.T
        loss, hits = contrast(similarity, ids)
        spoken = torch.zeros(len(ids), self.model.words.out_features).scatter_(1, ids, 1.0)
        bag = functional.binary_cross_entropy_with_logits(self.model.words(pooled), spoken)
        return loss + 10 * bag, hits

    def _instance_loss(self, pooled: Tensor, same: Tensor) -> tuple[Tensor, float]:
        anchors, positives, twins, shifted = functional.normalize(self.model.instance(pooled), dim=-1).chunk(4)
        scale = self.model.sharpness.exp().clamp(max=300)
        others = anchors @ positives.T
        near = torch.stack([(anchors * negative).sum(dim=-1) for negative in (twins, shifted)], dim=1)
        near = near.masked_fill(same[:, None] & torch.tensor([True, False]), NEVER)
        logits = scale * torch.cat((others, near), dim=1)
        right = logits.detach().argmax(dim=1) == torch.arange(len(anchors))
        return functional.cross_entropy(logits, torch.arange(len(anchors))), float(right.float().mean())


def _floats(frames: NDArray[np.uint8]) -> Floats:
    return np.divide(frames, 255, dtype=np.float32)


def gates(folder: Path, seed: int, *, clips: int = 40, frames: int = 8, sets: int = 4) -> list[Gate]:
    """stage-clip against held-out clips.

    Args:
        folder: as saved by `save_clip`.
        seed: which held-out clips.
        clips: for consistency.
        frames: of each.
        sets: of 64 captions.

    Returns:
        Retrieval@1 over 64 full captions, both ways, and the area under the curve with which the second head's
        consistency tells clips from the same clips with 2 % colour jitter, and with new texture seeds in every frame.
    """
    retrieval = np.mean([_retrieval(FolderClip.load(folder), sets * seed + part) for part in range(sets)])
    plain, jitter, phase = consistencies(FolderClip.load(folder, head=INSTANCE_HEAD), seed, clips=clips, frames=frames)
    values = {
        "clip.retrieval@1": float(retrieval),
        "clip.instance.jitter_auc": area_under_curve(plain, jitter),
        "clip.instance.phase_auc": area_under_curve(plain, phase),
    }
    return gates_of(values)


def _retrieval(embedder: Embedder, part: int) -> float:
    """Share of pictures that find their caption among 64, and of captions that find their picture."""
    specs = distinct_clips(part)
    pictures = embedder.image(np.stack([Scene(spec).picture(number % 16) for number, spec in enumerate(specs)]))
    texts = embedder.text([caption(spec, motion=False) for spec in specs])
    likeness, own = pictures @ texts.T, np.arange(len(specs))
    return float(((likeness.argmax(axis=1) == own).mean() + (likeness.argmax(axis=0) == own).mean()) / 2)


def distinct_clips(part: int, count: int = _CHOICES) -> list[ClipSpec]:
    """Held-out clips whose captions differ in two words at least, so that they look different too."""
    chosen: list[ClipSpec] = []
    spoken: list[frozenset[str]] = []
    number = 100_000 + 10_000 * part
    while len(chosen) < count:
        spec = draw_clip(number, "held-out")
        said = frozenset(caption(spec, motion=False).split())
        if all(len(said ^ other) >= 4 for other in spoken):
            chosen.append(spec)
            spoken.append(said)
        number += 1
    return chosen


def consistencies(embedder: Embedder, seed: int, *, clips: int, frames: int) -> tuple[Floats, Floats, Floats]:
    """(clips) consistency of adjacent frames: of clips, of the same with 2 % colour jitter, and with new seeds in every frame."""
    rng = np.random.Generator(np.random.Philox(key=[seed, 11]))
    rows: list[list[float]] = []
    for spec in _textured(1000 * seed, clips, frames):
        plain = np.stack([Scene(spec).picture(time) for time in range(frames)])
        phase = np.stack([Scene(reseeded(spec, time)).picture(time) for time in range(frames)])
        kinds = (plain, jittered(plain, _JITTER, rng), phase)
        rows.append([frame_consistency_adjacent(embedder.image(kind)) for kind in kinds])
    plain_, jitter_, phase_ = np.array(rows, np.float32).T
    return plain_, jitter_, phase_


def _textured(start: int, count: int, frames: int) -> list[ClipSpec]:
    """Clips in which something has a texture: of plain ones a new phase cannot be seen."""
    found: list[ClipSpec] = []
    number = start
    while len(found) < count:
        spec = draw_clip(number, "held-out", frames=frames, styled=False)
        if spec.ground.texture != "plain" or any(sprite.look.texture != "plain" for sprite in spec.sprites):
            found.append(spec)
        number += 1
    return found


def area_under_curve(higher: Sequence[float] | Floats, lower: Sequence[float] | Floats) -> float:
    """Share of all pairs in which the first is larger; ties count half."""
    gap = np.asarray(higher)[:, None] - np.asarray(lower)[None]
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())


def _prepare(workshop: Workshop, schedule: Schedule) -> Trainee:
    tokenizer = new_tokenizer()
    return ClipTrainee(
        bank=workshop.bank(PLAN),
        pairs=workshop.bank(PAIRS),
        tokenizer=tokenizer,
        model=new_clip(tokenizer),
        spoken=SPOKEN,
        clips=CLIPS,
        seed=schedule.seed,
    )


def _publish(workshop: Workshop, trainee: Trainee) -> None:
    if isinstance(trainee, ClipTrainee):
        save_clip(trainee.model, workshop.models / "stage-clip")


RECIPE = Recipe(
    name="clip",
    model="stage-clip",
    schedule=SCHEDULE,
    batch=SPOKEN,
    banks=(PLAN, PAIRS),
    minutes=15,
    data="10 000 frames with captions; 2 000 clips of 4 frames, each with a twin of other texture seeds",
    inputs=no_inputs,
    prepare=_prepare,
    publish=_publish,
)
