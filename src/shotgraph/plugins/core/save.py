"""One value of a shot in a file: a table for a spreadsheet, an artifact for another preset.

No published source.

Departures from the paper: none.

Symbols: none.

Cost: none worth naming. No GPU.
"""

from pathlib import Path

from shotgraph.api import (
    Context,
    ExpectedOutput,
    Field,
    FrameRange,
    Params,
    Ports,
    QueryContext,
    Target,
    Value,
    Writer,
)

# For the disk check: nobody knows beforehand how many rows or layers there will be.
_GUESS_BYTES = 16 << 20


class Save(Target):
    """Writes a table to .csv or .json, an artifact to .safetensors."""

    id = "core.save"
    version = "1"

    class In(Ports):
        """A table or an artifact."""

        value: Value

    class Params(Params):
        """Where to."""

        file: str = Field(
            ...,
            min_length=1,
            path="write",
            description="e.g. {root}/out/{shot}_v{version:03d}.csv; .json, .safetensors",
        )

    @classmethod
    def expects(cls, frames: FrameRange, params: Params, ctx: QueryContext) -> ExpectedOutput:
        """The file."""
        from shotgraph.io.valuesink import check_value_file

        check_value_file(Path(params.file), who=ctx.node)
        return ExpectedOutput(path=params.file, frames=str(frames), bytes=_GUESS_BYTES)

    def open(self, expected: ExpectedOutput, params: Params, ctx: Context) -> Writer:
        """A writer of it."""
        from shotgraph.io.valuesink import ValueSink

        return ValueSink(Path(expected.path), lambda given: given.value, force=ctx.force)
