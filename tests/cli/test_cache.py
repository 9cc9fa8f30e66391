"""`shotgraph cache`, and where the kept results lie."""

import os
from pathlib import Path

import pytest
from command_line import Run
from small_shots import write_paint


@pytest.fixture
def kept(shotgraph: Run, root: Path) -> Path:
    """The root of a run that kept ten flows and ten edited frames."""
    write_paint(root / "paint/sh010.1004.png")
    assert shotgraph("run", "propagate", root).code == 0
    return root


def results(place: Path) -> list[Path]:
    return sorted(place.rglob("*.safetensors"))


def grow_old(place: Path, *, hours: int = 3) -> None:
    for file in results(place):
        stat = file.stat()
        os.utime(file, (stat.st_atime - 3600 * hours, stat.st_mtime - 3600 * hours))


def test_stat_counts_what_lies_beside_the_shots(shotgraph: Run, kept: Path) -> None:
    place = kept / ".shotgraph/cache"
    size = sum(file.stat().st_size for file in results(place))

    ran = shotgraph("cache", "--root", kept, "stat")
    document = shotgraph("cache", "--root", kept, "stat", "--json").document

    assert ran.out.startswith(f"{place}: 20 results, ")
    assert document == {"root": str(place), "entries": 20, "bytes": size}


def test_gc_spares_what_a_run_may_be_about_to_read(shotgraph: Run, kept: Path) -> None:
    ran = shotgraph("cache", "--root", kept, "gc", "--max", "0")

    assert ran.out == f"{kept}/.shotgraph/cache: removed 0 results, 0 B\n"
    assert len(results(kept)) == 20


def test_gc_removes_the_least_recently_used_down_to_the_limit(shotgraph: Run, kept: Path) -> None:
    place = kept / ".shotgraph/cache"
    grow_old(place)
    oldest = results(place)[7]
    os.utime(oldest, (oldest.stat().st_atime - 9999, oldest.stat().st_mtime - 9999))
    limit = sum(file.stat().st_size for file in results(place)) - 1

    document = shotgraph("cache", "--root", kept, "gc", "--max", limit, "--json").document

    assert document["removed"] == 1
    assert oldest not in results(place)
    assert len(results(place)) == 19


def test_after_gc_a_run_computes_again_what_is_gone(shotgraph: Run, kept: Path) -> None:
    grow_old(kept)
    assert shotgraph("cache", "--root", kept, "gc", "--max", "0").code == 0

    ran = shotgraph("run", "propagate", kept, "--force", "--json")

    assert (ran.code, ran.shot["computed"]["flow"], ran.shot["computed"]["edit"]) == (0, 10, 10)
    assert len(results(kept)) == 20


def test_a_size_that_is_none_is_refused(shotgraph: Run, kept: Path) -> None:
    ran = shotgraph("cache", "--root", kept, "gc", "--max", "lots")

    assert ran.code == 2
    assert ran.err == "Error: size: must be a number with k, M, G or T, like 200GB, got 'lots'\n"


def test_the_command_line_beats_the_environment_and_that_the_site(
    shotgraph: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_paint(root / "paint/sh010.1004.png")
    (tmp_path / "site.yaml").write_text("cache: of-site\n", encoding="utf-8")
    monkeypatch.setenv("SHOTGRAPH_CONFIG", str(tmp_path / "site.yaml"))

    assert shotgraph("run", "propagate", root).code == 0
    monkeypatch.setenv("SHOTGRAPH_CACHE", str(tmp_path / "of-environment"))
    assert shotgraph("run", "propagate", root, "--force").code == 0
    assert shotgraph("run", "propagate", root, "--force", "--cache", tmp_path / "of-command").code == 0

    assert [len(results(tmp_path / f"of-{who}")) for who in ("site", "environment", "command")] == [20, 20, 20]
    assert results(root) == []
    assert shotgraph("cache", "stat").out.startswith(f"{tmp_path}/of-environment: 20 results")


def test_a_read_only_cache_is_read_and_left_as_it_is(shotgraph: Run, kept: Path) -> None:
    before = results(kept)

    ran = shotgraph(
        "run", "propagate", kept, "--force", "--cache-read-only", "--set", "graph.edit.feather_px=3", "--json"
    )

    assert ran.code == 0, ran.err
    assert "flow" not in ran.shot["computed"]
    assert ran.shot["computed"]["edit"] > 0
    assert results(kept) == before


def test_a_sites_limit_trims_the_cache_before_a_run(
    shotgraph: Run, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow_old(kept)
    (tmp_path / "site.yaml").write_text("cache_limit: 1kB\n", encoding="utf-8")
    monkeypatch.setenv("SHOTGRAPH_CONFIG", str(tmp_path / "site.yaml"))

    assert shotgraph("run", "transcode", kept).code == 0

    assert results(kept) == []


def test_refresh_computes_a_nodes_kept_results_again(shotgraph: Run, kept: Path) -> None:
    untouched = shotgraph("run", "propagate", kept, "--force", "--json")
    last = shotgraph("run", "propagate", kept, "--refresh", "edit", "--json")
    first = shotgraph("run", "propagate", kept, "--refresh", "flow", "--json")

    assert [ran.code for ran in (untouched, last, first)] == [0, 0, 0]
    assert untouched.shot["computed"].keys() & {"flow", "edit"} == set()
    assert (last.shot["computed"].get("flow", 0), last.shot["computed"]["edit"]) == (0, 10)
    # What was made of a suspicious result is as suspicious.
    assert (first.shot["computed"]["flow"], first.shot["computed"]["edit"]) == (10, 10)


def test_a_node_that_is_none_cannot_be_refreshed(shotgraph: Run, root: Path) -> None:
    ran = shotgraph("run", "transcode", root, "--refresh", "flwo")

    assert ran.code == 2
    assert ran.err == "Error: sh010: refresh: must name a node of the preset, one of plate, out, got 'flwo'\n"
