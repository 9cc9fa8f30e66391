"""Keys change exactly where the result could: what is affected, and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shotgraph.api import Header, Node, Ports, Rgb
from shotgraph.pipeline.keys import Keyring
from shotgraph.testing.synthetic import Gain, Null

FIRST, LAST = 1001, 1030
FRAMES = range(FIRST, LAST + 1)

Nodes = dict[str, dict[str, Any]]


def plate_files(folder: Path) -> Path:
    """A plate of one small file a frame, each with a content of its own."""
    folder.mkdir()
    for frame in FRAMES:
        text = json.dumps({"offsets": {str(frame): frame / 7}})
        (folder / f"{frame}.json").write_text(text, encoding="utf-8")
    return folder


def graph_of(plate: Path, **gain: Any) -> Nodes:
    return {
        "plate": {"node": "test.source", "file": str(plate), "first": FIRST, "count": len(FRAMES)},
        "grade": {"node": "test.gain", "video": "plate", **gain},
        "smooth": {"node": "test.smooth", "video": "grade"},
        "batch": {"node": "test.batch", "video": "grade"},
        "edit": {"node": "test.chunk", "video": "grade"},
        "sum": {"node": "test.sequential", "video": "grade"},
        "whole": {"node": "test.clip", "video": "grade"},
        "aside": {"node": "test.gain", "video": "plate", "gain": 3.0},
        **{f"out_{n}": {"node": "test.target", "video": f"{n}.video"} for n in ("smooth", "batch", "edit", "sum")},
        **{f"out_{n}": {"node": "test.target", "video": f"{n}.video"} for n in ("whole", "aside")},
    }


def prepared(engine: Any, nodes: Nodes, **settings: Any) -> Any:
    return engine.prepare(nodes, targets=[n for n in nodes if n.startswith("out")], **settings)


def keys_of(engine: Any, nodes: Nodes, **settings: Any) -> dict[str, dict[int, bytes]]:
    """By the node that a target writes, the key of every frame the target is given."""
    keys = prepared(engine, nodes, **settings).keys
    return {
        name.removeprefix("out_"): {f: keys.frame(name, f) for f in FRAMES} for name in nodes if name.startswith("out")
    }


def changed(before: dict[str, dict[int, bytes]], after: dict[str, dict[int, bytes]]) -> dict[str, list[int]]:
    found = {name: [f for f in FRAMES if before[name][f] != after[name][f]] for name in before}
    return {name: frames for name, frames in found.items() if frames}


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    return plate_files(tmp_path / "plate")


def test_the_same_graph_has_the_same_keys_and_no_two_results_share_one(engine: Any, plate: Path) -> None:
    before, after = (keys_of(engine, graph_of(plate)) for _ in range(2))

    assert before == after
    every = [key for frames in before.values() for key in frames.values()]
    assert len(set(every)) == len(every)


def test_one_parameter_changes_its_node_and_what_reads_it(engine: Any, plate: Path) -> None:
    before, after = (keys_of(engine, graph_of(plate, gain=gain)) for gain in (1.5, 1.25))

    assert changed(before, after) == {n: list(FRAMES) for n in ("smooth", "batch", "edit", "sum", "whole")}


def test_a_parameter_without_meaning_changes_nothing(engine: Any, plate: Path, tmp_path: Path) -> None:
    before, after = (keys_of(engine, graph_of(plate, calls=calls)) for calls in ("", str(tmp_path / "calls")))

    assert before == after


def test_names_of_nodes_and_paths_of_outputs_are_in_no_key(engine: Any, plate: Path, tmp_path: Path) -> None:
    nodes = graph_of(plate)
    renamed = json.loads(json.dumps(nodes).replace("grade", "look"))
    renamed["out_sum"]["file"] = str(tmp_path / "elsewhere")

    assert keys_of(engine, renamed) == keys_of(engine, nodes)


def test_one_plate_frame_changes_exactly_the_frames_that_can_see_it(engine: Any, plate: Path) -> None:
    nodes = graph_of(plate)
    before = keys_of(engine, nodes)

    (plate / "1013.json").write_text('{"offsets": {"1013": 0.75}}', encoding="utf-8")
    after = keys_of(engine, nodes)

    assert changed(before, after) == {
        "aside": [1013],
        # Two past frames and one future one: who looks that far.
        "smooth": [1012, 1013, 1014, 1015],
        # The fourth batch of four.
        "batch": [1013, 1014, 1015, 1016],
        # Windows of 8 that start every 5 frames: those from 1006 and 1011 hold it.
        "edit": list(range(1006, 1019)),
        "sum": list(range(1013, LAST + 1)),
        "whole": list(FRAMES),
    }


class NewerGain(Gain):
    """Another version of it."""

    id = "test.gain"
    version = "2"


def test_a_version_of_a_node_changes_its_node_and_what_reads_it(engine: Any, plate: Path) -> None:
    nodes = graph_of(plate)

    before, after = keys_of(engine, nodes), keys_of(engine, nodes, classes=(NewerGain,))

    assert sorted(changed(before, after)) == sorted(before)
    plate_keys = [prepared(engine, nodes, classes=c).keys.frame("plate", FIRST) for c in ((), (NewerGain,))]
    assert plate_keys[0] == plate_keys[1]


def test_a_version_of_the_plugin_changes_all_of_its_nodes(engine: Any, plate: Path) -> None:
    nodes = graph_of(plate)

    before, after = keys_of(engine, nodes), keys_of(engine, nodes, distribution="synthetic 2")

    assert changed(before, after) == {name: list(FRAMES) for name in before}


class HostGain(Gain):
    """Depends on libraries and CPU."""

    id = "test.host"
    numerics = "host"


class DeviceGain(Gain):
    """Depends on the GPU too."""

    id = "test.device"
    numerics = "device"


HOST = {"numpy": "2.0", "cpu": "avx2", "threads": "2", "device": "cpu"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"numpy": "2.1"}, ["device", "host"]),
        ({"threads": "4"}, ["device", "host"]),
        ({"device": "cuda:0", "gpu": "H100"}, ["device"]),
    ],
)
def test_numerics_say_which_facts_about_the_host_count(
    engine: Any, plate: Path, change: dict[str, str], expected: list[str]
) -> None:
    nodes = graph_of(plate)
    nodes = {"plate": nodes["plate"]}
    nodes |= {
        n: {"node": f"test.{i}", "video": "plate"}
        for n, i in (("exact", "gain"), ("host", "host"), ("device", "device"))
    }
    nodes |= {f"out_{n}": {"node": "test.target", "video": n} for n in ("exact", "host", "device")}
    draft = prepared(engine, nodes, classes=(HostGain, DeviceGain)).draft

    before, after = (Keyring(draft.graph, draft.identities, facts) for facts in (HOST, HOST | change))

    different = [n for n in ("device", "exact", "host") if before.frame(n, FIRST) != after.frame(n, FIRST)]
    assert different == expected


class Titled(Node):
    """Reads the header of another stream, and none of its frames."""

    id = "test.titled"
    version = "1"
    numerics = "exact"

    class In(Ports):
        video: Rgb
        named_after: Header

    class Out(Ports):
        video: Rgb

    def process(self, frames: Any, params: Any, ctx: Any) -> Any:
        return self.Out(video=frames.video)


def test_a_stream_read_for_its_header_only_is_in_no_key(engine: Any, plate: Path) -> None:
    def nodes(gain: float) -> Nodes:
        return {
            "plate": graph_of(plate)["plate"],
            "other": {"node": "test.gain", "video": "plate", "gain": gain},
            "titled": {"node": "test.titled", "video": "plate", "named_after": "other"},
            "out_titled": {"node": "test.target", "video": "titled"},
        }

    before, after = (keys_of(engine, nodes(gain), classes=(Titled,)) for gain in (1.5, 2.5))

    assert before == after
    ran = engine.run(nodes(1.5) | {"out": {"node": "test.collect", "video": "titled"}}, classes=(Titled,))
    assert "other" not in ran.outcome.computed


class Stamp(Null):
    """Draws the frame number, or would."""

    id = "test.stamp"
    numbered = True


def test_equal_pictures_share_a_key_unless_the_node_draws_numbers(engine: Any, plate: Path) -> None:
    (plate / "1004.json").write_bytes((plate / "1003.json").read_bytes())
    nodes = graph_of(plate)
    nodes |= {"stamp": {"node": "test.stamp", "video": "plate"}, "out_stamp": {"node": "test.target", "video": "stamp"}}

    keys = keys_of(engine, nodes, classes=(Stamp,))

    assert keys["aside"][1003] == keys["aside"][1004] != keys["aside"][1005]
    assert keys["stamp"][1003] != keys["stamp"][1004]


def test_a_shots_name_is_in_the_keys_of_nodes_that_draw_it_only(engine: Any, plate: Path) -> None:
    nodes = graph_of(plate)
    nodes |= {"stamp": {"node": "test.stamp", "video": "plate"}, "out_stamp": {"node": "test.target", "video": "stamp"}}

    before, after = (keys_of(engine, nodes, classes=(Stamp,), shot={"name": name}) for name in ("sh010", "sh020"))

    assert changed(before, after) == {"stamp": list(FRAMES)}


def ring(engine: Any, offset: float) -> Keyring:
    """Keys of a shot of a group; every shot has a plate of its own."""
    file = engine.folder / f"{offset}.json"
    file.write_text(json.dumps({"offsets": {"1003": offset}}), encoding="utf-8")
    nodes = {
        "plate": {"node": "test.source", "file": str(file)},
        "group": {"node": "test.clips", "video": "plate"},
        "tip": {"node": "test.add", "video": "plate", "mean": "group"},
        "out": {"node": "test.collect", "video": "tip"},
    }
    return engine.prepare(nodes).draft.keys


def grouped(*rings: Keyring) -> bytes:
    """The key of the group's artifact, asked for anew."""
    fresh = [Keyring(r._graph, r._identities, r._environment) for r in rings]
    for one in fresh:
        one.group = tuple(fresh)
    return fresh[0].whole("group")


def test_a_group_is_a_set_of_shots_in_any_order(engine: Any) -> None:
    a, b, c = (ring(engine, offset) for offset in (0.25, 0.5, 0.75))

    assert grouped(a, b, c) == grouped(c, a, b) == grouped(b, c, a)
    assert len({grouped(a), grouped(a, b), grouped(a, b, c), grouped(a, c)}) == 4


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(st.sampled_from(FRAMES), min_size=1, max_size=12), forgotten=st.integers(0, 40))
def test_a_key_does_not_depend_on_what_was_asked_before_or_forgotten(
    engine: Any, frames: list[int], forgotten: int
) -> None:
    nodes = graph_of(Path())
    nodes["plate"] = {"node": "test.source", "first": FIRST, "count": len(FRAMES)}
    keys = prepared(engine, nodes).draft.keys
    expected = {
        name: [fresh.frame(name, f) for f in frames] for name in keys._graph.vertices for fresh in [_copy(keys)]
    }

    for name in keys._graph.vertices:
        for frame in frames:
            keys.frame(name, frame)
            keys.forget(name, oldest=forgotten)

    assert {name: [keys.frame(name, f) for f in frames] for name in keys._graph.vertices} == expected


def _copy(keys: Keyring) -> Keyring:
    return Keyring(keys._graph, keys._identities, keys._environment)


def test_the_memo_does_not_grow_with_the_clip(engine: Any) -> None:
    nodes = {
        "plate": {"node": "test.source", "count": 9000, "height": 1, "width": 1},
        "sum": {"node": "test.sequential", "video": "plate"},
        "out": {"node": "test.target", "video": "sum"},
    }
    keys = engine.prepare(nodes).draft.keys

    last = keys.frame("out", 10_000)

    assert max(len(known) for known in keys._frames.values()) <= 2048
    assert last == _copy(keys).frame("out", 10_000)
    assert last != keys.frame("out", 9_999)


PRINT_KEYS = """
from pathlib import Path
from shotgraph.api import Shot
from shotgraph.pipeline.cache import Cache
from shotgraph.pipeline.identity import IdentityMemo
from shotgraph.pipeline.planner import Planner, RunOptions
from shotgraph.testing.given import GivenClasses, graph_spec

nodes = {
    "plate": {"node": "test.source", "count": 9},
    "edit": {"node": "test.chunk", "video": "plate", "strength": 0.1},
    "out": {"node": "test.target", "video": "edit"},
}
planner = Planner(GivenClasses(), Cache(Path("nowhere")), IdentityMemo(None), RunOptions(device="cpu"), reserve=False)
keys = planner.finish(planner.draft(graph_spec(nodes), Shot(name="sh010", root=Path("nowhere")))).keys
print(keys.node("edit").hex(), keys.frame("out", 1009).hex())
"""


def test_keys_are_the_same_in_another_process_with_other_hashes() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", PRINT_KEYS],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "4711")
    ]

    assert len(said[0].split()) == 2
    assert said[0] == said[1]
