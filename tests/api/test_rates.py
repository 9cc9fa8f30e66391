"""Rates: what people type, what containers measure, and what is neither."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api import STANDARD_RATES, Rate
from shotgraph.errors import RateError

positive_ratios = st.builds(Fraction, st.integers(1, 10**6), st.integers(1, 10**4))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24000/1001", Fraction(24000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        (23.976, Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        (" 47.952 ", Fraction(48000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("119.88", Fraction(120000, 1001)),
        ("25", Fraction(25)),
        (25, Fraction(25)),
        ("24.0", Fraction(24)),
        ("12.5", Fraction(25, 2)),
    ],
)
def test_a_rate_is_what_the_person_meant(text: str | int | float, expected: Fraction) -> None:
    assert Rate.parse(text).fps == expected


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ("19001/317", Fraction(60000, 1001)),
        ("29011/242", Fraction(120000, 1001)),
        ("2997/125", Fraction(24000, 1001)),
    ],
)
def test_a_rate_measured_in_milliseconds_snaps_to_the_standard_one(measured: str, expected: Fraction) -> None:
    assert Rate(Fraction(measured)).snapped() == Rate(expected)
    assert Rate.parse(measured) == Rate(expected)


@pytest.mark.parametrize("outside", ["2398/100", "23.5", "27", "59.9", "1000"])
def test_a_rate_further_off_than_the_tolerance_stays_what_it_is(outside: str) -> None:
    rate = Rate(Fraction(outside))

    assert rate.snapped() is rate


@pytest.mark.parametrize(("fps", "relative"), [(Fraction(25), 1), (Fraction(120), 1), (Fraction(24000, 1001), -1)])
def test_the_snap_tolerance_is_one_in_ten_thousand(fps: Fraction, relative: int) -> None:
    inside = fps * (1 + relative * Fraction(99, 10**6))
    outside = fps * (1 + relative * Fraction(101, 10**6))

    assert Rate(inside).snapped() == Rate(fps)
    assert Rate(outside).snapped() == Rate(outside)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fast", "'fast'"),
        ("0", "'0'"),
        ("-25", "'-25'"),
        ("25/0", "'25/0'"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_what_is_no_positive_number_is_refused_with_its_text(text: str | float, shown: str) -> None:
    with pytest.raises(RateError, match=f"rate: must be .*got {shown}$"):
        Rate.parse(text)


@pytest.mark.parametrize("fps", [Fraction(0), Fraction(-25), 25.0])
def test_a_rate_is_never_built_from_a_float_or_from_nothing(fps: Fraction) -> None:
    with pytest.raises(RateError, match=rf"positive Fraction, got {fps!r}".replace("(", r"\(").replace(")", r"\)")):
        Rate(fps)


def test_nominal_rounds_up_and_drops_exist_only_at_multiples_of_29_97() -> None:
    table = {str(Rate(fps)): (Rate(fps).nominal, Rate(fps).drops) for fps in STANDARD_RATES}

    assert table == {
        "23.976": (24, 0),
        "29.97": (30, 2),
        "47.952": (48, 0),
        "59.94": (60, 4),
        "119.88": (120, 8),
        "24": (24, 0),
        "25": (25, 0),
        "30": (30, 0),
        "48": (48, 0),
        "50": (50, 0),
        "60": (60, 0),
        "100": (100, 0),
        "120": (120, 0),
    }


@pytest.mark.parametrize("fps", STANDARD_RATES)
def test_the_text_of_a_standard_rate_reads_back(fps: Fraction) -> None:
    assert Rate.parse(str(Rate(fps))) == Rate(fps)


@given(positive_ratios)
def test_snapping_twice_changes_nothing_more(fps: Fraction) -> None:
    once = Rate(fps).snapped()

    assert once.snapped() == once
    assert abs(once.fps - fps) <= once.fps / 10_000


@given(positive_ratios)
def test_a_frame_lasts_one_over_the_rate(fps: Fraction) -> None:
    assert Rate(fps).frame_seconds * fps == 1


def test_a_rate_without_a_short_form_prints_its_ratio() -> None:
    assert str(Rate(Fraction(25, 2))) == "25/2"


def test_rates_sort_by_speed() -> None:
    assert sorted([Rate(Fraction(25)), Rate(Fraction(24000, 1001)), Rate(Fraction(24))])[0] == Rate.parse("23.976")
