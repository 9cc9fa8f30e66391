"""A model's folder: which of its files a loader may read, and what keeps it from being one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from shotgraph.errors import UnavailableError

# Formats that are Python pickles, or may hold one: reading them can run code.
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle", ".msgpack")
# Networks of a diffusers folder that are loaded here.
PARTS = ("vae", "unet", "text_encoder")
# Written by us about a folder, not read by a loader.
RECORD = "digests.json"
INDEX = "model_index.json"
_READ = (".json", ".safetensors", ".txt", ".model")
_UNREAD_PARTS = ("safety_checker", "feature_extractor", "image_encoder")
# Weights in another precision than the plain file beside them; loaders read the plain one.
_VARIANT = re.compile(r"\.(fp16|bf16|non_ema|ema)\.safetensors$")


def loaded_files(place: Path) -> dict[str, Path]:
    """The files of a model that a loader may read, by their path inside, sorted.

    Hidden files, pickles, cards and our own record are none; nor are the safety checker and single-file weights at the root of a
    folder in diffusers layout.
    """
    if place.is_file():
        return {place.name: place}
    is_layout = (place / INDEX).is_file()
    files: dict[str, Path] = {}
    for path in sorted(_files_below(place)):
        inside = path.relative_to(place)
        if path.suffix not in _READ or _VARIANT.search(path.name) or path.name == RECORD:
            continue
        if any(part.startswith(".") for part in inside.parts):
            continue
        at_root = len(inside.parts) == 1
        if is_layout and (inside.parts[0] in _UNREAD_PARTS or (at_root and path.suffix == ".safetensors")):
            continue
        files[inside.as_posix()] = path
    return files


def _files_below(place: Path) -> Iterator[Path]:
    """Every file in a folder, through linked folders as loaders go; a link back to a folder it lies in is not followed."""
    for name, inner, files in os.walk(place, followlinks=True):
        folder = Path(name)
        here = folder.resolve()
        inner[:] = [child for child in inner if not here.is_relative_to((folder / child).resolve())]
        yield from (folder / file for file in files if (folder / file).is_file())


def check_no_pickle(place: Path) -> None:
    """Refuse weights that are nothing but pickles. A pickle beside safetensors is never read, and so allowed.

    Args:
        place: a part of a model, or one file.

    Raises:
        UnavailableError: the first pickle found.
    """
    paths = [place] if place.is_file() else sorted(place.iterdir())
    if any(path.suffix == ".safetensors" for path in paths):
        return
    for path in paths:
        if path.suffix in PICKLES:
            raise UnavailableError(
                f"model: {path} must be safetensors, got a {path.suffix} file, which can run code when it is read; "
                "take the model's safetensors files, or convert it on a machine you can lose"
            )
