"""The frozen plan: what workers run and what people read. Nothing here computes."""

from __future__ import annotations

from typing import Any, Literal

import pydantic
from pydantic import ConfigDict

from shotgraph.api.graph import OnError

PLAN_SCHEMA = 1
Dtype = Literal["auto", "fp32", "fp16", "bf16"]
IdentityMode = Literal["content", "sampled", "stat"]


class _Frozen(pydantic.BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlanNode(_Frozen):
    """One node, resolved.

    Attributes:
        name: name in the preset; ``plate>rgb`` for a conversion the planner inserted.
        node: node id.
        version: node version.
        distribution: ``name version`` of the package that offers it.
        params: every parameter with its value, path fields filled.
        inputs: input port to ``node.port``.
        contract: the contract with its settings, e.g. ``{"name": "Chunk", "size": 16, ...}``.
        kinds: output port to stream kind.
        headers: output port to `StreamInfo` as JSON.
        numerics: exact, host or device.
        kept: outputs are stored on disk.
        materialize: the preset keeps its outputs.
        on_error: policy for a frame whose `process` raises.
        key: node key; frame keys build on it.
        inserted: the planner put it there.
        units: how many units (frames, batches, windows) this run needs.
        note: for people: matrix, range and transfer of a conversion.
        models: role to digest of every model it computes with.
    """

    name: str
    node: str
    version: str
    distribution: str
    params: dict[str, Any]
    inputs: dict[str, str]
    contract: dict[str, Any]
    kinds: dict[str, str]
    headers: dict[str, Any]
    numerics: str
    kept: bool
    materialize: bool
    on_error: OnError
    key: str
    inserted: bool = False
    units: int = 0
    note: str = ""
    models: dict[str, str] = {}


class PlanStage(_Frozen):
    """A region that streams: everything inside runs in one pass over the frames.

    Attributes:
        name: ``s1``, ``s2`` ... in order of execution.
        nodes: names, in topological order.
        peak_live_frames: most frames held at once, by the same schedule that will run.
        peak_bytes: the same in bytes.
        disk_bytes: kept outputs this stage may write to the cache.
    """

    name: str
    nodes: tuple[str, ...]
    peak_live_frames: int
    peak_bytes: int
    disk_bytes: int


class PlanMedia(_Frozen):
    """Identity of one source.

    Attributes:
        node: the source's name.
        files: number of files.
        path: movie or pattern.
        identity: how it was identified: ``content``, ``sampled`` or ``stat``.
        digest: of all its files.
    """

    node: str
    files: int
    path: str
    identity: IdentityMode
    digest: str


class PlanOutput(_Frozen):
    """A file or sequence the plan will write.

    Attributes:
        target: the target's name.
        path: where, version filled in.
        template: the same before the version was filled in.
        frames: canonical frame list.
        bytes: estimate.
        losses: what the format cannot keep.
    """

    target: str
    path: str
    template: str
    frames: str
    bytes: int
    losses: tuple[str, ...] = ()


class Plan(_Frozen):
    """Everything a worker needs to know, and nothing it may decide.

    Attributes:
        plan_schema: version of this format.
        shotgraph: version that planned it.
        preset: preset name.
        shot: shot name.
        root: `{root}` of the shot.
        media: media fields of the shot.
        fields: other path fields of the shot.
        first_frame: the shot's first frame number.
        handles: frames at either end that outputs leave out.
        frames: frames to be written.
        version: output version number; 0 when no output path has one.
        device: ``cpu`` or ``cuda:N``.
        dtype: compute dtype of model nodes.
        threads: CPU threads of every library.
        environment: library versions that ``host`` keys depend on.
        plugins: distribution to version.
        nodes: in topological order.
        stages: in order of execution.
        sources: media identities.
        outputs: expected files.
        warnings: losses, snaps, guesses: what a person should read first.
        digest: of all of the above except `version`, output paths and this field.
    """

    plan_schema: int = PLAN_SCHEMA
    shotgraph: str
    preset: str
    shot: str
    root: str
    media: dict[str, str]
    fields: dict[str, str]
    first_frame: int
    handles: int
    frames: str
    version: int
    device: str
    dtype: Dtype
    threads: int
    environment: dict[str, str]
    plugins: dict[str, str]
    nodes: tuple[PlanNode, ...]
    stages: tuple[PlanStage, ...]
    sources: tuple[PlanMedia, ...]
    outputs: tuple[PlanOutput, ...]
    warnings: tuple[str, ...]
    digest: str = ""

    @property
    def peak_bytes(self) -> int:
        """Most bytes of frames held at once over all stages."""
        return max((stage.peak_bytes for stage in self.stages), default=0)

    @property
    def disk_bytes(self) -> int:
        """Bytes the run may write: kept outputs and targets."""
        return sum(stage.disk_bytes for stage in self.stages) + sum(output.bytes for output in self.outputs)
