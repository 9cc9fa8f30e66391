"""Synthetic nodes that stream: frames, batches, windows and diffusion windows whose right answer is known."""

from pathlib import Path

import numpy as np

from shotgraph.api import Chunk, Context, Field, Frame, Mask, Node, Params, Ports, Rgb, Window
from shotgraph.errors import NodeError


def note_call(file: str, node: str, unit: int) -> None:
    """Add a line to `file`, which outlives a killed process; an empty name for none."""
    if file:
        with Path(file).open("a", encoding="utf-8") as stream:
            stream.write(f"{node} {unit}\n")


class Null(Node):
    """Gives its input back."""

    id = "test.null"
    version = "1"
    numerics = "exact"

    class In(Ports):
        """Any picture."""

        video: Rgb

    class Out(Ports):
        """The same."""

        video: Rgb

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        return self.Out(video=frames.video)


class Gain(Node):
    """Multiplies; can be told to fail at a frame, to count its calls in a file, and to be heavy."""

    id = "test.gain"
    version = "1"
    numerics = "exact"

    class In(Ports):
        """One picture."""

        video: Rgb

    class Out(Ports):
        """One picture."""

        video: Rgb

    class Params(Params):
        """Factor and mischief."""

        gain: float = Field(2.0, description="factor")
        fail_at: int = Field(0, description="frame that raises; 0 for none")
        calls: str = Field("", description="file that gets a line per call", semantic=False)

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        note_call(params.calls, ctx.node, ctx.frames[0])
        if ctx.frames[0] == params.fail_at:
            raise NodeError(f"test.gain: frame must not be {params.fail_at}, got it", hint="set fail_at elsewhere")
        return self.Out(video=frames.video * np.float32(params.gain))


class HeavyGain(Gain):
    """`Gain` whose outputs are kept on disk."""

    id = "test.heavy"
    cost = "heavy"


class Batch(Node):
    """Micro-batches: adds the batch's mean, so that a frame in another batch or with other padding differs."""

    id = "test.batch"
    version = "1"
    contract = Frame(batch=4)
    numerics = "exact"
    cost = "heavy"

    class In(Ports):
        """(4, H, W, 3)."""

        video: Rgb

    class Out(Ports):
        """(4, H, W, 3)."""

        video: Rgb

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        return self.Out(video=frames.video + frames.video.mean(axis=0, keepdims=True))


class Smooth(Node):
    """Weighted sum over a temporal window, asymmetric so that past and future cannot be swapped unseen."""

    id = "test.smooth"
    version = "1"
    contract = Window(past=2, future=1)
    numerics = "exact"

    class In(Ports):
        """(4, H, W, 3)."""

        video: Rgb

    class Out(Ports):
        """(H, W, 3)."""

        video: Rgb

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        weights = np.array([1, 2, 3, 5], np.float32)[: len(frames.video)]
        return self.Out(video=np.tensordot(weights, frames.video, axes=1))


class Warble(Node):
    """A diffusion window's stand-in: nonlinear in the whole window, so a window in another place gives other frames."""

    id = "test.chunk"
    version = "1"
    contract = Chunk(size=8, overlap=3)
    numerics = "exact"
    cost = "heavy"

    class In(Ports):
        """(T, H, W, 3)."""

        video: Rgb

    class Out(Ports):
        """(T, H, W, 3)."""

        video: Rgb

    class Params(Params):
        """Strength."""

        strength: float = Field(0.5, description="how much of the window's range is added")
        calls: str = Field("", description="file that gets a line per call", semantic=False)

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        note_call(params.calls, ctx.node, ctx.index)
        span = np.sin(frames.video.sum()) * np.float32(params.strength)
        anchored = ctx.anchors["video"].mean() if ctx.anchors else np.float32(0)
        return self.Out(video=(frames.video + span + anchored).astype(np.float32))


class Mix(Node):
    """Two thirds of one picture and a third of another, so that branches with different delays meet and cannot be swapped."""

    id = "test.mix"
    version = "1"
    numerics = "exact"

    class In(Ports):
        """Two pictures of one size."""

        video: Rgb
        other: Rgb

    class Out(Ports):
        """One picture."""

        video: Rgb

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        return self.Out(video=(frames.video * np.float32(2) + frames.other) / np.float32(3))


class Threshold(Node):
    """A mask, for links of another kind."""

    id = "test.mask"
    version = "1"
    numerics = "exact"

    class In(Ports):
        """A picture."""

        video: Rgb

    class Out(Ports):
        """1 where the frame is above its mean."""

        mask: Mask

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        luma = frames.video[..., 0]
        return self.Out(mask=(luma > luma.mean()).astype(np.float32))
