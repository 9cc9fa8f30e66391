"""A tiny model in Stable Diffusion's layout."""

from tiny_models import one_thread, tiny_model

__all__ = ["one_thread", "tiny_model"]
