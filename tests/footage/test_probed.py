"""Footage is probed once a run, and again when its files changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from shotgraph.api import Colour, Rate
from shotgraph.errors import UsageError
from shotgraph.io import probed
from shotgraph.io.sources import open_source


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every probing from here on, one entry each."""
    seen: list[str] = []
    for name in ("probe_movie", "probe_sequence"):
        real = getattr(probed, name)

        def counted(*args: object, _real: Callable[..., object] = real, _name: str = name, **named: object) -> object:
            seen.append(_name)
            return _real(*args, **named)

        monkeypatch.setattr(probed, name, counted)
    return seen


def test_a_movie_is_probed_once_for_many_openings(make_movie: Callable[..., Path], probes: list[str]) -> None:
    path = make_movie("once.mov")

    with open_source(path) as first:
        known = first.media.probed
    with open_source(path, known=known) as second, open_source(path, known=second.media.probed) as third:
        assert third.clip == first.clip

    assert probes == ["probe_movie"]


def test_a_sequence_is_probed_once_for_many_openings(make_sequence: Callable[..., Path], probes: list[str]) -> None:
    pattern = make_sequence("a.%04d.png", (1, 2)) / "a.####.png"

    with open_source(pattern) as first, open_source(pattern, known=first.media.probed) as second:
        assert second.clip == first.clip

    assert probes == ["probe_sequence"]


def test_a_movie_that_changed_is_probed_again(
    footage_folder: Path, make_movie: Callable[..., Path], probes: list[str]
) -> None:
    path = footage_folder / "changing.mov"
    path.write_bytes(make_movie("twelve.mov", count=12).read_bytes())
    with open_source(path) as before:
        known = before.media.probed
    path.write_bytes(make_movie("seven.mov", count=7).read_bytes())

    with open_source(path, known=known) as after:
        assert (before.info.count, after.info.count) == (12, 7)

    assert len(probes) == 2


def test_a_movie_of_the_same_size_but_a_later_time_is_probed_again(
    make_movie: Callable[..., Path], probes: list[str]
) -> None:
    path = make_movie("touched.mov")
    with open_source(path) as before:
        known = before.media.probed
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))

    with open_source(path, known=known):
        assert len(probes) == 2


def test_a_sequence_with_a_new_file_is_probed_again(make_sequence: Callable[..., Path], probes: list[str]) -> None:
    folder = make_sequence("a.%04d.png", (1, 2))
    with open_source(folder / "a.####.png") as before:
        known = before.media.probed
    make_sequence("a.%04d.png", (3,), folder=folder)

    with open_source(folder / "a.####.png", known=known) as after:
        assert after.info.count == 3

    assert len(probes) == 2


@pytest.mark.parametrize("change", [{"rate": Rate(Fraction(30))}, {"first_frame": 5}])
def test_a_finding_for_other_questions_is_not_used(
    make_sequence: Callable[..., Path], probes: list[str], change: dict[str, object]
) -> None:
    pattern = make_sequence("a.%04d.png", (1, 2)) / "a.####.png"
    with open_source(pattern, rate=Rate(Fraction(25))) as before:
        known = before.media.probed

    with open_source(pattern, **({"rate": Rate(Fraction(25))} | change), known=known):
        assert len(probes) == 2


def test_an_override_does_not_reach_the_next_opening(make_movie: Callable[..., Path], probes: list[str]) -> None:
    path = make_movie("rates.mov", rate=Fraction(25))

    with (
        open_source(path, rate=Rate(Fraction(25)), timecode="02:00:00:00", colour=Colour(matrix="smpte170m")) as first,
        open_source(path, rate=Rate(Fraction(25)), known=first.media.probed) as second,
    ):
        assert (first.info.colour.matrix, second.info.colour.matrix) == ("smpte170m", "unspecified")
        assert second.info.start_timecode is None

    assert probes == ["probe_movie"]


@pytest.mark.parametrize("name", ["primaries", "transfer", "matrix", "range"])
def test_a_colour_that_does_not_exist_is_refused(make_movie: Callable[..., Path], name: str) -> None:
    path = make_movie("colour_names.mov")

    with pytest.raises(UsageError, match=rf"read: {name} must be one of .*, got 'rec709'; use one of FFmpeg's names"):
        open_source(path, colour=Colour(**{name: "rec709"}))
