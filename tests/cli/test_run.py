"""`shotgraph run`: the main job on tiny shots, judged from outside."""

from pathlib import Path

import cv2
import pytest
from command_line import Run, probed
from small_shots import (
    Ran,
    decoded,
    ffprobe,
    images,
    sound,
    visible,
    write_movie,
    write_paint,
    write_sequence,
)


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


def made(ran: Ran) -> list[tuple[str, str]]:
    return [(shot["shot"], Path(shot["outputs"][0]["path"]).name) for shot in ran.document["shots"]]


def test_a_file_a_pattern_and_a_folder_of_shots_are_inputs(lossless: Run, root: Path) -> None:
    write_sequence(root / "sh020", range(1001, 1005))
    write_movie(root / "sh030/plate.mov", frames=3)

    by_file = lossless(root / "sh010.mov", "--version", "4")
    by_root = lossless(root, "--version", "5")
    by_pattern = lossless(root / "sh020/plate.####.png", "--version", "6")

    assert made(by_file) == [("sh010", "sh010_v004.mkv")]
    # The first pattern that matches gives all the shots: sh010 lies beside the folders, not in one.
    assert made(by_root) == [("sh020", "sh020_v005.mkv"), ("sh030", "sh030_v005.mkv")]
    assert made(by_pattern) == [("plate", "plate_v006.mkv")]


def test_one_shots_folder_is_an_input_where_no_pattern_matches_inside(shotgraph: Run, root: Path) -> None:
    write_movie(root / "sh030/plate.mov", frames=3)
    only_folders = ("--set", "shots.plate=['{root}/{shot}/plate.*']", "--json")

    ran = shotgraph("run", "transcode", root / "sh030", *only_folders)

    assert made(ran) == [("sh030", "sh030_v001.mov")]
    assert (root / "out/sh030_v001.mov").is_file()


def test_propagate_changes_the_shot_only_around_the_paint(shotgraph: Run, root: Path) -> None:
    write_paint(root / "paint/sh010.1004.png")

    sequence = ("--set", "graph.out.file={root}/out/{shot}.####.png", "--set", "vars.codec=png", "--json")
    with_paint = shotgraph("run", "propagate", root, *sequence)
    plain = shotgraph(
        "run", "propagate", root, *sequence, "--set", "vars.paint={root}/none.####.png", "--set",
        "graph.out.file={root}/plain/{shot}.####.png",
    )  # fmt: skip

    assert (with_paint.code, plain.code) == (0, 0)
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
