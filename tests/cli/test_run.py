"""`shotgraph run`: the main job on tiny shots, judged from outside."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from small_shots import (
    Ran,
    decoded,
    ffprobe,
    images,
    sound,
    visible,
    write_image,
    write_movie,
    write_paint,
    write_sequence,
)

from shotgraph.io.avsource import AvSource

Run = Callable[..., Ran]

TWO_TARGETS = """
shotgraph: 1
vars: {container: mkv}
shots:
  plate: ["{root}/{shot}/plate.*", "{root}/{shot}.{ext}"]
graph:
  plate: {node: core.read, file: "{plate}"}
  movie:
    node: core.write
    video: plate
    audio_from: plate
    file: "{root}/out/{shot}_v{version:03d}.${vars.container}"
  stills: {node: core.write, video: plate, file: "{root}/out/{shot}_v{version:03d}.####.png"}
targets: [movie, stills]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "show"
    write_movie(folder / "sh010.mov")
    return folder


@pytest.fixture
def lossless(shotgraph: Callable[..., Any]) -> Run:
    """Run `transcode` to FFV1 in mkv, telling about it in JSON."""

    def run(*arguments: object) -> Ran:
        ran = shotgraph("run", "transcode", *arguments, "--set", "vars.container=mkv", "--json")
        return Ran(ran.code, ran.out, ran.err)

    return run


@pytest.fixture
def two_targets(tmp_path: Path) -> Path:
    path = tmp_path / "two.yaml"
    path.write_text(TWO_TARGETS, encoding="utf-8")
    return path


@pytest.fixture
def nothing_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, whoever decodes a frame crashes the run."""

    def read(_self: object, frame: int) -> None:
        raise AssertionError(frame)

    monkeypatch.setattr(AvSource, "read", read)


def probed(shotgraph: Callable[..., Any], path: Path) -> dict[str, Any]:
    ran = shotgraph("probe", path, "--json")
    assert ran.code == 0
    return json.loads(ran.out)


@pytest.mark.parametrize("container", ["mov", "mp4", "mkv"])
def test_transcode_keeps_timecode_reel_rate_and_sound(shotgraph: Run, root: Path, container: str) -> None:
    ran = shotgraph("run", "transcode", root / "sh010.mov", "--set", f"vars.container={container}", "--json")

    source, output = root / "sh010.mov", root / f"out/sh010_v001.{container}"
    before, after = probed(shotgraph, source), probed(shotgraph, output)
    assert ran.code == 0
    assert after["timecode"] == before["timecode"] == "01:00:10:00"
    assert after["reel"] == before["reel"] == "A001C002"
    assert after["videos"][0]["timing"]["rate"] == before["videos"][0]["timing"]["rate"] == "24000/1001"
    assert sound(output) == sound(source)
    assert shotgraph("verify", output, source).code == 0


def test_what_transcode_kept_is_what_ffprobe_sees(shotgraph: Run, root: Path) -> None:
    assert shotgraph("run", "transcode", root / "sh010.mov").code == 0

    before, after = (ffprobe(path) for path in (root / "sh010.mov", root / "out/sh010_v001.mov"))
    video, tmcd = (next(s for s in after["streams"] if s["codec_type"] == kind) for kind in ("video", "data"))
    original = next(s for s in before["streams"] if s["codec_type"] == "video")
    assert video["codec_name"] == "prores"
    assert (video["width"], video["height"], video["nb_read_frames"]) == (64, 48, "10")
    for key in ("r_frame_rate", "color_primaries", "color_transfer", "color_space", "color_range"):
        assert video[key] == original[key]
    assert tmcd["tags"]["timecode"] == "01:00:10:00"
    assert tmcd["tags"]["reel_name"] == "A001C002"


def test_a_lossless_transcode_gives_every_sample_back(lossless: Run, root: Path) -> None:
    ran = lossless(root)

    assert (ran.code, ran.shot["state"], ran.shot["frames"]) == (0, "verified", "1001-1010")
    assert decoded(root / "out/sh010_v001.mkv") == decoded(root / "sh010.mov")
    assert len(set(decoded(root / "sh010.mov"))) == 10


def test_a_file_a_folder_of_shots_and_one_shots_folder_are_inputs(lossless: Run, root: Path) -> None:
    write_sequence(root / "sh020", range(1001, 1005))
    write_movie(root / "sh030/plate.mov", frames=3)

    by_file = lossless(root / "sh010.mov", "--version", "4")
    by_root = lossless(root, "--version", "5")
    by_shot = lossless(root / "sh030", "--version", "6")
    by_pattern = lossless(root / "sh020/plate.####.png", "--version", "7")

    def done(ran: Ran) -> list[tuple[str, str]]:
        return [(shot["shot"], Path(shot["outputs"][0]["path"]).name) for shot in ran.document["shots"]]

    assert done(by_file) == [("sh010", "sh010_v004.mkv")]
    assert done(by_root) == [("sh020", "sh020_v005.mkv"), ("sh030", "sh030_v005.mkv")]
    assert done(by_shot) == [("sh030", "sh030_v006.mkv")]
    assert done(by_pattern) == [("plate", "plate_v007.mkv")]


def test_propagate_changes_the_shot_only_around_the_paint(shotgraph: Run, root: Path) -> None:
    write_paint(root / "paint/sh010.1004.png")

    sequence = ("--set", "graph.out.file={root}/out/{shot}.####.png", "--set", "vars.codec=png", "--json")
    with_paint = shotgraph("run", "propagate", root, *sequence)
    plain = shotgraph(
        "run", "propagate", root, *sequence, "--set", "vars.paint={root}/none.####.png", "--set",
        "graph.out.file={root}/plain/{shot}.####.png",
    )  # fmt: skip

    assert (with_paint.code, plain.code) == (0, 0)
    import cv2

    for frame in range(1001, 1011):
        edited, plate = (
            cv2.imread(str(root / f"{place}/sh010.{frame}.png"), cv2.IMREAD_UNCHANGED) for place in ("out", "plain")
        )
        changed = (edited != plate).any(axis=-1)
        assert changed.any(), frame
        assert not changed[:, 48:].any(), frame


def test_review_writes_a_movie_of_twice_the_width_with_the_timecode(shotgraph: Run, root: Path) -> None:
    write_paint(root / "paint/sh010.1004.png")

    ran = shotgraph("run", "review", root, "--json")

    output = root / "out/sh010_review_v001.mp4"
    after = probed(shotgraph, output)
    assert ran.code == 0
    assert (after["videos"][0]["width"], after["videos"][0]["height"]) == (128, 48)
    assert after["timecode"] == "01:00:10:00"
    assert visible(root / "out") == [output.name]


def test_a_part_of_a_movie_has_a_name_of_its_own_and_the_frames_of_the_whole(
    shotgraph: Run, lossless: Run, root: Path
) -> None:
    assert lossless(root).code == 0
    whole = root / "out/sh010_v001.mkv"
    stamp, before = whole.stat().st_mtime_ns, whole.read_bytes()

    ran = lossless(root, "-F", "1004-1008", "--version", "1")

    part = root / "out/sh010_v001.1004-1008.mkv"
    assert (ran.code, ran.shot["outputs"][0]["path"]) == (0, str(part))
    assert decoded(part) == decoded(whole)[3:8]
    assert probed(shotgraph, part)["timecode"] == "01:00:10:03"
    assert (whole.stat().st_mtime_ns, whole.read_bytes()) == (stamp, before)


def test_the_sound_of_a_part_is_cut_at_packets(shotgraph: Run, lossless: Run, root: Path) -> None:
    assert lossless(root, "-F", "1004-1008").code == 0

    kept, source = sound(root / "out/sh010_v001.1004-1008.mkv"), sound(root / "sh010.mov")
    joined, whole = b"".join(kept), b"".join(source)
    begin = whole.find(joined)
    bytes_a_frame = 4 * 48000 * 1001 / 24000
    packet = max(len(p) for p in source)
    assert begin >= 0
    assert abs(begin - 3 * bytes_a_frame) <= packet
    assert abs(len(joined) - 5 * bytes_a_frame) <= 2 * packet
    assert 0 < len(joined) < len(whole)


def test_a_part_of_a_sequence_is_bit_equal_to_the_whole(shotgraph: Run, root: Path) -> None:
    write_paint(root / "paint/sh010.1004.png")
    target = ("--set", "graph.out.file={root}/{shot}_v{version:03d}/f.####.exr", "--set", "vars.codec=exr", "--json")
    assert shotgraph("run", "propagate", root, *target).code == 0

    ran = shotgraph("run", "propagate", root, *target, "-F", "1002-1003,1007")

    whole, part = images(root / "sh010_v001", ".exr"), images(root / "sh010_v002", ".exr")
    assert (ran.code, ran.shot["frames"]) == (0, "1002-1003,1007")
    assert sorted(part) == ["f.1002.exr", "f.1003.exr", "f.1007.exr"]
    assert part == {name: whole[name] for name in part}


def test_a_movie_cannot_have_holes(lossless: Run, root: Path) -> None:
    ran = lossless(root, "-F", "1002-1003,1007")

    assert ran.code == 2
    assert "out: frames of a movie must be consecutive, got 1002-1003,1007" in ran.err


def test_frames_outside_the_shot_are_refused(lossless: Run, root: Path) -> None:
    ran = lossless(root, "-F", "1009-1012")

    assert ran.code == 2
    assert "frames: must lie in 1001-1010 of sh010, got 1011-1012" in ran.err


def test_handles_are_left_out_of_the_output(shotgraph: Run, lossless: Run, root: Path) -> None:
    ran = lossless(root, "--set", "shots.handles=2")

    output = root / "out/sh010_v001.mkv"
    assert (ran.code, ran.shot["frames"]) == (0, "1003-1008")
    assert decoded(output) == decoded(root / "sh010.mov")[2:8]
    assert probed(shotgraph, output)["timecode"] == "01:00:10:02"


def test_handles_that_leave_nothing_are_refused(lossless: Run, root: Path) -> None:
    ran = lossless(root, "--set", "shots.handles=5")

    assert ran.code == 2
    assert "handles: must leave frames of 1001-1010, got 5 at either end of sh010" in ran.err


def test_a_rerun_is_up_to_date_and_decodes_nothing(lossless: Run, root: Path, request: pytest.FixtureRequest) -> None:
    assert lossless(root).code == 0
    before = visible(root)
    request.getfixturevalue("nothing_decodes")

    again = lossless(root)

    assert (again.code, again.shot["state"], again.shot["computed"]) == (0, "up to date", {})
    assert again.shot["outputs"][0]["path"] == str(root / "out/sh010_v001.mkv")
    assert visible(root) == before


def test_a_deleted_output_comes_back_under_its_own_version(lossless: Run, root: Path) -> None:
    assert lossless(root).code == 0
    (root / "out/sh010_v001.mkv").unlink()

    again = lossless(root)

    assert (again.code, again.shot["state"]) == (0, "verified")
    assert visible(root / "out") == ["sh010_v001.mkv"]


def test_a_changed_plan_takes_the_next_version_and_latest_the_newest(lossless: Run, root: Path) -> None:
    assert lossless(root).code == 0
    second = lossless(root, "--set", "shots.handles=1")
    latest = lossless(root, "--set", "shots.handles=2", "--version", "latest")
    seventh = lossless(root, "--set", "shots.handles=3", "--version", "7")
    first_again = lossless(root)

    assert [ran.code for ran in (second, latest, seventh, first_again)] == [0, 0, 0, 0]
    assert visible(root / "out") == ["sh010_v001.mkv", "sh010_v002.mkv", "sh010_v007.mkv"]
    # `latest` replaced what `next` wrote: ours, verified, and touched by nobody since.
    assert decoded(root / "out/sh010_v002.mkv") == decoded(root / "sh010.mov")[2:8]
    assert first_again.shot["state"] == "up to date"


def test_the_next_version_steps_over_files_of_others(lossless: Run, root: Path) -> None:
    (root / "out").mkdir()
    (root / "out/sh010_v004.mkv").write_bytes(b"of another tool")

    assert lossless(root).code == 0

    assert visible(root / "out") == ["sh010_v004.mkv", "sh010_v005.mkv"]
    assert (root / "out/sh010_v004.mkv").read_bytes() == b"of another tool"


def test_a_version_that_is_none_is_refused(lossless: Run, root: Path) -> None:
    ran = lossless(root, "--version", "newest")

    assert ran.code == 2
    assert "version: must be next, latest or a number from 1, got 'newest'" in ran.err


def test_a_foreign_movie_at_the_target_stays_unless_forced(lossless: Run, root: Path) -> None:
    foreign = root / "out/sh010_v001.mkv"
    foreign.parent.mkdir()
    foreign.write_bytes(b"of another tool")

    refused = lossless(root, "--version", "1")
    kept = foreign.read_bytes()
    forced = lossless(root, "--version", "1", "--force")

    assert (refused.code, refused.shot["state"]) == (73, "cannot create")
    assert f"{foreign}: the output path must be free" in refused.shot["message"]
    assert "--force" in refused.shot["message"]
    assert kept == b"of another tool"
    assert forced.code == 0
    assert decoded(foreign) == decoded(root / "sh010.mov")


def test_an_output_that_somebody_changed_is_foreign(lossless: Run, root: Path) -> None:
    assert lossless(root).code == 0
    output = root / "out/sh010_v001.mkv"
    output.write_bytes(output.read_bytes() + b"graded by hand")
    before = output.read_bytes()

    again = lossless(root)

    assert again.code == 73
    assert output.read_bytes() == before


def test_a_foreign_frame_of_a_sequence_stays_unless_forced(shotgraph: Run, root: Path, two_targets: Path) -> None:
    write_image(root / "out/sh010_v001.1005.png", __import__("numpy").zeros((4, 4, 3), "uint8"))
    foreign = root / "out/sh010_v001.1005.png"
    before = foreign.read_bytes()

    refused = shotgraph("run", two_targets, root, "-t", "stills", "--version", "1", "--json")
    kept, beside = foreign.read_bytes(), visible(root / "out")
    forced = shotgraph("run", two_targets, root, "-t", "stills", "--version", "1", "--json", "--force")

    assert (refused.code, kept, beside) == (73, before, ["sh010_v001.1005.png"])
    assert forced.code == 0
    assert len(images(root / "out", ".png")) == 10
    assert foreign.read_bytes() != before


def test_two_targets_share_one_run_and_one_version(shotgraph: Run, root: Path, two_targets: Path) -> None:
    ran = shotgraph("run", two_targets, root, "--json")

    assert ran.code == 0
    assert [Path(o["path"]).name for o in ran.shot["outputs"]] == ["sh010_v001.mkv", "sh010_v001.####.png"]
    assert ran.shot["computed"]["plate"] == 10
    assert len(images(root / "out", ".png")) == 10
    assert len(decoded(root / "out/sh010_v001.mkv")) == 10


def test_one_of_two_targets_is_run_alone(shotgraph: Run, root: Path, two_targets: Path) -> None:
    ran = shotgraph("run", two_targets, root, "-t", "movie", "--json")

    assert ran.code == 0
    assert visible(root / "out") == ["sh010_v001.mkv"]


def test_a_target_that_is_none_is_refused_with_the_names_that_are(
    shotgraph: Run, root: Path, two_targets: Path
) -> None:
    ran = shotgraph("run", two_targets, root, "-t", "movvie")

    assert ran.code == 2
    assert "movvie" in ran.err.splitlines()[-1]
    assert "movie" in ran.err.replace("movvie", "")


def test_a_sidecar_sets_one_shot_and_set_wins_over_it(lossless: Run, root: Path) -> None:
    write_movie(root / "sh020.mov")
    (root / "sh010").mkdir()
    (root / "sh010/shotgraph.yaml").write_text("shots: {handles: 3}\n", encoding="utf-8")

    by_sidecar = lossless(root)
    by_hand = lossless(root, "--set", "shots.handles=1")

    assert [shot["frames"] for shot in by_sidecar.document["shots"]] == ["1004-1007", "1001-1010"]
    assert [shot["frames"] for shot in by_hand.document["shots"]] == ["1002-1009", "1002-1009"]


def test_strict_refuses_a_loss_before_a_frame_is_decoded(shotgraph: Run, root: Path, nothing_decodes: None) -> None:
    source = root / "sh444.mov"
    write_movie(source, pix_fmt="yuv444p")

    ran = shotgraph("run", "transcode", source, "--strict", "--set", "vars.codec=prores_hq")

    assert ran.code == 2
    assert "the output must keep everything under strict, got 1 losses" in ran.err
    assert "chroma of yuv444p is averaged down to yuv422p10" in ran.err
    assert visible(root) == ["sh010.mov", "sh444.mov"]


def test_strict_accepts_what_keeps_everything(lossless: Run, root: Path) -> None:
    ran = lossless(root, "--strict")

    assert ran.code == 0
    assert decoded(root / "out/sh010_v001.mkv") == decoded(root / "sh010.mov")


def test_losses_are_told_without_strict(shotgraph: Run, root: Path) -> None:
    source = root / "sh444.mov"
    write_movie(source, pix_fmt="yuv444p")

    ran = shotgraph("run", "transcode", source)

    assert ran.code == 0
    assert "sh444: out loses: chroma: chroma of yuv444p is averaged down to yuv422p10" in ran.out


def test_json_leaves_stdout_to_the_document(shotgraph: Run, root: Path) -> None:
    ran = shotgraph("run", "transcode", root, "--json")

    assert ran.document["exit"] == 0
    assert ran.document["shots"][0]["computed"] == {"plate": 10, "out": 10}
    assert "sh010: verified" in ran.err


def test_only_the_last_line_of_a_failed_run_says_error(shotgraph: Run, root: Path) -> None:
    (root / "sh020.mov").write_bytes(b"no movie at all")

    ran = shotgraph("run", "transcode", root)

    lines = ran.err.splitlines()
    assert ran.code == 65
    assert lines[-1].startswith("Error: 1 of 2 shots failed: sh020")
    assert not any("Error:" in line for line in [*lines[:-1], *ran.out.splitlines()])
    assert (root / "out/sh010_v001.mov").is_file()


HOSTILE = """$(touch x)'";"""


def test_a_hostile_shot_name_is_only_a_name(tmp_path: Path) -> None:
    root = tmp_path / "show"
    write_movie(root / f"{HOSTILE}.mov", reel="<script>")
    write_paint(root / f"paint/{HOSTILE}.1003.png")
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "xdg")}

    done = subprocess.run(
        [sys.executable, "-m", "shotgraph", "run", "review", str(root), "-t", "out", "-t", "review", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    (shot,) = json.loads(done.stdout)["shots"]
    assert shot["shot"] == HOSTILE
    assert visible(root / "out") == [f"{HOSTILE}_review_v001.mp4", f"{HOSTILE}_v001.mov"]
    assert [f for f in tmp_path.rglob("*") if f.name == "x"] == []


def test_a_hostile_reel_comes_back_as_it_was(shotgraph: Run, tmp_path: Path) -> None:
    source = write_movie(tmp_path / "a.mov", reel="<script>")

    assert shotgraph("run", "transcode", source).code == 0

    assert probed(shotgraph, tmp_path / "out/a_v001.mov")["reel"] == "<script>"


def test_drop_frame_timecode_survives_the_minute(shotgraph: Run, lossless: Run, tmp_path: Path) -> None:
    write_movie(tmp_path / "df.mov", rate=Fraction(30000, 1001), timecode="00:59:59;26")

    ran = lossless(tmp_path, "-F", "1005-1010")

    assert ran.code == 0
    # 01:00:00;00 exists, since ten-minute marks drop nothing.
    assert probed(shotgraph, tmp_path / "out/df_v001.1005-1010.mkv")["timecode"] == "01:00:00;00"
