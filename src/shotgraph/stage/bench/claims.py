"""Claims: what was said beforehand, and what the rows say to it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import BaseModel, ConfigDict, Field, model_validator

from shotgraph.errors import UsageError
from shotgraph.pipeline.digest import digest, text_key
from shotgraph.stage.bench.bootstrap import Effect
from shotgraph.stage.edits import Family

FORMAT = 1
_WHO = "bench: claims"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Control(_Frozen):
    """What a method has to show, or a claim says nothing: a positive control.

    Attributes:
        method: which.
        metric: its number, averaged over clips.
        at_least: the number reaches this.
        at_most: the number stays within this.
        times: the number is at least so many times that of the method `of`.
        of: see `times`.
    """

    method: str
    metric: str
    at_least: float | None = None
    at_most: float | None = None
    times: float | None = None
    of: str = ""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = [value for value in (self.at_least, self.at_most, self.times) if value is not None]
        if len(given) != 1 or (self.times is None) != (not self.of):
            raise ValueError(f"a control must have one of at_least, at_most, or times with of, got {len(given)}")
        return self

    def __str__(self) -> str:
        """In words."""
        if self.at_least is not None:
            return f"{self.metric} of {self.method} is at least {self.at_least:g}"
        if self.at_most is not None:
            return f"{self.metric} of {self.method} is at most {self.at_most:g}"
        return f"{self.metric} of {self.method} is at least {self.times:g} times that of {self.of}"


class Claim(_Frozen):
    """One ordering.

    Attributes:
        id: as the specification numbers it.
        title: in words.
        metric: what is compared.
        more: the method whose number is expected to be the larger.
        less: the other one.
        effect: difference or ratio.
        minimum: the least effect that counts.
        edits: families it is tested on.
        clips: the least number of clips; the default's where it is 0.
        seeds: of sampled methods, averaged inside a clip.
        of_metrics: about the metrics themselves, so that rows need not be rankable.
        informative_if: its positive controls.
    """

    id: str
    title: str
    metric: str
    more: str
    less: str
    effect: Effect
    minimum: float
    edits: Annotated[tuple[Family, ...], Field(min_length=1)]
    clips: Annotated[int, Field(ge=0)] = 0
    seeds: Annotated[int, Field(ge=1)] = 1
    of_metrics: bool = False
    informative_if: tuple[Control, ...] = ()


class Defaults(_Frozen):
    """What holds for every claim.

    Attributes:
        clips: the least number of clips.
        minimum_colour_success: below it a method is too weak to be ranked by anything else.
        maximum_inversion_gap_db: beyond it the inversion decides, not the method.
    """

    clips: Annotated[int, Field(ge=1)]
    minimum_colour_success: Annotated[float, Field(ge=0, le=1)]
    maximum_inversion_gap_db: Annotated[float, Field(gt=0)]


class Declared(_Frozen):
    """The file.

    Attributes:
        format: of the file.
        defaults: what holds for every claim.
        claim: all of them.
    """

    format: Literal[1]
    defaults: Defaults
    claim: tuple[Claim, ...]

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        ids = [claim.id for claim in self.claim]
        twice = sorted({item for item in ids if ids.count(item) > 1})
        if twice:
            raise ValueError(f"ids must differ, {', '.join(twice)} is there twice")
        return self


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims with the digest of the text they were read from.

    Attributes:
        declared: what the file says.
        digest: of its bytes.
    """

    declared: Declared
    digest: str

    @property
    def all(self) -> tuple[Claim, ...]:
        """Every claim."""
        return self.declared.claim


def read_claims(path: Path | None = None) -> Claims:
    """The claims in a TOML file.

    Args:
        path: None for those that are shipped.

    Returns:
        The claims.

    Raises:
        UsageError: not TOML, or not what a claim must say; every fault is named.
    """
    shipped = resources.files("shotgraph.stage.bench") / "claims.toml"
    text = (shipped if path is None else path).read_bytes()
    try:
        declared = Declared.model_validate(tomllib.loads(text.decode("utf-8")))
    except pydantic.ValidationError as error:
        faults = "; ".join(f"{_place(fault['loc'])}: {fault['msg']}" for fault in error.errors())
        raise UsageError(f"{_WHO}: {path} must say what a claim needs, got {faults}") from error
    except ValueError as error:
        raise UsageError(f"{_WHO}: {path} must be TOML, got {error}") from error
    return Claims(declared, text_key(digest(text)))


def _place(steps: Sequence[Any]) -> str:
    return ".".join(map(str, steps)) or "file"
