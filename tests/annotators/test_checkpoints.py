"""What a folder of transformers says about itself."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_depths import write_dpt
from transformers.models.dpt.modeling_dpt import DPTForDepthEstimation
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoModel

from shotgraph.annotators.checkpoints import check_class, config_of, named, processor_of
from shotgraph.errors import UnavailableError

Checkpoint = Callable[..., Path]


def test_a_whole_folder_tells_its_class_and_its_processor(checkpoint: Checkpoint) -> None:
    folder = checkpoint(write_dpt)

    assert named(config_of(folder)) == "DPTForDepthEstimation"
    assert processor_of(folder).size["height"] == 32
    check_class(folder, DPTForDepthEstimation, examples="any")


def test_a_configuration_that_names_no_network_is_called_by_its_own_class(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    settings = json.loads((checkpoint(write_dpt) / "config.json").read_text(encoding="utf-8"))
    del settings["architectures"]
    (tmp_path / "config.json").write_text(json.dumps(settings), encoding="utf-8")

    assert named(config_of(tmp_path)) == "DPTConfig"


def test_another_class_is_refused_before_weights_are_read(checkpoint: Checkpoint, tmp_path: Path) -> None:
    shutil.copy(checkpoint(write_dpt) / "config.json", tmp_path)

    with pytest.raises(
        UnavailableError,
        match=rf"model: {tmp_path} must be a Sam2VideoModel, got DPTForDepthEstimation; choose one of Meta's$",
    ):
        check_class(tmp_path, Sam2VideoModel, examples="one of Meta's")


@pytest.mark.parametrize("content", [None, "{", '{"model_type": "perceiver-of-depth"}', "{}"])
def test_a_configuration_that_cannot_be_read_is_named(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content, encoding="utf-8")

    with pytest.raises(
        UnavailableError,
        match=rf"model: {tmp_path} must hold a config\.json, got: .+; copy or pull the whole folder again",
    ):
        config_of(tmp_path)


def test_a_missing_processor_is_named(checkpoint: Checkpoint, tmp_path: Path) -> None:
    shutil.copy(checkpoint(write_dpt) / "config.json", tmp_path)

    with pytest.raises(
        UnavailableError, match=rf"{tmp_path} must hold a preprocessor_config\.json, got: .+; copy or pull"
    ):
        processor_of(tmp_path)


def test_a_folder_that_brings_code_is_refused_and_nobody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_: object) -> str:
        raise AssertionError

    monkeypatch.setattr("builtins.input", ask)
    (tmp_path / "own.py").write_text("raise AssertionError", encoding="utf-8")
    settings = {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}}
    (tmp_path / "config.json").write_text(json.dumps(settings), encoding="utf-8")

    with pytest.raises(UnavailableError, match=rf"model: {tmp_path} must hold a config\.json, got: .*custom code"):
        config_of(tmp_path)
