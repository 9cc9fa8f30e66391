"""Exact frame rates."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from shotgraph.errors import RateError

# Rates that cameras and editors use. A measured rate within `_SNAP_TOLERANCE` of one of these *is* that one: containers with
# millisecond timestamps (Matroska) report 59.94 as 19001/317 and 119.88 as 29011/242.
STANDARD_RATES: tuple[Fraction, ...] = (
    *(Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120)),
    *(Fraction(n) for n in (24, 25, 30, 48, 50, 60, 100, 120)),
)
_SNAP_TOLERANCE = Fraction(1, 10_000)


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """Frames per second as an exact ratio, never a float.

    Attributes:
        fps: frames per second, > 0.
    """

    fps: Fraction

    def __post_init__(self) -> None:
        """Refuse what is not a positive ratio."""
        if not isinstance(self.fps, Fraction) or self.fps <= 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise RateError(f"rate: fps must be a positive Fraction, got {self.fps!r}; write it as 24000/1001 or 25")

    @classmethod
    def parse(cls, text: str | int | float | Fraction) -> Rate:
        """The rate a person means by ``23.976``, ``24000/1001``, ``29.97`` or ``25``, snapped to the standard table.

        Args:
            text: decimal or ratio.

        Returns:
            An exact rate.

        Raises:
            RateError: not a positive number.
        """
        try:
            value = Fraction(text) if not isinstance(text, float) else Fraction(str(text))
        except (ValueError, ZeroDivisionError) as error:
            raise RateError(f"rate: must be a number like 25, 23.976 or 24000/1001, got {text!r}") from error
        if value <= 0:
            raise RateError(f"rate: must be positive, got {text!r}")
        # People write 23.976 and 23.98, 29.97, 59.94, 119.88: two or three decimals, hence the wider net for text.
        for standard in STANDARD_RATES:
            if standard.denominator == 1001 and abs(value - standard) < Fraction(6, 1000) and value.denominator != 1:
                return cls(standard)
        return cls(value).snapped()

    def snapped(self) -> Rate:
        """The nearest standard rate when it is within 1e-4 (relative), else this rate."""
        nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - self.fps))
        within = abs(nearest - self.fps) <= nearest * _SNAP_TOLERANCE
        return Rate(nearest) if within else self

    @property
    def nominal(self) -> int:
        """Whole frames a timecode second counts: 24 for 23.976, 30 for 29.97."""
        return -(-self.fps.numerator // self.fps.denominator)

    @property
    def drops(self) -> int:
        """Frame labels a drop-frame minute skips (2 at 29.97, 4 at 59.94, 8 at 119.88); 0 where drop-frame does not exist."""
        is_ntsc_30 = self.fps.denominator == 1001 and self.nominal % 30 == 0
        return self.nominal // 15 if is_ntsc_30 else 0

    @property
    def frame_seconds(self) -> Fraction:
        """Seconds one frame lasts."""
        return 1 / self.fps

    def __str__(self) -> str:
        """As people write it: ``25``, ``23.976``, and a ratio such as ``2997/125`` for what is no standard rate."""
        if self.fps.denominator == 1:
            return str(self.fps.numerator)
        short = f"{float(self.fps):.3f}".rstrip("0")
        return short if self.fps in STANDARD_RATES else f"{self.fps.numerator}/{self.fps.denominator}"
