"""The file of claims: what it holds, and what it refuses."""

import re
from pathlib import Path

import pytest

from shotgraph.errors import UsageError
from shotgraph.stage.bench.claims import Claims, read_claims
from shotgraph.stage.bench.scores import Instruments, score
from shotgraph.stage.bench.truth import RANKED_FROM, Truth, held_out

WHOLE = """
format = 1
[defaults]
clips = 16
minimum_colour_success = 0.8
maximum_inversion_gap_db = 3.0
[[claim]]
id = "O1"
title = "more is more"
metric = "success"
more = "a"
less = "b"
effect = "ratio"
minimum = 1.25
edits = ["E1"]
informative_if = [{ method = "c", metric = "success", at_least = 0.5 }]
"""
# What the verdicts add to a row beside its own metrics, or a method notes.
ADDED = {"success", "consistency_adjacent", "appearance_leak"}


def test_every_ordering_of_the_specification_is_claimed(claims: Claims) -> None:
    numbers = {int(re.sub(r"\D", "", claim.id)) for claim in claims.all}

    assert numbers == set(range(1, 19))


def test_every_claim_is_about_a_metric_that_rows_have(claims: Claims) -> None:
    truth = Truth(held_out("E1", RANKED_FROM, side_px=64, frames=3))
    known = set(score(truth.target, truth, Instruments()).values) | ADDED

    assert {claim.metric for claim in claims.all} <= known
    assert {control.metric for claim in claims.all for control in claim.informative_if} <= known


def test_orderings_of_warp_errors_have_a_positive_control(claims: Claims) -> None:
    o1 = [claim for claim in claims.all if claim.id in ("O1a", "O1b", "O1c")]

    assert len(o1) == 3
    assert all(claim.edits == ("E2", "E4", "E5") for claim in o1)
    assert all(claim.informative_if[0].of == "per_frame" for claim in o1)


def test_starting_effects_are_those_that_were_agreed(claims: Claims) -> None:
    assert claims.declared.defaults.clips == 16
    minimum = {claim.metric: claim.minimum for claim in claims.all if not claim.of_metrics}
    assert all(c.minimum >= 1.25 for c in claims.all if c.metric == "warp_error_excess_e3")
    assert minimum["flicker_e3"] == 1.2
    assert minimum["trajectory_error_px"] == 1.0
    assert minimum["appearance_leak"] == 0.05
    assert minimum["success"] == 0.10


def test_any_change_of_the_file_changes_its_digest(tmp_path: Path) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text(WHOLE, encoding="utf-8")
    second.write_text(WHOLE.replace("1.25", "1.24"), encoding="utf-8")

    assert read_claims(first).digest == read_claims(first).digest
    assert read_claims(first).digest != read_claims(second).digest
    assert read_claims(first).digest.startswith("b2:")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('effect = "ratio"', 'effect = "sum"', "claim.0.effect"),
        ('edits = ["E1"]', 'edits = ["E77"]', "claim.0.edits.0"),
        ('edits = ["E1"]', "edits = []", "claim.0.edits"),
        ('title = "more is more"', "", "claim.0.title: Field required"),
        ("minimum = 1.25", "minimum = 1.25\nverdict = 'PASS'", "claim.0.verdict"),
        (
            "at_least = 0.5",
            "at_least = 0.5, at_most = 1.0",
            "a control must have one of at_least, at_most, or times with of",
        ),
        ("at_least = 0.5", "times = 2.0", "got 1"),
        ("format = 1", "format = 2", "format"),
        ("format = 1", "format = ", "must be TOML, got Invalid value"),
    ],
)
def test_a_claim_that_says_too_little_or_too_much_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "claims.toml"
    path.write_text(WHOLE.replace(old, new), encoding="utf-8")

    with pytest.raises(UsageError, match=re.escape(message)):
        read_claims(path)


def test_two_claims_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    path.write_text(WHOLE + WHOLE[WHOLE.index("[[claim]]") :], encoding="utf-8")

    with pytest.raises(UsageError, match="ids must differ, O1 is there twice"):
        read_claims(path)
