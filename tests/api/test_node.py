"""Ports, parameters and the node base class: what a plugin author meets first."""

import pickle
from dataclasses import FrozenInstanceError
from typing import Annotated, Any

import numpy as np
import pytest
from pydantic import ValidationError

from shotgraph.api import (
    Artifact,
    Field,
    Flow,
    Header,
    Node,
    Picture,
    Port,
    Ports,
    PortSpec,
    Rgb,
    SequentialNode,
    Source,
    Target,
    port_specs,
)
from shotgraph.api.params import Params, field_flags
from shotgraph.errors import GraphError

Lora = Annotated[Artifact, Port("artifact", "lora")]


class EveryForm(Ports):
    """One port of each form an author can write."""

    video: Rgb
    plate: Picture
    flow: Flow | None
    matte: Rgb | None = None
    audio_from: Header | None = None
    lora: Lora


class Unmarked(Ports):
    """An annotation that carries no port type."""

    video: Rgb
    strength: float


class Thresholds(Params):
    """Every flag once."""

    low: int = Field(3, ge=0, le=9, description="weak edge", unit="code value")
    file: str = Field(description="where to", path="write", per_shot=True)
    preview: bool = Field(False, description="show it", semantic=False)
    plain: int = 4


def test_port_specs_read_the_annotations_in_order() -> None:
    streams = ("native", "rgb", "rgb_linear", "mask", "flow", "depth", "trajectory", "keypoints")

    assert port_specs(EveryForm) == (
        PortSpec("video", "stream", ("rgb",)),
        PortSpec("plate", "stream", ("native", "rgb")),
        PortSpec("flow", "stream", ("flow",), optional=True),
        PortSpec("matte", "stream", ("rgb",), optional=True),
        PortSpec("audio_from", "stream", streams, optional=True, header_only=True),
        PortSpec("lora", "artifact", ("lora",)),
    )


def test_a_default_alone_makes_a_port_optional() -> None:
    class Defaulted(Ports):
        video: Rgb = None  # type: ignore[assignment]

    assert port_specs(Defaulted) == (PortSpec("video", "stream", ("rgb",), optional=True),)


def test_a_node_without_ports_has_none() -> None:
    assert port_specs(Node.In) == ()
    assert port_specs(Ports) == ()


def test_a_field_without_a_port_type_is_named() -> None:
    with pytest.raises(
        GraphError, match=r"Unmarked\.strength: must be annotated with a port type such as Rgb, got <class 'float'>"
    ):
        port_specs(Unmarked)


@pytest.mark.parametrize(("kinds", "shown"), [(("rgb", "video"), r"\['video'\]"), ((), r"\(\)")])
def test_a_stream_kind_outside_the_closed_list_is_refused(kinds: tuple[str, ...], shown: str) -> None:
    with pytest.raises(GraphError, match=f"stream kind must be one of native, rgb, .*keypoints, got {shown}"):
        Port("stream", *kinds)


def test_an_artifact_may_have_any_name() -> None:
    assert repr(Port("artifact", "lora")) == "Port('artifact', 'lora')"


def test_ports_are_frozen_keyword_only_and_pickle() -> None:
    pixels = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    given = EveryForm(video=pixels, plate=pixels, flow=None, lora=Artifact({}, {"rank": 4}))

    again = pickle.loads(pickle.dumps(given))

    assert np.array_equal(again.video, pixels)
    assert again.lora.meta == {"rank": 4}
    with pytest.raises(FrozenInstanceError, match="video"):
        given.video = pixels  # type: ignore[misc]
    with pytest.raises(TypeError, match="positional"):
        EveryForm(pixels)  # type: ignore[misc]


def test_flags_are_stored_beside_a_parameter() -> None:
    defaults = {"unit": "", "semantic": True, "per_shot": False, "path": ""}

    assert field_flags(Thresholds, "low") == defaults | {"unit": "code value"}
    assert field_flags(Thresholds, "file") == defaults | {"per_shot": True, "path": "write"}
    assert field_flags(Thresholds, "preview") == defaults | {"semantic": False}
    assert field_flags(Thresholds, "plain") == defaults


def test_the_schema_carries_flags_limits_and_descriptions() -> None:
    low = Thresholds.model_json_schema()["properties"]["low"]

    assert (low["default"], low["minimum"], low["maximum"]) == (3, 0, 9)
    assert (low["description"], low["unit"]) == ("weak edge", "code value")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"file": "a", "lo": 1}, "Extra inputs are not permitted"),
        ({"file": "a", "low": 10}, "less than or equal to 9"),
        ({}, "Field required"),
    ],
)
def test_wrong_parameters_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Thresholds(**values)


def test_parameters_are_frozen_and_finite() -> None:
    class Strength(Params):
        value: float = 1.0

    with pytest.raises(ValidationError, match="frozen"):
        Strength().value = 2.0
    with pytest.raises(ValidationError, match="finite"):
        Strength(value=float("nan"))


class Forgetful(SequentialNode, Source, Target):
    """Defines nothing."""

    id = "test.forgetful"
    version = "1"


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("process", (None, None, None)),
        ("initial", (None, None)),
        ("step", (None, None, None, None)),
        ("media", (None, None)),
        ("expects", (None, None, None)),
        ("open", (None, None, None)),
    ],
)
def test_a_method_the_author_forgot_is_named_with_the_node(method: str, arguments: tuple[None, ...]) -> None:
    with pytest.raises(TypeError, match=f"Forgetful: .* must define {method}; 'test.forgetful' does not"):
        getattr(Forgetful(), method)(*arguments)


def test_a_target_that_cannot_open_is_named() -> None:
    class Sink(Target):
        id = "test.sink"

    with pytest.raises(TypeError, match=r"Sink: a target must define open; 'test.sink' does not"):
        Sink().open(None, None, None)  # type: ignore[arg-type]
