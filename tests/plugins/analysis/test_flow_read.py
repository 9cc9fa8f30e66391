"""Motion vector passes of every convention, read as the flow they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pass_files import write_part, write_parts

from shotgraph.api import FlowFrame
from shotgraph.errors import GraphError, MediaError, MediaMissingError
from shotgraph.maths.flow import occlusion, resize_flow
from shotgraph.maths.vectors import way_back
from shotgraph.plugins.analysis.flow_read import Read

Layers = Mapping[str, NDArray[np.float32]]

COUNT = 3


@pytest.fixture
def scene(make_scene: Callable[..., Any]) -> Any:
    return make_scene(width=48, height=32, count=COUNT, radius_px=8, start=(20, 14), velocity=(3, 1))


@pytest.fixture
def layers(scene: Any) -> Callable[[int], Layers]:
    """Both layers of a frame as Nuke has them: pixels, y upwards, on the frame's own pixels."""

    def make(frame: int) -> Layers:
        forward, backward = scene.vectors(frame, frame + 1), scene.vectors(frame, frame - 1)
        return {
            "forward.u": forward[..., 0],
            "forward.v": -forward[..., 1],
            "backward.u": backward[..., 0],
            "backward.v": -backward[..., 1],
        }

    return make


@pytest.fixture
def read(tmp_path: Path, make_context: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """``read(plate=None, name="flow.####.exr", **params)``: header and reader, and what is warned about in the end."""

    def make(plate: Any = None, name: str = "flow.####.exr", **params: Any) -> tuple[Any, Any]:
        ctx = make_context(headers={} if plate is None else {"video": plate}, node="motion")
        settings = Read.Params(file=str(tmp_path / name), **params)
        media = Read.media(settings, ctx)
        reader = Read().open(media, settings, ctx)
        reader.warnings = ctx.warnings
        return media, reader

    return make


@pytest.fixture
def write(tmp_path: Path, scene: Any, layers: Callable[[int], Layers]) -> Callable[..., None]:
    """``write(change)``: the files of the scene, their layers as `change` leaves them."""

    def make(change: Callable[[dict[str, Any]], Layers] = lambda planes: planes, *, first: int = 1001) -> None:
        for index, frame in enumerate(scene.range):
            write_part(tmp_path / f"flow.{first + index:04d}.exr", change(dict(layers(frame))))

    return make


def same(found: FlowFrame, scene: Any, frame: int, *, within: float = 0.0) -> None:
    np.testing.assert_allclose(found.forward, scene.vectors(frame, frame + 1), rtol=0, atol=within)
    np.testing.assert_allclose(found.backward, scene.vectors(frame + 1, frame), rtol=0, atol=within)


def test_the_record_of_a_pair_is_made_of_both_its_files(write: Any, read: Any, scene: Any) -> None:
    write()

    media, reader = read()
    record = reader.read(1002)

    same(record, scene, 1002)
    np.testing.assert_array_equal(record.occluded, occlusion(record.forward, record.backward))
    assert (media.info.range, media.info.width, media.info.height) == (scene.range, 48, 32)
    assert {part.dtype for part in (record.forward, record.backward, record.occluded)} == {np.dtype(np.float32)}
    # A record depends on two files, so that no frame may stand on one alone.
    assert (len(media.files), dict(media.frame_files)) == (COUNT, {})


def test_the_last_frame_leads_nowhere_whatever_the_file_says(write: Any, read: Any) -> None:
    write()

    record = read()[1].read(1003)

    assert np.isnan(record.forward).all()
    assert np.isnan(record.backward).all()
    assert (record.occluded == 1).all()


@pytest.mark.parametrize(
    ("params", "change"),
    [
        ({"y": "down"}, lambda u, v: (u, -v)),
        ({"difference": "this_minus_other"}, lambda u, v: (-u, -v)),
        ({"scale": 2.0}, lambda u, v: (u / 2, v / 2)),
        ({"coding": "signed"}, lambda u, v: (u / 48, v / 32)),
        ({"coding": "unsigned"}, lambda u, v: (u / 96 + 0.5, v / 64 + 0.5)),
        ({"coding": "unsigned", "y": "down", "scale": 0.5}, lambda u, v: (u / 48 + 0.5, 0.5 - v / 32)),
    ],
)
def test_every_convention_means_the_same_flow(
    write: Any, read: Any, scene: Any, params: dict[str, Any], change: Any
) -> None:
    def told(planes: dict[str, Any]) -> Layers:
        pairs = {way: change(planes[f"{way}.u"], planes[f"{way}.v"]) for way in ("forward", "backward")}
        return {f"{way}.{axis}": plane for way, pair in pairs.items() for axis, plane in zip("uv", pair, strict=True)}

    write(told)

    same(read(**params)[1].read(1001), scene, 1001, within=1e-5)
    wrong = read()[1].read(1001).forward
    assert np.abs(wrong - scene.vectors(1001, 1002)).max() > 0.3


@pytest.mark.parametrize(("difference", "signs"), [("later_minus_earlier", (1, -1)), ("earlier_minus_later", (-1, 1))])
def test_both_ways_may_be_subtracted_in_the_order_of_time(
    write: Any, read: Any, scene: Any, difference: str, signs: tuple[int, int]
) -> None:
    def told(planes: dict[str, Any]) -> Layers:
        return {name: plane * signs[name.startswith("backward")] for name, plane in planes.items()}

    write(told)

    same(read(difference=difference)[1].read(1001), scene, 1001)


def test_channels_of_any_name_in_parts_of_their_own_are_found(
    tmp_path: Path, read: Any, scene: Any, layers: Any
) -> None:
    for frame in scene.range:
        planes = layers(frame)
        ways = {
            way: {"R": planes[f"{way}.u"], "G": planes[f"{way}.v"], "B": np.full((32, 48), 9, np.float32)}
            for way in ("forward", "backward")
        }
        write_parts(
            tmp_path / f"flow.{frame}.exr",
            {"beauty": ways["forward"], "next": ways["forward"], "back": ways["backward"]},
        )

    _, reader = read(forward=("next.R", "next.G"), backward=("back.R", "back.G"))

    same(reader.read(1001), scene, 1001)


def test_codes_of_16_bits_are_shares_of_the_frame(tmp_path: Path, read: Any, scene: Any, layers: Any) -> None:
    for frame in scene.range:
        planes = layers(frame)
        shares = np.stack((planes["forward.u"] / 96, planes["forward.v"] / 64), axis=-1) + 0.5
        codes = np.rint(shares * 65535).astype(np.uint16)
        write_part(tmp_path / f"flow.{frame}.png", {"R": codes[..., 0], "G": codes[..., 1], "B": codes[..., 0]})

    _, reader = read(name="flow.####.png", coding="unsigned", forward=("R", "G"), backward="invert")

    np.testing.assert_allclose(reader.read(1001).forward, scene.vectors(1001, 1002), atol=96 / 65535)


def test_an_occlusion_channel_is_taken_and_else_the_vectors_are_tested(write: Any, read: Any) -> None:
    hidden = np.zeros((32, 48), np.float32)
    hidden[3, 5] = 1
    write(lambda planes: planes | {"occluded": hidden, "other": 1 - hidden})

    by_default, by_name = read()[1].read(1001), read(occlusion="other")[1].read(1001)

    np.testing.assert_array_equal(by_default.occluded, hidden)
    np.testing.assert_array_equal(by_name.occluded, 1 - hidden)
    with pytest.raises(MediaError, match=r"image must have the channel gone, got .*forward\.u.*; name the channel"):
        read(occlusion="gone")


def test_vectors_of_one_way_are_turned_round_when_asked_and_never_by_themselves(
    write: Any, read: Any, scene: Any
) -> None:
    write(lambda planes: {name: planes[name] for name in ("forward.u", "forward.v")})

    with pytest.raises(
        MediaError,
        match=r"motion: .*flow\.####\.exr: backward must be two channels of the file, got no backward\.u and no backward\.v "
        r"among forward\.u, forward\.v; name them, or set backward: invert",
    ):
        read()
    record = read(backward="invert")[1].read(1002)

    np.testing.assert_array_equal(record.forward, scene.vectors(1002, 1003))
    np.testing.assert_array_equal(record.backward, way_back(record.forward))
    seen = ~scene.hidden(1003, 1002)
    error = np.linalg.norm(record.backward - scene.vectors(1003, 1002), axis=-1)[seen]
    assert error.mean() < 0.05
    assert np.linalg.norm(record.backward + scene.vectors(1003, 1002), axis=-1)[seen].mean() > 1


def test_vectors_that_lead_back_alone_are_turned_round_too(write: Any, read: Any, scene: Any) -> None:
    write(lambda planes: {name: planes[name] for name in ("backward.u", "backward.v")})

    record = read(forward="invert")[1].read(1001)

    np.testing.assert_array_equal(record.backward, scene.vectors(1002, 1001))
    np.testing.assert_array_equal(record.forward, way_back(record.backward))
    with pytest.raises(GraphError, match=r"motion: forward and backward must not both be inverted, got 'invert' twice"):
        read(forward="invert", backward="invert")
    with pytest.raises(GraphError, match=r"motion: scale must not be 0, got 0\.0; leave it out"):
        read(scale=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_counted_or_taken_for_no_motion(write: Any, read: Any, bad: float) -> None:
    def spoilt(planes: dict[str, Any]) -> Layers:
        planes["forward.u"][2:4, 7:10] = bad
        planes["forward.v"][3, 7:11] = bad
        return planes

    write(spoilt)

    with pytest.raises(
        MediaError,
        match=r"motion: forward must be finite, got 7 of 1536 pixels NaN or infinite on frame 1002 \(.*flow\.1002\.exr\); "
        r"render it again, or set nonfinite",
    ):
        read()[1].read(1002)
    for coding in ("pixels", "unsigned"):
        vectors = read(nonfinite="zero", coding=coding)[1].read(1002).forward
        assert (vectors[2:4, 7:10] == 0).all()
        assert (vectors[2, 10] != 0).any()


def test_a_plate_gives_its_frames_rate_and_timecode(write: Any, read: Any, make_header: Any, scene: Any) -> None:
    write(first=1)
    plate = make_header(width=48, height=32, first_frame=1001, count=2)

    media, reader = read(plate, offset=1000)

    assert (media.info.range, media.info.rate, media.info.start_timecode) == (
        plate.range,
        plate.rate,
        plate.start_timecode,
    )
    assert media.info.media.path.endswith("flow.####.exr")
    assert len(media.files) == 2
    same(reader.read(1001), scene, 1001)
    # The plate ends before the pass does.
    assert np.isnan(reader.read(1002).forward).all()


def test_a_pass_that_does_not_fit_its_plate_is_refused(write: Any, read: Any, make_header: Any) -> None:
    write()

    with pytest.raises(MediaMissingError, match=r"every frame of 1001-1008, got none for 1004-1008"):
        read(make_header(width=48, height=32, count=8))
    with pytest.raises(
        MediaError, match=r"motion: .*flow\.####\.exr must be 64x40 like video, got 48x32; .* set fit to stretch"
    ):
        read(make_header(count=3))
    with pytest.raises(GraphError, match=r"motion: fit must have a plate to fit to, got 'stretch' and no video; link"):
        read(fit="stretch")


def test_a_stretched_pass_moves_as_much_further_as_it_is_larger(
    write: Any, read: Any, make_header: Any, scene: Any
) -> None:
    write()
    plate = make_header(width=96, height=40, count=3)

    record = read(plate, fit="stretch")[1].read(1001)

    np.testing.assert_array_equal(record.forward, resize_flow(scene.vectors(1001, 1002), width=96, height=40))
    np.testing.assert_array_equal(record.occluded, occlusion(record.forward, record.backward))
    assert record.forward[..., 0].mean() == pytest.approx(2 * scene.vectors(1001, 1002)[..., 0].mean(), rel=0.02)


def test_a_timecode_that_differs_from_the_plates_is_told(
    tmp_path: Path, read: Any, make_header: Any, layers: Any
) -> None:
    for frame in (1001, 1002):
        write_part(
            tmp_path / f"flow.{frame}.exr", layers(frame), attributes={"timecode": f"10:00:00:{frame - 991:02d}"}
        )

    media, _ = read(make_header(width=48, height=32, count=2))

    assert media.warnings == (
        "frame 1001 has timecode 10:00:00:10 in the pass and 10:00:00:00 in the plate; frames are paired by number, and "
        "offset moves the pass",
    )


def test_vectors_that_contradict_each_other_are_told_in_the_end(write: Any, read: Any) -> None:
    write()
    _, right = read()
    _, wrong = read(coding="signed")

    for reader in (right, wrong):
        for frame in (1001, 1002):
            reader.read(frame)
        reader.close()

    assert right.warnings == []
    (told,) = wrong.warnings
    assert told.startswith("motion: at least 60% of the vectors must come back by those the other way, got ")
    assert told.endswith("%; look at coding and scale, and which channels are which")
