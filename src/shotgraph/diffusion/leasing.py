"""A model for a node: leased from the engine, under the device and dtype that the plan froze."""

from __future__ import annotations

from shotgraph.api.context import Context
from shotgraph.diffusion.bundle import DTYPES, ModelBundle
from shotgraph.models.card import ModelCard
from shotgraph.models.reference import ModelReference
from shotgraph.models.registry import resolve_reference


def leased_bundle(value: str | ModelReference, ctx: Context) -> tuple[ModelBundle, ModelCard]:
    """The bundle that a reference means, shared with every node of the run that means the same, and its card."""
    models = resolve_reference(value)
    base, vae = models["base"], models.get("vae")
    name = " ".join([*(f"{role}={model.digest}" for role, model in models.items()), ctx.device, ctx.dtype])

    def load() -> ModelBundle:
        place = None if vae is None else vae.place
        return ModelBundle.load(base.place, device=ctx.device, dtype=DTYPES[ctx.dtype], vae=place)

    return ctx.lease(name, load), base.card
