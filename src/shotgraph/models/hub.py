"""Models of the Hugging Face hub: their ids, the cache that `pull` fills, and the one function that uses the network.

The cache is read by its documented layout, ``models--org--name/snapshots/<commit>``, so that looking costs no import.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from shotgraph.errors import UnavailableError, UsageError

_ID = re.compile(r"(?P<id>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>\w[\w-]*(?:[./][\w-]+)*))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "README.md")
_NOT = ("*.fp16.*", "*.bf16.*", "*non_ema*", "safety_checker/*", "feature_extractor/*", "*.ckpt", "*.bin", "*pruned*")


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model of the hub.

    Attributes:
        id: ``org/name``.
        revision: a commit of 40 hex digits; a branch, a tag or nothing is not pinned, and only `pull` takes it.
    """

    id: str
    revision: str = ""

    @property
    def is_pinned(self) -> bool:
        """Whether the revision names one content for ever."""
        return _COMMIT.fullmatch(self.revision) is not None

    def __str__(self) -> str:
        """``org/name@revision``."""
        return f"{self.id}@{self.revision}" if self.revision else self.id


# Short names of the models that published methods were made for. Ids and commits move rarely; `models pull` takes any other.
ALIASES: Mapping[str, HubModel] = {
    "sd-1.5": HubModel("stable-diffusion-v1-5/stable-diffusion-v1-5", "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"),
}


def hub_model(text: str) -> HubModel | None:
    """The hub model that `text` names: a short name or ``org/name@revision``; None for anything else."""
    if text in ALIASES:
        return ALIASES[text]
    match = _ID.fullmatch(text)
    return None if match is None else HubModel(match["id"], match["revision"] or "")


def hub_cache(environ: Mapping[str, str]) -> Path:
    """The folder huggingface_hub downloads to, by its own rules."""
    home = environ.get("HF_HOME", f"{environ.get('XDG_CACHE_HOME', '~/.cache')}/huggingface")
    place = environ.get("HF_HUB_CACHE", environ.get("HUGGINGFACE_HUB_CACHE", f"{home}/hub"))
    return Path(Template(place).safe_substitute(environ)).expanduser()


def cached_folder(model: HubModel, cache: Path) -> Path:
    """The snapshot of a pinned model.

    Args:
        model: pinned.
        cache: the hub's cache.

    Returns:
        An existing folder.

    Raises:
        UsageError: the revision is no commit.
        UnavailableError: it was never pulled.
    """
    repository = cache / f"models--{model.id.replace('/', '--')}"
    if not model.is_pinned:
        raise UsageError(
            f"model: {model.id} must be pinned to a commit, got revision {model.revision or 'none'}; "
            f"{_pinned_advice(model, repository)}"
        )
    folder = repository / "snapshots" / model.revision
    if not folder.is_dir():
        raise UnavailableError(
            f"model: {model} must be on this machine, got nothing at {folder}; with a network run: shotgraph models pull {model}"
        )
    return folder


def _pinned_advice(model: HubModel, repository: Path) -> str:
    reference = repository / "refs" / (model.revision or "main")
    if reference.is_file():
        return f"write {model.id}@{reference.read_text(encoding='utf-8').strip()}, which is here"
    return f"run: shotgraph models pull {model}, and write the commit it prints"


def cached_models(cache: Path) -> list[HubModel]:
    """Every snapshot in the hub's cache, sorted."""
    found: list[HubModel] = []
    for folder in sorted(cache.glob("models--*/snapshots/*")):
        if _COMMIT.fullmatch(folder.name):
            name = folder.parent.parent.name.removeprefix("models--").replace("--", "/", 1)
            found.append(HubModel(name, folder.name))
    return found


def pull(model: HubModel, cache: Path) -> HubModel:
    """Download a model's configuration and safetensors; pickles and doubles in other precisions stay where they are.

    Args:
        model: with a commit, a branch, a tag or no revision.
        cache: the hub's cache.

    Returns:
        The model, pinned to the commit that was downloaded.

    Raises:
        UnavailableError: no network, no such model, or no right to it.
    """
    from huggingface_hub import errors, snapshot_download

    # The faults of whichever HTTP library it uses pass through it, under this name.
    http: Any = errors
    try:
        folder = snapshot_download(
            model.id,
            revision=model.revision or None,
            cache_dir=cache,
            allow_patterns=list(_FILES),
            ignore_patterns=list(_NOT),
        )
    except (errors.HFValidationError, errors.LocalEntryNotFoundError, http.HTTPError, OSError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UnavailableError(
            f"model: {model} must be downloadable, got: {reason}; check the id, the network and your token, or copy the "
            "folder here and name it by its path"
        ) from error
    return HubModel(model.id, Path(str(folder)).name)
