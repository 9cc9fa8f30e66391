"""The node: what a plugin author writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from shotgraph.api import params as _params
from shotgraph.api import ports as _ports
from shotgraph.api.context import Context, QueryContext
from shotgraph.api.contracts import Contract, Frame
from shotgraph.api.frames import FrameRange
from shotgraph.api.media import ExpectedOutput, Media, Reader, Writer
from shotgraph.api.stream import StreamInfo

Numerics = Literal["exact", "host", "device"]
Cost = Literal["light", "heavy"]

API_VERSION = 1


class NoPorts(_ports.Ports):
    """No ports."""


class NoParams(_params.Params):
    """No parameters."""


class Node:
    """One kind of processing. Subclass it, declare, and write `process`.

    Attributes:
        id: ``family.name``, equal to the entry point's name.
        version: bump it whenever the same inputs may give other pixels.
        api: version of this interface the node was written for.
        contract: which frames a call sees.
        numerics: ``exact`` (integer or plain numpy), ``host`` (depends on library versions and CPU) or ``device``
            (depends on the GPU model too).
        cost: ``heavy`` outputs are kept on disk.
        In: what it takes; a nested subclass of `Ports`.
        Out: what it gives; a nested subclass of `Ports`.
        Params: its parameters; a nested subclass of `Params`.
        numbered: the result depends on frame number, timecode or shot name (burn-ins, noise), so they join its keys.
    """

    id: ClassVar[str]
    version: ClassVar[str]
    api: ClassVar[int] = API_VERSION
    contract: ClassVar[Contract] = Frame()
    numerics: ClassVar[Numerics] = "host"
    cost: ClassVar[Cost] = "light"
    numbered: ClassVar[bool] = False

    In: ClassVar[type[_ports.Ports]] = NoPorts
    Out: ClassVar[type[_ports.Ports]] = NoPorts
    Params: ClassVar[type[_params.Params]] = NoParams

    # Plan-time queries: pure, cheap, never read a pixel.

    @classmethod
    def contract_for(cls, params: Any) -> Contract:
        """The contract with these parameters; the declared one unless a parameter sets a reach or a batch."""
        return cls.contract

    @classmethod
    def domain(cls, params: Any, ctx: QueryContext) -> FrameRange:
        """The frames it gives; those of its first stream input. Retimes and slates override it."""
        return next(iter(ctx.headers.values())).range

    @classmethod
    def info(cls, params: Any, ctx: QueryContext) -> Mapping[str, StreamInfo]:
        """Headers that differ from the default (the first stream input's, with the port's kind), by output port."""
        return {}

    @classmethod
    def frames_needed(cls, frame: int, params: Any, ctx: QueryContext) -> Mapping[str, Sequence[int]] | None:
        """`Frame` and `Window` nodes only: the input frames that output `frame` needs, by port; None means the contract's."""
        return None

    @classmethod
    def identity(cls, frame: int, params: Any, ctx: QueryContext) -> str | None:
        """Name of the input port whose `frame` is the answer unchanged, or None when there is work to do.

        Frame-wise nodes are asked frame by frame; all others once, at the first frame, for the whole shot.
        """
        return None

    @classmethod
    def models(cls, params: Any, ctx: QueryContext) -> Mapping[str, str]:
        """Digest of every model that the result depends on, by role (``base``, ``lora 1``); they join its key and the plan."""
        return {}

    # Run time.

    def setup(self, params: Any, ctx: Context) -> None:
        """Load what every call needs; once per worker and stage."""

    def process(self, frames: Any, params: Any, ctx: Context) -> Any:
        """Compute one unit; a failure that a user can cure is raised as `NodeError` with the cure as its hint.

        Args:
            frames: `In`, each stream port a frame, a stack, or (for `Clip`) a `FrameReader`.
            params: `Params`.
            ctx: the engine.

        Returns:
            `Out`, in the shape the contract says; a `Clip` node emits its streams instead and returns only the rest.

        Raises:
            TypeError: the subclass does not define it.
        """
        raise TypeError(f"{type(self).__name__}: a node must define process; {self.id!r} does not")

    def teardown(self, ctx: Context) -> None:
        """Release what `setup` took; called on errors too."""


class SequentialNode(Node):
    """A node with causal state; its contract is `Sequential`."""

    def initial(self, params: Any, ctx: Context) -> _ports.Artifact:
        """The state before the shot's first frame."""
        raise TypeError(f"{type(self).__name__}: a Sequential node must define initial; {self.id!r} does not")

    def step(self, frames: Any, state: _ports.Artifact, params: Any, ctx: Context) -> tuple[Any, _ports.Artifact]:
        """One frame: (`Out`, next state). The state is data only, so that it can be saved and resumed."""
        raise TypeError(f"{type(self).__name__}: a Sequential node must define step; {self.id!r} does not")


class Source(Node):
    """A node without inputs that reads media."""

    @classmethod
    def media(cls, params: Any, ctx: QueryContext) -> Media:
        """The files and header behind it; `MediaMissingError` or `MediaError` when it is not there or does not open."""
        raise TypeError(f"{cls.__name__}: a source must define media; {cls.id!r} does not")

    def open(self, media: Media, params: Any, ctx: Context) -> Reader:
        """A reader of `media`."""
        raise TypeError(f"{type(self).__name__}: a source must define open; {self.id!r} does not")


class Target(Node):
    """A node without outputs that writes files: the frames of its first stream input or, without any, the values it is given.

    A target of values is written once per shot: `expects` and `Writer.write` get the shot's first frame, the latter with `In`.
    One whose `frames_needed` asks for other frames too gets them in `Writer.write` as a tuple, in the order asked.
    """

    @classmethod
    def expects(cls, frames: FrameRange, params: Any, ctx: QueryContext) -> ExpectedOutput:
        """What writing `frames` (few in a partial run) puts where; `LossError` for any loss under `ctx.strict`."""
        raise TypeError(f"{cls.__name__}: a target must define expects; {cls.id!r} does not")

    def open(self, expected: ExpectedOutput, params: Any, ctx: Context) -> Writer:
        """A writer of `expected`; `OutputExistsError` when a foreign file is in the way."""
        raise TypeError(f"{type(self).__name__}: a target must define open; {self.id!r} does not")
