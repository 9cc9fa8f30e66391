"""A prompt edit inside the real engine: parts equal the whole, nothing is done twice, and weights are in the plan."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from command_line import Run
from small_shots import decoded, images, write_movie

from shotgraph.errors import Exit

PRESET = """
shotgraph: 1
vars: {model: stage-sd, strength: 1.0}
shots: {plate: ["{root}/{shot}.{ext}"]}
graph:
  plate: {node: core.read, file: "{plate}"}
  edit:
    node: edit.per_frame
    video: plate
    prompt: a red star
    model: "${vars.model}"
    strength: "${vars.strength}"
    steps: 2
    eta: 0.5
    guidance: 2.0
    work_size: [24, 16]
  out: {node: core.write, video: edit, file: "{root}/out/{shot}.####.png"}
  movie: {node: core.write, video: edit, file: "{root}/out/{shot}.mkv", codec: ffv1}
targets: [out]
"""


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    path = tmp_path / "edit.yaml"
    path.write_text(PRESET, encoding="utf-8")
    return path


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    """Six frames: one whole batch, and one that is padded."""
    return write_movie(tmp_path / "show/sh010.mov", frames=6, tone=False)


@pytest.fixture
def edited(shotgraph: Run, preset: Path, plate: Path) -> Any:
    """Run the preset over the plate on one thread."""

    def run(*arguments: object, model: Path | str) -> Any:
        return shotgraph("run", preset, plate, "--threads", 1, "--set", f"vars.model={model}", "--json", *arguments)

    return run


def test_a_part_of_the_shot_equals_that_part_of_the_whole(
    edited: Any, tiny_model: Path, plate: Path, tmp_path: Path
) -> None:
    whole = edited(model=tiny_model)
    pictures = images(plate.parent / "out", ".png")
    shutil.rmtree(plate.parent / "out")
    part = edited("-F", "1003-1006", "--cache", tmp_path / "other", model=tiny_model)

    assert (whole.code, part.code) == (0, 0), (whole.err, part.err)
    assert len(pictures) == len(set(pictures.values())) == 6
    assert images(plate.parent / "out", ".png") == {
        name: digest for name, digest in pictures.items() if name >= "sh010.1003.png"
    }


def test_what_was_computed_is_kept_and_other_weights_are_computed_again(
    edited: Any, tiny_model: Path, plate: Path, tmp_path: Path
) -> None:
    from tiny_models import write_tiny_model

    copy = Path(shutil.copytree(tiny_model, tmp_path / "own"))
    first = edited(model=copy)
    pictures = images(plate.parent / "out", ".png")
    again = edited("--force", model=copy)
    write_tiny_model(copy, seed=1)
    changed = edited("--force", model=copy)

    # Batches of four: two of them.
    assert (first.shot["computed"]["edit"], changed.shot["computed"]["edit"]) == (2, 2)
    assert "edit" not in again.shot["computed"]
    after = images(plate.parent / "out", ".png")
    assert all(after[name] != digest for name, digest in pictures.items())


def test_strength_0_is_the_plate_bit_for_bit_and_needs_no_model(shotgraph: Run, preset: Path, plate: Path) -> None:
    ran = shotgraph(
        "run",
        preset,
        plate,
        "--set",
        "vars.strength=0",
        "--set",
        "vars.model=nowhere",
        "--set",
        "targets=[movie]",
        "--json",
    )

    assert ran.code == 0, ran.err
    assert decoded(plate.parent / "out/sh010.mkv") == decoded(plate)


def test_an_absent_model_is_69_before_a_frame_is_read(edited: Any, plate: Path) -> None:
    ran = edited(model="acme/none@" + "0" * 40)

    assert ran.code == Exit.UNAVAILABLE
    assert "with a network run: shotgraph models pull acme/none@" in ran.err
    assert not (plate.parent / "out").exists()


def test_the_plan_holds_the_digest_and_the_dtype(shotgraph: Run, preset: Path, plate: Path, tiny_model: Path) -> None:
    asked = ("plan", preset, plate, "--threads", 1, "--set", f"vars.model={tiny_model}", "--json")

    plain, half = (shotgraph(*asked, *more).document for more in ((), ("--dtype", "bf16")))

    (first,), (second,) = (document["plans"] if isinstance(document, dict) else document for document in (plain, half))
    nodes = [{node["name"]: node for node in plan["nodes"]} for plan in (first, second)]
    assert (first["dtype"], second["dtype"]) == ("fp32", "bf16")
    assert nodes[0]["edit"]["models"] == nodes[1]["edit"]["models"]
    assert nodes[0]["edit"]["models"]["base"].startswith("b2:")
    assert nodes[0]["plate"]["models"] == {}
    assert nodes[0]["edit"]["key"] != nodes[1]["edit"]["key"]
    assert nodes[0]["plate"]["key"] == nodes[1]["plate"]["key"]


def test_a_shot_numbered_otherwise_draws_other_noise_under_another_key(
    shotgraph: Run, preset: Path, plate: Path, tiny_model: Path
) -> None:
    asked = ("plan", preset, plate, "--threads", 1, "--set", f"vars.model={tiny_model}", "--json")

    keys = []
    for first in (1001, 2001):
        document = shotgraph(*asked, "--set", f"shots.first_frame={first}").document
        (plan,) = document["plans"] if isinstance(document, dict) else document
        keys.append({node["name"]: node["key"] for node in plan["nodes"]})

    assert keys[0]["plate"] == keys[1]["plate"]
    assert keys[0]["edit"] != keys[1]["edit"]


def test_the_shipped_preset_edits_a_movie_and_keeps_its_timecode(shotgraph: Run, plate: Path, tiny_model: Path) -> None:
    sets = {"vars.model": tiny_model, "vars.prompt": "blue", "vars.source_prompt": "red", "graph.edit.steps": 1}

    ran = shotgraph(
        "run",
        "edit-prompt",
        plate,
        "--threads",
        1,
        "--json",
        *(part for k, v in sets.items() for part in ("--set", f"{k}={v}")),
    )

    assert ran.code == 0, ran.err
    written = plate.parent / "out/sh010_v001.mov"
    (before,), (after,) = (shotgraph("probe", path, "--json").document for path in (plate, written))
    assert after["timecode"] == before["timecode"] == "01:00:10:00"
    assert decoded(written) != decoded(plate)
