"""The six controls: methods whose answer is known, in every report, so that a metric that is fooled is seen to be fooled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from shotgraph.digests import digest
from shotgraph.pipeline.host import cpu_capability
from shotgraph.stage.bench.codec import Codec
from shotgraph.stage.bench.methods import Frames, Method, Outcome, Settings
from shotgraph.stage.bench.truth import pictures
from shotgraph.stage.edits import Edit, Family
from shotgraph.stage.spec import ClipSpec

JITTER = 0.02
BLUR_PX = 2.0

Make = Callable[[Frames, Edit, int], Frames]


@dataclass(frozen=True)
class KnownMethod:
    """A control that is made of the clip and its truth.

    Attributes:
        name: in rows.
        make: source frames, edit and seed to frames.
        draws: the seed changes its answer.
        version: joins the key of its rows.
        is_control: always.
    """

    name: str
    make: Make
    draws: bool = False
    version: str = "1"
    is_control: bool = True

    def is_sampled(self, settings: Settings) -> bool:  # noqa: ARG002 - the protocol's signature
        """See `draws`."""
        return self.draws

    def missing(self, settings: Settings) -> str:  # noqa: ARG002 - the protocol's signature
        """Nothing is ever missing."""
        return ""

    def refuses(self, family: Family) -> str:  # noqa: ARG002 - as above
        """No edit."""
        return ""

    def identity(self, settings: Settings) -> Mapping[str, str]:  # noqa: ARG002 - as above
        """Nothing but its version."""
        return {}

    def run(self, frames: Frames, edit: Edit, seed: int, settings: Settings) -> Outcome:  # noqa: ARG002 - as above
        """See `make`."""
        return Outcome(frames=np.asarray(self.make(frames, edit, seed), np.float32))


@dataclass(frozen=True)
class ThroughCodec:
    """The true edit through the model's own VAE: what a perfect method that works on latents would give.

    Attributes:
        codec: the VAE.
        name: in rows.
        is_control: always.
    """

    codec: Codec
    name: str = "gt_vae"
    is_control: bool = True

    def is_sampled(self, settings: Settings) -> bool:  # noqa: ARG002 - the protocol's signature
        """Never."""
        return False

    @property
    def version(self) -> str:
        """Other weights give other rows."""
        return self.codec.version

    def missing(self, settings: Settings) -> str:  # noqa: ARG002 - the protocol's signature
        """Why there is no VAE."""
        return self.codec.missing

    def refuses(self, family: Family) -> str:  # noqa: ARG002 - as above
        """No edit."""
        return ""

    def identity(self, settings: Settings) -> Mapping[str, str]:  # noqa: ARG002 - as above
        """The VAE runs on the CPU, whose kernels and number of threads change last bits."""
        import torch

        return {"threads": str(torch.get_num_threads()), "cpu": cpu_capability()}

    def run(self, frames: Frames, edit: Edit, seed: int, settings: Settings) -> Outcome:  # noqa: ARG002 - as above
        """There and back."""
        return Outcome(frames=self.codec.round_trip(pictures(edit.target)))


def controls(codec: Codec) -> tuple[Method, ...]:
    """All six, in the order of the report."""
    return (
        KnownMethod("copy_source", lambda frames, _edit, _seed: frames.copy()),
        KnownMethod("repeat_frame", lambda frames, _edit, _seed: np.repeat(frames[:1], len(frames), axis=0)),
        KnownMethod("gt_edit", lambda _frames, edit, _seed: pictures(edit.target)),
        ThroughCodec(codec),
        KnownMethod(
            "colour_jitter",
            lambda _frames, edit, seed: jittered(pictures(edit.target), seed=seed, clip=number_of(edit.source)),
            draws=True,
            version="2",
        ),
        KnownMethod("blur", lambda _frames, edit, _seed: blurred(pictures(edit.target))),
    )


def number_of(clip: ClipSpec) -> int:
    """64 bits that differ from clip to clip."""
    return int.from_bytes(digest(clip.model_dump_json().encode())[:8], "little")


def jittered(frames: Frames, *, seed: int, clip: int) -> Frames:
    """Flicker and nothing else: a gain per frame and channel, normal around 1 with a deviation of `JITTER`.

    Args:
        frames: (T, H, W, 3).
        seed: of the draw.
        clip: of the draw as well, so that clips are independent of each other.

    Returns:
        Frames in [0, 1].
    """
    rng = np.random.Generator(np.random.Philox(key=[seed, clip]))
    gains = 1 + JITTER * rng.standard_normal((len(frames), 1, 1, 3))
    return np.clip(frames * gains, 0, 1).astype(np.float32)


def blurred(frames: Frames) -> Frames:
    """Gaussian, the same on every frame: what a warp error cannot see."""
    return np.stack([cv2.GaussianBlur(frame, (0, 0), BLUR_PX) for frame in frames]).astype(np.float32)
