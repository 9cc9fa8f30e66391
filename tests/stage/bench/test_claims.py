"""The file of claims: what it says, word for word, and what it refuses."""

import re
from pathlib import Path

import pytest

from shotgraph.errors import UsageError
from shotgraph.stage.bench.claims import THERE_AND_BACK, Claim, Claims, additions, read_claims
from shotgraph.stage.bench.codec import Codec
from shotgraph.stage.bench.controls import controls
from shotgraph.stage.bench.methods import Settings
from shotgraph.stage.bench.ranking import Floors, gate
from shotgraph.stage.bench.scores import Instruments, score
from shotgraph.stage.bench.truth import RANKED_FROM, Truth, held_out

# Frozen before the first run: whoever changes the question changes this line, and says why.
DIGEST = "b2:06a4d059c278f2ecc24485bb46462304"

# Claim to (more, less, metric), written down from the specification and not from the file.
ORDERINGS = {
    "O1a": ("per_frame", "pix2video", "warp_error_excess_e3"),
    "O1b": ("pix2video", "tokenflow", "warp_error_excess_e3"),
    "O1c": ("per_frame", "tokenflow", "warp_error_excess_e3"),
    "O1d": ("tokenflow@keyframes=fixed", "tokenflow", "warp_error_excess_e3"),
    "O2": ("controlvideo", "controlvideo@attention=none", "consistency_adjacent"),
    "O3": ("flatten@attention=base", "flatten", "warp_error_excess_e3"),
    "O4": ("rerender", "tokenflow", "warp_error_far_excess_e3"),
    "O5": ("rerender@key_interval=2", "rerender@key_interval=8", "warp_error_excess_e3"),
    "O6": ("tune_a_video", "per_frame", "trajectory_error_px"),
    "O7a": ("per_frame", "fatezero", "success_judged"),
    "O7b": ("fatezero", "per_frame", "background_psnr_db"),
    "O8": ("pix2video@guidance_update=false", "pix2video", "flicker_e3"),
    "O9": ("per_frame", "controlvideo", "background_psnr_db"),
    "O10a": ("motiondirector", "motiondirector@temporal=none", "motion_fidelity"),
    "O10b": ("motiondirector@spatial=joint", "motiondirector", "appearance_leak"),
    "O11": ("codef@reconstruct", "layered_atlas@reconstruct", "psnr_to_source_db"),
    "O12": ("rave", "rave@shuffle=false", "warp_ssim"),
    "O13": ("pix2video", "vidtome", "warp_error_excess_e3"),
    "O14a": ("per_frame@guidance=1+reconstruct", "per_frame@guidance=3+reconstruct", "psnr_to_source_db"),
    "O14b": ("per_frame@guidance=3+reconstruct", "per_frame@guidance=7.5+reconstruct", "psnr_to_source_db"),
    "O15": (
        "per_frame@guidance=1+reconstruct",
        "per_frame@guidance=1+inversion_guidance=7.5+reconstruct",
        "psnr_to_source_db",
    ),
    "O16": ("flowedit@n_max=24", "flowedit@n_max=12", "success_judged"),
    "O17a": ("per_frame@matte", "per_frame", "background_psnr_db"),
    "O17b": ("per_frame", "per_frame@matte", "warp_error_excess_e3"),
    "O17c": ("per_frame@matte", "per_frame", "success_judged"),
    "O18a": ("repeat_frame", "gt_edit", "consistency_pixels"),
    "O18b": ("repeat_frame", "gt_edit", "trajectory_error_px"),
    "O18c": ("gt_edit", "copy_source", "success"),
    "O18d": ("copy_source", "blur", "background_psnr_db"),
    "O18e": ("colour_jitter", "gt_edit", "warp_error_e3"),
    "O18f": ("gt_edit", "blur", "psnr_to_truth_db"),
    "O18g": ("copy_source", "gt_edit", "warp_error_e3"),
}
# (effect, the least minimum) that was agreed for a metric, on all claims about methods but those that say otherwise.
AGREED = {
    "warp_error_excess_e3": ("ratio", 1.25),
    "warp_error_far_excess_e3": ("ratio", 1.25),
    "flicker_e3": ("ratio", 1.2),
    "background_psnr_db": ("difference", 3.0),
    "success_judged": ("difference", 0.10),
    "trajectory_error_px": ("difference", 1.0),
    "appearance_leak": ("difference", 0.05),
    "motion_fidelity": ("difference", 0.05),
}
WHOLE = """
format = 1
[defaults]
clips = 16
sampled_seeds = 3
confidence = 0.95
least_success = 0.5
background_slack_db = 6.0
colour_edits = ["E1"]
minimum_colour_success = 0.8
maximum_inversion_gap_db = 3.0
[[claim]]
id = "O1"
title = "more is more"
metric = "flicker_e3"
more = "a"
less = "b"
effect = "ratio"
minimum = 1.25
edits = ["E1"]
informative_if = [{ method = "c", metric = "flicker_e3", at_least = 0.5 }]
"""
# Numbers that need a model to be measured at all.
MODELLED = {"consistency_adjacent", "appearance_leak"}
KNOWN = {control.name for control in controls(Codec())}


def by_id(claims: Claims) -> dict[str, Claim]:
    return {claim.id: claim for claim in claims.all}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "claims.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_file_is_the_one_that_was_frozen(claims: Claims) -> None:
    assert claims.digest == DIGEST


def test_every_claim_says_which_is_more_and_in_what(claims: Claims) -> None:
    assert {claim.id: (claim.more, claim.less, claim.metric) for claim in claims.all} == ORDERINGS


def test_some_claim_bears_the_number_of_every_ordering_of_the_specification(claims: Claims) -> None:
    """Which of their halves are left out, and why, stands at the top of the file."""
    assert {int(re.sub(r"\D", "", claim.id)) for claim in claims.all} == set(range(1, 19))


def test_every_claim_and_control_is_about_a_metric_that_rows_have(claims: Claims) -> None:
    truth = Truth(held_out("E1", RANKED_FROM, side_px=64, frames=3))
    scores = score(truth.target, truth, Instruments())
    gate(scores, Floors(), Settings(), claims.defaults)
    measured = set(scores.values) | MODELLED
    asked = {claim.metric for claim in claims.all}
    asked |= {control.metric for claim in claims.all for control in claim.informative_if}

    assert asked <= measured
    # The names that a model gives are names that rows have.
    assert measured >= MODELLED


def test_every_claim_about_methods_has_at_least_the_effect_that_was_agreed(claims: Claims) -> None:
    about_methods = [c for c in claims.all if not c.id.startswith("O18") and c.metric in AGREED and c.minimum > 0]

    assert len(about_methods) >= 15
    assert {c.id: c.effect for c in about_methods} == {c.id: AGREED[c.metric][0] for c in about_methods}
    assert [c.id for c in about_methods if c.minimum < AGREED[c.metric][1]] == []
    assert {c.id: c.minimum for c in claims.all if c.minimum < 0} == {"O17c": -0.05, "O18g": -0.05}


def test_what_goes_with_being_ranked_is_looked_at_on_all_rows(claims: Claims) -> None:
    on_all = {claim.id for claim in claims.all if claim.rows == "all"}
    success, background = {"O7a", "O16", "O17c"}, {"O7b", "O9", "O17a"}
    # Success is judged at the true pose; what leaks is painted in the colours that it leaks.
    motion, leak = {"O6", "O10a"}, {"O10b"}
    nothing_asked = {"O11", "O14a", "O14b", "O15"}
    controls_alone = {claim.id for claim in claims.all if claim.id.startswith("O18")}

    assert on_all == success | background | motion | leak | nothing_asked | controls_alone


def test_who_must_be_able_to_colour_is_said_where_it_is_not_both(claims: Claims) -> None:
    assert {claim.id: claim.colour for claim in claims.all if claim.colour != "both"} == {
        "O10a": "more",
        "O10b": "none",
    }
    found = by_id(claims)
    assert found["O1c"].colouring == ("per_frame", "tokenflow")
    assert found["O7a"].colouring == ("per_frame",)
    assert found["O10a"].colouring == ("motiondirector",)
    assert found["O10b"].colouring == ()
    assert found["O1c"].model_copy(update={"colour": "less"}).colouring == ("tokenflow",)
    # Of a claim about success, the side that is said to have less is never asked.
    assert found["O7a"].model_copy(update={"colour": "less"}).colouring == ()


def test_no_claim_is_its_own_control(claims: Claims) -> None:
    """A control that is the claim cannot fail unless the claim does, and turns every FAIL into nothing said."""
    controls_of = [(claim, control) for claim in claims.all for control in claim.informative_if]
    own = [
        claim.id
        for claim, control in controls_of
        if control.metric == claim.metric and set(control.methods) <= {claim.more, claim.less}
    ]

    assert own == []


def test_orderings_of_warp_errors_need_flicker_to_be_seen_and_a_fast_clip(claims: Claims) -> None:
    found = by_id(claims)

    for name in ("O1a", "O1b", "O1c", "O1d", "O13"):
        noisy, fast = found[name].informative_if
        assert (noisy.method, noisy.times, noisy.of) == ("per_frame@eta=1", 1.25, "per_frame")
        assert (fast.metric, fast.some_at_least) == ("motion_px", 3.0)
        assert found[name].edits == ("E2", "E4", "E5")


def test_what_holds_for_all_claims_is_written_down_once(claims: Claims) -> None:
    defaults = claims.defaults

    assert (defaults.clips, defaults.sampled_seeds, defaults.confidence) == (16, 3, 0.95)
    assert (defaults.least_success, defaults.background_slack_db) == (0.5, 6.0)
    assert defaults.colour_edits == ("E1", "E6", "E10")


def test_any_change_of_the_file_changes_its_digest(tmp_path: Path) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text(WHOLE, encoding="utf-8")
    second.write_text(WHOLE.replace("1.25", "1.24"), encoding="utf-8")

    assert read_claims(first).digest == read_claims(first).digest
    assert read_claims(first).digest != read_claims(second).digest
    assert read_claims(first).digest.startswith("b2:")


def test_names_are_read_in_their_normal_form(tmp_path: Path) -> None:
    text = WHOLE.replace('more = "a"', 'more = "a@reconstruct+eta=1.0"\nrows = "all"')

    (claim,) = read_claims(written(tmp_path, text.replace('method = "c"', 'method = "c@n=02"'))).all

    assert claim.more == "a@eta=1+reconstruct"
    assert claim.methods == ("a@eta=1+reconstruct", "b", "c@n=2")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('effect = "ratio"', 'effect = "sum"', "claim.0.effect"),
        ('edits = ["E1"]', 'edits = ["E77"]', "claim.0.edits.0"),
        ('edits = ["E1"]', "edits = []", "claim.0.edits"),
        ('title = "more is more"', "", "claim.0.title: Field required"),
        ("minimum = 1.25", "minimum = 1.25\nverdict = 'PASS'", "claim.0.verdict"),
        ("minimum = 1.25", "minimum = -0.1", "minimum of a ratio must be above 0, got -0.1"),
        ("at_least = 0.5", "at_least = 0.5, at_most = 1.0", "a control must have one of at_least, at_most"),
        ("at_least = 0.5", "times = 2.0", "some_at_least, or times or above with of, got 1"),
        ("at_least = 0.5", "above = 2.0", "some_at_least, or times or above with of, got 1"),
        ("at_least = 0.5", 'at_least = 0.5, of = "d"', "some_at_least, or times or above with of, got 1"),
        ("at_least = 0.5", 'times = -2.0, of = "d"', "claim.0.informative_if.0.times"),
        ('[{ method = "c", metric = "flicker_e3", at_least = 0.5 }]', "[]", "claim.0.informative_if"),
        *(
            (
                'metric = "flicker_e3"\nmore',
                f'metric = "{metric}"\nmore',
                f"rows must be all where the metric is {metric}, ",
            )
            for metric in (
                "success",
                "success_judged",
                "background_psnr_db",
                "trajectory_error_px",
                "motion_fidelity",
            )
        ),
        (
            'more = "a"',
            'more = "a@reconstruct"',
            "rows must be all where a side is a@reconstruct, which is asked to change",
        ),
        ('effect = "ratio"', 'effect = "ratio"\ncolour = "some"', "claim.0.colour"),
        ('more = "a"', 'more = "a@fast"', "a variation must be matte, reconstruct or name=value, got 'fast'"),
        ("confidence = 0.95", "confidence = 95", "defaults.confidence"),
        ("format = 1", "format = 2", "format"),
        ("format = 1", "format = ", "must be TOML, got Invalid value"),
    ],
)
def test_a_claim_that_says_too_little_or_too_much_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in WHOLE
    path = written(tmp_path, WHOLE.replace(old, new))

    with pytest.raises(UsageError, match=re.escape(message)):
        read_claims(path)


def test_two_claims_of_one_name_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE + WHOLE[WHOLE.index("[[claim]]") :])

    with pytest.raises(UsageError, match="ids must differ, O1 is there twice"):
        read_claims(path)


def test_what_a_claim_between_methods_needs_is_run_as_well(claims: Claims) -> None:
    asked = {"per_frame", "tokenflow"}

    added = additions(claims.all, asked=asked, controls=KNOWN, edits={"E2"})

    assert added == {THERE_AND_BACK: "the inversion gap of O1c", "per_frame@eta=1": "a control of O1c"}


def test_nothing_is_added_for_half_a_claim_other_edits_or_controls_alone(claims: Claims) -> None:
    def added(*asked: str, edits: tuple[str, ...] = ("E2",)) -> dict[str, str]:
        return additions(claims.all, asked=set(asked), controls=KNOWN, edits=set(edits))  # pyright: ignore[reportArgumentType]

    assert added("per_frame") == {}
    assert added("per_frame", "tokenflow", edits=("E1",)) == {}
    assert added() == {}
    assert set(added("flatten", "flatten@attention=base")) == {THERE_AND_BACK, "flatten@shuffle_flow=true"}
