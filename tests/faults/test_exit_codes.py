"""Every exit code of a run, reached by a real one; farms act on them."""

import signal
from pathlib import Path
from typing import Any

import pytest
from command_line import Run
from small_shots import decoded, visible, write_movie

from shotgraph.errors import Exit, UnavailableError
from shotgraph.io import avsink
from shotgraph.pipeline.host import settle_device

PRESET = """
shotgraph: 1
shots: {{plate: ["{{root}}/{{shot}}.{{ext}}"]}}
graph:
  plate: {{node: core.read, file: "{{plate}}"}}
  work: {{node: studio.work, video: plate, on_error: {on_error}}}
  out: {{node: core.write, video: work, audio_from: plate, file: "{{root}}/out/{{shot}}.mkv"}}
targets: [out]
"""
WORK = '''
from shotgraph.api import Frame, Node, Ports, Rgb

class Work(Node):
    """Passes pictures on, or does what the tests want to see."""

    id = "studio.work"
    version = "1"
    contract = Frame()

    class In(Ports):
        """A picture."""

        video: Rgb

    class Out(Ports):
        """The same."""

        video: Rgb

    {query}

    def process(self, frames, params, ctx):
        {body}
        return self.Out(video=frames.video)
'''
FAILS = "if ctx.frames[0] in (1004, 1007): raise ZeroDivisionError('no light in the picture')"


@pytest.fixture
def studio(tmp_path: Path, site: Any) -> Any:
    """A preset whose middle node runs `body`; calling it writes both."""

    def write(body: str = "pass", *, on_error: str = "fail", query: str = "") -> Path:
        site.module("studio_work", WORK.format(body=body, query=query))
        site.install("studio", "1.0", nodes={"studio.work": "studio_work:Work"})
        preset = tmp_path / "work.yaml"
        preset.write_text(PRESET.format(on_error=on_error), encoding="utf-8")
        return preset

    return write


def test_0_verified(shotgraph: Run, root: Path, studio: Any) -> None:
    ran = shotgraph("run", studio(), root, "--json")

    assert (ran.code, ran.document["exit"], ran.shot["state"]) == (0, 0, "verified")


def test_1_a_node_failed_and_its_frame_and_cure_are_named(shotgraph: Run, root: Path, studio: Any) -> None:
    ran = shotgraph("run", studio(FAILS), root)

    assert ran.code == 1
    assert ran.err.splitlines()[-1] == (
        "Error: sh010: work (studio.work) frame 1004: ZeroDivisionError: no light in the picture; "
        "set on_error: skip, hold, passthrough or black to go on without it"
    )
    assert visible(root) == ["sh010.mov"]


def test_2_a_preset_that_cannot_be(shotgraph: Run, root: Path, studio: Any) -> None:
    preset = studio()
    preset.write_text(preset.read_text().replace("video: plate", "vidio: plate", 1), encoding="utf-8")

    ran = shotgraph("run", preset, root)

    assert ran.code == 2
    assert f"{preset}:6:" in ran.err
    assert "did you mean 'video'" in ran.err


def test_2_a_shot_that_was_asked_for_too_much_beside_one_that_failed(shotgraph: Run, root: Path, studio: Any) -> None:
    write_movie(root / "sh020.mov", frames=3)

    ran = shotgraph("run", studio(FAILS), root, "-F", "1004-1005", "--json")

    # 2 goes before 1: to run it again cannot help.
    assert [(shot["shot"], shot["exit"]) for shot in ran.document["shots"]] == [("sh010", 1), ("sh020", 2)]
    assert ran.code == 2


def test_3_frames_were_skipped_and_are_named(shotgraph: Run, root: Path, studio: Any) -> None:
    ran = shotgraph("run", studio(FAILS, on_error="skip"), root)

    assert ran.code == 3
    assert "sh010: out repeats the picture before at skipped frames 1004, 1007" in ran.out
    assert "ZeroDivisionError: no light in the picture" in ran.out
    assert ran.err == ""
    pictures = decoded(root / "out/sh010.mkv")
    assert [pictures.index(picture) for picture in pictures] == [0, 1, 2, 2, 4, 5, 5, 7, 8, 9]


@pytest.mark.parametrize(
    ("on_error", "held"), [("hold", [0, 1, 2, 2, 4, 5, 5, 7, 8, 9]), ("passthrough", [*range(10)])]
)
def test_0_with_a_warning_when_something_else_was_to_stand_in(
    shotgraph: Run, root: Path, studio: Any, on_error: str, held: list[int]
) -> None:
    ran = shotgraph("run", studio(FAILS, on_error=on_error), root, "--json")

    pictures = decoded(root / "out/sh010.mkv")
    assert ran.code == 0
    assert [pictures.index(picture) for picture in pictures] == held
    assert len(ran.shot["warnings"]) == 2
    assert f"frame 1004: ZeroDivisionError: no light in the picture; {on_error} used instead" in ran.shot["warnings"][0]


def test_65_media_are_corrupt(shotgraph: Run, root: Path) -> None:
    (root / "sh010.mov").write_bytes(b"")

    assert shotgraph("run", "transcode", root).code == 65


def test_66_media_are_missing(shotgraph: Run, root: Path) -> None:
    assert shotgraph("run", "transcode", root / "sh999.mov").code == 66


def test_69_a_device_is_not_here(shotgraph: Run, root: Path) -> None:
    ran = shotgraph("run", "transcode", root, "--device", "cuda:99")

    assert ran.code == 69
    assert "got 'cuda:99'; use --device cpu" in ran.err


def test_69_the_devices_that_are_here_are_counted() -> None:
    with pytest.raises(UnavailableError, match=r"^device: must be auto, cpu or one of \d+ CUDA devices, got 'cuda:99'"):
        settle_device("cuda:99")


def test_2_a_node_that_is_not_installed(shotgraph: Run, root: Path, tmp_path: Path) -> None:
    preset = tmp_path / "work.yaml"
    preset.write_text(PRESET.format(on_error="fail"), encoding="utf-8")

    ran = shotgraph("run", preset, root)

    assert ran.code == 2
    assert f"{preset}:6:" in ran.err
    assert "graph.work.node: registry: node must be an installed one, got 'studio.work'; " in ran.err


def test_69_memory_does_not_suffice(shotgraph: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory:
        total = 20_000

    monkeypatch.setattr("psutil.virtual_memory", Memory)

    ran = shotgraph("run", "propagate", root, "--set", "graph.edit.missing_paint=passthrough")

    assert ran.code == 69
    assert "sh010: frames held at once must fit in 0.0 GB of memory, got " in ran.err
    assert visible(root) == ["sh010.mov"]


def test_70_a_bug_of_ours_shows_where_and_spares_the_other_shots(
    shotgraph: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_movie(root / "sh020.mov", frames=3)

    def finish(_state: Any, plan: Any, *_results: Any) -> None:
        if plan.shot == "sh010":
            raise KeyError("a bug")

    monkeypatch.setattr("shotgraph.pipeline.state.RunState.finish", finish)

    ran = shotgraph("run", "transcode", root)

    lines = ran.err.splitlines()
    assert ran.code == 70
    assert any("in finish" in line for line in lines)
    assert "sh010: KeyError: 'a bug'" in lines
    assert lines[-1] == "Error: 1 of 2 shots failed: sh010; the reasons are above"
    assert "sh020  verified" in ran.out


def test_73_somebody_elses_file_is_in_the_way(shotgraph: Run, root: Path, studio: Any) -> None:
    foreign = root / "out/sh010.mkv"
    foreign.parent.mkdir()
    foreign.write_bytes(b"of another tool")

    ran = shotgraph("run", studio(), root)

    assert ran.code == 73
    assert f"Error: sh010: {foreign}: the output path must be free" in ran.err
    assert foreign.read_bytes() == b"of another tool"


def test_74_the_folder_cannot_be_made(shotgraph: Run, root: Path, studio: Any) -> None:
    (root / "out").write_text("a file where a folder should be", encoding="utf-8")

    ran = shotgraph("run", studio(), root)

    assert ran.code == 74
    assert f"Error: sh010: {root}/out/sh010.mkv: the header must be written, got " in ran.err


def test_74_a_written_file_is_not_what_was_planned(
    shotgraph: Run, root: Path, studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = avsink.stream_tags

    def another_reel(*arguments: Any, **settings: Any) -> dict[str, str]:
        return original(*arguments, **settings) | {"reel_name": "Z999"}

    monkeypatch.setattr(avsink, "stream_tags", another_reel)

    ran = shotgraph("run", studio(), root)

    lines = ran.err.splitlines()
    assert ran.code == 74
    assert "  reel: DIFFERS, expected A001C002, got Z999" in lines
    assert "the reopened output must be what was planned, got 1 differences; do not deliver it" in lines[-1]
    # Kept under another name, to be looked at.
    assert visible(root / "out") == ["sh010.mkv.part"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_75_cancelled_between_two_frames(shotgraph: Run, root: Path, studio: Any, number: signal.Signals) -> None:
    preset = studio(f"import signal; ctx.frames[0] == 1005 and signal.raise_signal({int(number)})")

    ran = shotgraph("run", preset, root)

    assert ran.code == 75
    assert ran.err.splitlines()[-1] == (
        f"Error: sh010: run: stopped between two frames, got '{number.name}'; run the same command again to go on from here"
    )
    assert visible(root) == ["sh010.mov"]


def test_75_the_shots_behind_a_cancelled_one_are_not_begun(shotgraph: Run, root: Path, studio: Any) -> None:
    write_movie(root / "sh020.mov", frames=3)
    preset = studio("import signal; ctx.frames[0] == 1005 and signal.raise_signal(signal.SIGINT)")

    ran = shotgraph("run", preset, root, "--json")

    assert ran.code == 75
    assert [(shot["exit"], shot["computed"]) for shot in ran.document["shots"]] == [(75, {}), (75, {})]


def test_a_second_signal_stops_at_once(shotgraph: Run, root: Path, studio: Any) -> None:
    twice = "import signal; [signal.raise_signal(signal.SIGINT) for _ in range(2) if ctx.frames[0] == 1005]"

    ran = shotgraph("run", studio(twice), root)

    assert ran.code == 75
    assert ran.err.splitlines()[-1] == "Error: cancelled; run the same command again to go on"
    assert visible(root) == ["sh010.mov"]


def test_signals_are_given_back_after_a_run(shotgraph: Run, root: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    assert shotgraph("run", "transcode", root).code == 0

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_78_the_plate_is_no_longer_the_planned_one(shotgraph: Run, root: Path, tmp_path: Path) -> None:
    assert shotgraph("plan", "transcode", root, "--out", tmp_path / "plans").code == 0
    write_movie(root / "sh010.mov", offset=2)

    ran = shotgraph("run", tmp_path / "plans/sh010.plan.json")

    assert ran.code == 78
    assert ran.err.splitlines()[-1].startswith("Error: sh010: ")
    assert visible(root) == ["sh010.mov"]


def test_the_worst_code_of_all_shots_wins(shotgraph: Run, root: Path) -> None:
    (root / "sh020.mov").write_bytes(b"")
    write_movie(root / "sh030.mov")
    (root / "out").mkdir()
    (root / "out/sh030_v001.mov").write_bytes(b"of another tool")

    ran = shotgraph("run", "transcode", root, "--version", "1", "--json")

    assert [shot["exit"] for shot in ran.document["shots"]] == [0, 65, 73]
    assert ran.code == Exit.CANNOT_CREATE


def test_a_hook_of_the_studio_may_refuse_a_plan(shotgraph: Run, root: Path, site: Any) -> None:
    hook = (
        "from shotgraph.api import hookimpl\n@hookimpl\ndef shotgraph_validate_plan(plan):\n"
        "    return [f'{plan.shot} is locked']\n"
    )
    site.module("studio_hooks", hook)
    site.install("studio", "1.0", hooks={"house": "studio_hooks"})

    ran = shotgraph("run", "transcode", root)

    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("Error: sh010: the plan must pass studio checks, got: ")
    assert "sh010 is locked" in ran.err
    assert visible(root) == ["sh010.mov"]
