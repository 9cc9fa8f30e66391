"""A session: many shots, one exit code each; up to date, forced, refused, and what a run leaves in the root's memory."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotgraph.api import Context, Shot
from shotgraph.errors import (
    Cancelled,
    Exit,
    MediaError,
    MediaMissingError,
    OutputError,
    OutputExistsError,
    UnavailableError,
    VerifyError,
)
from shotgraph.pipeline.events import CancelFlag
from shotgraph.pipeline.state import RunState
from shotgraph.testing.ends import RampReader, StackTarget, StackWriter
from shotgraph.testing.given import graph_spec
from shotgraph.testing.synthetic import Gain

SOURCE = {"node": "test.source", "count": 12, "height": 3, "width": 5}
NODES = {
    "plate": SOURCE,
    "tip": {"node": "test.gain", "video": "plate", "gain": 1.5},
    "out": {"node": "test.stack", "video": "tip", "file": "{root}/out/{shot}_v{version:03d}.npy"},
}
FIXED = {**NODES, "out": {**NODES["out"], "file": "{root}/out/{shot}.npy"}}


def with_gain(nodes: dict[str, Any], gain: float) -> dict[str, Any]:
    return {**nodes, "tip": {**nodes["tip"], "gain": gain}}


def made(engine: Any) -> dict[str, float]:
    """File name to the first sample of its first frame."""
    return {p.name: float(np.load(p).flat[0]) for p in sorted((engine.folder / "out").glob("*.npy"))}


def test_a_finished_plan_is_up_to_date_and_nothing_is_opened(engine: Any) -> None:
    first, second = (engine.shots(NODES, "sh010")[0] for _ in range(2))

    assert (first.exit, first.up_to_date, first.outcome.computed["tip"]) == (Exit.VERIFIED, False, 12)
    assert (second.exit, second.up_to_date, second.outcome.computed) == (Exit.VERIFIED, True, {})
    assert second.written == first.written
    assert made(engine) == {"sh010_v001.npy": 1501.5}


def test_a_changed_plan_is_the_next_version(engine: Any) -> None:
    engine.shots(NODES, "sh010")

    engine.shots(with_gain(NODES, 2.0), "sh010")
    back = engine.shots(NODES, "sh010")[0]

    assert back.up_to_date
    assert made(engine) == {"sh010_v001.npy": 1501.5, "sh010_v002.npy": 2002.0}


def test_an_output_that_was_touched_is_made_again(engine: Any) -> None:
    engine.shots(NODES, "sh010")
    path = engine.folder / "out" / "sh010_v001.npy"
    os.utime(path, ns=(1, 1))

    # It is not the file we left, so it may be somebody's work.
    (refused,) = engine.shots(NODES, "sh010")
    assert refused.exit == Exit.CANNOT_CREATE
    assert f"{path} must be free or ours, got a foreign file; use --force" in refused.message

    path.unlink()
    (again,) = engine.shots(NODES, "sh010")
    assert (again.exit, again.up_to_date) == (Exit.VERIFIED, False)
    assert made(engine) == {"sh010_v001.npy": 1501.5}


def test_force_runs_what_is_up_to_date_and_replaces_what_is_foreign(engine: Any) -> None:
    engine.shots(FIXED, "sh010")
    path = engine.folder / "out" / "sh010.npy"
    np.save(path, np.zeros(3))

    (forced,) = engine.shots(FIXED, "sh010", options={"force": True})
    (again,) = engine.shots(FIXED, "sh010", options={"force": True})

    assert (forced.exit, again.exit, again.up_to_date) == (Exit.VERIFIED, Exit.VERIFIED, False)
    assert made(engine) == {"sh010.npy": 1501.5}


def test_our_own_untouched_file_is_replaced_without_force(engine: Any) -> None:
    engine.shots(FIXED, "sh010")

    (result,) = engine.shots(with_gain(FIXED, 2.0), "sh010")

    assert result.exit == Exit.VERIFIED
    assert made(engine) == {"sh010.npy": 2002.0}


def test_a_foreign_file_ends_with_73_and_is_left_alone(engine: Any) -> None:
    (engine.folder / "out").mkdir()
    np.save(engine.folder / "out" / "sh010.npy", np.array([7.0]))

    (result,) = engine.shots(FIXED, "sh010")

    assert result.exit == Exit.CANNOT_CREATE == 73
    assert made(engine) == {"sh010.npy": 7.0}


def test_one_shots_failure_stops_no_other(engine: Any) -> None:
    nodes = {**NODES, "tip": {**NODES["tip"], "fail_at": 1005}}
    session = engine.session()
    jobs = [
        (Shot(name=name, root=engine.folder), graph_spec(n)) for name, n in (("a", NODES), ("b", nodes), ("c", NODES))
    ]

    results = session.run(jobs)

    assert [(r.shot, r.exit) for r in results] == [
        ("a", Exit.VERIFIED),
        ("b", Exit.NODE_FAILED),
        ("c", Exit.VERIFIED),
    ]
    assert "tip (test.gain) frame 1005" in results[1].message
    assert sorted(made(engine)) == ["a_v001.npy", "c_v001.npy"]


def target_with(**methods: Any) -> type[StackTarget]:
    """A target whose writer has these methods instead of its own."""
    writer = type("Writer", (StackWriter,), methods)

    class Failing(StackTarget):
        """Fails."""

        id = "test.stack"

        def open(self, expected: Any, params: Any, ctx: Context) -> Any:
            return writer(Path(expected.path), force=ctx.force)

    return Failing


def raising(error: Exception, *, at: int | None = None) -> Any:
    """A method that raises; with `at`, only for that frame."""

    def method(_self: Any, *arguments: Any) -> Any:
        if at is None or arguments[0] == at:
            raise error
        return np.zeros((3, 5, 3), np.float32)

    return method


@pytest.mark.parametrize("method", ["write", "finish"])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutputError("disk: must have room, got none"), Exit.IO_FAILED),
        (VerifyError("out: frames must be 12, got 11"), Exit.IO_FAILED),
        (OSError(errno.ENOSPC, "No space left on device"), Exit.IO_FAILED),
        (OutputExistsError("out: must be free"), Exit.CANNOT_CREATE),
        (UnavailableError("codec: must be here, got none"), Exit.UNAVAILABLE),
        (MemoryError(), Exit.UNAVAILABLE),
        (RuntimeError("a bug"), Exit.INTERNAL),
    ],
)
def test_what_a_writer_raises_behind_the_run_is_the_shots_exit_code(
    engine: Any, method: str, error: Exception, code: Exit
) -> None:
    aborted: list[int] = []
    failing = target_with(
        **{method: raising(error, at=1004 if method == "write" else None)}, abort=lambda _self: aborted.append(1)
    )

    (result,) = engine.shots(NODES, "sh010", classes=(failing,))

    assert result.exit == code
    assert str(error).partition("] ")[2] in result.message or str(error) in result.message
    assert (result.error is error) == (code == Exit.INTERNAL)
    assert aborted == [1]
    assert made(engine) == {}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MediaError("plate: frame 1003 must decode, got damage"), Exit.MEDIA_CORRUPT),
        (MediaMissingError("plate: frame 1003 must exist, got nothing"), Exit.MEDIA_MISSING),
    ],
)
def test_what_a_reader_raises_ahead_of_the_run_is_the_shots_exit_code(
    engine: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, code: Exit
) -> None:
    monkeypatch.setattr(RampReader, "read", raising(error, at=1003))

    (result,) = engine.shots(NODES, "sh010")

    assert (result.exit, result.message) == (code, str(error))
    assert made(engine) == {}


class Odd(Gain):
    """Raises what is no error of ours in planning."""

    id = "test.gain"

    @classmethod
    def domain(cls, params: Any, ctx: Any) -> Any:
        return {}["missing"]


def test_a_bug_in_planning_is_internal_and_carries_its_exception(engine: Any) -> None:
    (result,) = engine.shots(NODES, "sh010", classes=(Odd,))

    assert (result.exit, result.message) == (Exit.INTERNAL, "KeyError: 'missing'")
    assert isinstance(result.error, KeyError)


def test_more_memory_than_the_host_has_is_refused_before_the_first_frame(engine: Any) -> None:
    (result,) = engine.shots(NODES, "sh010", limit_bytes=100)
    session = engine.session(limit_bytes=100)
    (prepared,) = session.plan([(Shot(name="sh010", root=engine.folder), graph_spec(NODES))])

    assert result.exit == Exit.UNAVAILABLE == 69
    with pytest.raises(
        UnavailableError, match=r"sh010: frames held at once must fit in 0\.0 GB of memory, got 0\.0 GB; use"
    ):
        session._admit(prepared.plan)
    assert made(engine) == {}


def test_what_a_studio_has_against_a_plan_is_a_usage_error(engine: Any) -> None:
    (result,) = engine.shots(NODES, "sh010", validate=lambda plan: [f"{plan.shot} is locked", "ask Ada"])

    assert result.exit == Exit.USAGE
    assert result.message == "sh010: the plan must pass studio checks, got: sh010 is locked; ask Ada"
    assert made(engine) == {}


def test_shots_that_were_not_begun_when_the_run_was_stopped_are_cancelled(engine: Any) -> None:
    cancel = CancelFlag()
    cancel.set("SIGTERM")

    results = engine.shots(NODES, "sh010", "sh020", cancel=cancel)

    assert [result.exit for result in results] == [Exit.CANCELLED] * 2
    with pytest.raises(
        Cancelled, match="run: stopped between two frames, got 'SIGTERM'; run the same command again to go"
    ):
        cancel.check()


def test_events_tell_of_stages_units_outputs_and_shots_in_order(engine: Any) -> None:
    events: list[Any] = []

    engine.shots(NODES, "sh010", events=events)

    assert [(e.kind, e.text) for e in events if e.kind != "unit"] == [
        ("stage", "s1: plate, tip, out"),
        ("output", f"{engine.folder}/out/sh010_v001.npy"),
        ("shot", "verified"),
    ]
    units = [e for e in events if e.kind == "unit"]
    assert [e.unit for e in units if e.node == "tip"] == list(range(1001, 1013))
    assert [e.done for e in units] == list(range(1, 37))
    assert {e.total for e in units} == {36}
    assert sum(e.seconds for e in units) > 0


def test_a_run_leaves_its_plan_and_its_record(engine: Any) -> None:
    (result,) = engine.shots(NODES, "sh010")
    state = RunState(engine.folder)

    assert json.loads(state.plan_path(result.plan).read_text())["digest"] == result.plan.digest
    assert state.finished(result.plan) == result.written
    assert state.owns(Path(result.written[0].path))
    assert not state.owns(engine.folder / "out" / "other.npy")
    assert state.last_keys("sh010", "test") is not None
    assert state.last_keys("sh020", "test") is None


@pytest.mark.parametrize(
    "harm", ["{", "", "[]", "null", '{"version": 1, "skipped": {}, "outputs": [{"stamp": [], "path": "x"}]}']
)
def test_a_damaged_record_is_as_good_as_none(engine: Any, harm: str) -> None:
    (result,) = engine.shots(NODES, "sh010")
    state = RunState(engine.folder)
    for file in [*state.folder.glob("done/*.json"), *state.folder.glob("owned/*.json")]:
        file.write_text(harm, encoding="utf-8")

    assert state.finished(result.plan) is None
    assert not state.owns(Path(result.written[0].path))


def test_a_shot_with_a_name_like_a_command_gets_files_of_its_own(engine: Any) -> None:
    names = ["$(touch x)", "_(touch x)", "a" * 240]

    results = engine.shots({**NODES, "out": {"node": "test.target", "video": "tip"}}, *names)

    assert [result.exit for result in results] == [Exit.VERIFIED] * 3
    state = RunState(engine.folder)
    files = [state.plan_path(result.plan).name for result in results]
    assert len(set(files)) == 3
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-.") and len(name) < 256 for name in files)
    assert all(state.plan_path(result.plan).exists() for result in results)
