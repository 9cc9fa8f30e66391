"""A catalogue of nodes made for these tests, and one preset that is right in every respect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict

from shotgraph.api import (
    Artifact,
    Chunk,
    Field,
    Flow,
    Frame,
    Mask,
    Native,
    Node,
    Params,
    Picture,
    Port,
    Ports,
    PortSpec,
    Rgb,
    Window,
    Writable,
    port_specs,
)
from shotgraph.errors import PluginError
from shotgraph.presets import Preset, Site, load


class Lora(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    scale: float = 1.0


class Read(Node):
    id = "core.read"
    contract = Frame()

    class Out(Ports):
        video: Native

    class Params(Params):
        file: str = Field(description="what to read", path="read")


class Dis(Node):
    id = "flow.dis"
    contract = Window(future=1)

    class In(Ports):
        video: Rgb

    class Out(Ports):
        flow: Flow

    class Params(Params):
        scale: float = Field(1.0, gt=0, le=1, description="of the working size")


class Propagate(Node):
    id = "edit.propagate"
    contract = Chunk(size=16, overlap=4)

    class In(Ports):
        video: Rgb
        flow: Flow
        matte: Mask | None = None

    class Out(Ports):
        video: Rgb
        mask: Mask

    class Params(Params):
        paint: str = Field("", description="painted frames", path="read")
        strength: float = Field(1.0, ge=0, le=1, description="share of the edit", per_shot=True)
        seed: int = Field(0, ge=0, lt=2**32, description="of the noise", per_shot=True)
        steps: int = Field(50, multiple_of=5, description="sampling steps")
        mode: Literal["soft", "hard"] = Field("soft", description="edge")
        loras: list[Lora] = Field([], max_length=2, description="adapters")
        size: tuple[int, int] | None = Field(None, description="work size")
        model: str | Lora = Field("stage-sd", description="model reference")
        name: str = Field("a", min_length=1, max_length=8, pattern="^[a-z]+$", description="label")
        strict: bool = Field(False, description="refuse doubts")


class Grow(Node):
    id = "core.matte"
    contract = Frame(batch=4)

    class In(Ports):
        matte: Rgb

    class Out(Ports):
        matte: Mask


class Split(Node):
    id = "core.split"

    class In(Ports):
        video: Picture

    class Out(Ports):
        left: Rgb
        right: Rgb


class Train(Node):
    id = "tune.lora"

    class In(Ports):
        video: Rgb

    class Out(Ports):
        lora: Annotated[Artifact, Port("artifact", "lora")]
        look: Annotated[Artifact, Port("artifact", "rgb")]


class Write(Node):
    id = "core.write"

    class In(Ports):
        video: Writable
        audio_from: Native | None = None

    class Params(Params):
        file: str = Field(description="what to write", path="write")
        codec: str = Field("prores_4444", description="encoder")


@dataclass(frozen=True)
class FakeCard:
    id: str
    summary: str
    contract: str
    contract_settings: dict[str, Any]
    inputs: tuple[PortSpec, ...]
    outputs: tuple[PortSpec, ...]
    schema: dict[str, Any]


class FakeCatalogue:
    def __init__(self, nodes: Iterable[type[Node]], *, broken: Iterable[str] = ()) -> None:
        self._nodes = {node.id: node for node in nodes}
        self._broken = set(broken)

    def ids(self) -> tuple[str, ...]:
        return tuple(sorted({*self._nodes, *self._broken}))

    def card(self, node_id: str) -> FakeCard:
        if node_id in self._broken:
            raise PluginError(f"plugin {node_id!r}: must import, got ImportError: no torch")
        if node_id not in self._nodes:
            raise PluginError(f"registry: node must be an installed one, got {node_id!r}")
        node = self._nodes[node_id]
        return FakeCard(
            id=node.id,
            summary=(node.__doc__ or "").partition("\n")[0],
            contract=type(node.contract).__name__,
            contract_settings=asdict(node.contract),
            inputs=port_specs(node.In),
            outputs=port_specs(node.Out),
            schema=node.Params.model_json_schema(),
        )


VALID = """\
shotgraph: 1
description: carries paint through a shot
vars: {prompt: "a red star", seed: 7, amount: 0.5}
shots:
  plate: ["{root}/{shot}/plate.*", "{root}/{shot}.{ext}"]
  also: {matte: "{root}/{shot}/matte.####.png?"}
  handles: 0
  first_frame: 1001
graph:
  plate: {node: core.read, file: "{plate}"}
  flow: {node: flow.dis, video: plate}
  edit:
    node: edit.propagate
    video: plate
    flow: flow
    paint: "{root}/paint/{shot}.####.png"
    seed: "${vars.seed}"
    strength: "${vars.amount}"
    chunk: {size: 32, overlap: 8}
  out:
    node: core.write
    video: edit
    audio_from: plate
    file: "{root}/out/{shot}_v{version:03d}.mov"
targets: [out]
overrides: {"sq010_*": {vars: {seed: 11}}}
"""


@pytest.fixture
def valid() -> str:
    return VALID


@pytest.fixture
def catalogue() -> FakeCatalogue:
    return FakeCatalogue((Read, Dis, Propagate, Grow, Split, Train, Write), broken=("edit.broken",))


@pytest.fixture
def preset(tmp_path: Path) -> Callable[..., Preset]:
    """Loads a preset from text; keywords go to `load`."""

    def made(
        text: str = VALID, *, name: str = "show.yaml", site: Site | None = None, sets: Iterable[str] = ()
    ) -> Preset:
        path = tmp_path / "presets" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return load(path, site=site, sets=list(sets))

    return made
