"""Files of weights for the networks of lines, random: they are small enough to be their own size, but for HED."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from tiny_checkpoints import thin_state
from torch import nn

from shotgraph.annotators.lines import Kind
from shotgraph.annotators.quiet import quietly

with quietly():
    from controlnet_aux.hed import ControlNetHED_Apache2
    from controlnet_aux.lineart import Generator
    from controlnet_aux.pidi.model import pidinet
    from controlnet_aux.teed.ted import TED

_NETWORKS: Mapping[Kind, Callable[[], nn.Module]] = {
    "hed": ControlNetHED_Apache2,
    "pidinet": pidinet,
    "lineart": lambda: Generator(3, 1, 3),
    "teed": TED,
}


def write_lines(path: Path, kind: Kind) -> Path:
    """As the package's files name them, PiDiNet's below ``state_dict`` and behind ``module.``."""
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        network = _NETWORKS[kind]()
    state = network.state_dict()
    if kind == "hed":
        # Of 59 MB otherwise; it takes the mean of what it is shown away, of 255.
        state = thin_state(network, spread=0.03, norm=torch.full((1, 3, 1, 1), 127.0))
    if kind == "pidinet":
        # As it is drawn its answers differ by less than a code.
        state = {name: 1.7 * value for name, value in state.items()}
    wrapped = {"state_dict": {f"module.{name}": value for name, value in state.items()}}
    torch.save(wrapped if kind == "pidinet" else state, path)
    return path
