"""New shapes: what lies on an atlas is moved there, and goes with its matte through the whole shot.

Follows Y.-C. Lee, J.-Z. G. Jang, Y.-T. Chen, E. Qiu, J.-B. Huang, "Shape-aware Text-driven Layered Video Editing Method", CVPR
2023, in that a new shape is a vector field on the atlas.

Departures from the paper:
    - The field is given: as an image, or by points with thin-plate splines between them. No optimisation follows.
    - The difference is composited onto the plate; grain and light that the layers do not explain go with their surface.

Symbols: in `decomposition.reshape`.

Cost: about 4 s a frame at 1920x1080 on one thread where everything moves. Memory: the decomposition and one frame. No GPU.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from shotgraph.api import Artifact, Context, Field, Frame, Node, Params, Port, Ports, QueryContext, Rgb, StreamInfo
from shotgraph.errors import GraphError, MediaMissingError, NodeError

if TYPE_CHECKING:
    from shotgraph.decomposition.layers import Layers
    from shotgraph.decomposition.reshape import Displacement

# Of what comes into sight, from here on it is worth telling that no frame ever showed it.
_GUESSED = 0.05


class Reshape(Node):
    """The plate with layers bent as their atlases are; whatever no bent layer touches stays exact, and frames not fitted."""

    id = "decompose.reshape"
    version = "1"
    contract = Frame()
    cost = "heavy"
    numbered = True

    class In(Ports):
        """The plate, painted or not, and its decomposition."""

        video: Rgb
        layers: Annotated[Artifact, Port("artifact", "layers")]

    class Out(Ports):
        """The plate with new shapes."""

        video: Rgb

    class Params(Params):
        """Which way the atlases are bent."""

        points: tuple[tuple[float, float, float, float], ...] = Field(
            (),
            per_shot=True,
            unit="texels",
            description="three or more places on the atlas, x y before and x y after; one that stays holds what is about it",
        )
        layer: int = Field(1, ge=0, description="that points are on; 0 the background")
        file: str = Field(
            "",
            path="read",
            per_shot=True,
            description="instead of points: .exr fields, # the layer, in each texel the way to the one whose content it shows",
        )
        channels: tuple[str, str] = Field(("R", "G"), description="of file: across and along the atlas, in texels")
        y: Literal["down", "up"] = Field("down", description="of file: where the second channel grows to")

    @classmethod
    def info(cls, params: Params, ctx: QueryContext) -> Mapping[str, StreamInfo]:
        """Refuses both ways of bending at once, neither, and files that are not there."""
        # Media libraries load when a shot with fields is at hand, not when nodes are listed.
        from shotgraph.decomposition.atlasfiles import atlas_files

        if bool(params.points) == bool(params.file):
            got = f"both, file {params.file!r}" if params.file else "neither"
            raise GraphError(f"{ctx.node}: a shape must come from points or from file, got {got}; give one of them")
        if params.file and not atlas_files(params.file):
            raise MediaMissingError(
                f"{ctx.node}: file must name fields on atlases, got none at {params.file!r}; save one under the number of its layer"
            )
        return {}

    def setup(self, params: Params, ctx: Context) -> None:
        """Nothing is read yet: the decomposition comes with the first frame."""
        self._layers: Layers | None = None
        self._fields: dict[int, Displacement] = {}

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        from shotgraph.decomposition.reshape import bent_frame
        from shotgraph.decomposition.saving import frame_index, from_artifact, is_fitted

        frame = ctx.frames[0]
        if not is_fitted(frames.layers, frame):
            return self.Out(video=frames.video)
        if self._layers is None:
            self._layers = from_artifact(frames.layers)
            self._fields = fields_of(self._layers, params, ctx.node)
        bent = bent_frame(frames.video, self._layers, frame_index(frames.layers, frame), self._fields)
        if bent.guessed > _GUESSED:
            ctx.warn(
                f"{ctx.node}: frame {frame}: {bent.guessed:.0%} of what comes into sight is seen on no frame; it continues what is "
                "about it, and wants paint"
            )
        return self.Out(video=bent.picture)

    def teardown(self, ctx: Context) -> None:
        """Let go of the decomposition."""
        vars(self).clear()


def fields_of(layers: "Layers", params: Reshape.Params, who: str) -> "dict[int, Displacement]":
    """Layer to its field, from files or points; `NodeError` for layers that do not exist, and what `read_field` refuses."""
    from shotgraph.decomposition.atlasfiles import files_of_layers
    from shotgraph.decomposition.reshape import through_points

    if params.file:
        files = files_of_layers(params.file, count=len(layers), who=who)
        return {index: read_field(path, layers[index].size, params, who) for index, path in files.items()}
    if params.layer >= len(layers):
        raise NodeError(f"{who}: layer must be one of 0-{len(layers) - 1}, got {params.layer}; 0 is the background")
    return {params.layer: through_points(params.points, layers[params.layer].size, who=who)}


def read_field(path: Path, size: tuple[int, int], params: Reshape.Params, who: str) -> "Displacement":
    """The field in one image.

    Args:
        path: the image.
        size: (height, width) of the atlas that it lies on.
        params: how it is meant.
        who: for messages.

    Returns:
        The field.

    Raises:
        NodeError: the image is smaller than the atlas, does not lie evenly about it, or holds codes or no numbers.
    """
    from shotgraph.decomposition.reshape import centred
    from shotgraph.io.channels import read_channels

    across, along = read_channels(path, params.channels)
    (rows, columns), (height, width) = across.shape, size
    if rows < height or columns < width or (rows - height) % 2 or (columns - width) % 2:
        raise NodeError(
            f"{who}: {path.name} must be {width}x{height} like the atlas, or larger by as much on either side, got "
            f"{columns}x{rows}; make it on the exported atlas"
        )
    vectors = np.stack((across, along if params.y == "down" else -along), axis=-1)
    if vectors.dtype != np.float32 or not np.isfinite(vectors).all():
        held = f"{int((~np.isfinite(vectors)).sum())} that are none" if vectors.dtype == np.float32 else vectors.dtype
        raise NodeError(f"{who}: {path.name} must hold finite floats, got {held}; save it as a float .exr")
    return centred(vectors, size)
