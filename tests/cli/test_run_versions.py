"""What a run may replace, and what it need not do again."""

from pathlib import Path

import numpy as np
import pytest
from command_line import Run
from small_shots import (
    decoded,
    images,
    visible,
    write_image,
)


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
    write_image(root / "out/sh010_v001.1005.png", np.zeros((4, 6, 3), np.uint8))
    foreign = root / "out/sh010_v001.1005.png"
    before = foreign.read_bytes()

    refused = shotgraph("run", two_targets, root, "-t", "stills", "--version", "1", "--json")
    kept, beside = foreign.read_bytes(), visible(root / "out")
    forced = shotgraph("run", two_targets, root, "-t", "stills", "--version", "1", "--json", "--force")

    assert (refused.code, kept, beside) == (73, before, ["sh010_v001.1005.png"])
    assert forced.code == 0
    assert len(images(root / "out", ".png")) == 10
    assert foreign.read_bytes() != before
