"""Mattes from images: an alpha, any other channel, or the pixels of an id pass that hold chosen ids.

No published source.

Departures from the paper: none.

Symbols: none.

Cost: that of decoding. No GPU.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.annotators.passes import Pass, PassParams, PassReader, as_numbers, one_channel
from shotgraph.api import Context, Field, FrameSet, Mask, Media, Ports, QueryContext, Reader
from shotgraph.errors import GraphError
from shotgraph.io.passnames import MATTE
from shotgraph.maths.resize import resize

# Below this a pixel does not count as shown.
_SHOWN = 0.5


def holding(plane: NDArray[Any], ids: tuple[float, ...], *, tolerance: float) -> NDArray[np.float32]:
    """1 where `plane` holds one of `ids`, as precisely as it can hold them, else 0; NaN is no id."""
    stored = plane if plane.dtype.kind == "f" else plane.astype(np.float64)
    wanted = np.asarray(ids, stored.dtype)
    return np.any([np.abs(stored - one) <= tolerance for one in wanted], axis=0).astype(np.float32)


class Read(Pass):
    """Reads a matte out of one channel; 1 inside."""

    id = "matte.read"
    version = "1"
    framewise = True

    class Out(Ports):
        """In [0, 1]."""

        matte: Mask

    class Params(PassParams):
        """Which channel, and what of it is inside."""

        channel: str = Field("", description="of the images; empty: A, else the only one")
        ids: tuple[float, ...] = Field(
            (), per_shot=True, description="the channel holds ids, as stored: 1 where it is one of these, else 0"
        )
        tolerance: float = Field(0.0, ge=0, description="of an id: half floats hold whole numbers up to 2048 exactly")
        nonfinite: Literal["error", "zero"] = Field(
            "error", description="NaN and infinity: refuse them, or take them for outside"
        )

    @classmethod
    def channels(cls, names: tuple[str, ...], params: Params, who: str) -> tuple[str, ...]:
        """The one channel."""
        return (one_channel(names, params.channel, (MATTE,), who=who),)

    @classmethod
    def media(cls, params: Params, ctx: QueryContext) -> Media:
        """See `Pass`; refuses a tolerance of nothing."""
        if params.tolerance and not params.ids:
            raise GraphError(f"{ctx.node}: tolerance must go with ids, got {params.tolerance:g} and no ids; name them")
        return super().media(params, ctx)

    def open(self, media: Media, params: Params, ctx: Context) -> Reader:
        """The same files for decoding, probed again only if they changed."""
        return MatteReader(self.source(params, ctx, known=media.probed), media, params, ctx)


class MatteReader(PassReader):
    """An open matte, which remembers where it shows nothing."""

    def __init__(self, source: Any, media: Media, params: Read.Params, ctx: Context) -> None:
        super().__init__(source, media, ctx)
        self._params, self._warn = params, ctx.warn
        self._empty: set[int] = set()

    def read(self, frame: int) -> NDArray[np.float32]:
        """The matte of a frame."""
        (plane,) = self.source.read(frame)
        params, info = self._params, self.info
        matte = self.finite(as_numbers(plane), frame, "matte", refuse=params.nonfinite == "error")
        if params.ids:
            matte = holding(plane, params.ids, tolerance=params.tolerance)
        matte = np.clip(resize(matte[..., None], width=info.width, height=info.height)[..., 0], 0, 1)
        if not (matte > _SHOWN).any():
            self._empty.add(frame)
        return matte

    def close(self) -> None:
        """Close the files, and say on which frames there was nothing."""
        super().close()
        empty, self._empty = FrameSet.of(self._empty), set()
        if empty.ranges:
            self._warn(f"{self.node}: the matte shows nothing on frames {empty}")
