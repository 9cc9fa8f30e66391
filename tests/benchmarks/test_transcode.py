"""The benchmark against ffmpeg, on a clip that takes no time."""

import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

NAMES = ("ffmpeg", "pass-through", "through an RGB edit")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_both_sides_write_every_frame_and_both_ratios_are_judged(bench: Any) -> None:
    ran = bench("transcode", "--frames", "5", "--size", "96", "64", "--turns", "1", "--threads", "1", "--json")

    rows = ran.rows
    assert [rows[f"{name}: frames written"]["value"] for name in NAMES] == [5, 5, 5]
    assert rows["pass-through: over ffmpeg"]["threshold"] == ">= 0.95"
    assert rows["through an RGB edit: over ffmpeg"]["threshold"] == ">= 0.6"
    speeds = [rows[f"{name}: speed"]["value"] for name in NAMES]
    # One turn: the judged ratio is that of the two speeds.
    assert rows["pass-through: over ffmpeg"]["value"] == pytest.approx(speeds[1] / speeds[0])
    assert rows["pass-through: over ffmpeg, processor time"]["value"] > 0


def test_ours_and_theirs_run_with_the_same_settings(opened: Any, tmp_path: Path) -> None:
    transcode = opened("transcode")

    found = transcode.commands(tmp_path, tmp_path / "clip.mov", ffmpeg="ffmpeg", threads=3)

    theirs = " ".join(found["ffmpeg"][0])
    assert "-threads 3 -i" in theirs
    assert "-c:v libx264 -preset medium -crf 16 -pix_fmt yuv420p -threads 3" in theirs
    for name, preset in ((transcode.PASS, "plate.yaml"), (transcode.EDIT, "look.yaml")):
        assert " ".join(found[name][0]).endswith("--threads 3")
        text = (tmp_path / preset).read_text(encoding="utf-8")
        assert "codec: h264\n    quality: 16\n    preset: medium" in text


def test_the_clip_is_textured_and_moves(opened: Any, tmp_path: Path) -> None:
    path = tmp_path / "clip.mov"

    opened("transcode").write_clip(path, frames=3, size=(96, 64), seed=7)

    with av.open(str(path)) as container:
        first, second, third = (frame.to_ndarray()[:64].astype(int) for frame in container.decode(video=0))
    assert first.std() > 20
    # The background drifts by two columns and a row a frame; the top third has nothing else on it.
    moved = np.abs(first[1:20, 2:94] - second[:19, :92]).mean()
    assert moved < 0.3 * np.abs(first[:20] - second[:20]).mean()
    assert np.abs(second - third).mean() > 3


def test_a_command_that_fails_ends_the_benchmark(opened: Any) -> None:
    with pytest.raises(SystemExit, match="must exit 0, got 1"):
        opened("transcode").spent_by(["false"], {})
