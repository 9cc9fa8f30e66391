"""Hooks: order, isolation, and a fault that always has an owner."""

from pathlib import Path
from typing import Any

import pytest

from shotgraph.api.plan import Plan
from shotgraph.errors import MediaError, PluginError
from shotgraph.pipeline.registry import Registry

HEADER = "from shotgraph.api import hookimpl\n"


def registry_with(site: Any, *sources: str) -> Registry:
    """One distribution a source, installed in that order; each a module of hooks."""
    for index, source in enumerate(sources):
        site.module(f"studio_hooks_{index}", HEADER + source)
        site.install(f"studio-{index}", "1.0", hooks={f"house{index}": f"studio_hooks_{index}"})
    return Registry(sorted(site.entry_points(), key=lambda entry: entry.name))


def plan_stub() -> Plan:
    return Plan.model_construct(preset="propagate", shot="sq010")


def test_hooks_are_imported_at_the_first_call_only(site: Any) -> None:
    marker = site.folder / "imported"
    registry = registry_with(site, f"open({str(marker)!r}, 'w').close()")

    assert not marker.exists()
    registry.hooks.emit({"type": "started"})

    assert marker.exists()


@pytest.mark.parametrize(
    ("hook", "arguments", "body", "expected"),
    [
        ("shotgraph_discover_shots", {"root": Path("/show"), "patterns": {}}, "[str(root)]", ["/show"]),
        ("shotgraph_resolve_reference", {"uri": "studio://a"}, "uri[9:]", "a"),
        ("shotgraph_open_media", {"path": "plate.r3d"}, "path[-3:]", "r3d"),
        ("shotgraph_executor", {"name": "ray"}, "name * 2", "rayray"),
        ("shotgraph_farm_emitters", {}, "{'farm': len}", [{"farm": len}]),
        ("shotgraph_validate_plan", {"plan": plan_stub()}, "[plan.shot]", [["sq010"]]),
        ("shotgraph_event", {"event": {"type": "frame"}}, "event['type']", ["frame"]),
        ("shotgraph_publish", {"record": {"path": "a.mov"}}, "record['path']", ["a.mov"]),
        ("shotgraph_report_section", {"summary": {"shots": 3}}, "str(summary['shots'])", ["3"]),
    ],
)
def test_every_hook_reaches_its_implementation(
    site: Any, hook: str, arguments: dict[str, Any], body: str, expected: Any
) -> None:
    signature = ", ".join(arguments)
    registry = registry_with(site, f"@hookimpl\ndef {hook}({signature}):\n    return {body}\n")

    assert registry.hooks.call(hook, **arguments) == expected


def test_the_first_answer_wins_and_the_last_registered_is_asked_first(site: Any) -> None:
    registry = registry_with(
        site,
        "@hookimpl\ndef shotgraph_executor(name):\n    return 'fallback'\n",
        "@hookimpl\ndef shotgraph_executor(name):\n    return 'ray' if name == 'ray' else None\n",
    )

    assert registry.hooks.call("shotgraph_executor", name="ray") == "ray"
    assert registry.hooks.call("shotgraph_executor", name="other") == "fallback"


def test_tryfirst_goes_before_what_was_registered_later(site: Any) -> None:
    registry = registry_with(
        site,
        "@hookimpl(tryfirst=True)\ndef shotgraph_executor():\n    return 'first'\n",
        "@hookimpl\ndef shotgraph_executor():\n    return 'second'\n",
    )

    assert registry.hooks.call("shotgraph_executor", name="any") == "first"


def test_no_implementation_is_no_answer(site: Any) -> None:
    registry = registry_with(site)

    assert registry.hooks.call("shotgraph_executor", name="ray") is None
    assert registry.hooks.call("shotgraph_farm_emitters") == []
    assert registry.hooks.emit({}) == []


def test_an_observer_that_raises_becomes_a_warning_and_the_others_still_see_the_event(site: Any) -> None:
    registry = registry_with(
        site,
        "seen = []\n@hookimpl\ndef shotgraph_event(event):\n    seen.append(event['frame'])\n",
        "@hookimpl\ndef shotgraph_event(event):\n    raise ValueError('no database')\n",
    )

    warnings = registry.hooks.emit({"frame": 1017})

    assert len(warnings) == 1
    assert warnings[0].startswith(
        "hook shotgraph_event: plugin 'house1 (studio-1 1.0)' must not raise, got ValueError: no database"
    )
    assert __import__("studio_hooks_0").seen == [1017]


def test_a_policy_that_raises_half_way_becomes_a_warning_beside_the_findings_of_the_others(site: Any) -> None:
    registry = registry_with(
        site,
        "@hookimpl\ndef shotgraph_validate_plan(plan):\n    yield f'{plan.shot} must be graded'\n",
        "@hookimpl\ndef shotgraph_validate_plan(plan):\n    yield 'half'\n    raise OSError('policy server')\n",
        "@hookimpl\ndef shotgraph_validate_plan(plan):\n    return None\n",
    )

    issues, warnings = registry.hooks.validate_plan(plan_stub())

    assert issues == ["sq010 must be graded"]
    assert [text.partition(" must not raise, got ")[2].partition(";")[0] for text in warnings] == [
        "OSError: policy server"
    ]


def test_any_other_hook_that_raises_stops_the_call_with_the_plugin_s_name(site: Any) -> None:
    registry = registry_with(site, "@hookimpl\ndef shotgraph_open_media(path):\n    return 1 / 0\n")

    with pytest.raises(
        PluginError, match=r"shotgraph_open_media: plugin 'house0 \(studio-0 1\.0\)' .*ZeroDivisionError"
    ) as caught:
        registry.hooks.call("shotgraph_open_media", path="a.r3d")

    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_deliberate_error_of_a_hook_keeps_its_type_and_gains_the_plugin_s_name(site: Any) -> None:
    registry = registry_with(
        site,
        "from shotgraph.errors import MediaError\n"
        "@hookimpl\ndef shotgraph_open_media(path):\n    raise MediaError(f'{path}: frame 7 must be whole, got 12 bytes')\n",
    )

    with pytest.raises(MediaError, match=r"a\.r3d: frame 7 must be whole, got 12 bytes") as caught:
        registry.hooks.call("shotgraph_open_media", path="a.r3d")

    assert caught.value.__notes__ == ["raised by shotgraph_open_media of plugin 'house0 (studio-0 1.0)'"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise RuntimeError('no licence')", "must be importable, got RuntimeError: no licence"),
        ("@hookimpl\ndef shotgraph_evnt(event): ...", "got 'shotgraph_evnt'; did you mean 'shotgraph_event'?"),
        ("@hookimpl\ndef shotgraph_event(event, colour): ...", "colour"),
    ],
)
def test_broken_hooks_are_recorded_and_leave_nothing_behind(site: Any, source: str, message: str) -> None:
    registry = registry_with(
        site,
        "@hookimpl\ndef shotgraph_executor(name):\n    return 'sound'\n",
        source + "\n@hookimpl\ndef shotgraph_executor(name):\n    return 'half registered'\n",
    )

    assert registry.hooks.call("shotgraph_executor", name="any") == "sound"

    (broken,) = registry.broken()
    assert (broken.id, broken.distribution) == ("house1", "studio-1 1.0")
    assert message in broken.error
    assert registry.hooks.names() == ("house0 (studio-0 1.0)",)


def test_blocked_hooks_are_never_imported(site: Any) -> None:
    site.module("studio_hooks", "raise RuntimeError('never')")
    site.install("studio", "1.0", hooks={"house": "studio_hooks"})

    registry = Registry(site.entry_points(), block=["house"])

    assert registry.hooks.emit({}) == []
    assert registry.broken() == ()
    assert registry.disabled() == ("house",)
