"""Folders laid out like models and like the hub's cache, with words for weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from shotgraph.models.registry import Places

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def fake_model(folder: Path) -> Path:
    """The least that counts as a diffusers folder."""
    files = {"model_index.json": "{}", "unet/config.json": "{}", "tokenizer/merges.txt": "#version: 0.2\n"}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    save_file({"a": np.arange(6, dtype=np.float32)}, folder / "unet/diffusion_pytorch_model.safetensors")
    return folder


def fake_hub(cache: Path, *, name: str = "acme/tiny-sd", commit: str = COMMIT) -> Path:
    """A repository as huggingface_hub keeps it: contents among blobs, links to them in a snapshot, branches in refs."""
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs/main").write_text(commit, encoding="utf-8")
    (repository / "blobs").mkdir(exist_ok=True)
    snapshot = repository / "snapshots" / commit
    whole = fake_model(cache.parent / "downloaded")
    for number, file in enumerate(sorted(f for f in whole.rglob("*") if f.is_file())):
        blob = repository / "blobs" / f"{number:040x}"
        blob.write_bytes(file.read_bytes())
        link = snapshot / file.relative_to(whole)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    return snapshot


def faked_places(folder: Path) -> Places:
    """One bundled model, and the same one in the hub's cache."""
    fake_model(folder / "assets/stage-sd")
    fake_hub(folder / "hub")
    return Places(
        bundled=folder / "assets", hub=folder / "hub", records=folder / "records", memo=folder / "memo.sqlite"
    )
