"""The atlases of a decomposition as pictures: what any paint program or image model can work on.

No published source.

Departures from the paper: none.

Symbols: none.

Cost: one pass over the frames for what of each atlas is ever seen; a second or two for 64 frames of 1080p on one thread.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from shotgraph.api import (
    Artifact,
    Context,
    ExpectedOutput,
    Field,
    FrameRange,
    Params,
    Port,
    Ports,
    QueryContext,
    Target,
    Writer,
)
from shotgraph.errors import UsageError

if TYPE_CHECKING:
    from shotgraph.io.stillwriter import Still

# For the disk check: four layers of four channels of 16 bits, each twice as large as a frame of 1080p.
_GUESS_BYTES = 4 * 4 * 2 * 2 * 1920 * 1080


class Export(Target):
    """Writes each layer's atlas, 0 the background, as RGBA: alpha tells what of it some frame shows."""

    id = "decompose.export"
    version = "1"

    class In(Ports):
        """A decomposition."""

        layers: Annotated[Artifact, Port("artifact", "layers")]

    class Params(Params):
        """Where to."""

        file: str = Field(
            ...,
            min_length=1,
            path="write",
            description="a .png (16 bits) or .exr (float) pattern, # the layer: {root}/atlas/{shot}_v{version:03d}.#.png",
        )

    @classmethod
    def expects(cls, frames: FrameRange, params: Params, ctx: QueryContext) -> ExpectedOutput:
        """A picture for every layer."""
        path = Path(params.file)
        if "#" not in path.name or path.suffix not in (".png", ".exr"):
            raise UsageError(
                f"{ctx.node}: file must be a .png or .exr pattern with # for the layer, got {params.file!r}; write atlas.#.png"
            )
        return ExpectedOutput(path=params.file, frames=str(frames), bytes=_GUESS_BYTES)

    def open(self, expected: ExpectedOutput, params: Params, ctx: Context) -> Writer:
        """A writer of all of them."""
        from shotgraph.io.numberedstills import StillSetSink

        path = Path(expected.path)
        return StillSetSink(path, lambda given: stills_of(given.layers, path.suffix), force=ctx.force)


def stills_of(layers: Artifact, suffix: str) -> Iterator["Still"]:
    """One image per layer, back to front; ``.png`` holds 16-bit codes of what lies in [0, 1], ``.exr`` floats."""
    from shotgraph.decomposition.render import atlas_picture
    from shotgraph.decomposition.saving import from_artifact
    from shotgraph.io.stillwriter import Still

    built = from_artifact(layers)
    attributes: tuple[tuple[str, Any, Any], ...] = (("oiio:UnassociatedAlpha", None, 1), ("DateTime", None, ""))
    for index in range(len(built)):
        picture = atlas_picture(built, index)
        if suffix == ".exr":
            # OpenEXR holds colour multiplied by alpha.
            picture[..., :3] *= picture[..., 3:]
            yield Still(picture, tuple("RGBA"), attributes[1:])
        else:
            codes = np.rint(np.clip(picture, 0, 1) * 65535).astype(np.uint16)
            yield Still(codes, tuple("RGBA"), attributes)
