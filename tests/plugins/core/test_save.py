"""One value of a shot in a file: what is refused beforehand, what is planned, and what is written."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from shotgraph.api import Artifact, FrameRange, Table
from shotgraph.errors import OutputError, OutputExistsError, UsageError
from shotgraph.plugins.core.save import Save

TABLE = Table(("frame", "change_lab"), ((1004, 12.5), (1010, 30.0)))
FRAMES = FrameRange(1001, 1001)


def save(value: Any, path: Path, ctx: Any, *, key: str = "k1") -> Any:
    params = Save.Params(file=str(path))
    writer = Save().open(Save.expects(FRAMES, params, ctx), params, ctx)
    writer.write(1001, Save.In(value=value), key)
    return writer.finish()


@pytest.fixture
def ctx(make_context: Any) -> Any:
    return make_context(headers={})


def test_a_table_is_written_whole(ctx: Any, tmp_path: Path) -> None:
    for name in ("cuts.csv", "cuts.json"):
        written = save(TABLE, tmp_path / "passes" / name, ctx)
        assert written.path == str(tmp_path / "passes" / name)
        assert written.frames == 0

    with (tmp_path / "passes/cuts.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [["frame", "change_lab"], ["1004", "12.5"], ["1010", "30.0"]]
    rows = json.loads((tmp_path / "passes/cuts.json").read_text())
    assert rows == [{"frame": 1004, "change_lab": 12.5}, {"frame": 1010, "change_lab": 30.0}]


def test_a_table_without_rows_has_its_columns(ctx: Any, tmp_path: Path) -> None:
    save(Table(TABLE.columns, ()), tmp_path / "cuts.csv", ctx)

    assert (tmp_path / "cuts.csv").read_text() == "frame,change_lab\n"


def test_what_is_no_number_is_nan_in_csv_and_null_in_json(ctx: Any, tmp_path: Path) -> None:
    table = Table(("frame", "mean", "most"), ((1, float("nan"), float("inf")),))

    for name in ("mean.csv", "mean.json"):
        save(table, tmp_path / name, ctx)

    assert (tmp_path / "mean.csv").read_text() == "frame,mean,most\n1,nan,inf\n"
    assert json.loads((tmp_path / "mean.json").read_text()) == [{"frame": 1, "mean": None, "most": None}]


def test_an_artifact_is_written_with_what_it_says_of_itself(ctx: Any, tmp_path: Path) -> None:
    maps = np.arange(12, dtype=np.float32).reshape(3, 4)

    save(Artifact({"maps": maps}, {"reference": 4}), tmp_path / "layers.safetensors", ctx)

    np.testing.assert_array_equal(load_file(tmp_path / "layers.safetensors")["maps"], maps)


def test_what_will_be_written_is_said_beforehand(ctx: Any, tmp_path: Path) -> None:
    expected = Save.expects(FRAMES, Save.Params(file=str(tmp_path / "cuts.csv")), ctx)

    assert expected.path == str(tmp_path / "cuts.csv")
    assert expected.bytes > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["cuts.txt", "cuts", "cuts.CSV"])
def test_another_suffix_is_refused_when_planning(name: str, ctx: Any) -> None:
    with pytest.raises(UsageError, match=rf"node: file must end in .*\.csv, \.json, .*\.safetensors.*, got '{name}'"):
        Save.expects(FRAMES, Save.Params(file=name), ctx)


def test_no_file_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 character"):
        Save.Params(file="")


def test_a_value_of_the_other_kind_is_refused_and_leaves_nothing(ctx: Any, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"layers\.safetensors: \.safetensors must hold an artifact, got a table"):
        save(TABLE, tmp_path / "layers.safetensors", ctx)
    with pytest.raises(OutputError, match=r"cuts\.csv: \.csv must hold a table, got an artifact"):
        save(Artifact({}, {}), tmp_path / "cuts.csv", ctx)

    assert list(tmp_path.glob("[!.]*")) == []


def test_a_foreign_file_stays_unless_it_is_forced(make_context: Any, tmp_path: Path) -> None:
    path = tmp_path / "cuts.csv"
    path.write_text("mine")

    with pytest.raises(OutputExistsError, match=str(path)):
        save(TABLE, path, make_context(headers={}))
    assert path.read_text() == "mine"

    save(TABLE, path, make_context(headers={}, force=True))
    assert path.read_text().startswith("frame,")


def test_what_is_there_under_its_key_is_done(ctx: Any, tmp_path: Path) -> None:
    params = Save.Params(file=str(tmp_path / "cuts.csv"))
    save(TABLE, tmp_path / "cuts.csv", ctx, key="k1")

    writer = Save().open(Save.expects(FRAMES, params, ctx), params, ctx)

    assert writer.done(1001, "k1")
    assert not writer.done(1001, "k2")
