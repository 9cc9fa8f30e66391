"""Where outputs may not go: over the run's own media, or over each other. No option lifts this."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from shotgraph.api.frames import FrameSet
from shotgraph.api.media import ExpectedOutput
from shotgraph.errors import UsageError
from shotgraph.pipeline.vertex import Graph


def check_places(graph: Graph, outputs: Mapping[str, ExpectedOutput], wanted: Mapping[str, FrameSet]) -> None:
    """Refuse outputs that would destroy a source or one another.

    Args:
        graph: compiled, versions filled in.
        outputs: target to what it writes.
        wanted: target to its frames.

    Raises:
        UsageError: a file to be written is a file of a source, or of another target.
    """
    real = _Folders()
    taken: dict[str, str] = {}
    for vertex in graph.vertices.values():
        for file in vertex.media.files if vertex.media is not None else ():
            # A plate reached through a link is also the file behind it; renaming an output replaces the link alone.
            places = (real.place(file), os.path.realpath(file)) if file.is_symlink() else (real.place(file),)
            taken |= dict.fromkeys(places, f"a file of {vertex.name}")
    for name, output in outputs.items():
        places = [real.place(file) for file in _files(Path(output.path), wanted[name])]
        for place in places:
            if place in taken:
                raise UsageError(
                    f"{name}: file must be a place of its own, got {place}, which is {taken[place]}; choose another path"
                )
        taken |= dict.fromkeys(places, f"written by {name}")


class _Folders:
    """Folders with their links followed, each once: a shot may have ten thousand files in one."""

    def __init__(self) -> None:
        self._real: dict[Path, str] = {}

    def place(self, file: Path) -> str:
        """The path of `file`, the same for every way to write it; it need not exist."""
        folder = file.parent
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        return os.path.join(self._real[folder], file.name)  # noqa: PTH118 - a Path for each frame costs three times this


def _files(path: Path, frames: FrameSet) -> Iterator[Path]:
    """The files of a movie or a sequence."""
    marks = "#" * path.name.count("#")
    if not marks or marks not in path.name:
        yield path
        return
    for frame in frames:
        yield path.with_name(path.name.replace(marks, f"{frame:0{len(marks)}d}"))
