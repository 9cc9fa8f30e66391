"""What this host is: the parts that ``host`` and ``device`` keys depend on, read without importing a single heavy library."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

from shotgraph.api.plan import Dtype
from shotgraph.errors import UnavailableError

# Libraries whose release can change a pixel.
_LIBRARIES = ("av", "diffusers", "numpy", "opencv-python-headless", "OpenImageIO", "torch", "transformers")
_GPUS = Path("/proc/driver/nvidia/gpus")


def cuda_devices() -> list[str]:
    """Model names of the CUDA devices the driver lists, in its order."""
    if not _GPUS.is_dir():
        return []
    names: list[str] = []
    for folder in sorted(_GPUS.iterdir()):
        rows = (folder / "information").read_text(encoding="utf-8").splitlines()
        names.extend(row.partition(":")[2].strip() for row in rows if row.startswith("Model"))
    return names


def settle_device(asked: str) -> str:
    """The device a plan freezes.

    Args:
        asked: ``auto``, ``cpu`` or ``cuda:N``.

    Returns:
        ``cpu`` or ``cuda:N``.

    Raises:
        UnavailableError: a CUDA device this host does not have.
    """
    present = cuda_devices()
    if asked == "auto":
        return "cuda:0" if present else "cpu"
    if asked == "cpu":
        return asked
    index = asked.removeprefix("cuda").removeprefix(":") or "0"
    if not asked.startswith("cuda") or not index.isdigit() or int(index) >= len(present):
        raise UnavailableError(
            f"device: must be auto, cpu or one of {len(present)} CUDA devices, got {asked!r}; use --device cpu"
        )
    return f"cuda:{index}"


def settle_dtype(asked: Dtype, device: str) -> Dtype:
    """The compute dtype a plan freezes: what was asked, else half precision on a GPU and single on a CPU."""
    if asked != "auto":
        return asked
    return "fp16" if device.startswith("cuda") else "fp32"


def cpu_capability() -> str:
    """The widest vector instructions of this CPU: kernels differ in their last bits between them."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return platform.machine()
    return next((name for name in ("avx512f", "avx2", "avx", "asimd") if name in flags), platform.machine())


def environment(*, device: str, threads: int) -> dict[str, str]:
    """Everything ``host`` keys depend on, and with ``device`` and ``gpu`` what ``device`` keys do."""
    versions: dict[str, str] = {}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    facts = {"python": platform.python_version(), "cpu": cpu_capability(), "threads": str(threads), "device": device}
    if device.startswith("cuda"):
        facts["gpu"] = cuda_devices()[int(device.removeprefix("cuda:"))]
    return versions | facts


def default_threads() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_threads(threads: int, *, loaded: dict[str, object]) -> None:
    """Give every numeric library that is imported already, and those still to come, `threads` CPU threads.

    Args:
        threads: as the plan froze it.
        loaded: ``sys.modules``.
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    for name, setter in (("cv2", "setNumThreads"), ("torch", "set_num_threads")):
        module = loaded.get(name)
        if module is not None:
            getattr(module, setter)(threads)
