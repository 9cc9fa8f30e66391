"""Claims: what is said beforehand, and under which conditions the rows may answer."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shotgraph.digests import digest, text_key
from shotgraph.errors import UsageError
from shotgraph.stage.bench.bootstrap import Effect
from shotgraph.stage.bench.methods import Settings
from shotgraph.stage.bench.names import normal_name, varied
from shotgraph.stage.edits import Family

FORMAT = 1
# What the inversion that methods share loses by itself.
THERE_AND_BACK = normal_name("per_frame@guidance=1+reconstruct")
# All of them go with what is ranked, motion because success is judged at the true pose: looked at on ranked rows alone, they
# would be looked at where they are good.
_GATES = ("success", "success_judged", "background_psnr_db", "trajectory_error_px", "motion_fidelity")
_WHO = "bench: claims"

Name = Annotated[str, AfterValidator(normal_name)]
Share = Annotated[float, Field(ge=0, le=1)]
Families = Annotated[tuple[Family, ...], Field(min_length=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PositiveControl(_Frozen):
    """What a method has to show on the clips of a claim, or the claim says nothing.

    Attributes:
        method: which.
        metric: its number, averaged over clips.
        at_least: the number reaches this.
        at_most: the number stays within this.
        some_at_least: the number reaches this on at least one clip.
        times: the number is at least so many times that of the method `of`, on the clips that both have.
        above: the number exceeds that of the method `of` by this, on the clips that both have.
        of: see `times` and `above`.
    """

    method: Name
    metric: str
    at_least: float | None = None
    at_most: float | None = None
    some_at_least: float | None = None
    times: Annotated[float, Field(gt=0)] | None = None
    above: float | None = None
    of: Name = ""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        alone, compared = (self.at_least, self.at_most, self.some_at_least), (self.times, self.above)
        given = [value for value in (*alone, *compared) if value is not None]
        if len(given) != 1 or all(value is None for value in compared) != (not self.of):
            raise ValueError(
                f"a control must have one of at_least, at_most, some_at_least, or times or above with of, got {len(given)}"
            )
        return self

    @property
    def methods(self) -> tuple[str, ...]:
        """The one or two that it looks at."""
        return (self.method, self.of) if self.of else (self.method,)

    def __str__(self) -> str:
        """In words."""
        number = f"{self.metric} of {self.method} is at"
        if self.at_least is not None:
            return f"{number} least {self.at_least:g}"
        if self.some_at_least is not None:
            return f"{number} least {self.some_at_least:g} on some clip"
        if self.at_most is not None:
            return f"{number} most {self.at_most:g}"
        if self.times is not None:
            return f"{number} least {self.times:g} times that of {self.of}"
        return f"{number} least {self.above:g} above that of {self.of}"


class Claim(_Frozen):
    """One ordering.

    Attributes:
        id: as the specification numbers it.
        title: in words.
        metric: what is compared.
        more: the method whose number is expected to be the larger.
        less: the other one.
        effect: difference or ratio.
        minimum: the least effect that counts; of a difference, below 0, how much may be lost at most.
        edits: families it is tested on.
        clips: the least number of clips; the default's where it is 0.
        rows: of the clips and edits that both methods may be ranked on, or of all.
        colour: which sides must be able to colour at all, or the claim says nothing.
        informative_if: its positive controls.
    """

    id: str
    title: str
    metric: str
    more: Name
    less: Name
    effect: Effect
    minimum: float
    edits: Families
    clips: Annotated[int, Field(ge=0)] = 0
    rows: Literal["ranked", "all"] = "ranked"
    colour: Literal["both", "more", "less", "none"] = "both"
    informative_if: Annotated[tuple[PositiveControl, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _can_be_tested(self) -> Self:
        if self.effect == "ratio" and self.minimum <= 0:
            raise ValueError(f"minimum of a ratio must be above 0, got {self.minimum:g}")
        if self.metric in _GATES and self.rows == "ranked":
            raise ValueError(f"rows must be all where the metric is {self.metric}, which goes with what is ranked")
        back = [name for name in (self.more, self.less) if varied(name, Settings())[1].reconstruct]
        if back and self.rows == "ranked":
            raise ValueError(f"rows must be all where a side is {back[0]}, which is asked to change nothing")
        return self

    @property
    def methods(self) -> tuple[str, ...]:
        """Everything that must be run for it, each once; its two sides first."""
        controls = [name for control in self.informative_if for name in control.methods]
        return tuple(dict.fromkeys((self.more, self.less, *controls)))

    @property
    def colouring(self) -> tuple[str, ...]:
        """The sides that must be able to colour; a claim about success may not ask it of the side that is said to have less."""
        sides = {"both": (self.more, self.less), "more": (self.more,), "less": (self.less,), "none": ()}[self.colour]
        is_about_success = self.metric in ("success", "success_judged")
        return tuple(name for name in sides if not (is_about_success and name == self.less))


class Defaults(_Frozen):
    """What holds for every claim.

    Attributes:
        clips: the least number of clips.
        sampled_seeds: of every sampled method, averaged inside a clip.
        confidence: of intervals.
        least_success: a row is ranked when what was asked for is there in at least this share of its frames.
        background_slack_db: how far below the VAE's own loss the background of a ranked row may fall.
        colour_edits: families that success at colours is measured on.
        minimum_colour_success: below it a method is too weak to be ranked by anything.
        maximum_inversion_gap_db: beyond it the inversion decides, not the method.
    """

    clips: Annotated[int, Field(ge=1)]
    sampled_seeds: Annotated[int, Field(ge=1)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    least_success: Share
    background_slack_db: Annotated[float, Field(ge=0)]
    colour_edits: Families
    minimum_colour_success: Share
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

    @property
    def defaults(self) -> Defaults:
        """What holds for all of them."""
        return self.declared.defaults


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


def additions(claims: Sequence[Claim], *, asked: set[str], controls: set[str], edits: set[Family]) -> dict[str, str]:
    """What has to be run as well, so that the claims between the methods asked for can say anything.

    Args:
        claims: all there are.
        asked: names in their normal form.
        controls: that are run in any case.
        edits: families that are run; a claim on others says nothing anyway.

    Returns:
        Name to why, in the order of the claims.
    """
    why: dict[str, list[str]] = {}
    for claim in claims:
        sides = {claim.more, claim.less}
        if sides <= controls or not sides <= asked | controls or not edits & set(claim.edits):
            continue
        for name in (THERE_AND_BACK, *claim.methods):
            if name not in asked | controls:
                why.setdefault(name, []).append(claim.id)
    return {
        name: f"{'the inversion gap' if name == THERE_AND_BACK else 'a control'} of {', '.join(ids)}"
        for name, ids in why.items()
    }


def _place(steps: Sequence[Any]) -> str:
    return ".".join(map(str, steps)) or "file"
