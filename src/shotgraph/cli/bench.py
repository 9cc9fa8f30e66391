"""``shotgraph bench``: quality, measured on the stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shotgraph.cli.output import json_option, plain, print_json, print_table
from shotgraph.cli.session import registry_of
from shotgraph.errors import UsageError

if TYPE_CHECKING:
    from shotgraph.stage.bench.harness import Bench
    from shotgraph.stage.bench.methods import Method
    from shotgraph.stage.bench.profiles import Profile
    from shotgraph.stage.bench.report import Report

_PROFILES = ("smoke", "claims", "full")
_MODEL = "stage-sd"


@click.group(name="bench")
def command() -> None:
    """Measure the quality of edit methods; `make bench` measures their cost."""


@command.command(name="stage")
@click.option("--profile", type=click.Choice(_PROFILES), default="smoke", show_default=True, help="How much is run.")
@click.option("--methods", default="", help="Edit nodes without `edit.`, such as per_frame,per_frame@guidance=5+matte.")
@click.option("--edits", default="", help="Edit families, such as E1,E4; those of the profile when left out.")
@click.option("--clips", type=click.IntRange(min=1), help="How many held-out clips.")
@click.option("--seeds", default="", help="Of methods that draw noise, such as 0,1,2.")
@click.option("--model", default=_MODEL, show_default=True, help="A bundled model, a folder, or org/name@commit.")
@click.option("--guidance", type=click.FloatRange(min=0), help="For all methods; chosen on other clips when left out.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda:N.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("bench"), show_default=True)
@json_option
@click.pass_context
def stage(ctx: click.Context, *, as_json: bool, **asked: Any) -> int:
    """Run METHODS and the six controls over held-out clips with exact truth; results are appended and resumed."""
    from shotgraph.stage.bench.report import write_report

    bench = _bench(ctx, asked)
    report = write_report(bench.run())
    if as_json:
        print_json(_document(report))
    else:
        _print(report)
    return 0


def _bench(ctx: click.Context, asked: dict[str, Any]) -> Bench:
    """What was asked, checked before anything runs."""
    from shotgraph.stage.bench.claims import read_claims
    from shotgraph.stage.bench.codec import codec_of
    from shotgraph.stage.bench.harness import Bench
    from shotgraph.stage.bench.instruments import instruments_here
    from shotgraph.stage.bench.methods import Settings
    from shotgraph.stage.bench.nodes import NodeMethod, node_methods

    registry, folder = registry_of(ctx), asked["out"].resolve()
    names = tuple(dict.fromkeys(name.strip() for name in asked["methods"].split(",") if name.strip()))
    known = node_methods(registry.ids())

    def find(name: str) -> Method:
        if name not in known:
            raise UsageError(
                f"bench: a method must be one of {', '.join(known)}, got {name!r}; `shotgraph nodes` lists edit nodes"
            )
        return NodeMethod(name, registry, folder / "cache", asked["device"])

    profile = _profile(asked)
    codec = codec_of(asked["model"])
    settings = Settings(model=asked["model"], steps=profile.steps, inversion_steps=profile.inversion_steps)
    return Bench(
        folder=folder,
        profile=profile,
        claims=read_claims(),
        methods=names,
        find=find,
        codec=codec,
        instruments=instruments_here(),
        settings=settings,
        guidance=asked["guidance"],
        tell=lambda line: click.echo(line, err=True),
    )


def _profile(asked: dict[str, Any]) -> Profile:
    """The profile, with what the options replace."""
    from shotgraph.stage.bench.profiles import PROFILES, families_of, seeds_of

    changes: dict[str, Any] = {
        "edits": families_of(asked["edits"]) if asked["edits"] else None,
        "seeds": seeds_of(asked["seeds"]) if asked["seeds"] else None,
        "clips": asked["clips"],
    }
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(PROFILES[asked["profile"]], **given)


def _print(report: Report) -> None:
    from shotgraph.stage.bench.table import BRACKETS, CAVEAT, head_of

    click.echo(f"{report.setup}\n")
    for warning in report.warnings:
        click.echo(f"warning: {warning}\n")
    columns = list(report.lines[0].cells)
    heads = ("METHOD", *(head_of(name).upper() for name in columns), "RANKABLE", "S", "EVALUATIONS")
    rows = [
        (
            line.method,
            *(line.cells[name].text(name) for name in columns),
            f"{line.rankable}/{line.rows}",
            f"{line.seconds:.2f}",
            "-" if line.evaluations is None else f"{line.evaluations:.0f}",
        )
        for line in report.lines
    ]
    print_table(heads, rows)
    click.echo(f"\n{BRACKETS}")
    for line in report.lines:
        if line.missing:
            click.echo(f"missing  {line.method}: {line.missing}")
    for note in report.notes:
        click.echo(note)
    click.echo()
    confidence = f"{report.claims[0]['confidence']:.0%}"
    print_table(("CLAIM", "VERDICT", "EFFECT", confidence, "CLIPS", "WHY"), [_claim(entry) for entry in report.claims])
    click.echo(f"\n{CAVEAT}\n{report.page_file}\n{report.claims_file}")


def _claim(entry: dict[str, Any]) -> tuple[str, ...]:
    from shotgraph.stage.bench.bootstrap import effect_text

    effect, why = entry["effect"], ": ".join(filter(None, (entry["title"], "; ".join(entry["reasons"]))))
    if effect is None:
        return (entry["claim"], entry["verdict"], "-", "-", "0", why)
    value, low, high = (effect_text(effect[name], entry["effect_kind"]) for name in ("value", "low", "high"))
    return (entry["claim"], entry["verdict"], value, f"{low} to {high}", str(effect["clips"]), why)


def _document(report: Report) -> Any:
    from shotgraph.stage.bench.table import CAVEAT

    return plain(
        {
            "caveat": CAVEAT,
            "setup": report.setup,
            "methods": report.lines,
            "claims": report.claims,
            "notes": report.notes,
            "warnings": report.warnings,
            "page": report.page_file,
            "claims_file": report.claims_file,
        }
    )
