"""From a model's name to its files: a bundled folder, a local one, or a pinned model of the hub's cache."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import platformdirs

import shotgraph
from shotgraph.errors import UnavailableError
from shotgraph.models.card import ModelCard, read_card
from shotgraph.models.digests import DigestMemo, whole_digest
from shotgraph.models.folders import INDEX, PARTS, check_no_pickle, loaded_files
from shotgraph.models.hub import ALIASES, cached_folder, cached_models, hub_cache, hub_model
from shotgraph.models.reference import ModelReference, reference_of

Origin = Literal["bundled", "local", "hub"]
_LOADED_ROLES = frozenset({"base", "vae"})
_BUNDLED = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Places:
    """Where models are looked for.

    Attributes:
        bundled: folder of those that come with Shotgraph.
        hub: cache of the Hugging Face hub.
        records: what `pull` wrote down, a file for each model.
        memo: remembered digests; None remembers nothing.
    """

    bundled: Path
    hub: Path
    records: Path
    memo: Path | None = None

    @classmethod
    def of_user(cls, environ: Mapping[str, str] | None = None) -> Places:
        """Those of the person who runs this process; `environ` is its environment."""
        return cls(
            bundled=Path(shotgraph.__file__).parent / "assets",
            hub=hub_cache(os.environ if environ is None else environ),
            records=platformdirs.user_data_path("shotgraph") / "models",
            memo=platformdirs.user_cache_path("shotgraph") / "models.sqlite",
        )


@dataclass(frozen=True)
class Model:
    """A model that is on this machine.

    Attributes:
        name: as it was asked for.
        origin: where it comes from.
        place: its folder, or its one file.
        commit: of a hub model.
        memo: remembered digests.
    """

    name: str
    origin: Origin
    place: Path
    commit: str = ""
    memo: DigestMemo = field(default_factory=lambda: DigestMemo(None), compare=False, repr=False)

    @cached_property
    def card(self) -> ModelCard:
        """What its maker says about its use."""
        return read_card(self.place)

    @cached_property
    def digests(self) -> dict[str, str]:
        """Of every file that a loader may read."""
        return self.memo.digests(loaded_files(self.place))

    @cached_property
    def digest(self) -> str:
        """Of all of it: what keys and plans hold."""
        return whole_digest(self.digests, self.card.model_dump_json())


def resolve(name: str, places: Places | None = None) -> Model:
    """The model that `name` means.

    Args:
        name: a bundled model, a short name, ``org/name@commit``, or a path (with ``/`` in front, ``./`` or ``~``, or of a folder
            that exists).
        places: where to look; None for the user's own.

    Returns:
        A model that is here.

    Raises:
        UnavailableError: it is not here, holds nothing to load, or nothing but pickles; the message has the command that gets it.
    """
    where = places if places is not None else Places.of_user()
    memo = DigestMemo(where.memo)
    if name in bundled_names(where):
        return _checked(Model(name, "bundled", where.bundled / name, memo=memo))
    local = _local(name)
    if local is not None:
        return _checked(Model(name, "local", local, memo=memo))
    hub = hub_model(name)
    if hub is not None:
        return _checked(Model(name, "hub", cached_folder(hub, where.hub), hub.revision, memo=memo))
    known = [*bundled_names(where), *ALIASES]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else "shotgraph models list shows what is here"
    raise UnavailableError(
        f"model: must be one of {', '.join(known)}, a folder, or org/name@commit of the hub, got {name!r}; {hint}"
    )


def _local(name: str) -> Path | None:
    """The path that `name` is; None where it is no path."""
    looks_like_one = name.startswith(("/", "./", "../", "~"))
    try:
        path = Path(name).expanduser()
        if path.exists():
            return path
    except (OSError, RuntimeError, ValueError) as error:
        # A home of nobody, a name longer than any file's, a NUL.
        if looks_like_one:
            raise UnavailableError(f"model: {name} must be a path, got: {error}; check it") from error
        return None
    if looks_like_one:
        raise UnavailableError(f"model: {path} must exist, got nothing there; check the path")
    return None


def _checked(model: Model) -> Model:
    _refuse_pickles(model.place)
    files = loaded_files(model.place)
    if not any(name.endswith(".safetensors") for name in files):
        raise UnavailableError(
            f"model: {model.place} must hold safetensors, got {', '.join(files) or 'nothing to load'}; copy or pull the model again"
        )
    return model


def _refuse_pickles(place: Path) -> None:
    for part in (place / name for name in PARTS) if (place / INDEX).is_file() else (place,):
        if part.exists():
            check_no_pickle(part)


def resolve_reference(value: str | ModelReference, places: Places | None = None) -> dict[str, Model]:
    """Every model that a reference names, by role; the first one is ``base``."""
    return {role: resolve(name, places) for role, name in reference_of(value).named().items()}


def refuse_adapters(models: Mapping[str, Model], *, who: str) -> None:
    """Refuse what can be named and digested, but is not loaded yet.

    Args:
        models: by role, as `resolve_reference` gives them.
        who: the node, for the message.

    Raises:
        UnavailableError: anything beside a base and a VAE.
    """
    adapters = sorted(models.keys() - _LOADED_ROLES)
    if adapters:
        raise UnavailableError(
            f"{who}: model must be a base with at most another vae, got {', '.join(adapters)}; adapters are not loaded yet, "
            "merge them into a folder of their own"
        )


def digests_of(value: str | ModelReference, places: Places | None = None) -> dict[str, str]:
    """Role to digest of every model that a reference names: what a node adds to its key."""
    return {role: model.digest for role, model in resolve_reference(value, places).items()}


def bundled_names(places: Places) -> list[str]:
    """Models that come with Shotgraph, sorted."""
    if not places.bundled.is_dir():
        return []
    return sorted(f.name for f in places.bundled.iterdir() if f.is_dir() and _BUNDLED.fullmatch(f.name))


def known_names(places: Places) -> dict[str, bool]:
    """Every model known by name, and whether it is here: bundled, short names, and whatever the hub's cache holds."""
    cached = cached_models(places.hub)
    names = dict.fromkeys(bundled_names(places), True)
    names |= {alias: model in cached for alias, model in ALIASES.items()}
    return names | {str(model): True for model in cached if model not in ALIASES.values()}
