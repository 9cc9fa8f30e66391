"""Frames put through a noise predictor, counted by who is called and not by who says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# Networks that predict noise, velocity or flow; known by class, so that a method cannot forget to count.
_PREDICTORS = ("UNet2DConditionModel", "UNet3DConditionModel", "UNetMotionModel")
_PREDICTOR_ENDINGS = ("Transformer2DModel", "Transformer3DModel")
# Run beside a predictor for the same frame: its blocks are transformers by name as well, and no evaluations.
_BESIDE = ("ControlNetModel",)
_NAMES = ("sample", "hidden_states")


@dataclass
class Evaluations:
    """Filled in while it is counted.

    Attributes:
        frames: so far; None once a call could not be counted.
    """

    frames: int | None = 0


@contextmanager
def counted() -> Iterator[Evaluations]:
    """Watch every network of torch for what happens inside."""
    from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

    found, depth = Evaluations(), 0

    def enter(module: Any, _given: tuple[Any, ...]) -> None:
        nonlocal depth
        depth += _is_predictor(module) or _is_beside(module)

    def leave(module: Any, given: tuple[Any, ...], *rest: Any) -> None:
        nonlocal depth
        if not (_is_predictor(module) or _is_beside(module)):
            return
        depth -= 1
        # The blocks of a U-Net are transformers by name as well.
        if depth == 0 and not _is_beside(module):
            # torch leaves the keyword arguments out when the call failed.
            frames = _frames_of(given, rest[0] if len(rest) > 1 else {})
            found.frames = None if frames is None or found.frames is None else found.frames + frames

    # A global hook that comes before the call is not shown keyword arguments; one behind it is.
    hooks = (
        register_module_forward_pre_hook(enter),
        register_module_forward_hook(leave, with_kwargs=True, always_call=True),
    )
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _is_predictor(module: Any) -> bool:
    name = type(module).__name__
    return name in _PREDICTORS or name.endswith(_PREDICTOR_ENDINGS)


def _is_beside(module: Any) -> bool:
    return type(module).__name__ in _BESIDE


def _frames_of(given: tuple[Any, ...], named: Mapping[str, Any]) -> int | None:
    """Pictures in one call: (B, C, h, w), or (B, C, T, h, w) of a video network; None for anything else."""
    values = given[:1] or tuple(named[name] for name in _NAMES if name in named)
    shape = tuple(getattr(values[0], "shape", ())) if values else ()
    if len(shape) == 5:
        return int(shape[0] * shape[2])
    return int(shape[0]) if len(shape) == 4 else None
