"""`probe`, `verify` and `shots` on generated media."""

import json
from pathlib import Path
from typing import Any

import pytest

from shotgraph.errors import Exit

PRESET = """
shotgraph: 1
shots: {plate: ["{root}/{shot}/plate.*"]}
graph:
  edges: {node: edges.canny, video: nothing}
targets: [edges]
"""


def test_probe_prints_frames_beside_their_timecode(shotgraph: Any, movie: Any, tmp_path: Path) -> None:
    plate = movie(tmp_path / "plate.mov", frames=5, timecode="01:00:00:23")

    ran = shotgraph("probe", plate)

    assert ran.code == Exit.VERIFIED
    assert "frames 1001-1005 (01:00:00:23-01:00:01:02)" in ran.out
    assert "24x16, yuv420p, 25 fps, progressive" in ran.out


def test_probe_numbers_a_movie_as_told(shotgraph: Any, movie: Any, tmp_path: Path) -> None:
    plate = movie(tmp_path / "plate.mov", frames=5)

    assert "frames 7-11 (01:00:00:00-01:00:00:04)" in shotgraph("probe", "--first-frame", 7, plate).out


def test_probe_as_json_keeps_rates_exact(shotgraph: Any, movie: Any, tmp_path: Path) -> None:
    plate = movie(tmp_path / "plate.mov", frames=5)

    (clip,) = json.loads(shotgraph("probe", "--json", plate).out)

    assert clip["path"] == str(plate)
    assert clip["timecode"] == "01:00:00:00"
    assert clip["videos"][0]["timing"]["rate"] == "25"
    assert clip["videos"][0]["timing"]["count"] == 5


def test_probe_of_what_is_not_there_is_media_missing(shotgraph: Any, tmp_path: Path) -> None:
    ran = shotgraph("probe", tmp_path / "plate.mov")

    assert ran.code == Exit.MEDIA_MISSING
    assert ran.out == ""


def test_a_copy_verifies(shotgraph: Any, movie: Any, tmp_path: Path) -> None:
    plate = movie(tmp_path / "plate.mov")
    copy = tmp_path / "copy.mov"
    copy.write_bytes(plate.read_bytes())

    ran = shotgraph("verify", copy, plate)

    assert ran.code == Exit.VERIFIED
    assert "DIFFERS" not in ran.out


def test_what_only_has_more_room_is_kept_and_not_equal(shotgraph: Any, root: Path) -> None:
    assert shotgraph("run", "transcode", root).code == 0

    ran = shotgraph("verify", root / "out/sh010_v001.mov", root / "sh010.mov")

    rows = {line.split()[0]: line.split()[1:] for line in ran.out.splitlines()}
    assert ran.code == Exit.VERIFIED
    assert rows["pixel_format"] == ["kept", "yuv420p", "yuv422p10"]
    assert rows["timecode"] == ["equal", "01:00:10:00", "01:00:10:00"]


@pytest.mark.parametrize(
    ("changes", "name"), [({"timecode": "01:00:00:01"}, "timecode"), ({"frames": 4}, "frame_count")]
)
def test_another_timecode_or_a_lost_frame_does_not_verify(
    shotgraph: Any, movie: Any, tmp_path: Path, changes: dict[str, Any], name: str
) -> None:
    plate = movie(tmp_path / "plate.mov")
    output = movie(tmp_path / "output.mov", **changes)

    ran = shotgraph("verify", "--json", output, plate)

    document = json.loads(ran.out)
    assert ran.code == Exit.IO_FAILED
    assert document["ok"] is False
    assert name in [check["name"] for check in document["checks"] if not check["ok"]]
    assert ran.err.startswith(f"Error: verify: {output} must equal {plate}, got another ")


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    file = tmp_path / "any.yaml"
    file.write_text(PRESET)
    return file


def test_shots_are_listed_with_frames_timecode_and_size(
    shotgraph: Any, movie: Any, preset: Path, tmp_path: Path
) -> None:
    movie(tmp_path / "show" / "sq2" / "plate.mov", frames=3)
    movie(tmp_path / "show" / "sq10" / "plate.mov", frames=4, timecode="10:00:00:00")

    ran = shotgraph("shots", preset, tmp_path / "show")

    assert ran.code == Exit.VERIFIED
    assert [line.split()[:5] for line in ran.out.splitlines()[1:]] == [
        ["sq2", "1001-1003", "(01:00:00:00-01:00:00:02)", "25", "24x16"],
        ["sq10", "1001-1004", "(10:00:00:00-10:00:00:03)", "25", "24x16"],
    ]


def test_a_damaged_shot_is_listed_and_decides_the_code(
    shotgraph: Any, movie: Any, preset: Path, tmp_path: Path
) -> None:
    movie(tmp_path / "show" / "sq2" / "plate.mov", frames=3)
    damaged = tmp_path / "show" / "sq10" / "plate.mov"
    damaged.parent.mkdir()
    damaged.write_bytes(b"no movie at all")

    ran = shotgraph("shots", preset, tmp_path / "show", "--json")

    document = json.loads(ran.out)
    assert ran.code == Exit.MEDIA_CORRUPT
    assert [(item["shot"]["name"], item["error"] is None) for item in document] == [("sq2", True), ("sq10", False)]
    assert document[0]["header"] == {"frames": "1001-1003", "timecode": "01:00:00:00", "rate": "25"}


def test_shots_of_an_empty_folder_is_a_usage_error(shotgraph: Any, preset: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert shotgraph("shots", preset, tmp_path / "empty").code == Exit.USAGE
