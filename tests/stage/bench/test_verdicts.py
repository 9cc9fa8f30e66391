"""From rows to verdicts: what passes, and everything that silences a claim."""

from collections.abc import Callable
from typing import Any

import pytest

from shotgraph.stage.bench.claims import Claim, Claims, Control, Declared, Defaults
from shotgraph.stage.bench.rows import Row
from shotgraph.stage.bench.verdicts import judge_claims

MakeRow = Callable[..., Row]
CLIPS = range(16)
DEFAULTS = Defaults(clips=16, minimum_colour_success=0.8, maximum_inversion_gap_db=3.0)


def one(rows: list[Row], **changes: Any) -> dict[str, Any]:
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
    }
    declared = Declared(format=1, defaults=DEFAULTS, claim=(Claim(**(fields | changes)),))
    (entry,) = judge_claims(Claims(declared, "b2:00"), rows)
    return entry


def both(make_row: MakeRow, *, old: float = 3.0, new: float = 1.0, success: float = 1.0, **given: Any) -> list[Row]:
    """Rows of both methods on all clips; clips differ, methods differ more."""
    rows = []
    for clip in CLIPS:
        for method, value in (("old", old), ("new", new)):
            metrics = {"flicker_e3": value * (1 + 0.3 * (clip % 5)), "success": success}
            rows.append(make_row(method, clip, metrics=metrics | given.get("extra", {})))
    return rows


def test_a_clear_ordering_passes(make_row: MakeRow) -> None:
    entry = one(both(make_row))

    assert entry["verdict"] == "PASS"
    assert entry["effect"]["value"] == pytest.approx(3.0)
    assert entry["effect"]["low"] > 1.25
    assert entry["effect"]["clips"] == 16
    assert entry["reasons"] == []
    assert entry["claims_digest"] == "b2:00"
    assert entry["minimum_effect"] == 1.25


def test_the_opposite_ordering_fails_and_a_small_one_ties(make_row: MakeRow) -> None:
    assert one(both(make_row, old=1.0, new=3.0))["verdict"] == "FAIL"
    assert one(both(make_row, old=1.1, new=1.0))["verdict"] == "TIE"
    assert one(both(make_row, old=1.0, new=1.0))["verdict"] == "TIE"


def test_a_method_that_is_not_there_is_no_failure(make_row: MakeRow) -> None:
    rows = [row for row in both(make_row) if row.method == "old"]

    entry = one(rows)

    assert entry["verdict"] == "UNINFORMATIVE"
    assert entry["reasons"] == ["method not installed or not run: new"]
    assert entry["effect"] is None


def test_a_method_that_died_on_every_clip_is_not_there(make_row: MakeRow) -> None:
    rows = [row.model_copy(update={"error": "boom"}) if row.method == "new" else row for row in both(make_row)]

    assert one(rows)["reasons"] == ["method not installed or not run: new"]


def test_too_few_clips_say_nothing(make_row: MakeRow) -> None:
    entry = one([row for row in both(make_row) if row.clip < 15])

    assert entry["verdict"] == "UNINFORMATIVE"
    assert entry["reasons"] == ["needs 16 clips on which both have flicker_e3, got 15"]


def test_more_seeds_and_edits_make_no_more_clips(make_row: MakeRow) -> None:
    rows = [
        row.model_copy(update={"seed": seed, "edit": edit, "key": f"{row.key} {seed} {edit}"})
        for row in both(make_row)
        if row.clip < 4
        for seed in range(3)
        for edit in ("E1", "E2")
    ]

    entry = one(rows)

    assert len(rows) == 48
    assert entry["effect"]["clips"] == 4
    assert entry["verdict"] == "UNINFORMATIVE"


def test_seeds_are_averaged_inside_their_clip(make_row: MakeRow) -> None:
    rows = both(make_row)
    # One clip has many seeds of a wild value: it still counts as one clip.
    rows += [make_row("old", 0, seed=seed, metrics={"flicker_e3": 30.0, "success": 1.0}) for seed in range(1, 40)]

    value = one(rows)["effect"]["value"]

    by_hand = [3.0 * (1 + 0.3 * (clip % 5)) for clip in CLIPS]
    by_hand[0] = (3.0 + 39 * 30.0) / 40
    assert value == pytest.approx(sum(by_hand) / sum(1 + 0.3 * (clip % 5) for clip in CLIPS))


def test_rows_that_fail_the_edit_are_not_ranked(make_row: MakeRow) -> None:
    """A method that does nothing has no flicker; that must not win it anything."""
    rows = [row.model_copy(update={"rankable": row.method == "old"}) for row in both(make_row)]

    entry = one(rows)

    assert entry["verdict"] == "UNINFORMATIVE"
    assert "got 0" in entry["reasons"][0]
    assert one(rows, of_metrics=True)["verdict"] == "PASS"


def test_a_method_that_cannot_colour_is_not_ranked_by_anything(make_row: MakeRow) -> None:
    entry = one(both(make_row, success=0.79))

    assert entry["verdict"] == "UNINFORMATIVE"
    assert entry["reasons"] == [
        "colour success of old must be 80%, got 79%",
        "colour success of new must be 80%, got 79%",
    ]
    assert one(both(make_row, success=0.8))["verdict"] == "PASS"


def test_colour_success_that_was_not_measured_is_none(make_row: MakeRow) -> None:
    rows = [row.model_copy(update={"edit": "E2"}) for row in both(make_row)]

    assert "colour success of old must be 80%, got not measured" in one(rows)["reasons"]


def test_an_inversion_that_loses_too_much_decides_instead_of_the_method(make_row: MakeRow) -> None:
    def with_gap(gap_db: float) -> list[Row]:
        name, metrics = "per_frame@guidance=1+reconstruct", {"inversion_gap_db": gap_db}
        return both(make_row) + [make_row(name, clip, metrics=metrics) for clip in CLIPS]

    assert one(with_gap(2.9))["verdict"] == "PASS"

    entry = one(with_gap(3.5))

    assert entry["verdict"] == "UNINFORMATIVE"
    assert "inversion under old must come within 3 dB, got 3.50" in entry["reasons"]


def test_a_sampled_method_needs_its_seeds(make_row: MakeRow) -> None:
    rows = [row.model_copy(update={"settings": {"sampled": row.method == "new"}}) for row in both(make_row)]

    assert one(rows, seeds=3)["reasons"] == ["new needs 3 seeds, got 1"]
    assert one(rows, seeds=1)["verdict"] == "PASS"


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
            "control failed: flicker_e3 of noise is at least 2 times that of old, got 8",
        ),
        ({"times": 2.0, "of": "nobody"}, 8.0, "got nothing to compare"),
    ],
)
def test_a_positive_control_that_fails_silences_the_claim(
    make_row: MakeRow, control: dict[str, Any], value: float, reason: str
) -> None:
    rows = both(make_row) + [make_row("noise", clip, metrics={"flicker_e3": value}, rankable=False) for clip in CLIPS]

    entry = one(rows, informative_if=(Control(method="noise", metric="flicker_e3", **control),))

    assert entry["verdict"] == ("UNINFORMATIVE" if reason else "PASS")
    assert reason in "; ".join(entry["reasons"])
    assert "noise" in entry["control"][0]


def test_a_positive_control_that_was_not_run_silences_the_claim(make_row: MakeRow) -> None:
    entry = one(both(make_row), informative_if=(Control(method="noise", metric="flicker_e3", at_least=5.0),))

    assert entry["reasons"] == ["control not measured: flicker_e3 of noise is at least 5"]
