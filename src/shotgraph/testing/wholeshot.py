"""Synthetic nodes that see a shot as a whole: `Clip`, `Clips` and `Sequential`, and one that reads the artifact of a group."""

from typing import Annotated, Any

import numpy as np

from shotgraph.api import (
    Artifact,
    Clip,
    Clips,
    Context,
    Field,
    Node,
    Params,
    Port,
    Ports,
    Rgb,
    Sequential,
    SequentialNode,
)
from shotgraph.testing.synthetic import note_call

MeanArtifact = Annotated[Artifact, Port("artifact", "mean")]


class Whole(Node):
    """A whole-shot node: every frame minus the shot's mean, and the mean as an artifact."""

    id = "test.clip"
    version = "1"
    contract = Clip()
    numerics = "exact"

    class In(Ports):
        """A reader."""

        video: Rgb

    class Out(Ports):
        """Centred frames and their mean."""

        video: Rgb | None = None
        mean: MeanArtifact | None = None

    class Params(Params):
        """Calls."""

        calls: str = Field("", description="file that gets a line per frame", semantic=False)

    def process(self, frames: Any, params: Params, ctx: Context) -> Out:
        """See the class."""
        reader = frames.video
        mean = np.mean([reader[f].mean() for f in reader.frames], dtype=np.float64)
        for frame in ctx.frames:
            note_call(params.calls, ctx.node, frame)
            ctx.emit(frame, self.Out(video=reader[frame] - np.float32(mean)))
        return self.Out(mean=Artifact({"mean": np.array([mean])}, {"frames": len(reader.frames)}))


class GroupMean(Node):
    """One artifact for a group of shots: the mean of all their frames."""

    id = "test.clips"
    version = "1"
    contract = Clips()
    numerics = "exact"

    class In(Ports):
        """One reader a shot."""

        video: Rgb

    class Out(Ports):
        """The mean."""

        mean: MeanArtifact

    def process(self, frames: Any, params: Params, ctx: Context) -> Out:
        """See the class."""
        means = [reader[f].mean() for reader in frames.video for f in reader.frames]
        return self.Out(mean=Artifact({"mean": np.array([np.mean(means, dtype=np.float64)])}, {"frames": len(means)}))


class AddMean(Node):
    """Adds an artifact to every frame."""

    id = "test.add"
    version = "1"
    numerics = "exact"

    class In(Ports):
        """A picture and a mean."""

        video: Rgb
        mean: MeanArtifact

    class Out(Ports):
        """A picture."""

        video: Rgb

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        return self.Out(video=frames.video + np.float32(frames.mean.arrays["mean"][0]))


class Accumulate(SequentialNode):
    """Running sum over the shot."""

    id = "test.sequential"
    version = "1"
    contract = Sequential(checkpoint_every=5)
    numerics = "exact"

    class In(Ports):
        """A picture."""

        video: Rgb

    class Out(Ports):
        """The sum so far."""

        video: Rgb

    class Params(Params):
        """Calls."""

        calls: str = Field("", description="file that gets a line per call", semantic=False)

    def initial(self, params: Params, ctx: Context) -> Artifact:
        """Zero."""
        return Artifact({"sum": np.zeros((1, 1, 1), np.float32)}, {})

    def step(self, frames: In, state: Artifact, params: Params, ctx: Context) -> tuple[Out, Artifact]:
        """Add one frame."""
        note_call(params.calls, ctx.node, ctx.frames[0])
        total = np.asarray(state.arrays["sum"] + frames.video, np.float32)
        return self.Out(video=total), Artifact({"sum": total}, {})
