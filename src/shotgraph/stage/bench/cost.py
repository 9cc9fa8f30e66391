"""What a method costs: wall time, and the most memory it held."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

_SAMPLE_SECONDS = 0.02


@dataclass
class Cost:
    """Filled in while it is measured.

    Attributes:
        seconds: wall time.
        peak_bytes: most memory of all GPUs together where any is in use, else most resident memory of the process.
    """

    seconds: float = 0.0
    peak_bytes: int = 0


@contextmanager
def measured() -> Iterator[Cost]:
    """The cost of what happens inside, complete at its end."""
    cost = Cost()
    stop = threading.Event()
    sampler = threading.Thread(target=_sample, args=(cost, stop), daemon=True)
    # What an earlier method held is none of this one's.
    for device in _devices():
        sys.modules["torch"].cuda.reset_peak_memory_stats(device)
    sampler.start()
    started = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - started
        stop.set()
        sampler.join()
        on_devices = sum(int(sys.modules["torch"].cuda.max_memory_allocated(device)) for device in _devices())
        cost.peak_bytes = on_devices or cost.peak_bytes


def _sample(cost: Cost, stop: threading.Event) -> None:
    process = psutil.Process()
    while True:
        cost.peak_bytes = max(cost.peak_bytes, process.memory_info().rss)
        if stop.wait(_SAMPLE_SECONDS):
            return


def _devices() -> range:
    """GPUs that torch has begun to use in this process; none where torch was never imported."""
    torch: Any = sys.modules.get("torch")
    # Asking for the memory of a GPU that nobody has used would take some of it.
    if torch is None or not (torch.cuda.is_available() and torch.cuda.is_initialized()):
        return range(0)
    return range(torch.cuda.device_count())
