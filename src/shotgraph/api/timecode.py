"""SMPTE timecode: a frame count since midnight, with its rate and counting mode.

Follows SMPTE ST 12-1 for labels and drop-frame counting, extended to 120 fps with three-digit frames as containers do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from shotgraph.api.rates import Rate
from shotgraph.errors import TimecodeError

_LABEL = re.compile(r"(?P<hh>\d{2}):(?P<mm>\d{2}):(?P<ss>\d{2})(?P<separator>[:;.])(?P<ff>\d{2,3})")


@dataclass(frozen=True, slots=True)
class Timecode:
    """One frame's timecode.

    Attributes:
        frames: frames since midnight, in [0, frames of a day).
        rate: frames per second.
        drop: True for drop-frame labels (``01:00:00;02``); only at 29.97 and its multiples.
    """

    frames: int
    rate: Rate
    drop: bool = False

    def __post_init__(self) -> None:
        """Refuse drop-frame where it does not exist, and counts outside one day."""
        if self.drop and not self.rate.drops:
            raise TimecodeError(
                f"timecode: drop-frame must be at 29.97, 59.94 or 119.88, got {self.rate}; use ':' before the frames"
            )
        if not 0 <= self.frames < self.frames_per_day:
            raise TimecodeError(f"timecode: frames must be in [0, {self.frames_per_day}), got {self.frames}")

    @classmethod
    def parse(cls, label: str, rate: Rate, *, drop: bool | None = None) -> Timecode:
        """The timecode that `label` names at `rate`.

        Args:
            label: ``HH:MM:SS:FF``, or ``HH:MM:SS;FF`` (also ``.``) for drop-frame.
            rate: frames per second.
            drop: forces the counting mode; None reads it off the separator.

        Returns:
            The frame count since midnight behind the label.

        Raises:
            TimecodeError: malformed, out of range, or a label that drop-frame counting skips.
        """
        match = _LABEL.fullmatch(label.strip())
        if match is None:
            raise TimecodeError(f"timecode: must look like 01:00:00:00 or 01:00:00;00, got {label!r}")
        hh, mm, ss, ff = (int(match[part]) for part in ("hh", "mm", "ss", "ff"))
        is_drop = match["separator"] != ":" if drop is None else drop
        if hh > 23 or mm > 59 or ss > 59 or ff >= rate.nominal:
            raise TimecodeError(
                f"timecode: must be at most 23:59:59:{rate.nominal - 1:02d} at {rate} fps, got {label!r}"
            )
        minutes = hh * 60 + mm
        drops = rate.drops if is_drop else 0
        if drops and mm % 10 and ss == 0 and ff < drops:
            raise TimecodeError(
                f"timecode: {label!r} does not exist in drop-frame; minute {mm:02d} starts at frame {drops:02d}"
            )
        count = (minutes * 60 + ss) * rate.nominal + ff - drops * (minutes - minutes // 10)
        return cls(count, rate, is_drop)

    @property
    def frames_per_day(self) -> int:
        """Frames after which the count wraps to 00:00:00:00."""
        dropped = self.rate.drops * (24 * 60 - 24 * 6) if self.drop else 0
        return 24 * 3600 * self.rate.nominal - dropped

    def plus(self, frames: int) -> Timecode:
        """The timecode `frames` later (or earlier), wrapped at 24 h."""
        return replace(self, frames=(self.frames + frames) % self.frames_per_day)

    def __str__(self) -> str:
        """The label, with ``;`` before the frames in drop-frame and three frame digits above 100 fps."""
        nominal, drops = self.rate.nominal, self.rate.drops if self.drop else 0
        frames = self.frames
        if drops:
            per_minute = 60 * nominal - drops
            per_ten = 10 * per_minute + drops
            tens, rest = divmod(frames, per_ten)
            # The first minute of each ten keeps all its labels, hence the clamp at 0.
            frames += drops * (9 * tens + max(0, (rest - drops) // per_minute))
        seconds, ff = divmod(frames, nominal)
        digits = 3 if nominal > 100 else 2
        separator = ";" if self.drop else ":"
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{separator}{ff:0{digits}d}"
