"""Sidecars, `--set` and `--strict`."""

from pathlib import Path

import pytest
from command_line import Run
from small_shots import (
    decoded,
    visible,
    write_movie,
)


def test_a_sidecar_sets_one_shot_and_set_wins_over_it(lossless: Run, root: Path) -> None:
    write_movie(root / "sh020.mov")
    (root / "sh010").mkdir()
    (root / "sh010/shotgraph.yaml").write_text("handles: 3\n", encoding="utf-8")

    by_sidecar = lossless(root)
    by_hand = lossless(root, "--set", "shots.handles=1")

    assert [shot["frames"] for shot in by_sidecar.document["shots"]] == ["1004-1007", "1001-1010"]
    assert [shot["frames"] for shot in by_hand.document["shots"]] == ["1002-1009", "1002-1009"]


@pytest.mark.usefixtures("nothing_decodes")
def test_strict_refuses_a_loss_before_a_frame_is_decoded(shotgraph: Run, root: Path) -> None:
    source = root / "sh444.mov"
    write_movie(source, pix_fmt="yuv444p")

    ran = shotgraph("run", "transcode", source, "--strict", "--set", "vars.codec=prores_hq")

    assert ran.code == 2
    assert "the output must keep everything under strict, got 1 losses" in ran.err
    assert "chroma of yuv444p is averaged down to yuv422p10" in ran.err
    assert visible(root) == ["sh010.mov", "sh444.mov"]


def test_strict_accepts_what_keeps_everything(lossless: Run, root: Path) -> None:
    ran = lossless(root, "--strict")

    assert ran.code == 0
    assert decoded(root / "out/sh010_v001.mkv") == decoded(root / "sh010.mov")


def test_losses_are_told_without_strict(shotgraph: Run, root: Path) -> None:
    source = root / "sh444.mov"
    write_movie(source, pix_fmt="yuv444p")

    ran = shotgraph("run", "transcode", source)

    assert ran.code == 0
    assert "    loses chroma: chroma of yuv444p is averaged down to yuv422p10" in ran.out
