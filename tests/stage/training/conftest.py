"""A workshop whose banks are small enough to train on in a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tiny_training import small_workshop

from shotgraph.stage.training.recipe import Workshop


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return small_workshop(tmp_path, monkeypatch)
