"""What a studio's plugin may change of a command without writing a node."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from shotgraph.api import Shot, hookimpl
from shotgraph.errors import MediaError
from shotgraph.pipeline.hooks import Hooks
from shotgraph.pipeline.registry import Registry


class House:
    """A studio: its shots live in folders called ``plates``, and every asset in one root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[Mapping[str, Any]] = []
        self.published: list[Mapping[str, Any]] = []
        self.shots: list[Shot] | None = None

    @hookimpl
    def shotgraph_discover_shots(self, root: Path, patterns: Mapping[str, Any]) -> Iterable[Shot] | None:
        self.asked.append(patterns)
        return self.shots

    @hookimpl
    def shotgraph_resolve_reference(self, uri: str) -> Path | None:
        return self.root / uri.removeprefix("studio://") if uri.startswith("studio://") else None

    @hookimpl
    def shotgraph_publish(self, record: Mapping[str, Any]) -> None:
        self.published.append(record)

    @hookimpl
    def shotgraph_report_section(self, summary: Mapping[str, Any]) -> str:
        return f"house: {len(summary['shots'])} shots for dailies"


@pytest.fixture
def house(root: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A studio whose plugin is installed."""
    house = House(root)
    opened = Registry.__init__

    def with_house(registry: Registry, *arguments: Any, **settings: Any) -> None:
        opened(registry, *arguments, **settings)
        registry.hooks.register(house, name="house")

    monkeypatch.setattr(Registry, "__init__", with_house)
    return house


def test_a_studio_names_the_shots_of_a_folder(shotgraph: Any, root: Path, house: House) -> None:
    house.shots = [Shot(name="sq010_sh020", root=root, media={"plate": str(root / "sh010.mov")})]

    ran = shotgraph("shots", "transcode", root, "--json")

    assert [entry["shot"]["name"] for entry in ran.document] == ["sq010_sh020"]
    assert house.asked == [{"plate": ["{root}/{shot}/plate.*", "{root}/{shot}.{ext}"], "also": {}, "version": "latest"}]


def test_what_the_studio_leaves_open_is_found_by_the_preset(shotgraph: Any, root: Path, house: House) -> None:
    ran = shotgraph("shots", "transcode", root, "--json")

    assert [entry["shot"]["name"] for entry in ran.document] == ["sh010"]
    assert len(house.asked) == 1


def test_a_studio_shot_without_a_plate_is_refused(shotgraph: Any, root: Path, house: House) -> None:
    house.shots = [Shot(name="sh020", root=root, media={"matte": "m.mov"})]

    ran = shotgraph("shots", "transcode", root)

    assert ran.code == 2
    assert re.search(r"shot 'sh020': media must hold a plate, got matte from the studio's", ran.err)


@pytest.mark.usefixtures("house")
def test_a_reference_is_resolved_by_the_studio(shotgraph: Any) -> None:
    ran = shotgraph("shots", "transcode", "studio://sh010.mov", "--json")

    assert [entry["shot"]["name"] for entry in ran.document] == ["sh010"]


@pytest.mark.parametrize("command", ["run", "plan", "shots", "check"])
def test_a_reference_that_nobody_resolves_is_refused(shotgraph: Any, command: str) -> None:
    ran = shotgraph(command, "transcode", "other://sh010")

    assert ran.code == 66
    assert re.search(r"a reference must be one that a plugin resolves, got 'other://sh010'; install", ran.err)


def test_a_verified_output_is_offered_and_the_summary_ends_with_the_studios_words(
    shotgraph: Any, root: Path, house: House
) -> None:
    ran = shotgraph("run", "transcode", root)

    assert ran.code == 0
    assert ran.out.rstrip().endswith("house: 1 shots for dailies")
    (record,) = house.published
    assert record["path"] == str(root / "out" / "sh010_v001.mov")
    assert record["digest"]


def test_a_report_that_fails_is_warned_about_and_fails_nothing(
    shotgraph: Any, root: Path, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = Hooks.call

    def broken(hooks: Hooks, hook: str, **arguments: Any) -> Any:
        if hook == "shotgraph_report_section":
            raise MediaError("report: must have a page, got none")
        return called(hooks, hook, **arguments)

    monkeypatch.setattr(Hooks, "call", broken)

    ran = shotgraph("run", "transcode", root)

    assert ran.code == 0
    assert re.search(r"warning: report: must have a page, got none", ran.err)
    assert len(house.published) == 1
