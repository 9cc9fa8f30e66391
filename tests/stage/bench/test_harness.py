"""The loop: every row once, resumed, keyed, and honest about what could not be run."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shotgraph.errors import UsageError
from shotgraph.stage.bench.claims import Claims
from shotgraph.stage.bench.harness import Bench
from shotgraph.stage.bench.report import write_report
from shotgraph.stage.bench.rows import RESULTS
from shotgraph.stage.bench.table import summary
from shotgraph.stage.bench.truth import RANKED_FROM, TUNING_FROM

Small = Callable[..., Bench]
MADE_CONTROLS = ("copy_source", "repeat_frame", "gt_edit", "colour_jitter", "blur")


def test_every_clip_edit_and_method_has_a_row_with_all_that_was_promised(small: Small, blend: Any) -> None:
    finished = small(blend()).run()

    rows = [row for row in finished.rows if row.method == "blend"]
    assert [(row.clip, row.edit, row.seed) for row in rows] == [(RANKED_FROM, "E1", 0), (RANKED_FROM + 1, "E1", 0)]
    assert {row.method for row in finished.rows} == {*MADE_CONTROLS, "blend"}
    row = rows[0]
    assert row.evaluations == 7
    assert row.seconds > 0
    assert row.peak_bytes > 10_000_000
    assert {"shotgraph", "numpy", "torch", "diffusers"} <= set(row.versions)
    assert row.metrics["success"] == 1.0
    assert row.rankable
    assert set(row.reasons) == {name for name, value in row.metrics.items() if value is None}


def test_what_is_measured_is_not_measured_again(small: Small, blend: Any) -> None:
    first = blend(calls=[])
    before = small(first).run()
    lines = (before.bench.folder / RESULTS).read_text().splitlines()
    second = blend(calls=[])

    again = small(second).run()

    assert len(first.calls) == 2
    assert second.calls == []
    assert again.rows == before.rows
    assert (before.bench.folder / RESULTS).read_text().splitlines() == lines


def test_a_stopped_bench_goes_on_where_it_was(small: Small, blend: Any) -> None:
    whole = small(blend(calls=[])).run()
    path = whole.bench.folder / RESULTS
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:8]) + lines[8][:40])
    method = blend(calls=[])

    resumed = small(method).run()

    assert len(method.calls) == 1
    assert [row.key for row in resumed.rows] == [row.key for row in whole.rows]
    assert [row.metrics for row in resumed.rows] == [row.metrics for row in whole.rows]


def test_another_version_or_setting_is_another_row(small: Small, blend: Any) -> None:
    small(blend()).run()

    newer, stronger = blend(version="2", calls=[]), blend(version="2", calls=[])
    small(newer).run()
    finished = small(stronger, guidance=5.0).run()

    assert len(newer.calls) == 2
    assert stronger.calls == [5.0, 5.0]
    # Rows of other settings stay in the file, and out of this benchmark.
    assert len([row for row in finished.rows if row.method == "blend"]) == 2


def test_a_sampled_method_runs_with_every_seed_and_others_with_one(small: Small, blend: Any) -> None:
    noisy, plain = blend(name="noisy", noise=0.01), blend(name="plain")

    finished = small(noisy, plain, profile={"seeds": (0, 1, 2), "clips": 1}).run()

    counts = {name: sum(row.method == name for row in finished.rows) for name in ("noisy", "plain", "colour_jitter")}
    assert counts == {"noisy": 3, "plain": 1, "colour_jitter": 3}
    assert len({row.metrics["warp_error_e3"] for row in finished.rows if row.method == "noisy"}) == 3


def test_a_method_that_dies_leaves_a_row_and_stops_nothing_and_is_tried_again(small: Small, blend: Any) -> None:
    finished = small(blend(fails=True), blend(name="other")).run()

    rows = [row for row in finished.rows if row.method == "blend"]
    assert all("guidance must be mild, got 3.0" in row.error for row in rows)
    assert not any(row.rankable for row in rows)
    assert sum(row.method == "other" and row.rankable for row in finished.rows) == 2
    line = next(line for line in summary(finished) if line.method == "blend")
    assert line.missing.startswith("E1 on 2 clips: blend: guidance must be mild")
    healed = blend(calls=[])
    assert all(not row.error for row in small(healed).run().rows)
    assert len(healed.calls) == 2


def test_frames_of_another_shape_are_a_fault_of_the_method(small: Small, blend: Any) -> None:
    class Short(blend):
        def run(self, frames: Any, edit: Any, seed: Any, settings: Any) -> Any:
            outcome = super().run(frames, edit, seed, settings)
            return type(outcome)(frames=outcome.frames[:-1])

    finished = small(Short(), profile={"clips": 1}).run()

    (row,) = [row for row in finished.rows if row.method == "blend"]
    assert row.error == "frames must be (4, 64, 64, 3), got (3, 64, 64, 3)"


def test_a_missing_model_is_a_reason_in_the_report_and_no_crash(small: Small, blend: Any) -> None:
    finished = small(blend(absent="no stage-sd here")).run()
    report = write_report(finished)

    lines = {line.method: line for line in report.lines}
    assert lines["blend"].missing == "all edits: no stage-sd here"
    assert lines["gt_vae"].missing == "all edits: no model given, so no VAE"
    assert lines["gt_vae"].cells["success"].value is None
    assert "no stage-sd here" in report.page_file.read_text(encoding="utf-8")


def test_an_unknown_method_leaves_nothing_behind(small: Small, blend: Any) -> None:
    bench = small(blend(), names=("blendd",))

    with pytest.raises(UsageError, match="a method must be one of blend, got 'blendd'"):
        bench.run()

    assert not bench.folder.exists()


def test_claims_cannot_change_after_the_first_run(small: Small, blend: Any, claims: Claims) -> None:
    small(blend()).run()
    later = Claims(claims.declared, "b2:other")

    with pytest.raises(
        UsageError, match=r"claims must be those that .*out was started with \(b2:[0-9a-f]+\), got b2:other"
    ):
        small(blend(), claims=later).run()


def test_verdicts_carry_the_digest_of_the_claims(small: Small, blend: Any, claims: Claims) -> None:
    report = write_report(small(blend()).run())

    entries = json.loads(report.claims_file.read_text(encoding="utf-8"))
    assert isinstance(entries, list)
    assert {entry["claims_digest"] for entry in entries} == {claims.digest}
    assert {entry["verdict"] for entry in entries} == {"UNINFORMATIVE"}
    reasons = {entry["claim"]: entry["reasons"] for entry in entries}
    assert reasons["O1c"] == ["method not installed or not run: per_frame, tokenflow"]
    assert reasons["O18c"] == ["needs 16 clips on which both have success, got 2"]


def test_guidance_is_chosen_on_clips_that_are_never_ranked_and_written_down(small: Small, blend: Any) -> None:
    class Picky(blend):
        """Edits at guidance 4 only."""

        def run(self, frames: Any, edit: Any, seed: Any, settings: Any) -> Any:
            self.share = 1.0 if settings.guidance == 4.0 else 0.2
            return super().run(frames, edit, seed, settings)

    finished = small(Picky(calls=[]), profile={"tuning_clips": 1}).run()

    written = json.loads((finished.bench.folder / "guidance.json").read_text())
    assert written["value"] == finished.guidance.value == 4.0
    assert written["origin"] == "tuned"
    assert written["clips"] == [TUNING_FROM]
    assert written["trials"]["4"][0] == 1.0
    assert written["trials"]["7.5"][0] == 0.0
    ranked = [row for row in finished.rows if row.method == "blend"]
    assert all(row.settings["guidance"] == 4.0 and row.clip < TUNING_FROM for row in ranked)
    assert all(row.rankable for row in ranked)


def test_given_guidance_is_recorded_as_given(small: Small, blend: Any) -> None:
    finished = small(blend(calls=[]), guidance=2.5, profile={"tuning_clips": 1}).run()

    assert json.loads((finished.bench.folder / "guidance.json").read_text())["origin"] == "given"
    assert {row.settings["guidance"] for row in finished.rows} == {2.5}
    assert not (finished.bench.folder / "tuning").exists()


def test_a_variation_is_a_method_of_its_own(small: Small, blend: Any) -> None:
    method = blend()

    finished = small(method, names=("blend", "blend@guidance=7.5+reconstruct"), profile={"clips": 1}).run()

    plain, back = [row for row in finished.rows if row.method.startswith("blend")]
    assert plain.settings["guidance"] == 3.0
    assert back.settings["guidance"] == 7.5
    # Asked to change nothing, it is ranked by how well the source came back.
    assert back.metrics["success"] == 0.0
    assert back.metrics["psnr_to_source_db"] == 100.0
    assert back.rankable


def test_methods_take_turns_at_edits_where_the_profile_says_so_and_controls_take_all(small: Small, blend: Any) -> None:
    finished = small(blend(), profile={"clips": 3, "edits": ("E1", "E4"), "rotates": True}).run()

    turns = [(RANKED_FROM, "E1"), (RANKED_FROM + 1, "E4"), (RANKED_FROM + 2, "E1")]
    assert finished.trials == turns
    assert [(row.clip, row.edit) for row in finished.rows if row.method == "blend"] == turns
    assert len([row for row in finished.rows if row.method == "gt_edit"]) == 6
    # The table compares all of them on the same clips and edits.
    assert {line.rows for line in summary(finished) if not line.missing} == {3}
