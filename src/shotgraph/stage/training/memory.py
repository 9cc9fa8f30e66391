"""How a training process handles its memory."""

from __future__ import annotations

import ctypes
import sys

# malloc.h of glibc.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, for the next step to take again; call before anything large is allocated.

    glibc gives every large block back to the system, which then clears its pages anew at each step: on a CPU that is more
    than half the time of attention. Bits of results do not depend on it.

    Returns:
        Whether it could be asked for: the C library is glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_TRIM_THRESHOLD, _NEVER) and mallopt(_MMAP_MAX, 0))
