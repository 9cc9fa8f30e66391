"""Output versions: who gets which number, and what lies on disk already."""

import threading
from pathlib import Path

import pytest

from shotgraph.errors import UsageError
from shotgraph.pipeline.versions import Versions, has_version, with_version


def versions(root: Path, *templates: str) -> Versions:
    return Versions(root / ".shotgraph", templates or (f"{root}/out/sh010_v{{version:03d}}.mov",))


def settle(root: Path, asked: str = "next", plan: str = "b2:aa", *, reserve: bool = True) -> int:
    return versions(root).settle(asked, plan_digest=plan, reserve=reserve)


def test_a_plan_keeps_its_number_and_another_one_gets_the_next(tmp_path: Path) -> None:
    assert settle(tmp_path) == 1
    assert settle(tmp_path, plan="b2:bb") == 2
    assert settle(tmp_path) == 1
    assert settle(tmp_path, plan="b2:cc") == 3


def test_asking_without_taking_leaves_no_trace(tmp_path: Path) -> None:
    assert [settle(tmp_path, plan=plan, reserve=False) for plan in ("b2:aa", "b2:bb")] == [1, 1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["sh010_v007.mov", "sh010_v0007.mov", "sh010_v7.mov"])
def test_files_of_others_count(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).touch()
    (tmp_path / "out" / "sh020_v031.mov").touch()
    (tmp_path / "out" / "sh010_v031.txt").touch()

    assert settle(tmp_path) == 8
    assert settle(tmp_path, "latest", "b2:bb") == 8


def test_folders_and_sequences_count_too(tmp_path: Path) -> None:
    (tmp_path / "v012").mkdir()
    (tmp_path / "a_v004.1001.exr").touch()

    by_folder = versions(tmp_path, f"{tmp_path}/v{{version:03d}}/a.####.exr")
    by_name = versions(tmp_path, f"{tmp_path}/a_v{{version:03d}}.####.exr")

    assert by_folder.settle("next", plan_digest="b2:aa", reserve=True) == 13
    assert by_name.settle("next", plan_digest="b2:aa", reserve=True) == 5


def test_a_number_asked_for_is_taken_over(tmp_path: Path) -> None:
    assert settle(tmp_path, "5") == 5
    assert settle(tmp_path, "5", "b2:bb") == 5
    assert versions(tmp_path).owner(5) == "b2:bb"
    assert settle(tmp_path) == 6


def test_latest_is_the_highest_number_or_the_first(tmp_path: Path) -> None:
    assert settle(tmp_path, "latest") == 1
    assert settle(tmp_path, "4", "b2:bb") == 4
    assert settle(tmp_path, "latest", "b2:cc") == 4


def test_without_a_version_in_a_path_there_is_no_number(tmp_path: Path) -> None:
    assert versions(tmp_path, "/out/a.mov").settle("next", plan_digest="b2:aa", reserve=True) == 0
    assert (has_version("/out/a.mov"), has_version("/v{version}/a.mov")) == (False, True)


def test_other_outputs_count_for_themselves(tmp_path: Path) -> None:
    settle(tmp_path)

    other = versions(tmp_path, f"{tmp_path}/out/sh020_v{{version:03d}}.mov")

    assert other.settle("next", plan_digest="b2:bb", reserve=True) == 1


@pytest.mark.parametrize("asked", ["0", "-1", "v7", "first", "1.5", ""])
def test_anything_else_is_refused(tmp_path: Path, asked: str) -> None:
    with pytest.raises(UsageError, match=rf"version: must be next, latest or a number from 1, got '{asked}'"):
        settle(tmp_path, asked)


def test_runs_that_start_together_get_different_numbers(tmp_path: Path) -> None:
    barrier, numbers = threading.Barrier(8), list[int]()

    def take(index: int) -> None:
        barrier.wait()
        numbers.append(settle(tmp_path, plan=f"b2:{index}"))

    threads = [threading.Thread(target=take, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(numbers) == list(range(1, 9))


def test_a_damaged_record_belongs_to_nobody_but_stays_taken(tmp_path: Path) -> None:
    settle(tmp_path)
    (record,) = (tmp_path / ".shotgraph" / "versions").rglob("1.json")
    record.write_text("{", encoding="utf-8")

    assert versions(tmp_path).owner(1) == ""
    assert settle(tmp_path) == 2


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("/out/a_v{version:03d}.mov", "/out/a_v007.mov"),
        ("/v{version}/a_v{version:04d}.####.exr", "/v7/a_v0007.####.exr"),
        ("/out/a{b}.mov", "/out/a{b}.mov"),
    ],
)
def test_a_path_gets_its_number(template: str, expected: str) -> None:
    assert with_version(template, 7) == expected
