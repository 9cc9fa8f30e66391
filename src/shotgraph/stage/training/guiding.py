"""Which guidance a trained text-to-image model should be used at: measured by what it draws, on prompts that no gate asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shotgraph.diffusion.bundle import ModelBundle
from shotgraph.stage.training.cards import read_card, write_card
from shotgraph.stage.training.drawgates import asked_clip, pictures_of, shown, starts
from shotgraph.stage.training.judge import answers, load_judge

# A tiny model saturates where a large one is used to 7.5.
CANDIDATES = (1.5, 2.0, 3.0, 4.0, 5.0, 7.5)
# Beyond every seed that gates take.
SEED, PROMPTS = 1_000, 64
_USERS = ("stage-sd", "stage-t2v")


@dataclass(frozen=True, slots=True)
class Trial:
    """What was drawn at one guidance.

    Attributes:
        guidance: of the prompt.
        colour: share of objects in the colour asked for.
        ground: share of grounds.
        shape: share of objects of the shape asked for.
    """

    guidance: float
    colour: float
    ground: float
    shape: float

    @property
    def worth(self) -> float:
        """What the best is the best by: all three count alike."""
        return (self.colour + self.ground + self.shape) / 3


def trials(models: Path, candidates: Sequence[float] = CANDIDATES, *, prompts: int = PROMPTS) -> list[Trial]:
    """Draw the same prompts from the same noise at every candidate.

    Args:
        models: with ``stage-sd`` and ``stage-judge``.
        candidates: guidances.
        prompts: how many.

    Returns:
        A trial each.
    """
    sd, judge = models / "stage-sd", load_judge(models / "stage-judge")
    card, bundle = read_card(sd), ModelBundle.load(sd)
    specs = [asked_clip(SEED, number) for number in range(prompts)]
    start = starts(bundle, SEED, len(specs), card.side_px)
    found: list[Trial] = []
    for guidance in candidates:
        said = answers(judge, pictures_of(bundle, replace(card, guidance=guidance), specs, start))
        found.append(Trial(guidance, **shown(said, specs)))
    return found


def keep_guidance(models: Path, found: Sequence[Trial]) -> Trial:
    """Write the best trial's guidance into the cards of the models that are there; of equals the mildest.

    Args:
        models: whose cards.
        found: at least one trial.

    Returns:
        The best one.
    """
    best = max(found, key=lambda trial: (trial.worth, -trial.guidance))
    for name in _USERS:
        if (models / name).is_dir():
            # Gates were measured at another guidance.
            card = read_card(models / name)
            gates = card.gates if card.guidance == best.guidance else ()
            write_card(models / name, replace(card, guidance=best.guidance, gates=gates))
    return best
