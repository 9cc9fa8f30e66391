"""The seam to the model's VAE: pictures there and back, and the plain reason when there is none to ask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from shotgraph.digests import file_key
from shotgraph.errors import UnavailableError
from shotgraph.models.registry import resolve
from shotgraph.stage.bench.methods import Frames

_WEIGHTS = "diffusion_pytorch_model.safetensors"


@dataclass(frozen=True)
class Codec:
    """A VAE folder that is loaded when it is first asked.

    Attributes:
        folder: with the VAE's own ``config.json``; None for no model at all.
        absent: why there is no folder.
    """

    folder: Path | None = None
    absent: str = "no model given, so no VAE"

    @property
    def missing(self) -> str:
        """Why it cannot be asked; empty when it can."""
        if self.folder is None:
            return self.absent
        weights = self.folder / _WEIGHTS
        if not weights.is_file():
            return f"no VAE at {weights}"
        return self._loaded if isinstance(self._loaded, str) else ""

    @cached_property
    def version(self) -> str:
        """Digest of the weights; empty without any."""
        return "" if self.missing or self.folder is None else file_key(self.folder / _WEIGHTS)

    @cached_property
    def _loaded(self) -> Any:
        """The VAE, or why the files that are there are none."""
        import torch

        from shotgraph.diffusion.parts import load_part

        try:
            return load_part(self.folder or Path(), "vae", torch.float32)
        except UnavailableError as error:
            return str(error)

    def round_trip(self, frames: Frames) -> Frames:
        """(T, H, W, 3) display values, encoded (the mean, nothing drawn) and decoded, in [0, 1].

        Args:
            frames: (T, H, W, 3) in [0, 1].

        Returns:
            As many frames.

        Raises:
            UnavailableError: there is no VAE.
        """
        if self.missing:
            raise UnavailableError(f"bench: the VAE must be there, got: {self.missing}; give a model with --model")
        import torch

        from shotgraph.diffusion.autoencoding import decode, encode

        back = decode(self._loaded, encode(self._loaded, torch.tensor(frames)))
        return back.clamp(0, 1).contiguous().numpy()


def codec_of(model: str) -> Codec:
    """The VAE of a model; one that says why there is none where the model is not here.

    Args:
        model: a bundled model, a folder, or ``org/name@commit``; empty for none.

    Returns:
        Of the model's ``vae`` folder, or of the model itself when that is a VAE.
    """
    if not model:
        return Codec()
    try:
        place = resolve(model).place
    except UnavailableError as error:
        return Codec(absent=str(error))
    return Codec(place / "vae" if (place / "vae").is_dir() else place)
