"""Patterns as parsers: they read back what `fill` writes, and match nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api.paths import fill
from shotgraph.errors import UsageError
from shotgraph.presets.folders import collapsed
from shotgraph.presets.patterns import Pattern

WORDS = st.text("abcxyzABC0189 -'\";$()éß漢", min_size=1, max_size=8).filter(lambda text: text == text.strip())
NUMBERS = st.integers(0, 123_456)


def parsed(pattern: str, path: str) -> dict[str, str] | None:
    """The fields of a whole path below the root, part by part as discovery does it."""
    form = Pattern.parse(pattern)
    fields: dict[str, str] = {}
    names = path.split("/")[1:]
    assert len(names) == len(form.names)
    for index, name in enumerate(names):
        found = form.matcher(index, fields).match(name)
        if found is None:
            return None
        fields |= found.fields
    return fields


@given(WORDS, WORDS, NUMBERS, st.sampled_from(["mov", "MP4", "exr"]))
def test_a_pattern_reads_back_the_fields_it_was_filled_with(seq: str, shot: str, version: int, ext: str) -> None:
    pattern = "{root}/{seq}/{seq}_{shot}/plate_v{version:03d}.{ext}"
    path = fill(pattern, {"root": "R", "seq": seq, "shot": shot, "version": version, "ext": ext}, who="test")

    fields = parsed(pattern, path)

    assert fields is not None
    assert (fields["seq"], fields["shot"], int(fields["version"]), fields["ext"]) == (seq, shot, version, ext)
    assert fill(pattern, {"root": "R", **fields}, who="test") == path


@given(WORDS, st.integers(-99_999, 99_999), st.integers(1, 6))
def test_a_frame_number_is_found_whatever_its_width_and_sign(shot: str, frame: int, width: int) -> None:
    written = f"{'-' if frame < 0 else ''}{abs(frame):0{width}d}"
    name = f"{shot}.{written}.exr"

    found = Pattern.parse(f"{{root}}/{{shot}}.{'#' * width}.exr").matcher(0, {}).match(name)

    assert found is not None
    assert (found.frame, name[slice(*found.span)], found.fields) == (written, written, {"shot": shot})


@pytest.mark.parametrize(
    ("pattern", "name", "fields", "frame"),
    [
        ("{shot}.{ext}", "sh010.mov", {"shot": "sh010", "ext": "mov"}, ""),
        ("{shot}.{ext}", "sh010.MOV", {"shot": "sh010", "ext": "MOV"}, ""),
        ("{shot}.{ext}", "sh010.1001.exr", {"shot": "sh010", "ext": "exr"}, "1001"),
        ("{shot}.{ext}", "sh010_1001.exr", {"shot": "sh010", "ext": "exr"}, "1001"),
        ("{shot}.{ext}", "sh010.2.mov", {"shot": "sh010.2", "ext": "mov"}, ""),
        ("{shot}.{ext}", "plate_v02.png", {"shot": "plate_v02", "ext": "png"}, ""),
        ("plate.*", "plate.mov", {}, ""),
        ("plate.*", "plate.0001.exr", {}, "0001"),
        ("plate.%04d.exr", "plate.0999.exr", {}, "0999"),
        ("plate.$F4.exr", "plate.12345.exr", {}, "12345"),
        ("plate.%d.exr", "plate.7.exr", {}, "7"),
        ("plate.{frame:04d}.exr", "plate.-0003.exr", {}, "-0003"),
        ("plate.####.{ext}", "plate.1001.png", {"ext": "png"}, "1001"),
        ("{shot}_v{version:03d}.mov", "a_v002_v003.mov", {"shot": "a_v002", "version": "003"}, ""),
        ("{shot}_{shot}.mov", "a_b_a_b.mov", {"shot": "a_b"}, ""),
        ("v{version:02d}_{version:04d}.mov", "v07_0007.mov", {"version": "07"}, ""),
        ("{shot}.mov", "a[1]*?(x)'\";$.mov", {"shot": "a[1]*?(x)'\";$"}, ""),
    ],
)
def test_a_file_name_gives_its_fields_and_frame(pattern: str, name: str, fields: dict[str, str], frame: str) -> None:
    found = Pattern.parse(f"{{root}}/{pattern}").matcher(0, {}).match(name)

    assert found is not None
    assert (found.fields, found.frame) == (fields, frame)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{shot}.{ext}", "notes.txt"),
        ("{shot}.{ext}", "sh010.mov.bak"),
        ("{shot}.{ext}", ".mov"),
        ("plate.*", "plate.txt"),
        ("plate.*", "plate.0001.mov"),
        ("plate.*", "plate2.mov"),
        ("plate.####.exr", "plate.999.exr"),
        ("plate.####.exr", "plate.01001.exr"),
        ("plate.####.exr", "plateX1001.exr"),
        ("{shot}_v{version:03d}.mov", "a_v02.mov"),
        ("{shot}_{shot}.mov", "a_b.mov"),
        ("v{version:02d}_{version:04d}.mov", "v07_0008.mov"),
    ],
)
def test_other_names_do_not_match(pattern: str, name: str) -> None:
    assert Pattern.parse(f"{{root}}/{pattern}").matcher(0, {}).match(name) is None


def test_a_field_known_from_a_folder_must_be_equal_in_the_file() -> None:
    pattern = Pattern.parse("{root}/{shot}/{shot}_v{version:03d}.mov")

    assert pattern.matcher(1, {"shot": "a.b"}).match("a.b_v001.mov") is not None
    assert pattern.matcher(1, {"shot": "a.b"}).match("aXb_v001.mov") is None
    assert pattern.matcher(1, {"shot": "a.b", "version": "12"}).match("a.b_v012.mov") is not None
    assert pattern.matcher(1, {"shot": "a.b", "version": "12"}).match("a.b_v013.mov") is None


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("/abs/{shot}.mov", "pattern must begin with {root}/, got '/abs/{shot}.mov'"),
        ("{root}", "pattern must begin with {root}/, got '{root}'"),
        ("{root}/../{shot}.mov", "pattern must not have empty, '.' or '..' parts, got"),
        ("{root}//{shot}.mov", "pattern must not have empty, '.' or '..' parts, got"),
        ("{root}/*/{shot}.mov", "pattern may use * only as the extension .*, got"),
        ("{root}/{shot}.*/x.mov", "pattern may use * only as the extension .*, got"),
        ("{root}/{a}{shot}.mov", "pattern must have text between two fields, got"),
        ("{root}/{a}_{b}_{c}_{d}_{e}.mov", "pattern must have at most 4 fields in one name, got"),
        ("{root}/{shot}.####.%04d.exr", "pattern must have at most one frame number, in the file name, got"),
        ("{root}/{shot}.####/x.exr", "pattern must have at most one frame number, in the file name, got"),
        ("{root}/{shot!r}.mov", "pattern fields must look like {name} or {name:03d}, got"),
        ("{root}/{shot.__class__}.mov", "pattern fields must look like {name} or {name:03d}, got"),
        ("{root}/{shot}/{root}.mov", "pattern must not use {root} or {plate} after its beginning, got"),
        ("{root}/{v:02d}_{v}.mov", "pattern must pad a repeated field both times or never, got 'v' in"),
    ],
)
def test_a_pattern_that_could_go_astray_is_refused(pattern: str, fault: str) -> None:
    with pytest.raises(UsageError, match=re.escape(fault)):
        Pattern.parse(pattern)


def test_a_question_mark_makes_a_pattern_optional() -> None:
    assert Pattern.parse("{root}/{shot}/matte.####.png?").is_optional
    assert Pattern.parse("{root}/{shot}/matte.####.png?").text == "{root}/{shot}/matte.####.png"
    assert not Pattern.parse("{root}/{shot}/matte.####.png").is_optional


@pytest.mark.parametrize(
    ("numbers", "paddings"),
    [
        (["1001", "1002"], ("####",)),
        (["8", "9", "10"], ("#",)),
        (["0998", "1000", "10000"], ("####",)),
        (["998", "999", "1000"], ("###",)),
        (["1", "01"], ("#", "##")),
        (["-005", "006"], ("###",)),
    ],
)
def test_numbers_collapse_to_the_padding_that_wrote_them(numbers: list[str], paddings: tuple[str, ...]) -> None:
    assert collapsed(numbers) == paddings


@given(st.sets(st.integers(0, 10**7), min_size=1), st.integers(1, 6))
def test_a_run_written_with_one_padding_is_one_sequence(frames: set[int], width: int) -> None:
    written = [f"{frame:0{width}d}" for frame in frames]

    (padding,) = collapsed(written)

    assert all(f"{frame:0{len(padding)}d}" in written for frame in frames)
