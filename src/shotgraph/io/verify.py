"""Reopen an output and compare it with what was planned, or with its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from shotgraph.api import PixelFormat, StreamInfo
from shotgraph.api.stream import UNSPECIFIED
from shotgraph.errors import VerifyError
from shotgraph.io.carry import CarryReport, accepted_indexes, stream_digests, survey
from shotgraph.io.clipinfo import ClipInfo, VideoInfo
from shotgraph.io.codecs import Codec
from shotgraph.io.movietags import carried_tags
from shotgraph.io.outputs import OutputPlan
from shotgraph.io.probe import probe

_NONE = "none"


@dataclass(frozen=True, slots=True)
class Check:
    """One property, compared.

    Attributes:
        name: the property.
        expected: what it should be.
        got: what the reopened file says.
        ok: they agree.
        declared: the difference was announced before the render, so it is no failure.
    """

    name: str
    expected: str
    got: str
    ok: bool
    declared: bool = False

    @property
    def failed(self) -> bool:
        """Whether the output must be refused."""
        return not (self.ok or self.declared)

    def __str__(self) -> str:
        """``name: got``, or what differs."""
        if self.ok:
            return f"{self.name}: {self.got}"
        verdict = "declared loss" if self.declared else "DIFFERS"
        return f"{self.name}: {verdict}, expected {self.expected}, got {self.got}"
