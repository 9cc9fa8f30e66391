"""The real `shotgraph stage render`: from a specification or a number to a shot that presets run on."""

import json
from pathlib import Path
from typing import get_args

import click
import pytest
from command_line import Run, probed
from stage_clips import lively

from shotgraph.cli.stage import STAGE_COMMANDS
from shotgraph.cli.stage.render import command
from shotgraph.errors import Exit
from shotgraph.stage.edits import FAMILIES, draw_edit
from shotgraph.stage.spec import read_spec
from shotgraph.stage.worlds import Purpose, Split, draw_clip

SMALL = ("--size", 64, "--frames", 2)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "clip.json"
    path.write_text(lively(frames=2).model_dump_json())
    return path


def test_the_group_lists_its_commands_and_suggests_one(shotgraph: Run) -> None:
    told, wrong = shotgraph("stage", "--help"), shotgraph("stage", "rendr")

    assert told.code == 0
    assert [entry.name for entry in STAGE_COMMANDS if f"  {entry.name} " not in told.out] == []
    assert wrong.code == Exit.USAGE
    assert wrong.err.splitlines()[-1].endswith("got 'rendr'; did you mean 'render'?")


def test_what_can_be_asked_for_is_what_there_is() -> None:
    choices = {option.name: option.type.choices for option in command.params if isinstance(option.type, click.Choice)}

    assert list(choices["family"]) == list(FAMILIES)
    assert list(choices["purpose"]) == list(get_args(Purpose))
    assert list(choices["split"]) == list(get_args(Split))


def test_a_number_becomes_a_shot_that_a_preset_runs_on(shotgraph: Run, tmp_path: Path) -> None:
    folder = tmp_path / "show" / "stage_0007"

    ran = shotgraph("stage", "render", "--number", 7, *SMALL, "--out", folder)
    done = shotgraph("run", "transcode", tmp_path / "show", "--set", "vars.container=mkv", "--json")

    assert ran.code == 0, ran.err
    assert ran.out == f"plate   {folder}/plate.mov  2 frames, 64x64\ntruth   {folder}/truth\n"
    assert read_spec((folder / "spec.json").read_text()) == draw_clip(7, "held-out", side_px=64, frames=2)
    assert done.code == 0, done.err
    assert done.shot["shot"] == "stage_0007"
    (written,) = [path for path in (tmp_path / "show" / "out").iterdir() if path.suffix == ".mkv"]
    assert (
        probed(shotgraph, written)["timecode"] == probed(shotgraph, folder / "plate.mov")["timecode"] == "01:00:00:00"
    )


def test_an_edit_is_written_beside_its_source(shotgraph: Run, tmp_path: Path) -> None:
    ran = shotgraph(
        "stage", "render", "--number", 3, *SMALL, "--split", "train", "--edit", "E1", "--out", tmp_path / "a", "--json"
    )

    edit = draw_edit("E1", 3, "train", side_px=64, frames=2)
    assert ran.code == 0, ran.err
    assert ran.document["edited"] == f"{tmp_path}/a/truth/edited.mov"
    assert Path(ran.document["edited"]).is_file()
    told = json.loads((tmp_path / "a" / "truth" / "edit.json").read_text())
    assert (told["source_prompt"], told["prompt"]) == (edit.source_prompt, edit.target_prompt)
    assert edit.target_prompt in Path(ran.document["sidecar"]).read_text()


def test_a_specification_is_rendered_and_its_edit_has_a_seed(shotgraph: Run, spec: Path, tmp_path: Path) -> None:
    prompts = set()
    for seed in (1, 2, 3):
        ran = shotgraph("stage", "render", spec, "--edit", "E4", "--seed", seed, "--out", tmp_path / f"sh{seed}")
        assert ran.code == 0, ran.err
        assert f"edited  {tmp_path}/sh{seed}/truth/edited.mov  E4: 'a large red speckled star" in ran.out
        prompts.add(ran.out.rpartition("-> ")[2])

    assert len(prompts) > 1
    assert read_spec((tmp_path / "sh1" / "spec.json").read_text()) == read_spec(spec.read_text())


def test_a_second_render_needs_force(shotgraph: Run, spec: Path, tmp_path: Path) -> None:
    asked = ("stage", "render", spec, "--out", tmp_path / "sh010")

    first, second, forced = shotgraph(*asked), shotgraph(*asked), shotgraph(*asked, "--force")

    assert (first.code, second.code, forced.code) == (0, Exit.CANNOT_CREATE, 0)
    assert second.err.startswith(f"Error: {tmp_path}/sh010: folder of a render must be empty, got 'plate.mov' in it")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), Exit.USAGE, "Error: stage: a clip must be either a SPEC or a --number, got neither; give one of them"),
        (("{spec}", "--number", 1), Exit.USAGE, "got '{spec}' and 1; give one of them"),
        (("{gone}",), Exit.MEDIA_MISSING, "Error: stage: SPEC must be an existing file, got '{gone}'; check the path"),
        (("{folder}",), Exit.USAGE, "Error: stage: SPEC must be a readable text file, got '{folder}' ("),
        (("{bad}",), Exit.USAGE, "Error: {bad}: a clip must follow its specification, got 1 fault(s)"),
        (("--number", -1), Exit.USAGE, "stage: number of a clip must be in 0-"),
        (("--number", 1, "--size", 33), Exit.USAGE, "got 33 px and 16 frames"),
        (
            ("{spec}", "--frames", 8),
            Exit.USAGE,
            "stage: --frames must go with --number, got 8 without one; leave it out",
        ),
        (("--number", 1, "--seed", 3), Exit.USAGE, "stage: --seed must go with SPEC, got 3 without one; leave it out"),
        (("--number", 1, "--purpose", "figure", "--edit", "E1"), Exit.USAGE, "must have 1 sprites to edit, got 0"),
        (("{spec}", "--edit", "E10"), Exit.USAGE, "E10 (colour over 64 frames) must have 64 frames, got 2"),
    ],
)
def test_what_cannot_be_rendered_is_refused_and_nothing_written(
    shotgraph: Run, spec: Path, tmp_path: Path, arguments: tuple[object, ...], code: Exit, message: str
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(spec.read_text().replace('"olive"', '"teal"'))
    places = {"spec": spec, "bad": bad, "gone": tmp_path / "gone.json", "folder": tmp_path}
    given = [argument.format(**places) if isinstance(argument, str) else argument for argument in arguments]

    ran = shotgraph("stage", "render", *given, "--out", tmp_path / "sh010")

    assert ran.code == code
    assert message.format(**places) in ran.err
    assert not (tmp_path / "sh010").exists()


def test_the_faults_of_a_specification_stand_above_the_last_line(shotgraph: Run, tmp_path: Path) -> None:
    path = tmp_path / "clip.json"
    path.write_text('{"ground": {"colour": "gray"}, "style": "pop", "width": 31}')

    ran = shotgraph("stage", "render", path, "--out", tmp_path / "sh010")

    lines = ran.err.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["width", "style"]
    assert lines[2].startswith(f"Error: {path}: a clip must follow its specification, got 2 fault(s)")
