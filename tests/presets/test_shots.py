"""Shots found in folders made for the purpose."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shotgraph.api import FrameRange, Shot
from shotgraph.errors import Exit, MediaMissingError, PresetError, UsageError
from shotgraph.presets import Preset, discover
from shotgraph.presets.shots import natural_key

Made = Callable[..., Preset]
NASTY = "$(touch x)'\";"


def tree(root: Path, *files: str) -> Path:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def frames(stem: str, *numbers: int) -> list[str]:
    return [f"{stem}.{number:04d}.exr" for number in numbers]


def with_shots(valid: str, **shots: object) -> str:
    """The valid preset with another `shots` section."""
    section = ", ".join(f"{key}: {value}" for key, value in shots.items())
    return re.sub(r"shots:\n(?:  .*\n)+", f"shots: {{{section}}}\n", valid, count=1)


def names(shots: tuple[Shot, ...]) -> list[str]:
    return [shot.name for shot in shots]


def test_the_first_pattern_that_matches_anything_gives_all_shots_of_a_folder(preset: Made, tmp_path: Path) -> None:
    root = tree(tmp_path / "job", "sh10/plate.mov", "sh2/plate.mov", "sh2/other.mov", "stray.mov")

    shots = discover(preset(), [root])

    assert [(shot.name, shot.media["plate"]) for shot in shots] == [
        ("sh2", str(root / "sh2/plate.mov")),
        ("sh10", str(root / "sh10/plate.mov")),
    ]
    assert all(shot.root == root for shot in shots)


def test_the_second_pattern_is_tried_when_the_first_matches_nothing(preset: Made, tmp_path: Path) -> None:
    root = tree(tmp_path / "job", "a.mov", "b.MKV", "c.txt", "d/unrelated.mov")

    shots = discover(preset(), [root])

    assert [(shot.name, shot.fields) for shot in shots] == [("a", {"ext": "mov"}), ("b", {"ext": "MKV"})]


def test_a_sequence_is_one_shot_and_its_padding_is_kept(preset: Made, tmp_path: Path) -> None:
    root = tree(tmp_path / "job", *frames("sh1/plate", 1001, 1002, 1004), "sh1/plate.mov.part", "sh1/.plate.0001.exr")

    (shot,) = discover(preset(), [root])

    assert shot.media == {"plate": str(root / "sh1/plate.####.exr")}


def test_sequences_beside_movies_in_one_folder_are_shots_of_their_own(preset: Made, tmp_path: Path) -> None:
    root = tree(tmp_path / "job", *frames("b", 1, 2), "a.mov", "c_01.png", "c_02.png")

    shots = discover(preset(), [root])

    assert [Path(shot.media["plate"]).name for shot in shots] == ["a.mov", "b.####.exr", "c_##.png"]


def test_a_folder_is_listed_once_however_many_frames_it_holds(
    preset: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "job", *frames("sh1/plate", *range(1001, 1201)), *frames("sh1/matte", *range(1001, 1201)))
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(str(path)) or scandir(path))
    stats: list[str] = []
    monkeypatch.setattr(os, "stat", lambda path, **_: stats.append(str(path)) or os.lstat(path))

    discover(preset(), [root])

    assert sorted(listed) == [str(root), str(root / "sh1")]
    assert not [path for path in stats if path.endswith(".exr")]


def test_a_folder_that_matches_no_pattern_is_tried_as_one_shot(preset: Made, tmp_path: Path, valid: str) -> None:
    tree(tmp_path / "job", "sh1/plate.mov", "sh2/plate.mov")
    loaded = preset(with_shots(valid, plate='["{root}/{shot}/plate.*"]', first_frame=1))

    (shot,) = discover(loaded, [tmp_path / "job" / "sh2"])

    assert (shot.name, shot.root, shot.media["plate"]) == ("sh2", tmp_path / "job", str(tmp_path / "job/sh2/plate.mov"))


def test_a_shot_folder_is_not_mistaken_for_the_movie_beside_it(preset: Made, tmp_path: Path) -> None:
    tree(tmp_path / "job", "sh1.mov", "sh1/notes.txt")

    with pytest.raises(UsageError, match="a folder must hold at least one plate"):
        discover(preset(), [tmp_path / "job" / "sh1"])


def test_an_empty_folder_is_a_usage_error_that_lists_what_was_looked_for(preset: Made, tmp_path: Path) -> None:
    folder = tree(tmp_path / "job", "sh1/readme.txt") / "sh1"

    with pytest.raises(UsageError, match="a folder must hold at least one plate") as caught:
        discover(preset(), [folder])

    assert str(caught.value).splitlines() == [
        f"shots: a folder must hold at least one plate, got {str(folder)!r}; name the plate itself, or correct "
        "the preset's shots.plate",
        f"  tried {{root}}/{{shot}}/plate.* with {{root}}={folder}",
        f"  tried {{root}}/{{shot}}.{{ext}} with {{root}}={folder}",
        f"  tried {{root}}/{{shot}}/plate.* with {{root}}={folder.parent} and {{shot}}=sh1",
        f"  tried {{root}}/{{shot}}.{{ext}} with {{root}}={folder.parent} and {{shot}}=sh1",
    ]
    assert caught.value.exit_code is Exit.USAGE


@pytest.mark.parametrize(
    ("entry", "name", "media"),
    [
        ("clip.v2.mov", "clip.v2", "clip.v2.mov"),
        ("plate.####.exr", "plate", "plate.####.exr"),
        ("plate.%04d.exr", "plate", "plate.####.exr"),
        ("plate.$F4.exr", "plate", "plate.####.exr"),
        ("plate.1002.exr", "plate", "plate.####.exr"),
        ("a_08.png", "a", "a_##.png"),
        ("still.exr", "still", "still.exr"),
        ("plate_v02.png", "plate_v02", "plate_v02.png"),
        ("0001.png", "job", "####.png"),
        ("take#2.mov", "take#2", "take#2.mov"),
        (f"{NASTY}.mov", NASTY, f"{NASTY}.mov"),
        ("Überblick 漢字.mov", "Überblick 漢字", "Überblick 漢字.mov"),
    ],
)
def test_a_file_or_sequence_is_one_shot_named_by_its_stem(
    preset: Made, tmp_path: Path, entry: str, name: str, media: str
) -> None:
    root = tree(
        tmp_path / "job", *frames("plate", 1001, 1002), "clip.v2.mov", "a_08.png", "a_10.png", "still.exr", "take#2.mov",
        "plate_v01.png", "plate_v02.png", "0001.png", f"{NASTY}.mov", "Überblick 漢字.mov",
    )  # fmt: skip

    (shot,) = discover(preset(), [root / entry])

    assert (shot.name, shot.root, shot.media["plate"]) == (name, root, str(root / media))


def test_nasty_and_unicode_folder_names_are_shots_like_any_other(preset: Made, tmp_path: Path) -> None:
    root = tree(tmp_path / "job", f"{NASTY}/plate.mov", "漢字/plate.mov", "a{root}b/plate.mov", "<script>/plate.mov")

    assert set(names(discover(preset(), [root]))) == {NASTY, "漢字", "a{root}b", "<script>"}


@pytest.mark.parametrize("name", ["a..b", "a\\b", "a\nb", "a\x1bb"])
def test_a_name_that_no_path_may_hold_is_refused_with_the_file(preset: Made, tmp_path: Path, name: str) -> None:
    root = tree(tmp_path / "job", f"{name}/plate.mov")

    with pytest.raises(
        UsageError, match=r"shots: shot must not hold a separator, '\.\.' or a control character, got 'a"
    ):
        discover(preset(), [root])


def test_a_name_that_is_not_text_is_refused(preset: Made, tmp_path: Path) -> None:
    root = tmp_path / "job"
    root.mkdir()
    try:
        (root / os.fsdecode(b"caf\xe9.mov")).touch()
    except OSError:
        pytest.skip("this file system holds only UTF-8 names")

    with pytest.raises(UsageError, match="shot must not hold a separator"):
        discover(preset(), [root])


def test_missing_inputs_are_named_together_with_exit_66(preset: Made, tmp_path: Path) -> None:
    with pytest.raises(MediaMissingError, match="must be an existing file, sequence or folder") as caught:
        discover(preset(), [tmp_path / "none.mov", tmp_path / "none.####.exr"])

    assert len(str(caught.value).splitlines()) == 2
    assert caught.value.exit_code is Exit.MEDIA_MISSING


def test_no_input_is_a_usage_error(preset: Made) -> None:
    with pytest.raises(UsageError, match=r"shots: inputs must be files, sequences or folders, got \[\]"):
        discover(preset(), [])


def test_optional_media_is_found_or_left_out_and_required_media_is_demanded(
    preset: Made, tmp_path: Path, valid: str
) -> None:
    root = tree(tmp_path / "job", "a/plate.mov", *(f"a/matte.{n}.png" for n in (1001, 1002)), "b/plate.mov")

    shots = discover(preset(), [root])

    assert [shot.media.get("matte") for shot in shots] == [str(root / "a/matte.####.png"), None]
    with pytest.raises(
        MediaMissingError, match=re.escape(f"shot 'b': matte must exist, got nothing at '{root}/b/matte.####")
    ):
        discover(preset(valid.replace("matte.####.png?", "matte.####.png")), [root])


def test_media_beside_a_single_file_is_looked_up_too(preset: Made, tmp_path: Path, valid: str) -> None:
    root = tree(tmp_path / "job", "sh1.mov", "sh1_matte.mp4")
    loaded = preset(valid.replace("{shot}/matte.####.png?", "{shot}_matte.{ext}"))

    (shot,) = discover(loaded, [root / "sh1.mov"])

    assert shot.media["matte"] == str(root / "sh1_matte.mp4")


def test_media_in_two_files_is_unclear(preset: Made, tmp_path: Path) -> None:
    root = tree(tmp_path / "job", "a/plate.mov", "a/plate.mp4", "b/plate.mov")

    with pytest.raises(
        UsageError, match=r"shot 'a': plate must be one file or sequence, got 'plate\.mov', 'plate\.mp4'"
    ):
        discover(preset(), [root])


def test_optional_media_in_two_files_is_unclear_too(preset: Made, tmp_path: Path, valid: str) -> None:
    root = tree(tmp_path / "job", "a/plate.mov", "a/matte.mov", "a/matte.mp4")

    with pytest.raises(
        UsageError, match=r"shot 'a': matte must be one file or sequence, got 'matte\.mov', 'matte\.mp4'"
    ):
        discover(preset(valid.replace("matte.####.png?", "matte.*?")), [root])


@pytest.mark.parametrize(("wanted", "version"), [("latest", "012"), (9, "009"), (2, None)])
def test_the_highest_version_is_taken_unless_another_is_asked_for(
    preset: Made, tmp_path: Path, valid: str, wanted: object, version: str | None
) -> None:
    root = tree(tmp_path / "job", "a/p_v009.mov", "a/p_v012.mov", "b/p_v002.mov", "b/p_v009.mov", "b/p_v012.mov")
    loaded = preset(with_shots(valid, plate='"{root}/{shot}/p_v{version:03d}.mov"', version=wanted))

    if version is None:
        with pytest.raises(MediaMissingError, match="shot 'a': version must be one of 009, 012, got 2"):
            discover(loaded, [root])
    else:
        assert [shot.fields["version"] for shot in discover(loaded, [root])] == [version, version]


def test_captured_fields_are_kept_and_name_the_media_beside(preset: Made, tmp_path: Path, valid: str) -> None:
    root = tree(
        tmp_path / "job",
        *frames("sq1/sh1/plate_v003", 1001, 1002),
        "sq1/sh1/sq1_matte_v002.mov",
        "sq1/sh1/sq1_matte_v003.mov",
        "sq2/sh1/plate_v001.mov",
    )
    loaded = preset(
        with_shots(
            valid,
            plate='["{root}/{seq}/{shot}/plate_v{version:03d}.####.exr"]',
            also='{matte: "{root}/{seq}/{shot}/{seq}_matte_v{version:03d}.{ext}?"}',
        )
    )

    (shot,) = discover(loaded, [root])

    assert shot.fields == {"seq": "sq1", "version": "003"}
    assert shot.media["matte"] == str(root / "sq1/sh1/sq1_matte_v003.mov")


def test_shots_are_sorted_as_people_count_and_each_is_listed_once(preset: Made, tmp_path: Path) -> None:
    root = tree(tmp_path / "job", *(f"{name}/plate.mov" for name in ("sh10", "sh2", "sh1b", "sh1a", "sh02")))

    shots = discover(preset(), [root, root, root / "sh2" / "plate.mov"])

    assert names(shots) == ["sh1a", "sh1b", "sh02", "sh2", "sh10"]


def test_natural_order_compares_any_two_names() -> None:
    some = ["10", "9", "a", "a10", "a9b", "", "7z7", "ß"]

    assert sorted(some, key=natural_key) == ["", "7z7", "9", "10", "a", "a9b", "a10", "ß"]


def test_our_own_output_and_hidden_folders_are_no_shots(preset: Made, tmp_path: Path, valid: str) -> None:
    root = tree(
        tmp_path / "job",
        "sq1/sh1.mov",
        "out/sh1_v001.mov",
        ".shotgraph/sh1.mov",
        ".hidden/sh1.mov",
        "sq1/.sh2.mov",
        "sq1/sh3.mov.part",
        "sq2.part/sh4.mov",
    )
    loaded = preset(with_shots(valid, plate='["{root}/{seq}/{shot}.{ext}"]'))

    assert [shot.fields["seq"] for shot in discover(loaded, [root])] == ["sq1"]


def test_a_folder_called_out_without_versions_is_a_shot(preset: Made, tmp_path: Path) -> None:
    root = tree(tmp_path / "job", "out/plate.mov")

    assert names(discover(preset(), [root])) == ["out"]


def test_handles_first_frame_and_frames_come_from_preset_override_and_sidecar(
    preset: Made, tmp_path: Path, valid: str
) -> None:
    root = tree(tmp_path / "job", "sq010_1/plate.mov", "sq010_2/plate.mov", "z/plate.mov")
    (root / "sq010_2" / "shotgraph.yaml").write_text("handles: 2\nframes: 1005\n", encoding="utf-8")
    text = valid.replace("handles: 0", "handles: 5").replace("{vars: {seed: 11}}", "{shots: {first_frame: 1}}")

    shots = discover(preset(text), [root])

    assert [(s.name, s.handles, s.first_frame, s.frames) for s in shots] == [
        ("sq010_1", 5, 1, None),
        ("sq010_2", 2, 1, FrameRange(1005, 1005)),
        ("z", 5, 1001, None),
    ]


def test_a_movie_in_the_root_may_have_its_sidecar_in_a_folder_of_its_name(preset: Made, tmp_path: Path) -> None:
    root = tree(tmp_path / "job", "a.mov", "b.mov", "shotgraph.yaml", "a/shotgraph.yaml")
    (root / "a" / "shotgraph.yaml").write_text("handles: 3\n", encoding="utf-8")

    assert [(shot.name, shot.handles) for shot in discover(preset(), [root])] == [("a", 3), ("b", 0)]


def test_links_to_plates_are_kept_as_they_are_named(preset: Made, tmp_path: Path) -> None:
    real = tree(tmp_path / "store", "x.mov")
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "sh1.mov").symlink_to(real / "x.mov")

    (shot,) = discover(preset(), [tmp_path / "job"])

    assert (shot.name, shot.media["plate"]) == ("sh1", str(tmp_path / "job" / "sh1.mov"))


def test_a_wrong_pattern_is_told_before_anything_is_listed(preset: Made, tmp_path: Path, valid: str) -> None:
    with pytest.raises(PresetError, match=r"show\.yaml:6:17: shots\.also\.matte: pattern must begin with \{root\}/"):
        discover(preset(valid.replace('matte: "{root}/', 'matte: "/')), [tmp_path])
