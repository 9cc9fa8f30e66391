"""Values in files: tables, artifacts, and sets of pictures."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from shotgraph.api import Artifact, Table
from shotgraph.errors import OutputError, OutputExistsError, UsageError, VerifyError
from shotgraph.io.framelog import log_path
from shotgraph.io.numberedstills import StillSetSink
from shotgraph.io.stillwriter import Still
from shotgraph.io.valuesink import META, ValueSink, check_value_file

TABLE = Table(("frame", "note", "x_px"), ((1001, 'a "quoted", word', 0.5), (1002, "zwei\nZeilen", None)))
ARTIFACT = Artifact({"weights": np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::-1]}, {"rank": 4, "word": "ß"})


def sink(path: Path, *, force: bool = False) -> ValueSink:
    return ValueSink(path, lambda given: given, force=force)


def written(path: Path, value: Any, key: str = "k") -> ValueSink:
    opened = sink(path)
    opened.write(1001, value, key)
    opened.finish()
    return opened


def test_a_table_is_csv_that_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.csv"

    written(path, TABLE)

    with path.open(newline="", encoding="utf-8") as lines:
        assert list(csv.reader(lines)) == [
            ["frame", "note", "x_px"],
            ["1001", 'a "quoted", word', "0.5"],
            ["1002", "zwei\nZeilen", ""],
        ]


def test_a_table_is_json_by_column(tmp_path: Path) -> None:
    written(tmp_path / "a.json", TABLE)

    rows = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))

    assert rows[0] == {"frame": 1001, "note": 'a "quoted", word', "x_px": 0.5}


def test_an_artifact_is_safetensors_with_its_description(tmp_path: Path) -> None:
    written(tmp_path / "a.safetensors", ARTIFACT)

    with safe_open(tmp_path / "a.safetensors", framework="np") as held:
        np.testing.assert_array_equal(held.get_tensor("weights"), ARTIFACT.arrays["weights"])
        assert json.loads(held.metadata()[META]) == {"rank": 4, "word": "ß"}


def test_a_value_that_is_there_is_found_by_its_key(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    written(path, TABLE, "first")

    assert sink(path).done(1001, "first")
    assert not sink(path).done(1001, "second")
    path.write_text("[]", encoding="utf-8")
    assert not sink(path, force=True).done(1001, "first")


def test_a_foreign_file_stays_unless_it_is_forced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("theirs", encoding="utf-8")

    with pytest.raises(OutputExistsError, match="the output path must be free"):
        sink(path)
    assert path.read_text(encoding="utf-8") == "theirs"

    opened = sink(path, force=True)
    opened.write(1001, TABLE, "k")
    assert json.loads(path.read_text(encoding="utf-8"))[0]["frame"] == 1001
    assert log_path(path).exists()


@pytest.mark.parametrize(
    ("name", "value", "kinds"),
    [("a.csv", ARTIFACT, "a table, got an artifact"), ("a.safetensors", TABLE, "an artifact, got a table")],
)
def test_a_value_of_the_other_kind_is_refused(tmp_path: Path, name: str, value: Any, kinds: str) -> None:
    with pytest.raises(OutputError, match=f"must hold {kinds}; choose another suffix"):
        sink(tmp_path / name).write(1001, value, "k")
    assert not (tmp_path / name).exists()


def test_another_suffix_is_refused_beforehand(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"save: file must end in \.csv, \.json, \.safetensors, got 'a\.txt'"):
        check_value_file(tmp_path / "a.txt", who="save")


def test_nothing_written_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match="file must be what was written, got none or another"):
        sink(tmp_path / "a.csv").finish()


def stills(count: int) -> list[Still]:
    return [
        Still(np.full((2, 3, 4), 1000 * n, np.uint16), tuple("RGBA"), (("oiio:UnassociatedAlpha", None, 1),))
        for n in range(count)
    ]


def test_a_set_of_pictures_is_numbered_from_0_and_found_by_its_key(tmp_path: Path) -> None:
    pattern = tmp_path / "atlas.#.png"
    opened = StillSetSink(pattern, stills, force=False)
    opened.write(1001, 3, "k")

    done = opened.finish()

    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["atlas.0.png", "atlas.1.png", "atlas.2.png"]
    assert done.frames == 3
    assert StillSetSink(pattern, stills, force=False).done(1001, "k")
    assert not StillSetSink(pattern, stills, force=False).done(1001, "other")


def test_a_set_that_lacks_a_picture_is_not_done(tmp_path: Path) -> None:
    pattern = tmp_path / "atlas.#.png"
    StillSetSink(pattern, stills, force=False).write(1001, 3, "k")
    (tmp_path / "atlas.2.png").unlink()

    again = StillSetSink(pattern, stills, force=False)

    assert not again.done(1001, "k")
    again.write(1001, 3, "k")
    assert again.finish().frames == 3


def test_a_foreign_picture_stays_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "atlas.1.png").write_bytes(b"theirs")
    opened = StillSetSink(tmp_path / "atlas.#.png", stills, force=False)

    with pytest.raises(OutputExistsError, match=r"atlas\.1\.png: the output path must be free"):
        opened.write(1001, 2, "k")

    assert not (tmp_path / "atlas.0.png").exists()
    with pytest.raises(VerifyError, match="images must be written, got none"):
        opened.finish()
