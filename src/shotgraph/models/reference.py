"""What a preset says about a model: a name, or a base with what is put on top of it."""

from __future__ import annotations

from typing import Annotated

import pydantic
from pydantic import ConfigDict, StringConstraints

ModelName = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class _Frozen(pydantic.BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LoraReference(_Frozen):
    """One LoRA.

    Attributes:
        name: as a model's.
        scale: how much of it; 0 leaves it out.
    """

    name: ModelName
    scale: float = 1.0


class ModelReference(_Frozen):
    """A model with its adapters. Every name is a bundled model, a path, or ``org/name@commit``.

    Attributes:
        base: the model itself.
        vae: another VAE.
        loras: applied in this order.
        textual_inversions: embeddings for words of the prompt.
        ip_adapter: image prompts.
        single_file: all weights in one file; `base` then only says how to build the parts.
    """

    base: ModelName
    vae: ModelName | None = None
    loras: tuple[LoraReference, ...] = ()
    textual_inversions: tuple[ModelName, ...] = ()
    ip_adapter: ModelName | None = None
    single_file: ModelName | None = None

    def named(self) -> dict[str, str]:
        """Every model it names, by role: ``base``, ``vae``, ``lora 1`` ..."""
        roles: dict[str, str | None] = {"base": self.base, "vae": self.vae}
        roles |= {f"lora {number}": lora.name for number, lora in enumerate(self.loras, start=1)}
        roles |= {f"textual inversion {n}": name for n, name in enumerate(self.textual_inversions, start=1)}
        roles |= {"ip_adapter": self.ip_adapter, "single_file": self.single_file}
        return {role: name for role, name in roles.items() if name is not None}


def reference_of(value: str | ModelReference) -> ModelReference:
    """`value` as a reference; a plain name is a base without anything on top."""
    return ModelReference(base=value) if isinstance(value, str) else value
