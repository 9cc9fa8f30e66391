"""What a method costs: frames put through a noise predictor, wall time, and the most memory the process held."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

# Networks that predict noise, velocity or flow; counted by class, so that a method cannot forget to.
_PREDICTORS = ("UNet2DConditionModel", "UNet3DConditionModel", "UNetMotionModel")
_PREDICTOR_ENDINGS = ("Transformer2DModelPipeline", "Transformer3DModel")
_SAMPLE_SECONDS = 0.02


@dataclass
class Cost:
    """Filled in while it is measured.

    Attributes:
        seconds: wall time.
        peak_bytes: most resident memory of the process; with a GPU in use, most of its memory instead.
        evaluations: frames put through a noise predictor.
    """

    seconds: float = 0.0
    peak_bytes: int = 0
    evaluations: int = 0


@contextmanager
def measured(*, counts: bool) -> Iterator[Cost]:
    """The cost of what happens inside, complete at its end; `counts` watches torch, which is not imported otherwise."""
    cost = Cost()
    stop = threading.Event()
    sampler = threading.Thread(target=_sample, args=(cost, stop), daemon=True)
    sampler.start()
    handle = _watch(cost) if counts else None
    started = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - started
        stop.set()
        sampler.join()
        if handle is not None:
            handle.remove()
        cost.peak_bytes = max(cost.peak_bytes, _device_bytes())


def _sample(cost: Cost, stop: threading.Event) -> None:
    process = psutil.Process()
    while True:
        cost.peak_bytes = max(cost.peak_bytes, process.memory_info().rss)
        if stop.wait(_SAMPLE_SECONDS):
            return


def _device_bytes() -> int:
    """Most memory of the first GPU since it was last asked; 0 without one."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return 0
    peak = int(torch.cuda.max_memory_allocated())
    torch.cuda.reset_peak_memory_stats()
    return peak


def _watch(cost: Cost) -> Any:
    from torch.nn.modules.module import register_module_forward_pre_hook

    def count(module: Any, given: tuple[Any, ...]) -> None:
        name = type(module).__name__
        if name in _PREDICTORS or name.endswith(_PREDICTOR_ENDINGS):
            cost.evaluations += _frames_of(given)

    return register_module_forward_pre_hook(count)


def _frames_of(given: tuple[Any, ...]) -> int:
    """Pictures in one call: (B, C, h, w), or (B, C, T, h, w) of a video network; 1 where keyword arguments hide them."""
    shape = getattr(given[0], "shape", ()) if given else ()
    if len(shape) == 5:
        return int(shape[0] * shape[2])
    return int(shape[0]) if shape else 1
