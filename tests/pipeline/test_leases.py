"""Models are leased: loaded once, shared, given back whatever happens; and what they are is in every key."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from shotgraph.api import Clip, Field, Frame, Node, Params, Ports, Rgb
from shotgraph.errors import EnvironmentMismatchError, NodeError
from shotgraph.pipeline.frozen import check_same
from shotgraph.pipeline.host import settle_dtype
from shotgraph.pipeline.leases import Leases

SOURCE = {"node": "test.source", "first": 1001, "count": 4, "height": 4, "width": 6}


class Modelled(Node):
    """Multiplies by what it has leased."""

    id = "test.modelled"
    version = "1"
    contract = Frame()
    numerics = "device"
    loaded: ClassVar[list[str]] = []
    contexts: ClassVar[list[Any]] = []

    class In(Ports):
        """Frames."""

        video: Rgb

    class Out(Ports):
        """Frames."""

        video: Rgb

    class Params(Params):
        """Which model."""

        model: str = Field("a", description="name")
        weights: str = Field("1", semantic=False, description="stands for a file's content")
        fail: str = Field("", description="where to fail")

    @classmethod
    def models(cls, params: Any, ctx: Any) -> dict[str, str]:
        return {"base": f"b2:{params.weights}"}

    def setup(self, params: Any, ctx: Any) -> None:
        def load() -> float:
            self.loaded.append(params.model)
            return 2.0

        self.contexts.append(ctx)
        self.gain = ctx.lease(params.model, load)
        if params.fail == "setup":
            raise ValueError("in setup")

    def process(self, frames: Any, params: Any, ctx: Any) -> Any:
        if params.fail == "process":
            raise ValueError("in process")
        if params.fail == "teardown" and ctx.frames[0] == 1004:
            self.fail = True
        return self.Out(video=frames.video * self.gain)

    def teardown(self, ctx: Any) -> None:
        if getattr(self, "fail", False):
            raise ValueError("in teardown")


class ModelledClip(Modelled):
    """The same over a whole shot."""

    id = "test.modelled_clip"
    contract = Clip()

    def process(self, frames: Any, params: Any, ctx: Any) -> None:
        for frame in ctx.frames:
            ctx.emit(frame, self.Out(video=frames.video[frame] * self.gain))


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    Modelled.loaded.clear()
    Modelled.contexts.clear()


def graph(*models: str, node: str = "test.modelled", **params: Any) -> dict[str, dict[str, Any]]:
    nodes: dict[str, dict[str, Any]] = {"plate": SOURCE}
    for number, model in enumerate(models):
        before = f"n{number - 1}" if number else "plate"
        nodes[f"n{number}"] = {"node": node, "video": f"{before}.video", "model": model, **params}
    return nodes | {"out": {"node": "test.collect", "video": f"n{len(models) - 1}.video"}}


def held(ctx: Any) -> int:
    return sum(loan.holders for loan in ctx.leases._loans.values())


def test_a_loan_is_loaded_once_and_shared() -> None:
    leases, loads = Leases(), list[str]()

    first, second = (leases.take("a", lambda: loads.append("a") or object()) for _ in range(2))

    assert first is second
    assert loads == ["a"]


def test_what_all_gave_back_stays_until_something_else_is_asked_for() -> None:
    leases = Leases()
    kept, idle = leases.take("kept", object), leases.take("idle", object)
    leases.give_back("idle")

    assert leases.take("idle", object) is idle
    leases.give_back("idle")
    leases.take("new", object)

    assert leases.names() == ("kept", "new")
    assert leases.take("kept", object) is kept


def test_a_load_that_fails_leaves_nothing_behind() -> None:
    leases = Leases()

    def load() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        leases.take("a", load)

    assert leases.names() == ()
    assert leases.take("a", lambda: 3) == 3


def test_two_nodes_of_a_run_share_a_model_and_give_it_back(engine: Any) -> None:
    ran = engine.run(graph("a", "a", "b"), classes=(Modelled,))

    assert Modelled.loaded == ["a", "b"]
    assert len({id(ctx.leases) for ctx in Modelled.contexts}) == 1
    assert [held(ctx) for ctx in Modelled.contexts] == [0, 0, 0]
    plain = engine.frames(graph("a", model="a"), classes=(Modelled,))
    assert (ran.frames[1002] == 4 * plain[1002]).all()


def test_the_next_shot_of_a_session_finds_the_model_loaded(engine: Any) -> None:
    results = engine.shots(graph("a"), "sh010", "sh020", classes=(Modelled,))

    assert [result.message for result in results] == ["", ""]
    assert Modelled.loaded == ["a"]
    assert len(Modelled.contexts) == 2


@pytest.mark.parametrize(
    ("where", "node"),
    [
        ("setup", "test.modelled"),
        ("process", "test.modelled"),
        ("teardown", "test.modelled"),
        ("setup", "test.modelled_clip"),
    ],
)
def test_a_failure_anywhere_ends_the_lease(engine: Any, where: str, node: str) -> None:
    with pytest.raises((NodeError, ValueError), match=f"in {where}"):
        engine.run(graph("a", node=node, fail=where), classes=(Modelled, ModelledClip))

    assert [held(ctx) for ctx in Modelled.contexts] == [0]


def test_a_clip_node_gives_back_what_it_leased(engine: Any) -> None:
    engine.run(graph("a", node="test.modelled_clip"), classes=(ModelledClip,))

    assert Modelled.loaded == ["a"]
    assert [held(ctx) for ctx in Modelled.contexts] == [0]


def test_other_weights_are_another_key_and_stand_in_the_plan(engine: Any) -> None:
    plans = [engine.prepare(graph("a", weights=w), classes=(Modelled,)).plan for w in ("1", "1", "2")]

    keys = [plan.nodes[1].key for plan in plans]
    assert keys[0] == keys[1] != keys[2]
    assert [plan.nodes[1].models for plan in plans] == [{"base": "b2:1"}, {"base": "b2:1"}, {"base": "b2:2"}]
    assert plans[0].nodes[0].models == {}


def test_a_host_with_other_weights_is_refused_by_name(engine: Any) -> None:
    planned, found = (engine.prepare(graph("a", weights=w), classes=(Modelled,)).plan for w in ("1", "2"))

    with pytest.raises(
        EnvironmentMismatchError,
        match=r"models of n0 must be \{'base': 'b2:1'\} as planned, got \{'base': 'b2:2'\}; copy the planned models",
    ):
        check_same(planned, found)


def test_the_dtype_is_in_the_keys_of_device_nodes_only(engine: Any) -> None:
    plans = [
        engine.prepare(graph("a"), classes=(Modelled,), options={"dtype": dtype}).plan
        for dtype in ("auto", "fp32", "bf16")
    ]

    assert [plan.dtype for plan in plans] == ["fp32", "fp32", "bf16"]
    assert plans[0].nodes[1].key == plans[1].nodes[1].key != plans[2].nodes[1].key
    assert plans[0].nodes[0].key == plans[2].nodes[0].key
    assert plans[0].digest == plans[1].digest


@pytest.mark.parametrize(
    ("asked", "device", "expected"),
    [("auto", "cpu", "fp32"), ("auto", "cuda:1", "fp16"), ("bf16", "cpu", "bf16"), ("fp32", "cuda:0", "fp32")],
)
def test_a_dtype_is_settled_by_the_device_unless_asked_for(asked: Any, device: str, expected: str) -> None:
    assert settle_dtype(asked, device) == expected
