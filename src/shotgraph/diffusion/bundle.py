"""A text-to-image model as edit methods use it: pictures to latents and back, words to embeddings, latents to predicted noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from shotgraph.diffusion.autoencoding import decode, encode
from shotgraph.diffusion.grid import DdimGrid, guard, guided
from shotgraph.diffusion.parts import load_config, load_part
from shotgraph.diffusion.sampling import Denoiser
from shotgraph.errors import UnavailableError, UsageError

DTYPES: Mapping[str, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class ModelBundle:
    """The parts of a Stable Diffusion layout, on one device in one dtype. Latents are float32 whatever the dtype.

    Attributes:
        vae: AutoencoderKL, pictures to latents.
        unet: UNet2DConditionModel, predicts noise.
        text: CLIPTextModel, words to embeddings.
        tokenizer: of `text`.
        scheduler: configuration of the noise schedule.
        name: what messages call the model: its folder.
    """

    vae: Any
    unet: Any
    text: Any
    tokenizer: Any
    scheduler: Mapping[str, Any]
    name: str

    def __post_init__(self) -> None:
        """Refuse parts that do not fit each other."""
        parts: dict[str, nn.Module] = {"vae": self.vae, "unet": self.unet, "text_encoder": self.text}
        _check_agree(parts, self.name)
        _check_widths(self)

    @classmethod
    def load(
        cls, folder: Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32, vae: Path | None = None
    ) -> ModelBundle:
        """The model in a diffusers folder, in evaluation mode and without gradients.

        Args:
            folder: with ``vae``, ``unet``, ``text_encoder``, ``tokenizer`` and ``scheduler``; `UnavailableError` where a part
                is missing, damaged, a pickle, or does not fit the others.
            device: where it goes.
            dtype: given to every part: left to themselves, the libraries choose different ones from one folder.
            vae: folder of another VAE.

        Returns:
            The bundle.
        """
        loaded = {
            part: load_part(vae if part == "vae" and vae is not None else folder / part, part, dtype).to(device)
            for part in ("vae", "unet", "text_encoder")
        }
        return cls(
            vae=loaded["vae"],
            unet=loaded["unet"],
            text=loaded["text_encoder"],
            tokenizer=load_config(folder / "tokenizer", "tokenizer"),
            scheduler=load_config(folder / "scheduler", "scheduler").config,
            name=str(folder),
        )

    @property
    def device(self) -> torch.device:
        """Where all of it lies."""
        return next(self.unet.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of all weights."""
        return next(self.unet.parameters()).dtype

    @property
    def factor(self) -> int:
        """Pixels of a picture to one of its latent, along a side."""
        return 2 ** (len(self.vae.config["block_out_channels"]) - 1)

    @property
    def channels(self) -> int:
        """Of a latent."""
        return int(self.vae.config["latent_channels"])

    @property
    def native_px(self) -> int:
        """Side of the square pictures the U-Net was made for."""
        return int(self.unet.config["sample_size"]) * self.factor

    def grid(self, steps: int) -> DdimGrid:
        """The sampler's times."""
        return DdimGrid.of(self.scheduler, steps)

    def encode(self, pictures: Tensor) -> Tensor:
        """Latents of pictures: the mean, so that nothing is drawn.

        Args:
            pictures: (frames, H, W, 3) display values in [0, 1]; sides are multiples of `factor`.

        Returns:
            (frames, C, h, w) float32.

        Raises:
            UsageError: a side is no multiple of `factor`.
        """
        height, width = pictures.shape[1:3]
        if height % self.factor or width % self.factor:
            raise UsageError(
                f"{self.name}: sides must be multiples of {self.factor} px, got {width}x{height}; change work_size"
            )
        return encode(self.vae, pictures)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (frames, C, h, w) to display values (frames, H, W, 3), float32, not clamped."""
        return guard(decode(self.vae, latents), who="VAE", what="pictures")

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Tensor:
        """What the U-Net attends to.

        Args:
            prompts: texts.

        Returns:
            (prompts, tokens, width) in the bundle's dtype.

        Raises:
            UsageError: a prompt is longer than the model reads.
        """
        longest = int(self.text.config.max_position_embeddings)
        for prompt in prompts:
            count = len(self.tokenizer(prompt).input_ids)
            if count > longest:
                raise UsageError(
                    f"prompt: must have at most {longest - 2} tokens, got {count - 2} in {prompt!r}; shorten it"
                )
        ids = self.tokenizer(
            list(prompts), padding="max_length", max_length=longest, truncation=True, return_tensors="pt"
        ).input_ids
        return self.text(ids.to(self.device)).last_hidden_state

    @torch.no_grad()
    def noise(self, x: Tensor, time: int, words: Tensor) -> Tensor:
        """The U-Net's output, float32, for latents (frames, C, h, w) and embeddings (frames or 1, tokens, width)."""
        given = words.expand(len(x), -1, -1) if len(words) == 1 else words
        return self.unet(x.to(self.dtype), time, encoder_hidden_states=given).sample.to(x.dtype)

    @torch.no_grad()
    def guided_noise(self, x: Tensor, time: int, unconditional: Tensor, conditional: Tensor, guidance: float) -> Tensor:
        """The same under classifier-free guidance; one evaluation where guidance is 1."""
        if guidance == 1.0:
            return self.noise(x, time, conditional)
        both = torch.cat((unconditional.expand(len(x), -1, -1), conditional.expand(len(x), -1, -1)))
        without, with_words = self.noise(torch.cat((x, x)), time, both).chunk(2)
        return guided(without, with_words, guidance)

    def denoiser(
        self, grid: DdimGrid, words: Tensor, *, unconditional: Tensor | None = None, guidance: float = 1.0
    ) -> Denoiser:
        """The model as sampler and inverter take it: (x, step index) to predicted noise, whatever the model itself predicts.

        Args:
            grid: the times.
            words: (frames or 1, tokens, width) of the prompt.
            unconditional: (1, tokens, width) of the negative prompt; None where guidance is 1.
            guidance: weight of the prompt over the negative one; 1 costs one evaluation instead of two.

        Returns:
            The denoiser.

        Raises:
            UsageError: guidance with nothing to steer away from.
        """
        if unconditional is None and guidance != 1.0:
            raise UsageError(
                f"{self.name}: guidance must be 1 without a negative prompt, got {guidance:g}; embed one, '' if nothing else"
            )

        def denoise(x: Tensor, index: int) -> Tensor:
            time = grid.times[index]
            if unconditional is None:
                output = self.noise(x, time, words)
            else:
                output = self.guided_noise(x, time, unconditional, words, guidance)
            return grid.noise_from(output, x, index)

        return denoise


def _check_agree(parts: Mapping[str, nn.Module], name: str) -> None:
    """Refuse parts of different dtypes or devices: the libraries would fail deep inside, or cast in silence."""
    found = {part: {(p.dtype, p.device) for p in module.parameters()} for part, module in parts.items()}
    if len(set().union(*found.values())) > 1:
        kinds = "; ".join(
            f"{part}: {', '.join(sorted(f'{dtype} on {device}' for dtype, device in kinds))}"
            for part, kinds in found.items()
        )
        raise UnavailableError(
            f"model: all parts of {name} must be of one dtype on one device, got {kinds}; load it with ModelBundle.load"
        )


def _check_widths(bundle: ModelBundle) -> None:
    """Refuse a U-Net for other latents or other embeddings."""
    unet = bundle.unet.config
    for side in ("in_channels", "out_channels"):
        if unet[side] != bundle.channels:
            raise UnavailableError(
                f"model: {bundle.name}/unet must have {bundle.channels} {side} like the VAE's latents, got {unet[side]}; "
                "inpainting and depth models do not fit here, use a plain text-to-image one"
            )
    width = int(bundle.text.config.hidden_size)
    if unet["cross_attention_dim"] != width:
        raise UnavailableError(
            f"model: {bundle.name}/unet must attend to embeddings {width} wide like the text encoder's, got "
            f"{unet['cross_attention_dim']}; take both parts from one model"
        )
