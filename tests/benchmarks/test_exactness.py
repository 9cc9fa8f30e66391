"""The benchmark of exactness, on every thirty-second code; and that it sees a single wrong sample."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotgraph.api import NativeFrame, PixelFormat


def test_every_claim_about_exactness_has_a_row(bench: Any) -> None:
    rows = bench("exactness", "--frames", "1", "--every", "32", "--seed", "3", "--json").rows

    assert set(rows) == {
        "ffv1 file, 53 formats",
        "h264_lossless file, 6 formats",
        "files, compared",
        *(f"yuv{chroma}p{bits} to RGB and back, 7 matrices" for chroma in ("420", "422", "444") for bits in ("", 10)),
        "conversions, compared",
    }
    assert [row["value"] for row in rows.values() if row["threshold"] == "== 0"] == [0] * 8
    assert rows["files, compared"]["value"] > 1e6
    assert rows["conversions, compared"]["value"] > 1e7


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_one_wrong_sample_on_any_plane_is_counted(opened: Any, plane: int) -> None:
    exactness = opened("exactness")
    native = PixelFormat.parse("yuv422p10")
    right = exactness.noise(native, (11, 7), np.random.default_rng(1))
    planes = [samples.copy() for samples in right.planes]
    planes[plane][3, 2] ^= 1

    assert exactness.differing(right, NativeFrame(tuple(planes), native)) == 1
    assert exactness.differing(right, right) == 0


def test_another_format_differs_in_every_sample(opened: Any) -> None:
    exactness = opened("exactness")
    one, other = (
        exactness.noise(PixelFormat.parse(name), (8, 6), np.random.default_rng(1)) for name in ("yuv444p", "yuv420p")
    )

    assert exactness.differing(one, other) == 3 * 48


def test_a_lossy_codec_would_be_seen(opened: Any, tmp_path: Path) -> None:
    exactness = opened("exactness")
    frame = exactness.noise(PixelFormat.parse("yuv420p"), (64, 48), np.random.default_rng(1))

    assert exactness.round_trip(tmp_path / "clip.mkv", "h264", [frame]) > 1000
    assert exactness.round_trip(tmp_path / "clip.mkv", "ffv1", [frame]) == 0


def test_a_conversion_with_another_matrix_would_be_seen(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    exactness = opened("exactness")
    frame = exactness.noise(PixelFormat.parse("yuv444p10"), (64, 48), np.random.default_rng(1))
    right = exactness.native_from_rgb
    monkeypatch.setattr(exactness, "native_from_rgb", lambda *a, **named: right(*a, **(named | {"matrix": "bt2020nc"})))

    wrong, total = exactness.converted([frame], "bt709", "limited")

    assert wrong > total / 2


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10", "yuv444p"])
def test_a_sweep_brings_every_pair_of_codes_together(opened: Any, name: str) -> None:
    native = PixelFormat.parse(name)
    every = 1 << (native.bits - 5)
    x, y = native.chroma_shift

    pairs = list(opened("exactness").sweeps(native, np.random.default_rng(1), every=every))

    for (first, second), frame in zip(((0, 1), (0, 2), (1, 2)), pairs, strict=True):
        luma = frame.planes[0][:: 1 << y, :: 1 << x]
        planes = [luma, *frame.planes[1:]]
        assert len({(int(a), int(b)) for a, b in zip(planes[first].flat, planes[second].flat, strict=True)}) == 32**2


def test_the_triples_are_all_of_them(opened: Any) -> None:
    frames = list(opened("exactness").triples(16))

    found = {
        triple for frame in frames for triple in zip(*(plane.ravel().tolist() for plane in frame.planes), strict=True)
    }
    assert len(found) == 16**3
    assert max(found) == (240, 240, 240)
