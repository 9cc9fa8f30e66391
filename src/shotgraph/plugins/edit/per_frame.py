"""Every frame edited by prompt on its own: the honest baseline that video methods must beat.

Follows J. Song, C. Meng, S. Ermon, "Denoising Diffusion Implicit Models", ICLR 2021, Eq. 12 and section 4.3, with the guidance of
J. Ho, T. Salimans, "Classifier-Free Diffusion Guidance", NeurIPS workshop 2021, Eq. 6.

Departures from the paper:
    - The weight of guidance counts from 1, as in every implementation: w here is 1 + w there.
    - `strength` below 1 inverts and samples the last part of the way only (Meng et al., SDEdit, ICLR 2022).
    - `refinements` repeats the prediction of an inversion step at the state reached (Pan et al., AIDI, ICCV 2023).

Symbols: z (frames, C, h, w) latents, float32; eps predicted noise, shaped like z; x_t a state between picture and noise.

    z = VAE(plate)                      the mean, nothing drawn
    x_T = invert(z; eps(source prompt))                   guidance 1, or `inversion_guidance`
    z' = sample(x_T; eps(target prompt), eps(negative prompt), guidance)
    out = plate + matte * up(VAE^-1(z') - down(plate))

Cost: inversion_steps x (1 + refinements) evaluations a frame to invert (twice as many under guidance) and steps x 2 to
sample (x 1 at guidance 1), times `strength`; they are noted as `evaluations_per_frame`. Memory: the model and one batch. A tiny
model at 128 px: some CPU-seconds a frame.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shotgraph.api import (
    Context,
    Field,
    Frame,
    Mask,
    Node,
    Params,
    Ports,
    QueryContext,
    Rgb,
    StreamInfo,
    require_same_size,
)
from shotgraph.errors import GraphError
from shotgraph.models.reference import ModelName, ModelReference
from shotgraph.models.registry import digests_of, refuse_adapters, resolve_reference

if TYPE_CHECKING:
    from torch import Tensor

    from shotgraph.diffusion.grid import DdimGrid
    from shotgraph.diffusion.sampling import Denoiser, Hooks

# Divides into latents of every model here, and those again into what U-Nets halve.
_MULTIPLE_PX = 8
_GUIDANCE, _STEPS = 7.5, 50

Stack = NDArray[np.float32]


def edited_latents(
    z: "Tensor", way: "Way", *, strength: float, refinements: int = 0, hooks: "Hooks | None" = None
) -> "Tensor":
    """The latents of the edited frames.

    Args:
        z: (frames, C, h, w), clean.
        way: there and back.
        strength: share of the way, in (0, 1].
        refinements: extra evaluations per inversion step.
        hooks: progress, cancelling and fresh noise.

    Returns:
        (frames, C, h, w).
    """
    from shotgraph.diffusion.sampling import PLAIN, invert, sample

    start, stop = way.starts(strength)
    inner = PLAIN if hooks is None else hooks
    x = invert(z, way.source, way.up, stop=stop, refinements=refinements, hooks=inner)[0]
    return sample(x, way.target, way.down, start=start, hooks=inner)


class Way:
    """From pictures to noise under one prompt and back under another."""

    def __init__(self, up: "DdimGrid", down: "DdimGrid", *, source: "Denoiser", target: "Denoiser") -> None:
        self.up, self.down, self.source, self.target = up, down, source, target
        # Fails early where the two grids have no time in common.
        for time in down.times:
            up.index_of(time)

    def starts(self, strength: float) -> tuple[int, int]:
        """(first step of sampling, last step of inversion), which share a time."""
        start = self.down.start_of(strength)
        return start, self.up.index_of(self.down.times[start])


class PerFrame(Node):
    """Edits each frame by prompt, alone: DDIM inversion, then sampling with another prompt. Flickers; video methods must beat it."""

    id = "edit.per_frame"
    version = "1"
    contract = Frame(batch=4)
    numerics = "device"
    cost = "heavy"
    # Noise of `eta` is addressed by frame number.
    numbered = True

    class In(Ports):
        """The plate, and where it may change."""

        video: Rgb
        matte: Mask | None = None

    class Out(Ports):
        """The edited plate, at the plate's size."""

        video: Rgb

    class Params(Params):
        """Words, steps, and how far to go."""

        prompt: str = Field(..., min_length=1, per_shot=True, description="what the frames shall show")
        source_prompt: str = Field("", per_shot=True, description="what they show now; empty works, words are better")
        negative_prompt: str | None = Field(None, description="what to steer away from; the model card's when left out")
        model: ModelName | ModelReference = Field("stage-sd", description="bundled, a folder, or org/name@commit")
        strength: float = Field(
            1.0, ge=0, le=1, per_shot=True, description="share of the way; 0 gives the plate itself"
        )
        guidance: float | None = Field(None, ge=0, le=50, description="weight of the prompt; the card's, else 7.5")
        steps: int | None = Field(None, ge=1, le=1000, description="of the sampler; the card's, else 50")
        inversion_steps: int | None = Field(
            None, ge=1, le=1000, description="a multiple of steps; as many when left out"
        )
        inversion_guidance: float = Field(
            1.0,
            ge=0,
            le=50,
            description="weight of the source prompt on the way up; above 1 the way back misses the plate",
        )
        refinements: int = Field(0, ge=0, le=10, description="fixed-point repeats of each inversion step")
        eta: float = Field(0.0, ge=0, le=1, description="share of noise drawn anew at every step; 1 is DDPM")
        seed: int = Field(0, ge=0, per_shot=True, description="of that noise; without eta nothing is drawn")
        work_size: tuple[int, int] | None = Field(
            None, unit="px", description="width, height the model sees; its native area when left out"
        )

    @classmethod
    def identity(cls, frame: int, params: Params, ctx: QueryContext) -> str | None:
        """At strength 0 the plate itself: no model is looked for."""
        return "video" if params.strength == 0 else None

    @classmethod
    def models(cls, params: Params, ctx: QueryContext) -> Mapping[str, str]:
        """What the reference names."""
        return digests_of(params.model)

    @classmethod
    def info(cls, params: Params, ctx: QueryContext) -> Mapping[str, StreamInfo]:
        """Refuses a matte of another size, sides the model cannot take, and adapters; words it never learnt are said."""
        require_same_size(ctx, "matte")
        if params.work_size is not None and any(side < 1 or side % _MULTIPLE_PX for side in params.work_size):
            raise GraphError(
                f"{ctx.node}: work_size must be multiples of {_MULTIPLE_PX}, got {list(params.work_size)}; round both sides"
            )
        models = resolve_reference(params.model)
        refuse_adapters(models, who=ctx.node)
        for name in ("prompt", "source_prompt", "negative_prompt"):
            unknown = models["base"].card.unknown_words(getattr(params, name) or "")
            message = (
                f"{ctx.node}: {name} must use words the model was taught, got {', '.join(unknown)}; its card lists them"
            )
            if unknown and ctx.strict:
                raise GraphError(message)
            if unknown:
                ctx.warn(message)
        return {}

    def setup(self, params: Params, ctx: Context) -> None:
        """Leases the model and reads the prompts once."""
        from shotgraph.diffusion.leasing import leased_bundle

        bundle, card = leased_bundle(params.model, ctx)
        guidance = next(value for value in (params.guidance, card.guidance, _GUIDANCE) if value is not None)
        negative = next(text for text in (params.negative_prompt, card.negative_prompt, "") if text is not None)
        steps = params.steps or card.steps or _STEPS
        up, down = bundle.grid(params.inversion_steps or steps), bundle.grid(steps)
        source, target, against = bundle.words((params.source_prompt, params.prompt, negative)).split(1)
        self._way = Way(
            up,
            down,
            source=bundle.denoiser(up, source, unconditional=against, guidance=params.inversion_guidance),
            target=bundle.denoiser(down, target, unconditional=against, guidance=guidance),
        )
        self._bundle = bundle
        there, back = (1 if weight == 1 else 2 for weight in (params.inversion_guidance, guidance))
        self._evaluations = (there * (1 + params.refinements), back)
        self._area_px = (card.side_px or bundle.native_px) ** 2

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        if params.strength == 0:
            return self.Out(video=frames.video)
        import torch

        from shotgraph.diffusion.plates import coverage_of, detail_transferred, shown

        is_single = frames.video.ndim == 3
        plates: Stack = frames.video[None] if is_single else frames.video
        width, height = self._work_size(params, ctx)
        before = np.stack([shown(plate, width=width, height=height) for plate in plates])
        z = self._bundle.encode(torch.from_numpy(before))
        hooks = self._hooks(z, params, ctx)
        edited = edited_latents(z, self._way, strength=params.strength, refinements=params.refinements, hooks=hooks)
        after: Stack = self._bundle.decode(edited).clamp(0, 1).cpu().numpy()
        mattes = frames.matte[None] if frames.matte is not None and is_single else frames.matte
        premultiplied = ctx.headers["video"].alpha == "premultiplied"
        results: list[Stack] = []
        for i, plate in enumerate(plates):
            coverage = coverage_of(plate, None if mattes is None else mattes[i], premultiplied=premultiplied)
            results.append(detail_transferred(plate, before[i], after[i], coverage=coverage))
        return self.Out(video=results[0] if is_single else np.stack(results))

    def _work_size(self, params: Params, ctx: Context) -> tuple[int, int]:
        from shotgraph.diffusion.plates import work_size

        video = ctx.headers["video"]
        return params.work_size or work_size(
            video.width, video.height, area_px=self._area_px, multiple_px=_MULTIPLE_PX, sar=video.sar
        )

    def _hooks(self, z: "Tensor", params: Params, ctx: Context) -> "Hooks":
        """Progress over both loops, cancelling between two steps, and the noise of `eta`."""
        from shotgraph.diffusion.noise import PhiloxNoise
        from shotgraph.diffusion.sampling import Hooks

        start, stop = self._way.starts(params.strength)
        steps = (len(self._way.up.times) - stop, len(self._way.down.times) - start)
        ctx.note(evaluations_per_frame=sum(n * each for n, each in zip(steps, self._evaluations, strict=True)))
        noise, done = PhiloxNoise(params.seed), 0

        def after_step(_index: int) -> None:
            nonlocal done
            done += 1
            ctx.progress(done, sum(steps))
            ctx.check_cancelled()

        return Hooks(
            after_step=after_step,
            eta=params.eta,
            fresh=lambda index: noise.draw(f"step {index}", ctx.frames, tuple(z.shape[1:])),
        )

    def teardown(self, ctx: Context) -> None:
        """Lets go of the model; the engine ends the lease."""
        vars(self).clear()
