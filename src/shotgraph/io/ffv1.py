"""Damage in FFV1, which libav sees, says in its log, and paints over: `explode` does not stop it.

Follows M. Niedermayer, D. Rice, J. Martinez, "FFV1 Video Coding Format Versions 0, 1, and 3", RFC 9043, sections 4.3.7 and 4.9:
a packet of version 3 is a chain of slices, each with its length (and with a checksum, if it has one) at its end.
"""

from __future__ import annotations

import zlib

# Each byte with its bits in the opposite order: RFC 9043 sends the high bit through its checksum first, zlib the low one.
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
# Bytes of a slice's footer: its length; its length, an error status and a checksum.
_LENGTH_BYTES = 3
_CHECKED_BYTES = 8


def is_damaged(packet: bytes) -> bool:
    """Whether `packet`, one picture of FFV1 version 3, is not what was encoded.

    Args:
        packet: of a stream that has extradata; earlier versions have none, and nothing to check.

    Returns:
        True where a checksum is wrong, or where slices do not add up to the packet. Slices without checksums are believed.
    """
    slices = _slices(packet, _CHECKED_BYTES)
    if slices is None:
        return _slices(packet, _LENGTH_BYTES) is None
    # A checksum over what it protects and itself is 0; zlib starts from, and ends with, all bits set.
    return any(zlib.crc32(part.translate(_REVERSED), 0xFFFFFFFF) != 0xFFFFFFFF for part in slices)


def _slices(packet: bytes, footer_bytes: int) -> list[bytes] | None:
    """The slices of `packet`, last one first; None where lengths and footers of that size do not add up to it."""
    found: list[bytes] = []
    end = len(packet)
    while end > 0:
        at = end - footer_bytes
        start = at - int.from_bytes(packet[max(at, 0) : at + _LENGTH_BYTES], "big")
        if at < 0 or start < 0:
            return None
        found.append(packet[start:end])
        end = start
    return found
