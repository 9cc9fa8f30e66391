"""Identity of media: what counts as the same file, and a memo that may fail."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from shotgraph.errors import MediaMissingError
from shotgraph.pipeline import identity as room
from shotgraph.pipeline.identity import IdentityMemo, identify

MIB = 1 << 20


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    path = tmp_path / "plate.mov"
    # Three different MiB, so that the middle one can change alone.
    path.write_bytes(b"".join(bytes([value]) * MIB for value in (1, 2, 3)))
    os.utime(path, ns=(10**18, 10**18))
    return path


def change(path: Path, at: int, *, keep_time: bool = True) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 255
    path.write_bytes(content)
    os.utime(path, ns=(10**18, 10**18) if keep_time else (10**18 + 5, 10**18 + 5))


def digest_of(path: Path, mode: Any) -> bytes:
    return identify([path], identity=mode, memo=IdentityMemo(None)).digests[0]


@pytest.mark.parametrize(
    ("mode", "at", "keep_time", "is_seen"),
    [
        ("content", MIB + 7, True, True),
        ("sampled", 5, True, True),
        ("sampled", 3 * MIB - 1, True, True),
        # What each of the cheaper ones cannot see, so that the choice is an honest one.
        ("sampled", MIB + 7, True, False),
        ("sampled", MIB + 7, False, True),
        ("stat", 5, True, False),
        ("stat", 5, False, True),
    ],
)
def test_each_mode_sees_what_it_says(plate: Path, mode: str, at: int, keep_time: bool, is_seen: bool) -> None:
    before = digest_of(plate, mode)

    change(plate, at, keep_time=keep_time)

    assert (digest_of(plate, mode) != before) is is_seen


def test_a_copy_has_the_same_content(plate: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "b.mov"
    copy.parent.mkdir()
    copy.write_bytes(plate.read_bytes())

    assert digest_of(copy, "content") == digest_of(plate, "content")
    assert digest_of(copy, "stat") != digest_of(plate, "stat")


def test_auto_reads_small_shots_whole_and_large_ones_at_both_ends(plate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert identify([plate], identity="auto", memo=IdentityMemo(None)).mode == "content"

    monkeypatch.setattr(room, "_CONTENT_LIMIT_BYTES", 3 * MIB)
    found = identify([plate], identity="auto", memo=IdentityMemo(None))

    assert (found.mode, found.digests[0]) == ("sampled", digest_of(plate, "sampled"))


def test_a_missing_file_is_named(plate: Path) -> None:
    gone = plate.with_name("gone.mov")

    with pytest.raises(MediaMissingError, match=rf"media: {gone} must exist, got nothing there; was it moved\?"):
        identify([plate, gone], identity="content", memo=IdentityMemo(None))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read in full."""
    names: list[str] = []
    real = room.file_digest

    def counting(path: Path) -> bytes:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(room, "file_digest", counting)
    return names


def test_a_plate_is_hashed_once_and_again_when_it_changes(plate: Path, tmp_path: Path, hashed: list[str]) -> None:
    database = tmp_path / "memo" / "media.sqlite"

    first, second = (identify([plate], identity="content", memo=IdentityMemo(database)) for _ in range(2))
    assert hashed == ["plate.mov"]
    change(plate, 5, keep_time=False)
    third = identify([plate], identity="content", memo=IdentityMemo(database))

    assert hashed == ["plate.mov"] * 2
    assert first == second != third


def harm_folder(path: Path) -> None:
    path.mkdir()


def harm_content(path: Path) -> None:
    path.write_bytes(b"no database" * 100)


def harm_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE media (path TEXT)")
    connection.close()


@pytest.mark.parametrize("harm", [harm_folder, harm_content, harm_table])
def test_a_memo_that_fails_costs_time_and_nothing_else(
    plate: Path, tmp_path: Path, hashed: list[str], harm: Any
) -> None:
    database = tmp_path / "media.sqlite"
    harm(database)
    memo = IdentityMemo(database)

    found = [identify([plate], identity="content", memo=memo) for _ in range(2)]

    assert found[0] == found[1] == identify([plate], identity="content", memo=IdentityMemo(None))
    assert hashed == ["plate.mov"] * 3
