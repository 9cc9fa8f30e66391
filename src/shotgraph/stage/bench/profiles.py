"""How much is run: three sizes of the same benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shotgraph.errors import UsageError
from shotgraph.stage.bench.names import is_count
from shotgraph.stage.edits import FAMILIES, Family


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One size.

    Attributes:
        name: as typed.
        side_px: width and height.
        frames: of a clip.
        steps: of sampling.
        inversion_steps: of inversions.
        clips: how many.
        edits: families.
        seeds: of sampled methods and controls; the first one alone for all others.
        rotates: every clip takes one of the edits in turn, instead of all of them.
        tuning_clips: how many clips of another range guidance is chosen on; 0 takes the default.
    """

    name: str
    side_px: int
    frames: int
    steps: int
    inversion_steps: int
    clips: int
    edits: tuple[Family, ...]
    seeds: tuple[int, ...]
    rotates: bool
    tuning_clips: int

    def families(self, place: int) -> tuple[Family, ...]:
        """The edits of the clip at that place in the list."""
        return (self.edits[place % len(self.edits)],) if self.rotates else self.edits


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile(
                name="smoke",
                side_px=64,
                frames=4,
                steps=4,
                inversion_steps=4,
                clips=2,
                edits=("E1", "E4"),
                seeds=(0,),
                rotates=False,
                tuning_clips=0,
            ),
            # 32 clips in turn: 24 with an edit that flicker is claimed on, so that the 16 of a claim are left when a third
            # fails the edit; 8 with a colour, enough to say whether a method can colour at all.
            Profile(
                name="claims",
                side_px=128,
                frames=8,
                steps=25,
                inversion_steps=50,
                clips=32,
                edits=("E1", "E2", "E4", "E5"),
                seeds=(0, 1, 2),
                rotates=True,
                tuning_clips=2,
            ),
            Profile(
                name="full",
                side_px=128,
                frames=16,
                steps=50,
                inversion_steps=50,
                clips=24,
                edits=FAMILIES,
                seeds=(0, 1, 2),
                rotates=False,
                tuning_clips=8,
            ),
        )
    }
)


def families_of(text: str) -> tuple[Family, ...]:
    """The edit families in a list such as ``E1,E4``.

    Args:
        text: separated by commas.

    Returns:
        In the order given, each once.

    Raises:
        UsageError: a family that does not exist, or none at all.
    """
    asked = [name.strip().upper() for name in text.split(",") if name.strip()]
    unknown = [name for name in asked if name not in FAMILIES]
    if unknown or not asked:
        raise UsageError(
            f"bench: edits must be of {', '.join(FAMILIES)}, got {', '.join(unknown) or repr(text)}; write E1,E4"
        )
    return tuple(family for family in FAMILIES if family in asked)


def seeds_of(text: str) -> tuple[int, ...]:
    """The seeds in a list such as ``0,1,2``; `UsageError` for anything that is no whole number of 63 bits."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(map(is_count, parts)):
        raise UsageError(f"bench: seeds must be whole numbers from 0 below 2^63, got {text!r}; write 0,1,2")
    return tuple(dict.fromkeys(int(part) for part in parts))
