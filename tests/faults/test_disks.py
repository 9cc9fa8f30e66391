"""Full disks: of the output, exit 74 and nothing under its name; of the cache, a warning and the same pictures."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import Run
from small_shots import decoded, images, visible, write_movie, write_paint

FULL_DEVICE = Path("/dev/full")
SIZE = (160, 120)
SEQUENCE = ("--set", "graph.out.file={root}/out/{shot}.####.png", "--set", "vars.codec=png")


@contextmanager
def files_up_to(size_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond `size_bytes`, as on a disk with that much room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def painted(tmp_path: Path) -> Path:
    """A shot whose flow takes 384 kB a frame, its pictures far less than 100 kB."""
    root = tmp_path / "show"
    write_movie(root / "sh010.mov", size=SIZE, frames=6)
    write_paint(root / "paint/sh010.1003.png", size=SIZE)
    return root


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("container", ["mov", "mp4", "mkv"])
def test_a_full_disk_ends_with_74_and_leaves_nothing(shotgraph: Run, root: Path, container: str) -> None:
    part = root / f"out/sh010_v001.{container}.part"
    part.parent.mkdir()
    part.symlink_to(FULL_DEVICE)

    ran = shotgraph("run", "transcode", root, "--set", f"vars.container={container}")

    assert ran.code == 74
    assert f"Error: sh010: {root}/out/sh010_v001.{container}: " in ran.err
    assert "No space left on device" in ran.err
    assert f"free space on the disk of {root}/out" in ran.err
    assert visible(root) == ["sh010.mov"]


def test_with_room_again_the_same_command_finishes(lossless: Run, root: Path) -> None:
    with files_up_to(20_000):
        full = lossless(root)
    again = lossless(root)

    assert (full.code, again.code) == (74, 0)
    assert "free space on the disk of" in full.err
    assert visible(root) == ["out/sh010_v001.mkv", "sh010.mov"]
    assert decoded(root / "out/sh010_v001.mkv") == decoded(root / "sh010.mov")


def test_a_full_disk_under_a_sequence_keeps_what_is_whole_and_goes_on_from_there(shotgraph: Run, painted: Path) -> None:
    target = ("--set", "graph.out.file={root}/out/{shot}.####.exr", "--json")
    with files_up_to(30_000):
        full = shotgraph("run", "transcode", painted, *target)
    kept = images(painted / "out", ".exr")
    again = shotgraph("run", "transcode", painted, *target)

    assert full.code == 74
    assert "free space, or check the folder's permissions" in full.err
    assert kept == {}
    assert again.code == 0
    assert len(images(painted / "out", ".exr")) == 6


def test_one_of_two_outputs_fails_and_the_other_is_still_ours(shotgraph: Run, root: Path, two_targets: Path) -> None:
    with files_up_to(20_000):
        full = shotgraph("run", two_targets, root)

    again = shotgraph("run", two_targets, root, "--json")

    # The images fitted; they are no foreign files to the second run.
    assert (full.code, again.code) == (74, 0)
    assert len(images(root / "out", ".png")) == 10
    assert len(decoded(root / "out/sh010_v001.mkv")) == 10


def test_a_full_cache_is_a_warning_and_the_pictures_are_the_same(shotgraph: Run, painted: Path) -> None:
    with files_up_to(100_000):
        full = shotgraph("run", "propagate", painted, *SEQUENCE, "--json")
    passed = images(painted / "out", ".png")
    roomy = shotgraph("run", "propagate", painted, *SEQUENCE, "--json", "--force", "--cache", painted / "roomy")

    assert (full.code, roomy.code) == (0, 0), full.err
    (warning,) = full.shot["warnings"]
    assert warning == (
        f"cache: {painted}/.shotgraph/cache is full, so results are not kept from here on and a killed run computes them "
        "again; free some space or choose another place with --cache"
    )
    assert list((painted / ".shotgraph/cache").rglob("*.safetensors")) == []
    assert roomy.shot["warnings"] == []
    assert images(painted / "out", ".png") == passed
    assert len(set(passed.values())) == 6


def test_nothing_half_written_stays_in_a_full_cache(shotgraph: Run, painted: Path) -> None:
    with files_up_to(100_000):
        assert shotgraph("run", "propagate", painted, *SEQUENCE).code == 0

    assert [f.name for f in (painted / ".shotgraph/cache").rglob("*") if f.is_file()] == []


def test_a_torn_result_in_the_cache_is_computed_again(shotgraph: Run, painted: Path) -> None:
    first = shotgraph("run", "propagate", painted, *SEQUENCE, "--json")
    before = images(painted / "out", ".png")
    kept = sorted((painted / ".shotgraph/cache").rglob("*.safetensors"), key=lambda f: f.stat().st_size)
    for torn in (kept[0], kept[-1]):
        torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])

    elsewhere = ("--set", "graph.out.file={root}/again/{shot}.####.png", "--set", "vars.codec=png")
    again = shotgraph("run", "propagate", painted, *elsewhere, "--json")

    assert (first.code, again.code) == (0, 0)
    assert images(painted / "again", ".png") == before
    assert (again.shot["computed"]["edit"], again.shot["computed"]["flow"]) == (1, 1)


def test_a_cache_that_cannot_be_made_is_an_error_with_a_cure(shotgraph: Run, painted: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")

    ran = shotgraph("run", "propagate", painted, "--cache", tmp_path / "file")

    assert ran.code == 74
    assert "choose another place with --cache" in ran.err
    assert not (painted / "out").exists() or visible(painted / "out") == []
