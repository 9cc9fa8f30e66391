"""Edges and lines by networks, for ControlNet conditioning.

Follows S. Xie, Z. Tu, "Holistically-Nested Edge Detection", ICCV 2015 (`edges.hed`); Z. Su et al., "Pixel Difference Networks for
Efficient Edge Detection", ICCV 2021 (`edges.pidinet`); C. Chan et al., "Learning to Generate Line Drawings that Convey Geometry and
Semantics", CVPR 2022 (`edges.lineart`); X. Soria et al., "Tiny and Efficient Model for the Edge Detection Generalization", ICCVW 2023
(`edges.teed`), as controlnet-aux implements them.

Departures from that package: maps stay floats and come back at the frame's size, neither rounded nor thresholded.

Symbols: none.

Cost: one pass of the network a frame, at `detect_px`: 15 M parameters (HED), 0.7 M (PiDiNet), 4.3 M (line art), 0.06 M (TEED).
"""

from typing import TYPE_CHECKING, ClassVar

from shotgraph.api import Context, Field, Frame, Mask, Node, Params, Ports, QueryContext, Rgb

if TYPE_CHECKING:
    from shotgraph.annotators.lines import Kind, LineNetwork


class _Lines(Node):
    """What the four share."""

    kind: ClassVar["Kind"]
    version = "1"
    contract = Frame()
    numerics = "device"
    cost = "heavy"

    class In(Ports):
        """One plate."""

        video: Rgb

    class Out(Ports):
        """1 on a line, 0 where there is none, anything between."""

        edges: Mask

    class Params(Params):
        """Which weights, at what size."""

        weights: str = Field(..., min_length=1, description="the network's file: .safetensors, .pth or .pt")
        detect_px: int = Field(
            512, ge=64, le=4096, unit="px", description="shorter side of what the network sees; finer lines with more"
        )

    @classmethod
    def models(cls, params: Params, ctx: QueryContext) -> dict[str, str]:
        """Digest of the file."""
        from shotgraph.models.weights import find_weights

        return {cls.kind: find_weights(params.weights, {}).digest}

    def setup(self, params: Params, ctx: Context) -> None:
        """Leases the network."""
        from shotgraph.annotators.lines import load_lines
        from shotgraph.models.weights import find_weights

        file = find_weights(params.weights, {})
        name = f"{self.kind} {file.digest} {ctx.device}"
        self._network: LineNetwork = ctx.lease(name, lambda: load_lines(self.kind, file.path, device=ctx.device))

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        return self.Out(edges=self._network(frames.video, detect_px=params.detect_px))

    def teardown(self, ctx: Context) -> None:
        """Lets go of the network; the engine ends the lease."""
        vars(self).clear()


class Hed(_Lines):
    """Soft edges by holistically-nested detection; what the softedge ControlNets were trained on."""

    id = "edges.hed"
    kind = "hed"


class Pidinet(_Lines):
    """Soft edges by pixel differences: smaller and faster than HED."""

    id = "edges.pidinet"
    kind = "pidinet"


class Lineart(_Lines):
    """A line drawing of the frame."""

    id = "edges.lineart"
    kind = "lineart"


class Teed(_Lines):
    """Thin edges by the smallest of these networks."""

    id = "edges.teed"
    kind = "teed"
