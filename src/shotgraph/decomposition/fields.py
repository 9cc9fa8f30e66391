"""Fields over the square or cube [-1, 1]^d, to be fitted: dense grids, or a table of hashed ones before a small network.

The dense field is ours: a sum of grids of growing size, each read linearly. The hashed one follows T. Mueller et al., "Instant
Neural Graphics Primitives with a Multiresolution Hash Encoding", ACM ToG 41(4), 2022, Eq. 1-4, in torch alone.

Departures from the paper:
    - Levels that fit the table are indexed densely, as in the authors' code.

Symbols: l level, N_l = floor(N_min b^l) cells a side, T entries of a table, F features of an entry.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional

# Of Eq. 4: the first axis is left as it is, for the sake of memory order.
_PRIMES = (1, 2_654_435_761, 805_459_861)
_FEATURES, _HIDDEN = 2, 64
_SMALL = 1e-4


class DenseField(nn.Module):
    """A sum of grids, each read linearly; zero to begin with. For many cells and few points.

    Attributes:
        grids: (1, C, [D,] H, W) each.
    """

    def __init__(self, channels: int, sizes: Sequence[tuple[int, ...]]) -> None:
        """A grid for each of `sizes`, (rows, columns) or (times, rows, columns)."""
        super().__init__()
        self.grids = nn.ParameterList(nn.Parameter(torch.zeros((1, channels, *size))) for size in sizes)

    def forward(self, points: Tensor) -> Tensor:
        """(B, C) at (B, d) points, x first; beyond the cube the border repeats."""
        total = _read(self.grids[0], points)
        for grid in list(self.grids)[1:]:
            total = total + _read(grid, points)
        return total


class SmallField(nn.Module):
    """The same for few cells and many points: the grids are brought to the size of the finest, summed, and read once.

    Attributes:
        grids: (1, C, D, H, W) each.
        size: of the sum.
    """

    def __init__(self, channels: int, sizes: Sequence[tuple[int, int, int]]) -> None:
        """A grid for each of `sizes`, (times, rows, columns)."""
        super().__init__()
        self.grids = nn.ParameterList(nn.Parameter(torch.zeros((1, channels, *size))) for size in sizes)
        self.size = tuple(max(edges) for edges in zip(*sizes, strict=True))

    def forward(self, points: Tensor) -> Tensor:
        """(B, C) at (B, 3) points, x first; beyond the cube the border repeats."""
        grown = [functional.interpolate(grid, self.size, mode="trilinear", align_corners=True) for grid in self.grids]
        return _read(torch.stack(grown).sum(dim=0), points)


def _read(grid: Tensor, points: Tensor) -> Tensor:
    place = points.view(1, *(1,) * (points.shape[1] - 1), -1, points.shape[1])
    read = functional.grid_sample(grid, place, mode="bilinear", padding_mode="border", align_corners=True)
    return read.reshape(grid.shape[1], -1).T


class HashField(nn.Module):
    """Grids and tables of hashed entries before a network of two hidden layers; zero to begin with, the same at every start.

    Attributes:
        sizes: cells a side, by level.
        grids: (1, F, [D,] H, W) each: the levels whose corners are no more than T.
        table: (levels, T, F) entries of the others.
    """

    cells: Tensor
    corners: Tensor

    def __init__(
        self, channels: int, dimensions: int, *, coarsest: int, finest: int, levels: int = 12, entries: int = 2**15
    ) -> None:
        """`levels` from `coarsest` to `finest` cells a side; `entries` is T."""
        super().__init__()
        growth = (finest / coarsest) ** (1 / max(1, levels - 1))
        self.sizes = tuple(math.floor(coarsest * growth**level + 1e-6) for level in range(levels))
        random = torch.Generator().manual_seed(0)
        fitting = [size for size in self.sizes if (size + 1) ** dimensions <= entries]
        self.grids = nn.ParameterList(_entries((1, _FEATURES, *(size + 1,) * dimensions), random) for size in fitting)
        self.table = _entries((levels - len(fitting), entries, _FEATURES), random)
        self.register_buffer("cells", torch.tensor(self.sizes[len(fitting) :])[:, None], persistent=False)
        corners = torch.tensor(list(itertools.product((0, 1), repeat=dimensions)))
        self.register_buffer("corners", corners, persistent=False)
        widths = (levels * _FEATURES + dimensions, _HIDDEN, _HIDDEN, channels)
        first, second, last = (_linear(*pair, random) for pair in itertools.pairwise(widths))
        nn.init.zeros_(last.weight)
        self.network = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last)

    def forward(self, points: Tensor) -> Tensor:
        """(B, C) at (B, d) points, x first; beyond the cube the border repeats."""
        inside = points.clamp(-1, 1)
        features = [_read(grid, inside) for grid in self.grids]
        if len(self.cells):
            features.append(self._hashed(inside))
        return self.network(torch.cat((*features, inside), dim=1))

    def _hashed(self, inside: Tensor) -> Tensor:
        """(B, levels F): the entries of the 2^d corners about each point, weighted linearly."""
        scaled = (inside[:, None] + 1) / 2 * self.cells
        base = torch.minimum(scaled.detach().floor(), self.cells - 1)
        beyond = (scaled - base)[:, :, None]
        weights = reduce(torch.mul, torch.where(self.corners > 0, beyond, 1 - beyond).unbind(dim=-1))
        rows = self.rows_of(base.long()[:, :, None] + self.corners)
        # One bag a point and level: the gradient of plain indexing takes several times as long.
        read = functional.embedding_bag(
            rows.flatten(0, 1), self.table.flatten(0, 1), per_sample_weights=weights.flatten(0, 1), mode="sum"
        )
        return read.view(len(inside), -1)

    def rows_of(self, corners: Tensor) -> Tensor:
        """(B, levels, P) rows of the table, one level after another, of (B, levels, P, d) corners: Eq. 4."""
        levels, entries, _ = self.table.shape
        mixed = torch.zeros_like(corners[..., 0])
        for place, prime in zip(corners.unbind(dim=-1), _PRIMES, strict=False):
            mixed = mixed ^ (place * prime)
        return mixed % entries + torch.arange(levels, device=corners.device)[:, None] * entries


def _entries(shape: tuple[int, ...], random: torch.Generator) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape).uniform_(-_SMALL, _SMALL, generator=random))


def _linear(inputs: int, outputs: int, random: torch.Generator) -> nn.Linear:
    """A layer after K. He et al., ICCV 2015, without bias to begin with, drawn from `random` and from no global state."""
    layer = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=random)
    nn.init.zeros_(layer.bias)
    return layer


def halved(size: int, *, least: int) -> list[int]:
    """`size` and its halves, rounded up, down to the last one that is not below `least`; coarsest first."""
    sizes = [size]
    while -(-sizes[-1] // 2) >= least:
        sizes.append(-(-sizes[-1] // 2))
    return sizes[::-1]
