"""From rows to verdicts: what passes, and everything that silences a claim."""

from collections.abc import Callable
from typing import Any

import pytest

from shotgraph.stage.bench.claims import THERE_AND_BACK, Claim, Claims, Declared, Defaults, PositiveControl
from shotgraph.stage.bench.rows import Row
from shotgraph.stage.bench.verdicts import judge_claims

MakeRow = Callable[..., Row]
CLIPS = range(16)
DEFAULTS = Defaults(
    clips=16,
    sampled_seeds=3,
    confidence=0.95,
    least_success=0.5,
    background_slack_db=6.0,
    colour_edits=("E1",),
    minimum_colour_success=0.8,
    maximum_inversion_gap_db=3.0,
)
# Holds whenever the claim's own rows are there.
EASY = PositiveControl(method="old", metric="flicker_e3", at_least=0.0)


def one(rows: list[Row], defaults: dict[str, Any] | None = None, /, **changes: Any) -> dict[str, Any]:
    """The entry of one claim: the flicker of `old` exceeds that of `new`."""
    fields: dict[str, Any] = {
        "id": "X",
        "title": "old flickers more",
        "metric": "flicker_e3",
        "more": "old",
        "less": "new",
        "effect": "ratio",
        "minimum": 1.25,
        "edits": ("E1", "E2"),
        "informative_if": (EASY,),
    }
    settled = DEFAULTS.model_copy(update=defaults or {})
    declared = Declared(format=1, defaults=settled, claim=(Claim(**(fields | changes)),))
    (entry,) = judge_claims(Claims(declared, "b2:00"), rows)
    return entry


def gaps(make_row: MakeRow, gap_db: float | None = 0.5, **given: Any) -> list[Row]:
    """Rows of what the inversion loses by itself."""
    return [make_row(THERE_AND_BACK, clip, metrics={"inversion_gap_db": gap_db}, **given) for clip in CLIPS]


def sides(make_row: MakeRow, *, old: float = 3.0, new: float = 1.0, success: float = 1.0) -> list[Row]:
    """Rows of both methods on all clips; clips differ, methods differ more."""
    rows = []
    for clip in CLIPS:
        for method, value in (("old", old), ("new", new)):
            metrics = {"flicker_e3": value * (1 + 0.3 * (clip % 5)), "success": success, "success_judged": success}
            rows.append(make_row(method, clip, metrics=metrics))
    return rows


def both(make_row: MakeRow, **given: Any) -> list[Row]:
    """Both methods, and an inversion that loses little."""
    return sides(make_row, **given) + gaps(make_row)


def changed(row: Row, **values: Any) -> Row:
    return Row.model_validate(row.model_dump() | values)


def test_a_clear_ordering_passes(make_row: MakeRow) -> None:
    entry = one(both(make_row))

    assert entry["verdict"] == "PASS"
    assert entry["effect"]["value"] == pytest.approx(3.0)
    assert entry["effect"]["low"] > 1.25
    assert entry["effect"]["clips"] == 16
    assert entry["reasons"] == []
    assert entry["claims_digest"] == "b2:00"
    assert entry["minimum_effect"] == 1.25
    assert entry["confidence"] == 0.95


def test_the_opposite_ordering_fails_and_a_small_one_ties(make_row: MakeRow) -> None:
    assert one(both(make_row, old=1.0, new=3.0))["verdict"] == "FAIL"
    assert one(both(make_row, old=1.1, new=1.0))["verdict"] == "TIE"
    assert one(both(make_row, old=1.0, new=1.0))["verdict"] == "TIE"


def test_the_interval_is_as_careful_as_the_file_says(make_row: MakeRow) -> None:
    rows = [
        changed(row, metrics={**row.metrics, "flicker_e3": 1.0 + (row.clip * (7 if row.method == "old" else 11)) % 5})
        if row.method != THERE_AND_BACK
        else row
        for row in both(make_row)
    ]

    bold, careful = (one(rows, {"confidence": confidence})["effect"] for confidence in (0.5, 0.99))

    assert careful["high"] - careful["low"] > 2 * (bold["high"] - bold["low"])


def test_a_method_that_is_not_there_is_no_failure(make_row: MakeRow) -> None:
    rows = [row for row in both(make_row) if row.method != "new"]

    entry = one(rows)

    assert entry["verdict"] == "UNINFORMATIVE"
    assert entry["reasons"] == ["method not installed or not run: new"]
    assert entry["effect"] is None


def test_a_method_that_died_on_every_clip_is_not_there(make_row: MakeRow) -> None:
    rows = [changed(row, error="boom") if row.method == "new" else row for row in both(make_row)]

    assert one(rows)["reasons"] == ["method not installed or not run: new"]


def test_fewer_clips_than_claimed_say_nothing(make_row: MakeRow) -> None:
    entry = one([row for row in both(make_row) if row.clip < 15])

    assert entry["verdict"] == "UNINFORMATIVE"
    assert entry["reasons"] == ["needs 16 clips on which both have flicker_e3, got 15"]
    assert one([row for row in both(make_row) if row.clip < 15], clips=15)["verdict"] == "PASS"


def test_seeds_and_edits_are_no_clips(make_row: MakeRow) -> None:
    rows = [
        changed(row, seed=seed, edit=edit, key=f"{row.key} {seed} {edit}")
        for row in both(make_row)
        if row.clip < 4
        for seed in range(3)
        for edit in ("E1", "E2")
    ]

    entry = one(rows)

    assert len(rows) == 72
    assert entry["effect"]["clips"] == 4
    assert entry["verdict"] == "UNINFORMATIVE"


def test_seeds_are_averaged_inside_their_clip(make_row: MakeRow) -> None:
    rows = both(make_row)
    # One clip has many seeds of a wild value: it still counts as one clip.
    wild = {"flicker_e3": 30.0, "success": 1.0, "success_judged": 1.0}
    rows += [make_row("old", 0, seed=seed, metrics=wild) for seed in range(1, 40)]

    value = one(rows)["effect"]["value"]

    by_hand = [3.0 * (1 + 0.3 * (clip % 5)) for clip in CLIPS]
    by_hand[0] = (3.0 + 39 * 30.0) / 40
    assert value == pytest.approx(sum(by_hand) / sum(1 + 0.3 * (clip % 5) for clip in CLIPS))


def test_rows_that_fail_the_edit_are_not_ranked(make_row: MakeRow) -> None:
    """A method that does nothing has no flicker; that must not win it anything."""
    rows = [changed(row, rankable=row.method != "new") for row in both(make_row)]

    entry = one(rows)

    assert entry["verdict"] == "UNINFORMATIVE"
    assert entry["reasons"][0] == "needs 16 clips on which both have flicker_e3, got 0"
    assert one(rows, rows="all")["verdict"] == "PASS"


@pytest.mark.parametrize(("ranked", "clips"), [(3, 16), (2, 16), (1, 0)])
def test_a_clip_is_ranked_with_all_its_seeds_or_not_at_all(make_row: MakeRow, ranked: int, clips: int) -> None:
    """The seeds that succeeded must not stand for those that did not."""
    rows = gaps(make_row) + [row for row in sides(make_row) if row.method == "new"]
    for clip in CLIPS:
        # The seeds that may be ranked flicker least.
        values = [{"flicker_e3": 3.0 * (seed + 1), "success_judged": 1.0} for seed in range(3)]
        rows += [
            make_row("old", clip, seed=seed, metrics=metrics, rankable=seed < ranked)
            for seed, metrics in enumerate(values)
        ]

    entry = one(rows)

    assert (entry["effect"] or {"clips": 0})["clips"] == clips
    new = [1 + 0.3 * (clip % 5) for clip in CLIPS]
    assert not clips or entry["effect"]["value"] == pytest.approx(6.0 / (sum(new) / len(new)))


def test_a_ratio_of_what_is_not_positive_is_no_number(make_row: MakeRow) -> None:
    rows = [
        changed(row, metrics={**row.metrics, "flicker_e3": -0.01}) if row.method == "new" else row
        for row in both(make_row)
    ]

    entry = one(rows)

    assert entry["effect"] is None
    assert entry["verdict"] == "UNINFORMATIVE"
    assert entry["reasons"] == ["a ratio needs two means above 0, got 4.688 and -0.01"]
    assert one(rows, effect="difference", minimum=1.0)["verdict"] == "PASS"


def test_a_method_that_cannot_colour_is_not_ranked_by_anything(make_row: MakeRow) -> None:
    entry = one(both(make_row, success=0.79))

    assert entry["verdict"] == "UNINFORMATIVE"
    assert entry["reasons"] == [
        "colour success of old must be 80%, got 79%",
        "colour success of new must be 80%, got 79%",
    ]
    assert one(both(make_row, success=0.8))["verdict"] == "PASS"


def test_colours_are_what_the_judge_saw_whatever_became_of_the_background(make_row: MakeRow) -> None:
    """Success is zeroed where the background is ruined: that is no lack of colour."""
    rows = [changed(row, metrics={**row.metrics, "success": 0.0}) for row in both(make_row)]

    assert one(rows)["verdict"] == "PASS"


@pytest.mark.parametrize("metric", ["success", "success_judged"])
def test_a_claim_that_one_side_succeeds_less_does_not_ask_success_of_it(make_row: MakeRow, metric: str) -> None:
    rows = [
        changed(row, metrics={"success": 0.3, "success_judged": 0.3}) if row.method == "new" else row
        for row in both(make_row)
    ]
    about_success: dict[str, Any] = {"metric": metric, "effect": "difference", "minimum": 0.1, "rows": "all"}
    seen = (PositiveControl(method="old", metric="success", at_least=0.9),)

    assert one(rows, **about_success, informative_if=seen)["verdict"] == "PASS"

    turned = one(rows, **about_success, informative_if=seen, more="new", less="old")

    assert turned["reasons"] == ["colour success of new must be 80%, got 30%"]


def test_colour_success_that_was_not_measured_is_none(make_row: MakeRow) -> None:
    rows = [changed(row, edit="E2") for row in both(make_row)]

    assert "colour success of old must be 80%, got not measured" in one(rows)["reasons"]


def test_only_the_sides_that_the_claim_names_must_be_able_to_colour(make_row: MakeRow) -> None:
    def reasons(colour: str, weak: str) -> list[str]:
        blind = {"success": 0.3, "success_judged": 0.3}
        rows = [changed(row, metrics={**row.metrics, **blind}) if row.method == weak else row for row in both(make_row)]
        return one(rows, colour=colour)["reasons"]

    assert reasons("more", "new") == reasons("less", "old") == reasons("none", "old") == []
    assert reasons("more", "old") == ["colour success of old must be 80%, got 30%"]
    assert reasons("less", "new") == reasons("both", "new") == ["colour success of new must be 80%, got 30%"]


def test_colours_that_nobody_is_asked_for_need_not_be_measured(make_row: MakeRow) -> None:
    rows = [changed(row, edit="E2") for row in both(make_row)]

    assert one(rows, colour="none")["verdict"] == "PASS"


def test_editing_less_is_seen_whatever_became_of_the_background(make_row: MakeRow) -> None:
    """The side with a matte edits in 85 % of the frames; the other in all, and ruins 5 of 16 backgrounds."""
    rows = gaps(make_row)
    for clip in CLIPS:
        plain = {"success_judged": 1.0, "success": 0.0 if clip < 5 else 1.0, "flicker_e3": 1.0}
        rows.append(make_row("old", clip, metrics={"success_judged": 0.85, "success": 0.85, "flicker_e3": 1.0}))
        rows.append(make_row("new", clip, metrics=plain))
    less: dict[str, Any] = {"effect": "difference", "minimum": -0.05, "rows": "all"}

    judged, gated = (one(rows, **less, metric=metric) for metric in ("success_judged", "success"))

    assert (judged["verdict"], judged["effect"]["value"]) == ("FAIL", pytest.approx(-0.15))
    assert gated["verdict"] == "PASS"


def test_who_reconstructs_is_not_asked_for_colours(make_row: MakeRow) -> None:
    rows = [
        changed(row, method=f"{row.method}@reconstruct", metrics={"flicker_e3": row.metrics["flicker_e3"]})
        if row.method in ("old", "new")
        else row
        for row in both(make_row)
    ]
    easy = (PositiveControl(method="old@reconstruct", metric="flicker_e3", at_least=0.0),)

    back: dict[str, Any] = {"more": "old@reconstruct", "less": "new@reconstruct", "rows": "all"}

    assert one(rows, **back, informative_if=easy)["verdict"] == "PASS"


def test_an_inversion_that_loses_too_much_decides_instead_of_the_method(make_row: MakeRow) -> None:
    assert one(sides(make_row) + gaps(make_row, 2.9))["verdict"] == "PASS"

    entry = one(sides(make_row) + gaps(make_row, 3.5))

    assert entry["verdict"] == "UNINFORMATIVE"
    assert entry["reasons"] == ["inversion of per_frame must come within 3 dB, got 3.50"]


def test_an_inversion_that_nobody_measured_decides_too(make_row: MakeRow) -> None:
    entry = one(sides(make_row))

    assert entry["verdict"] == "UNINFORMATIVE"
    assert entry["reasons"] == ["inversion gap not measured: run per_frame@guidance=1+reconstruct too"]

    without_vae = one(sides(make_row) + gaps(make_row, None, reasons={"inversion_gap_db": "no VAE here"}))

    assert without_vae["reasons"] == ["inversion gap not measured: no VAE here"]


def test_claims_about_controls_need_neither_colours_nor_an_inversion(make_row: MakeRow) -> None:
    rows = [changed(row, control=True) for row in sides(make_row, success=0.0)]

    assert one(rows)["verdict"] == "PASS"
    # A control against a method is a claim about the method.
    mixed = [changed(row, control=row.method == "new") for row in sides(make_row, success=0.0)]
    assert one(mixed)["reasons"] == [
        "colour success of old must be 80%, got 0%",
        "inversion gap not measured: run per_frame@guidance=1+reconstruct too",
    ]


def test_sampled_methods_need_their_seeds_and_so_do_sampled_controls(make_row: MakeRow) -> None:
    rows = [changed(row, settings={"sampled": row.method == "new"}) for row in both(make_row)]
    rows += [make_row("noise", clip, metrics={"flicker_e3": 9.0}, settings={"sampled": True}) for clip in CLIPS]
    noisy = (PositiveControl(method="noise", metric="flicker_e3", at_least=5.0),)

    assert one(rows)["reasons"] == ["new needs 3 seeds, got 1"]
    assert one(rows, informative_if=noisy)["reasons"] == ["new needs 3 seeds, got 1", "noise needs 3 seeds, got 1"]
    assert one(rows, {"sampled_seeds": 1}, informative_if=noisy)["verdict"] == "PASS"


def test_a_loss_within_what_may_be_lost_passes(make_row: MakeRow) -> None:
    def verdict(old: float) -> str:
        rows = both(make_row, old=old, new=1.0)
        return one(rows, effect="difference", minimum=-0.05)["verdict"]

    assert [verdict(old) for old in (1.0, 0.99, 0.9)] == ["PASS", "PASS", "FAIL"]


@pytest.mark.parametrize(
    ("control", "value", "reason"),
    [
        ({"at_least": 5.0}, 5.0, ""),
        ({"at_least": 5.0}, 4.0, "control failed: flicker_e3 of noise is at least 5, got 4"),
        ({"at_most": 5.0}, 5.0, ""),
        ({"at_most": 5.0}, 6.0, "control failed: flicker_e3 of noise is at most 5, got 6"),
        ({"times": 2.0, "of": "old"}, 20.0, ""),
        (
            {"times": 2.0, "of": "old"},
            8.0,
            "control failed: flicker_e3 of noise is at least 2 times that of old, got 8 against 4.688",
        ),
        ({"above": 1.0, "of": "old"}, 5.7, ""),
        (
            {"above": 1.0, "of": "old"},
            5.6,
            "control failed: flicker_e3 of noise is at least 1 above that of old, got 5.6 against 4.688",
        ),
        ({"times": 2.0, "of": "zero"}, 8.0, "got 8 against 0, of which there are no multiples"),
        ({"times": 2.0, "of": "nobody"}, 8.0, "control not measured: flicker_e3 of noise is at least 2 times"),
    ],
)
def test_a_positive_control_that_fails_silences_the_claim(
    make_row: MakeRow, control: dict[str, Any], value: float, reason: str
) -> None:
    rows = both(make_row) + [make_row("noise", clip, metrics={"flicker_e3": value}, rankable=False) for clip in CLIPS]
    rows += [make_row("zero", clip, metrics={"flicker_e3": 0.0}) for clip in CLIPS]

    entry = one(rows, informative_if=(PositiveControl(method="noise", metric="flicker_e3", **control),))

    assert entry["verdict"] == ("UNINFORMATIVE" if reason else "PASS")
    assert reason in "; ".join(entry["reasons"])
    assert "noise" in entry["control"][0]


@pytest.mark.parametrize(("fastest", "reason"), [(4.0, ""), (3.9, "is at least 4 on some clip, got 3.9")])
def test_one_clip_is_enough_where_some_clip_is_asked_for(make_row: MakeRow, fastest: float, reason: str) -> None:
    speeds = {clip: fastest if clip == 3 else 0.5 for clip in CLIPS}
    rows = both(make_row) + [make_row("true", clip, metrics={"motion_px": px}) for clip, px in speeds.items()]

    entry = one(rows, informative_if=(PositiveControl(method="true", metric="motion_px", some_at_least=4.0),))

    assert entry["verdict"] == ("UNINFORMATIVE" if reason else "PASS")
    assert reason in "; ".join(entry["reasons"])


def test_a_control_is_looked_at_where_the_claim_is(make_row: MakeRow) -> None:
    """Clips that the claim does not compare must not make its control hold."""
    elsewhere = [make_row("noise", 100 + clip, metrics={"flicker_e3": 99.0}) for clip in CLIPS]
    rows = both(make_row) + elsewhere + [make_row("noise", clip, metrics={"flicker_e3": 4.0}) for clip in CLIPS]

    entry = one(rows, informative_if=(PositiveControl(method="noise", metric="flicker_e3", at_least=5.0),))

    assert entry["reasons"] == ["control failed: flicker_e3 of noise is at least 5, got 4"]


def test_two_methods_of_a_control_are_compared_on_the_clips_that_both_have(make_row: MakeRow) -> None:
    # The noise of the clips that it alone has is ten times as strong.
    rows = both(make_row) + [make_row("calm", clip, metrics={"flicker_e3": 2.0}) for clip in range(8)]
    rows += [make_row("noise", clip, metrics={"flicker_e3": 3.0 if clip < 8 else 30.0}) for clip in CLIPS]
    above = PositiveControl(method="noise", metric="flicker_e3", above=2.0, of="calm")

    entry = one(rows, clips=8, informative_if=(above,))

    assert entry["reasons"] == ["control failed: flicker_e3 of noise is at least 2 above that of calm, got 3 against 2"]


@pytest.mark.parametrize(
    ("shown_on", "clips", "reason"),
    [
        (16, 0, ""),
        (15, 0, "control measured on 15 of 16 clips: flicker_e3 of noise is at least 5"),
        (1, 0, "control measured on 1 of 16 clips: flicker_e3 of noise is at least 5"),
        (8, 8, ""),
        (7, 8, "control measured on 7 of 8 clips: flicker_e3 of noise is at least 5"),
    ],
)
def test_a_positive_control_holds_on_as_many_clips_as_its_claim_or_not_at_all(
    make_row: MakeRow, shown_on: int, clips: int, reason: str
) -> None:
    rows = both(make_row) + [make_row("noise", clip, metrics={"flicker_e3": 9.0}) for clip in range(shown_on)]
    noisy = (PositiveControl(method="noise", metric="flicker_e3", at_least=5.0),)

    entry = one(rows, clips=clips, informative_if=noisy)

    assert entry["reasons"] == ([reason] if reason else [])
    assert entry["verdict"] == ("UNINFORMATIVE" if reason else "PASS")


def test_what_the_claim_itself_lacks_is_not_said_again_for_its_control(make_row: MakeRow) -> None:
    rows = [row for row in both(make_row) if row.clip < 5]
    noisy = (PositiveControl(method="noise", metric="flicker_e3", at_least=5.0),)

    def reasons(shown_on: int) -> list[str]:
        noise = [make_row("noise", clip, metrics={"flicker_e3": 9.0}) for clip in range(shown_on)]
        return one(rows + noise, informative_if=noisy)["reasons"]

    lacks = "needs 16 clips on which both have flicker_e3, got 5"
    assert reasons(5) == [lacks]
    assert reasons(4) == [lacks, "control measured on 4 of 5 clips: flicker_e3 of noise is at least 5"]


def test_a_positive_control_that_was_not_run_silences_the_claim(make_row: MakeRow) -> None:
    missing = PositiveControl(method="noise", metric="flicker_e3", at_least=5.0)

    entry = one(both(make_row), informative_if=(missing,))

    assert entry["reasons"] == ["control not measured: flicker_e3 of noise is at least 5"]
