"""Every command with its one line of help, so that ``--help`` imports none of them.

A command ``name`` lives in ``shotgraph/cli/name.py`` as the click command called ``command``.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One command.

    Attributes:
        name: as typed; also the module's name.
        section: whom it is for.
        help: one line.
    """

    name: str
    section: str
    help: str


COMMANDS = (
    Entry("run", "artist", "Run a preset over shots and verify what was written."),
    Entry("shots", "artist", "List the shots that inputs mean, with frames and timecode."),
    Entry("probe", "artist", "Show what is known of a movie."),
    Entry("verify", "artist", "Compare a written movie with the one it was made from."),
    Entry("demo", "artist", "Make a shot with one painted keyframe and carry the paint through it."),
    Entry("nodes", "author", "List the installed nodes, or show one."),
    Entry("models", "author", "List, show, download and check models."),
    Entry("stage", "author", "Render shots whose truth is known, train tiny models on them, and judge those."),
    Entry("bench", "author", "Measure edit methods on clips whose truth is known, against claims frozen beforehand."),
    Entry("metrics", "author", "Measure an edited clip against its source."),
    Entry("check", "help", "Tell every fault of a preset without rendering."),
    Entry("plan", "farm", "Freeze what a run would do: stages, keys, memory, disk, losses."),
    Entry("explain", "help", "Tell what changed since the last run, or where a setting comes from."),
    Entry("graph", "help", "Print the planned graph as Mermaid."),
    Entry("cache", "help", "Show or trim the kept results."),
    Entry("schema", "help", "Print the JSON Schema of a preset, for editors."),
    Entry("presets", "help", "List the presets known by name, or show one."),
    Entry("doctor", "help", "Tell what is installed, what is broken and what to do."),
)
