"""Edits of atlases, brought back through the whole shot.

Follows the edit path of Y. Kasten et al., "Layered Neural Atlases for Consistent Video Editing", ACM ToG 40(6), 2021, section 3.4.

Departures from the paper:
    - The difference is composited onto the plate, not the layers over each other: out = plate + w (edited - atlas)(uv), so that
      whatever nobody painted keeps its bits.

Symbols: w share of the layer in a pixel; uv where the pixel lies in its atlas.

Cost: about 1 s a frame at 1920x1080 on one thread and layer. Memory: the decomposition and one frame. No GPU.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.api import (
    Artifact,
    Context,
    Field,
    Frame,
    Mask,
    Node,
    Params,
    Port,
    Ports,
    QueryContext,
    Rgb,
    StreamInfo,
    require_same_size,
)
from shotgraph.errors import MediaMissingError, NodeError

if TYPE_CHECKING:
    from shotgraph.decomposition.layers import Layers
    from shotgraph.maths.paint import Edit

_CODE = 1 / 255
# Arrays of a linked edit.
_EDIT = ("difference", "alpha", "seen")
Mode = Literal["replace", "over"]


class Apply(Node):
    """The plate with what was painted on its atlases; whatever nobody painted stays exact, and frames that were not fitted."""

    id = "decompose.apply"
    version = "1"
    contract = Frame()
    cost = "heavy"
    numbered = True

    class In(Ports):
        """The plate, its decomposition, paint that came from a frame, and where paint may go."""

        video: Rgb
        layers: Annotated[Artifact, Port("artifact", "layers")]
        edit: Annotated[Artifact, Port("artifact", "atlas_edit")] | None = None
        matte: Mask | None = None

    class Out(Ports):
        """The plate with the paint."""

        video: Rgb

    class Params(Params):
        """Where the painted atlases are, and how they are meant."""

        file: str = Field(
            "",
            path="read",
            per_shot=True,
            description="painted atlases, # the layer: {root}/paint/{shot}.#.png; empty where an edit is linked",
        )
        mode: Mode = Field(
            "replace", description="an exported atlas painted over, or paint alone on transparent ground"
        )
        tolerance: float = Field(
            1.0, ge=0, le=64, unit="8-bit codes", description="replace: smaller differences are not paint"
        )
        missing_paint: Literal["error", "passthrough"] = Field("error", description="when no atlas is painted")

    @classmethod
    def info(cls, params: Params, ctx: QueryContext) -> Mapping[str, StreamInfo]:
        """Refuses a matte of another size, and files that are not there."""
        require_same_size(ctx, "matte")
        if params.file and params.missing_paint == "error" and not painted_files(params.file):
            raise MediaMissingError(
                f"{ctx.node}: file must name painted atlases, got none at {params.file!r}; export them, paint one, and save "
                "it under the number of its layer, or set missing_paint: passthrough"
            )
        return {}

    @classmethod
    def identity(cls, frame: int, params: Params, ctx: QueryContext) -> str | None:
        """Without paint in files the shot goes through untouched, where that is allowed; nothing is then fitted."""
        if params.missing_paint == "error" or not params.file or painted_files(params.file):
            return None
        ctx.warn(f"{ctx.node}: no painted atlas at {params.file}; the shot goes through untouched")
        return "video"

    def setup(self, params: Params, ctx: Context) -> None:
        """Nothing is read yet: the decomposition comes with the first frame."""
        self._layers: Layers | None = None
        self._edits: dict[int, Edit] = {}

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        from shotgraph.decomposition.render import frame_layers, painted_frame
        from shotgraph.decomposition.saving import frame_index, from_artifact, is_fitted

        if not is_fitted(frames.layers, ctx.frames[0]):
            return self.Out(video=frames.video)
        if self._layers is None:
            self._layers = from_artifact(frames.layers)
            self._edits = edits_of(self._layers, frames.edit, params, ctx.node)
        plate, size = frames.video, (frames.video.shape[0], frames.video.shape[1])
        found = frame_layers(self._layers, frame_index(frames.layers, ctx.frames[0]), size)
        picture = plate
        for index, edit in self._edits.items():
            picture = painted_frame(picture, found, index, edit)
        if frames.matte is not None and picture is not plate:
            picture = limited(plate, picture, frames.matte)
        return self.Out(video=picture)

    def teardown(self, ctx: Context) -> None:
        """Let go of the decomposition."""
        vars(self).clear()


def limited(
    plate: NDArray[np.float32], picture: NDArray[np.float32], matte: NDArray[np.float32]
) -> NDArray[np.float32]:
    """`picture` where the matte is 1, `plate` to the last bit where it is 0."""
    result = plate.copy()
    inside = matte > 0
    result[inside] += matte[inside][:, None] * (picture[inside] - plate[inside])
    return result


def painted_files(pattern: str) -> Mapping[int, Path]:
    """Layer to the file that was painted for it."""
    # Media libraries load when a shot with paint is at hand, not when nodes are listed.
    from shotgraph.decomposition.atlasfiles import atlas_files

    return atlas_files(pattern)


def edits_of(layers: "Layers", edit: Artifact | None, params: Apply.Params, who: str) -> "dict[int, Edit]":
    """What was painted on each layer, from files or from what is linked; `NodeError` for both of them, or none."""
    from shotgraph.decomposition.atlasfiles import files_of_layers
    from shotgraph.maths.paint import Edit

    if (edit is None) == (not params.file):
        got = "neither" if edit is None else f"both, file {params.file!r}"
        raise NodeError(f"{who}: paint must come from file or from a linked edit, got {got}; use a node for each")
    if edit is not None:
        return {int(edit.meta["layer"]): Edit(*(np.array(edit.arrays[name]) for name in _EDIT))}
    files = files_of_layers(params.file, count=len(layers), who=who)
    return {index: read_edit(layers, index, path, params, who) for index, path in files.items()}


def read_edit(layers: "Layers", index: int, path: Path, params: Apply.Params, who: str) -> "Edit":
    """What was painted on one layer's atlas.

    Args:
        layers: that were exported.
        index: of the layer.
        path: the painted picture.
        params: how it is meant.
        who: for messages.

    Returns:
        The edit, on the atlas's grid.

    Raises:
        NodeError: the picture is not of the atlas's size.
    """
    from shotgraph.decomposition.render import atlas_colour, atlas_coverage
    from shotgraph.io.pictures import read_picture
    from shotgraph.maths.paint import edit_between, painted_over

    picture, coded = read_picture(path)
    height, width = layers[index].size
    if picture.shape[:2] != (height, width):
        raise NodeError(
            f"{who}: {path.name} must be {width}x{height} like the atlas of layer {index}, got "
            f"{picture.shape[1]}x{picture.shape[0]}; paint over the exported file without resizing it"
        )
    atlas = atlas_colour(layers, index)
    if params.mode == "replace":
        # Its alpha says what of the atlas is seen, and not where paint is; paint programs clear what they do not show.
        shown = atlas_coverage(layers, index)[..., None] > 0
        repainted = np.where(shown, picture[..., :3], np.clip(atlas, 0, 1) if coded else atlas)
        return painted_over(atlas, repainted, coded=coded, tolerance=params.tolerance * _CODE).edit
    alpha = picture[..., 3] if picture.shape[2] == 4 else np.ones((height, width), np.float32)
    return edit_between(atlas, picture[..., :3], alpha, tolerance=0)
