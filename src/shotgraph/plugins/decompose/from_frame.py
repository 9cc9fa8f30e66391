"""Paint on frames, put where it lies in a layer's atlas, so that the whole shot gets it.

Follows the frame editing of Y. Kasten et al., "Layered Neural Atlases for Consistent Video Editing", ACM ToG 40(6), 2021, section 3.4.

Departures from the paper:
    - The difference between paint and plate is carried, and not the picture.
    - Pixels are splatted with linear weights, where the authors interpolate scattered points; small breaks are filled.
    - A pixel that shows a share of the layer shows that share of its paint; shares below 0.1 are left out.

Symbols: k layer; uv_k(p, t) where pixel p of frame t lies in its atlas, texels; w_k its share; D paint minus plate.

    edit(q) = sum_p b(q - uv_k(p, t)) w_k D(p)  /  sum_p b(q - uv_k(p, t)) w_k^2        b: linear weights

Where several frames are painted, an atlas texel takes the mean of those that show it.

Cost: about 1 s for a painted frame of 1920x1080. No GPU.
"""

from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np

from shotgraph.api import Artifact, Clip, Context, Field, Node, Params, Port, Ports, QueryContext, Rgb, StreamInfo
from shotgraph.errors import MediaMissingError, NodeError

if TYPE_CHECKING:
    from shotgraph.decomposition.render import FrameLayers
    from shotgraph.maths.paint import Edit

_CODE = 1 / 255


class FromFrame(Node):
    """Takes what was painted on some frames to a layer's atlas; `decompose.apply` brings it to all of them."""

    id = "decompose.from_frame"
    version = "1"
    contract = Clip()

    class In(Ports):
        """The plate, and its decomposition."""

        video: Rgb
        layers: Annotated[Artifact, Port("artifact", "layers")]

    class Out(Ports):
        """The paint, on the atlas."""

        edit: Annotated[Artifact, Port("artifact", "atlas_edit")]

    class Params(Params):
        """Where the painted frames are."""

        file: str = Field(
            ...,
            min_length=1,
            path="read",
            per_shot=True,
            description="repainted plate frames, numbered like the shot, e.g. {root}/paint/{shot}.####.png; alpha = where",
        )
        layer: int | None = Field(None, ge=0, description="that was painted, 0 the background; the one most painted on")
        tolerance: float = Field(1.0, ge=0, le=64, unit="8-bit codes", description="smaller differences are not paint")
        fill_px: float = Field(
            2.0, ge=0, le=20, unit="px", description="breaks in the atlas up to this radius are closed"
        )

    @classmethod
    def info(cls, params: Params, ctx: QueryContext) -> Mapping[str, StreamInfo]:
        """Refuses paint outside the shot, of another size, or none."""
        if not painted_frames(params, ctx):
            raise MediaMissingError(
                f"{ctx.node}: file must name painted frames, got none at {params.file!r}; paint one frame and save it "
                "under its number"
            )
        return {}

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        from shotgraph.decomposition.render import frame_layers, paint_on_atlas
        from shotgraph.decomposition.saving import frame_index, from_artifact
        from shotgraph.io.pictures import read_picture
        from shotgraph.maths.paint import fill_holes, painted_over

        layers = from_artifact(frames.layers)
        painted: list[tuple[Edit, FrameLayers]] = []
        for frame, path in painted_frames(params, ctx).items():
            ctx.check_cancelled()
            plate = frames.video[frame]
            picture, coded = read_picture(path)
            edit = painted_over(plate, picture, coded=coded, tolerance=params.tolerance * _CODE).edit
            found = frame_layers(layers, frame_index(frames.layers, frame), (plate.shape[0], plate.shape[1]))
            painted.append((edit, found))
        index = most_painted(painted) if params.layer is None else params.layer
        if not 0 <= index < len(layers):
            raise NodeError(f"{ctx.node}: layer must be one of 0-{len(layers) - 1}, got {index}; 0 is the background")
        on_atlas = [paint_on_atlas(edit, found, index, layers[index].size) for edit, found in painted]
        edit = fill_holes(reduce(mean_of, on_atlas), radius_px=params.fill_px)
        ctx.note(layer=index, painted_frames=len(painted))
        arrays = {"difference": edit.difference, "alpha": edit.alpha, "seen": edit.seen}
        return self.Out(edit=Artifact(arrays, {"layer": index}))


def painted_frames(params: FromFrame.Params, ctx: QueryContext) -> Mapping[int, Path]:
    """Painted frame to its file."""
    # Media libraries load when a shot with paint is at hand, not when nodes are listed.
    from shotgraph.io.paintfiles import paint_of

    return paint_of(params.file, ctx.headers["video"], who=ctx.node)


def most_painted(painted: "list[tuple[Edit, FrameLayers]]") -> int:
    """The layer that most of the paint lies on."""
    shares = sum((found.weights * edit.alpha).sum(axis=(1, 2)) for edit, found in painted)
    return int(np.argmax(shares))


def mean_of(first: "Edit", second: "Edit") -> "Edit":
    """One edit of two on one grid: their mean where both see the surface, else the one that does."""
    from shotgraph.maths.paint import Edit

    both = first.seen & second.seen
    half = np.where(both, np.float32(0.5), np.float32(1))
    return Edit(
        (first.difference + second.difference) * half[..., None],
        (first.alpha + second.alpha) * half,
        first.seen | second.seen,
    )
