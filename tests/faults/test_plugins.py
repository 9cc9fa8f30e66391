"""A studio's package that is broken disables itself, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from command_line import Run
from small_shots import visible

PRESET = """
shotgraph: 1
shots: {plate: ["{root}/{shot}.{ext}"]}
graph:
  plate: {node: core.read, file: "{plate}"}
  bad: {node: studio.bad, video: plate}
  out: {node: core.write, video: bad, file: "{root}/out/{shot}.mov"}
targets: [out]
"""
BROKEN = {
    "raises": ("raise RuntimeError('no licence server')", "must be importable, got RuntimeError: no licence server"),
    "exits": ("raise SystemExit(3)", "must be importable, got SystemExit"),
    "does not parse": ("def broken(:", "must be importable, got SyntaxError"),
    "lacks a library": ("import library_of_the_studio", "must be importable, got ModuleNotFoundError"),
    "lacks the class": ("", "must be importable, got AttributeError"),
    "is no node": ("class Bad: id = 'studio.bad'", "must be a subclass of shotgraph.api.Node"),
}


@pytest.fixture(params=BROKEN, ids=list(BROKEN))
def reason(request: pytest.FixtureRequest, site: Any) -> str:
    """Why ``studio.bad``, now installed beside the sound ``turn.it``, cannot be used."""
    source, reason = BROKEN[request.param]
    site.module("studio_bad", source)
    site.node("studio_good", "turn.it")
    site.install("studio", "1.0", nodes={"studio.bad": "studio_bad:Bad", "turn.it": "studio_good:Turn"})
    return reason


def test_a_broken_plugin_is_named_by_nodes_and_doctor(shotgraph: Run, reason: str) -> None:
    nodes, doctor = shotgraph("nodes"), shotgraph("doctor")

    assert nodes.code == 0
    assert "turn.it" in nodes.out
    assert "core.read" in nodes.out
    assert "broken: plugin 'studio.bad' (studio_bad:Bad) of studio 1.0" in nodes.err
    assert reason in nodes.err
    assert doctor.code == 69
    assert reason in doctor.out
    assert doctor.err.splitlines()[-1] == (
        "Error: doctor: plugins must be sound, got 1 broken: studio.bad; the reasons are listed"
    )


@pytest.mark.usefixtures("reason")
def test_it_is_harmless_to_presets_that_do_not_use_it(shotgraph: Run, root: Path) -> None:
    for command in ("check", "plan", "explain", "graph", "run"):
        ran = shotgraph(command, "transcode", root)
        assert (ran.code, ran.err) == (0, ""), command


def test_a_preset_that_uses_it_is_told_why_and_writes_nothing(
    shotgraph: Run, root: Path, tmp_path: Path, reason: str
) -> None:
    preset = tmp_path / "bad.yaml"
    preset.write_text(PRESET, encoding="utf-8")

    ran = shotgraph("run", preset, root)

    assert ran.code in (2, 69)
    assert "studio.bad" in ran.err
    assert reason in ran.err
    assert visible(root) == ["sh010.mov"]


@pytest.mark.usefixtures("reason")
def test_blocked_it_is_not_broken(shotgraph: Run) -> None:
    ran = shotgraph("-p", "no:studio.bad", "doctor")

    assert (ran.code, ran.err) == (0, "")
    assert "disabled: studio.bad" in ran.out


def test_a_hook_that_does_not_import_is_named_and_harmless(shotgraph: Run, root: Path, site: Any) -> None:
    site.module("studio_hooks", "raise RuntimeError('no licence server')")
    site.install("studio", "1.0", hooks={"house": "studio_hooks"})

    run, doctor = shotgraph("run", "transcode", root), shotgraph("doctor")

    assert run.code == 0
    assert "warning: plugin 'house' (studio_hooks) of studio 1.0: must be importable, got RuntimeError" in run.err
    assert doctor.code == 69
    assert "house" in doctor.out
    assert "no licence server" in doctor.out


def test_a_hook_that_fails_in_a_run_never_fails_the_run(shotgraph: Run, root: Path, site: Any) -> None:
    site.module(
        "studio_hooks",
        "from shotgraph.api import hookimpl\n"
        "@hookimpl\ndef shotgraph_event(event): raise RuntimeError('event')\n"
        "@hookimpl\ndef shotgraph_validate_plan(plan): raise RuntimeError('validate')\n",
    )
    site.install("studio", "1.0", hooks={"house": "studio_hooks"})

    ran = shotgraph("run", "transcode", root)

    assert ran.code == 0, ran.err
    assert (root / "out/sh010_v001.mov").is_file()


def test_outputs_that_the_asset_system_refuses_stay_and_are_offered_again_with_force(
    shotgraph: Run, root: Path, site: Any, tmp_path: Path
) -> None:
    site.module(
        "studio_hooks",
        "from pathlib import Path\nfrom shotgraph.api import hookimpl\n"
        "@hookimpl\ndef shotgraph_publish(record):\n"
        f"    log = Path({str(tmp_path / 'published')!r})\n"
        "    if not log.exists():\n"
        "        log.touch()\n"
        "        raise ConnectionError('no database')\n"
        "    log.write_text(record['path'])\n",
    )
    site.install("studio", "1.0", hooks={"house": "studio_hooks"})

    refused = shotgraph("run", "transcode", root)
    forced = shotgraph("run", "transcode", root, "--force")

    lines = refused.err.splitlines()
    assert (refused.code, forced.code) == (69, 0)
    assert "SHOT   STATE     FRAMES" in refused.out
    assert "must not raise, got ConnectionError: no database; repair or disable it" in lines[0]
    assert lines[-1].startswith(
        "Error: publish: every output must be taken over, got 1 refusal, told above; the outputs"
    )
    assert (tmp_path / "published").read_text() == str(root / "out/sh010_v001.mov")


def test_two_packages_that_offer_one_node_are_both_named(shotgraph: Run, root: Path, site: Any) -> None:
    site.node("studio_nodes", "turn.it")
    site.install("one", "1.0", nodes={"turn.it": "studio_nodes:Turn"})
    site.install("two", "2.0", nodes={"turn.it": "studio_nodes:Turn"})

    nodes, run = shotgraph("nodes"), shotgraph("run", "transcode", root)

    assert "node 'turn.it' must be offered by one distribution, got one 1.0 and two 2.0" in nodes.err
    assert run.code == 0
