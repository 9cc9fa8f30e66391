"""``shotgraph models``: which models are here, what they are, and whether they are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from shotgraph.cli.output import counted, json_option, print_json, print_table, size_text
from shotgraph.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from shotgraph.models.registry import Model


@click.group(name="models")
def command() -> None:
    """List, show, download and check models. Nothing but `pull` ever uses a network."""


@command.command(name="list")
@json_option
def list_models(as_json: bool) -> None:
    """Every model known by name, and whether it is here."""
    from shotgraph.models.registry import Places, known_names, resolve

    places = Places.of_user()
    rows: list[dict[str, Any]] = []
    for name, is_here in known_names(places).items():
        if not is_here:
            rows.append({"name": name, "origin": "hub", "bytes": 0, "state": f"absent; shotgraph models pull {name}"})
            continue
        try:
            model = resolve(name, places)
            rows.append({"name": name, "origin": model.origin, "bytes": _size_bytes(model), "state": "here"})
        except UnavailableError as error:
            rows.append({"name": name, "origin": "", "bytes": 0, "state": f"unusable: {error}"})
    if as_json:
        print_json(rows)
    else:
        table = [(row["name"], row["origin"], size_text(row["bytes"]), row["state"]) for row in rows]
        print_table(("MODEL", "FROM", "SIZE", "STATE"), table)


@command.command(name="show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Where NAME lies, its digest, its card's settings and its files."""
    from shotgraph.models.registry import resolve

    model = resolve(name)
    if as_json:
        print_json(_document(model))
        return
    click.echo(f"{model.name}  {model.origin}  {model.place}\ndigest  {model.digest}")
    for setting, value in model.card.model_dump(exclude_none=True, exclude_defaults=True).items():
        click.echo(f"{setting}  {', '.join(value) if isinstance(value, tuple) else value}")
    click.echo()
    print_table(("FILE", "DIGEST"), list(model.digests.items()))


@command.command(name="pull")
@click.argument("name")
@json_option
def pull_model(name: str, as_json: bool) -> None:
    """Download NAME (a short name, org/name or org/name@revision) into the hub's cache, and record commit and digests."""
    from shotgraph.models.hub import hub_model, pull
    from shotgraph.models.registry import Places, resolve
    from shotgraph.models.verify import record

    asked = hub_model(name)
    if asked is None:
        raise UsageError(f"models: NAME must be a model of the hub such as org/name@commit, got {name!r}; check the id")
    places = Places.of_user()
    pinned = pull(asked, places.hub)
    model = resolve(str(pinned), places)
    record(model, places)
    if as_json:
        print_json(_document(model))
    else:
        click.echo(f"{counted(len(model.digests), 'file')}, {size_text(_size_bytes(model))}; in a preset write:")
        click.echo(f"model: {pinned}")


@command.command(name="verify")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def verify_models(names: tuple[str, ...], as_json: bool) -> None:
    """Read every file of the models again and compare it with what was recorded; without NAME, of all that are here."""
    from shotgraph.models.registry import Places, known_names, resolve
    from shotgraph.models.verify import verify

    places = Places.of_user()
    chosen = names or tuple(name for name, is_here in known_names(places).items() if is_here)
    rows: list[tuple[str, str, str, str]] = []
    bad: list[str] = []
    for name in chosen:
        try:
            checks = verify(resolve(name, places), places)
        except UnavailableError as error:
            # Other tools keep models in the same cache: one that cannot be used here must not hide the rest.
            bad.append(f"{name} ({error})")
            continue
        rows += [(name, check.file, check.state, check.digest) for check in checks]
        bad += [f"{name}/{check.file} ({check.state})" for check in checks if not check.is_sound]
    if as_json:
        print_json([dict(zip(("model", "file", "state", "digest"), row, strict=True)) for row in rows])
    else:
        print_table(("MODEL", "FILE", "STATE", "DIGEST"), rows)
    if bad:
        raise UnavailableError(
            f"models: every file must be as recorded, got {', '.join(bad)}; pull or install the model again"
        )


def _size_bytes(model: Model) -> int:
    from shotgraph.models.folders import loaded_files

    return sum(file.stat().st_size for file in loaded_files(model.place).values())


def _document(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "origin": model.origin,
        "place": model.place,
        "commit": model.commit,
        "digest": model.digest,
        "bytes": _size_bytes(model),
        "card": model.card.model_dump(mode="json"),
        "files": model.digests,
    }
