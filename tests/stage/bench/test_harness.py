"""The loop: every row once, resumed, keyed, and honest about what could not be run."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shotgraph.errors import UsageError
from shotgraph.stage.bench import measuring
from shotgraph.stage.bench.claims import Claims
from shotgraph.stage.bench.codec import Codec
from shotgraph.stage.bench.controls import controls
from shotgraph.stage.bench.entrants import entrant_of
from shotgraph.stage.bench.harness import MANIFEST, Bench, strip_path
from shotgraph.stage.bench.measuring import Drawn, Meter
from shotgraph.stage.bench.methods import Settings
from shotgraph.stage.bench.report import write_report
from shotgraph.stage.bench.rows import RESULTS, Results
from shotgraph.stage.bench.scores import Instruments
from shotgraph.stage.bench.table import summary
from shotgraph.stage.bench.truth import RANKED_FROM, TUNING_FROM, Truth, held_out
from shotgraph.stage.edits import Edit

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


def test_seconds_are_those_that_the_method_tells_where_it_does(small: Small, blend: Any) -> None:
    class Timed(blend):
        def run(self, frames: Any, edit: Any, seed: Any, settings: Any) -> Any:
            return replace(super().run(frames, edit, seed, settings), seconds=1234.5)

    finished = small(Timed(), blend(name="other"), profile={"clips": 1}).run()

    seconds = {row.method: row.seconds for row in finished.rows}
    assert seconds["blend"] == 1234.5
    assert 0 < seconds["other"] < 60


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


def test_other_weights_make_other_rows(small: Small, blend: Any) -> None:
    small(blend()).run()
    retrained, same = blend(weights="w2", calls=[]), blend(weights="w2", calls=[])

    finished = small(retrained).run()
    small(same).run()

    assert len(retrained.calls) == 2
    assert same.calls == []
    assert {row.identity["weights"] for row in finished.rows if row.method == "blend"} == {"w2"}
    assert all(row.identity == {} for row in finished.rows if row.control)


def test_the_same_clip_under_another_family_or_prompt_is_another_row(small: Small, blend: Any, claims: Claims) -> None:
    """E1 and E9 recolour alike, and only one of them is told by words."""
    spoken = held_out("E1", RANKED_FROM, side_px=64, frames=4)
    shown = replace(spoken, family="E9")
    reworded = replace(spoken, target_prompt="a red circle over a gray plain background")
    entrant = small(blend()).entrants(("blend",), 3.0)[0]

    def key(edit: Edit, **limits: float) -> str:
        meter = Meter(Instruments(), claims.defaults.model_copy(update=limits))
        return meter.blank(Drawn(RANKED_FROM, Truth(edit), Codec()), entrant, 0).key

    assert len({key(spoken), key(shown), key(reworded), key(spoken, least_success=0.6)}) == 4
    assert key(spoken) == key(held_out("E1", RANKED_FROM, side_px=64, frames=4))


class Exact(Codec):
    """A VAE that loses nothing."""

    @property
    def missing(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return "exact 1"

    def round_trip(self, frames: Any) -> Any:
        return frames


def test_libraries_the_renderer_and_the_machine_decide_the_rows_of_controls_too(
    claims: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = Drawn(RANKED_FROM, Truth(held_out("E1", RANKED_FROM, side_px=64, frames=4)), Exact())

    def keys() -> dict[str, str]:
        meter = Meter(Instruments(), claims.defaults)
        entrants = [entrant_of(c.name, c, Settings(), (0,)) for c in controls(Exact())]
        return {entrant.name: meter.blank(drawn, entrant, 0).key for entrant in entrants}

    def changed(target: str, value: Any) -> set[str]:
        with monkeypatch.context() as patch:
            patch.setattr(target, value)
            other = keys()
        return {name for name in before if before[name] != other[name]}

    before = keys()
    assert keys() == before
    assert {"numpy", "opencv-python-headless", "scikit-image", "torch"} <= set(measuring.versions())
    newer = measuring.versions() | {"scikit-image": "99.0"}
    assert changed("shotgraph.stage.bench.measuring.versions", lambda: newer) == set(before)
    assert changed("shotgraph.stage.bench.measuring.world_digest", lambda _purpose: "01234567") == set(before)
    assert changed("torch.get_num_threads", lambda: 77) == {"gt_vae"}
    assert changed("shotgraph.stage.bench.controls.cpu_capability", lambda: "none") == {"gt_vae"}


def test_what_a_method_says_of_itself_is_no_metric(small: Small, blend: Any) -> None:
    """A node that notes success=1 has not succeeded."""

    class Boastful(blend):
        def run(self, frames: Any, edit: Any, seed: Any, settings: Any) -> Any:
            outcome = super().run(frames, edit, seed, settings)
            return replace(outcome, facts={"success": 1.0, "success_judged": 1.0, "steps_taken": 12.0})

    finished = small(Boastful(share=0.0), profile={"clips": 1}).run()

    (row,) = [row for row in finished.rows if row.method == "blend"]
    assert row.facts == {"success": 1.0, "success_judged": 1.0, "steps_taken": 12.0}
    assert row.metrics["success"] == row.metrics["success_judged"] == 0.0
    assert "steps_taken" not in row.metrics
    assert not row.rankable


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_frames_that_are_not_finite_are_an_error_row_and_the_bench_goes_on(
    small: Small, blend: Any, value: float
) -> None:
    class Bursting(blend):
        def run(self, frames: Any, edit: Any, seed: Any, settings: Any) -> Any:
            outcome = super().run(frames, edit, seed, settings)
            outcome.frames[2, 5, 7, 1] = value
            return outcome

    finished = small(Bursting(), blend(name="other"), profile={"clips": 1}).run()

    (row,) = [row for row in finished.rows if row.method == "blend"]
    assert row.error == f"frames must be finite, got {value} in frame 2"
    assert not row.rankable
    assert row.metrics == {}
    assert row.evaluations == 7
    assert [row.error for row in finished.rows if row.method == "other"] == [""]
    # What was written can be read again.
    assert Results(finished.bench.folder).done(row.key) is None
    assert write_report(finished).page_file.exists()


def test_frames_far_beyond_any_picture_are_still_a_row(small: Small, blend: Any) -> None:
    class Glaring(blend):
        def run(self, frames: Any, edit: Any, seed: Any, settings: Any) -> Any:
            outcome = super().run(frames, edit, seed, settings)
            outcome.frames[1] = 1e30
            return outcome

    finished = small(Glaring(), profile={"clips": 1}).run()

    (row,) = [row for row in finished.rows if row.method == "blend"]
    assert row.error == ""
    assert set(row.reasons) == {name for name, number in row.metrics.items() if number is None}


def test_a_fact_that_is_no_number_is_a_fault_of_the_method(small: Small, blend: Any) -> None:
    class Lost(blend):
        def run(self, frames: Any, edit: Any, seed: Any, settings: Any) -> Any:
            return replace(super().run(frames, edit, seed, settings), facts={"loss": float("nan")})

    finished = small(Lost(), profile={"clips": 1}).run()

    (row,) = [row for row in finished.rows if row.method == "blend"]
    assert row.error == "facts must be finite, got loss = nan"


def test_a_method_that_takes_no_such_edit_is_not_run_and_says_so(small: Small, blend: Any) -> None:
    finished = small(blend(refused=("E4",)), profile={"clips": 1, "edits": ("E1", "E4")}).run()

    assert [row.edit for row in finished.rows if row.method == "blend"] == ["E1"]
    line = next(line for line in summary(finished) if line.method == "blend")
    assert line.missing == "E4: blend takes no E4"


def test_names_are_run_in_their_normal_form_and_once(small: Small, blend: Any) -> None:
    method = blend(calls=[])

    finished = small(method, names=("blend@x=1.0", "blend@x=1"), profile={"clips": 1}).run()

    assert [row.method for row in finished.rows if not row.control] == ["blend@x=1"]
    assert len(method.calls) == 1


def test_what_the_claims_between_two_methods_need_is_added_and_said(small: Small, blend: Any) -> None:
    told: list[str] = []
    methods = blend(name="per_frame"), blend(name="tokenflow")

    finished = small(*methods, profile={"clips": 1, "edits": ("E4",)}, tell=told.append).run()

    ran = {row.method for row in finished.rows if not row.control}
    assert ran == {"per_frame", "tokenflow", "per_frame@guidance=1+reconstruct", "per_frame@eta=1"}
    assert "added per_frame@eta=1: a control of O1c" in told
    notes = write_report(finished).notes
    assert "per_frame@guidance=1+reconstruct was added: the inversion gap of O1c." in notes
    # Nothing is added for one of them alone.
    assert small(methods[0], profile={"clips": 1}).run().added == {}


def test_what_would_be_added_and_does_not_exist_is_said(small: Small, blend: Any) -> None:
    told: list[str] = []
    methods = blend(name="pix2video"), blend(name="tokenflow")

    finished = small(*methods, profile={"clips": 1, "edits": ("E4",)}, tell=told.append).run()

    assert finished.added == {}
    assert any(
        line.startswith("cannot add per_frame@eta=1, a control of O1b: bench: a method must be") for line in told
    )


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


@pytest.mark.parametrize("content", [b"", b'{"claims_dig', b'{"a": 1}', b"[]", b"3", b"\xff\xfe\x00"])
def test_a_manifest_that_is_none_is_named_and_kept(small: Small, blend: Any, content: bytes) -> None:
    bench = small(blend())
    bench.folder.mkdir()
    path = bench.folder / MANIFEST
    path.write_bytes(content)
    said = f"{path} must hold the claims_digest of a benchmark, got {content!r}; choose another --out"

    with pytest.raises(UsageError, match=re.escape(said)):
        bench.run()

    assert path.read_bytes() == content


@pytest.mark.parametrize("name", [MANIFEST, "guidance.json"])
def test_a_kill_while_a_small_file_is_written_leaves_no_half_of_it(
    small: Small, blend: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    replace_whole = Path.replace

    def killed(part: Path, target: Path) -> Path:
        if target.name == name:
            raise KeyboardInterrupt
        return replace_whole(part, target)

    bench = small(blend())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            bench.run()

    assert not (bench.folder / name).exists()
    assert len(small(blend(), profile={"clips": 1}).run().rows) == 6


def test_a_kill_before_a_picture_is_written_leaves_no_row_without_one(
    small: Small, blend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_given: Any) -> None:
        raise KeyboardInterrupt

    bench = small(blend(), profile={"clips": 1})
    with monkeypatch.context() as patch:
        patch.setattr("shotgraph.stage.bench.harness.write_png", killed)
        with pytest.raises(KeyboardInterrupt):
            bench.run()
    finished = bench.run()

    assert len(finished.rows) == 6
    assert all(strip_path(finished.bench.folder, row.key).exists() for row in finished.rows)


def test_verdicts_carry_the_digest_of_the_claims(small: Small, blend: Any, claims: Claims) -> None:
    report = write_report(small(blend()).run())

    entries = json.loads(report.claims_file.read_text(encoding="utf-8"))
    assert isinstance(entries, list)
    assert {entry["claims_digest"] for entry in entries} == {claims.digest}
    assert {entry["verdict"] for entry in entries} == {"UNINFORMATIVE"}
    reasons = {entry["claim"]: entry["reasons"] for entry in entries}
    assert reasons["O1c"] == ["method not installed or not run: per_frame, tokenflow"]
    assert reasons["O18d"] == ["needs 16 clips on which both have background_psnr_db, got 2"]
    assert reasons["O18e"][0] == "colour_jitter needs 3 seeds, got 1"


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


def test_guidance_is_tuned_with_per_frame_whatever_comes_first(small: Small, blend: Any) -> None:
    methods = blend(name="other"), blend(name="per_frame")

    def tuned_with(*names: str, **given: Any) -> tuple[str, str]:
        profile = {"tuning_clips": 1, "clips": 1}
        guidance = small(*methods, names=names, profile=profile, **given).run().guidance
        return guidance.method, guidance.origin

    assert tuned_with("other", "per_frame@eta=1", "per_frame") == ("per_frame", "tuned")
    assert tuned_with("per_frame@eta=1", "other") == ("other", "tuned")
    assert tuned_with("per_frame@eta=1") == ("", "profile default: no method to tune with")


def test_guidance_is_not_tuned_with_who_cannot_take_the_edit(small: Small, blend: Any) -> None:
    guidance = (
        small(blend(refused=("E1",)), blend(name="b"), profile={"tuning_clips": 1, "clips": 1, "edits": ("E4",)})
        .run()
        .guidance
    )

    assert guidance.method == "b"


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
    # Asked to change nothing, it is measured by how well the source came back, and ranked by nothing.
    assert back.metrics["success"] == 0.0
    assert back.metrics["psnr_to_source_db"] == 100.0
    assert (back.rankable, back.not_rankable) == (False, "asked to change nothing")
    line = next(line for line in summary(finished) if line.method == back.method)
    assert (line.rankable, line.rows) == (0, 1)
    assert line.cells["warp_error_e3"].text("warp_error_e3").startswith("(")


def test_methods_take_turns_at_edits_where_the_profile_says_so_and_controls_take_all(small: Small, blend: Any) -> None:
    finished = small(blend(), profile={"clips": 3, "edits": ("E1", "E4"), "rotates": True}).run()

    turns = [(RANKED_FROM, "E1"), (RANKED_FROM + 1, "E4"), (RANKED_FROM + 2, "E1")]
    assert finished.trials == turns
    assert [(row.clip, row.edit) for row in finished.rows if row.method == "blend"] == turns
    assert len([row for row in finished.rows if row.method == "gt_edit"]) == 6
    # The table compares all of them on the same clips and edits.
    assert {line.rows for line in summary(finished) if not line.missing} == {3}
