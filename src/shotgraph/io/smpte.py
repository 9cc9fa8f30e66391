"""The SMPTE 12M time code word that EXR and DPX headers hold: BCD digits with flags between them."""

from __future__ import annotations

from shotgraph.api import Rate, Timecode

_DROP = 0x40
# The word has two bits for tens of frames: 47 comes back as 07.
LAST_WORD_FRAME = 39


def word_of(timecode: Timecode) -> int:
    """The word of `timecode`; wrong beyond frame `LAST_WORD_FRAME` of a second, where a text label must go with it."""
    label = str(timecode)
    hours, minutes, seconds, frames = (int(part) for part in label.replace(";", ":").split(":"))
    word = _bcd(hours) << 24 | _bcd(minutes) << 16 | _bcd(seconds) << 8 | (_bcd(frames % 100) & 0x3F)
    return word | (_DROP if timecode.drop else 0)


def label_of(word: int) -> str:
    """The label that `word` spells; nothing says that it exists at a rate."""
    hours, minutes, seconds = word >> 24 & 0x3F, word >> 16 & 0x7F, word >> 8 & 0x7F
    separator = ";" if word & _DROP else ":"
    parts = ":".join(f"{_number(part):02d}" for part in (hours, minutes, seconds))
    return f"{parts}{separator}{_number(word & 0x3F):02d}"


def agrees(word: int, label: str, rate: Rate) -> bool:
    """Whether `word` is what `label` becomes in a header."""
    return word & 0x3F7F7F7F == word_of(Timecode.parse(label, rate))


def _bcd(number: int) -> int:
    return (number // 10) << 4 | number % 10


def _number(bcd: int) -> int:
    return (bcd >> 4) * 10 + (bcd & 0xF)
