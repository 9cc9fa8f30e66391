"""Paint carried through a shot whose flow is exact."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotgraph.api import FlowFrame
from shotgraph.errors import GraphError, MediaMissingError
from shotgraph.maths import flow
from shotgraph.plugins.edit import propagate
from shotgraph.plugins.edit.propagate import Propagate

oiio = pytest.importorskip("OpenImageIO")

DISK, BACK = {"disk_paint": True}, {"back_paint": True}


def save(path: Path, picture: np.ndarray, *, kind: Any = oiio.FLOAT) -> None:
    if kind == oiio.UINT8:
        picture = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    spec = oiio.ImageSpec(picture.shape[1], picture.shape[0], picture.shape[2], kind)
    # Alpha as given: OpenImageIO would otherwise divide it out when it writes PNG.
    spec.attribute("oiio:UnassociatedAlpha", 1)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.ascontiguousarray(picture)), output.geterror()
    output.close()


def psnr_db(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(((a - b) ** 2).mean() + 1e-20))


@pytest.fixture
def carry(tmp_path: Path, make_context: Any, make_reader: Any) -> Callable[..., dict[int, np.ndarray]]:
    """Runs the node over a scene with the given frames painted; each call has a folder of its own."""
    runs = iter(range(1000))

    def run(
        scene: Any,
        keys: tuple[int, ...],
        what: dict[str, bool],
        *,
        wanted: Any = None,
        flow: Any = None,  # of a frame; the scene's own when left out
        matte: Any = None,
        pictures: dict[int, np.ndarray] | None = None,
        work: Path | None = None,
        suffix: str = "exr",
        kind: Any = oiio.FLOAT,
        stop_after: int | None = None,
        **params: Any,
    ) -> dict[int, np.ndarray]:
        folder = tmp_path / f"run{next(runs)}"
        folder.mkdir()
        for key in keys:
            picture = pictures[key] if pictures else scene.picture(key, **what)
            save(folder / f"paint.{key:04d}.{suffix}", picture, kind=kind)
        work = work or folder / "work"
        work.mkdir(exist_ok=True)
        info, wanted = scene.info(), tuple(scene.range if wanted is None else wanted)
        headers = {"video": info, "flow": scene.info("flow")}
        inputs = Propagate.In(
            video=make_reader(info, scene.picture),
            flow=make_reader(scene.info("flow"), flow or scene.flow),
            matte=None if matte is None else make_reader(scene.info("mask"), matte),
        )
        ctx = make_context(headers=headers, frames=wanted, work=work, node="carry", stop_after=stop_after)
        settings = Propagate.Params(file=str(folder / f"paint.####.{suffix}"), **params)
        Propagate.info(settings, ctx)
        if stop_after is None:
            Propagate().process(inputs, settings, ctx)
        else:
            with pytest.raises(KeyboardInterrupt):
                Propagate().process(inputs, settings, ctx)
        return ctx.emitted

    return run


def visible(scene: Any, frame: int, key: int) -> np.ndarray:
    """Pixels of `frame` whose surface is in sight on every frame back to `key`, by the scene's own geometry."""
    step = 1 if key > frame else -1
    return ~np.any([scene.hidden(frame, to) for to in range(frame + step, key + step, step)], axis=0)


@pytest.mark.parametrize("what", [DISK, BACK], ids=["disk", "back"])
@pytest.mark.parametrize("key", [1001, 1007, 1013])
def test_paint_follows_its_surface_wherever_that_is_in_sight(make_scene: Any, carry: Any, what: Any, key: int) -> None:
    scene = make_scene()

    pictures = carry(scene, (key,), what)

    for frame in scene.range:
        truth, plate = scene.picture(frame, **what), scene.picture(frame)
        painted = (np.abs(truth - plate).max(axis=-1) > 0.01) & (frame == key or visible(scene, frame, key))
        if painted.sum() > 20:
            assert psnr_db(pictures[frame][painted], truth[painted]) > 45, frame
            assert psnr_db(plate[painted], truth[painted]) < 42, frame


def test_the_painted_frame_is_the_paint_bit_for_bit(make_scene: Any, carry: Any) -> None:
    scene = make_scene()

    pictures = carry(scene, (1004, 1009), DISK, tolerance=0)

    for key in (1004, 1009):
        np.testing.assert_array_equal(pictures[key], scene.picture(key, **DISK))


def test_unpainted_pixels_keep_their_bits(make_scene: Any, carry: Any) -> None:
    scene = make_scene()

    pictures = carry(scene, (1001, 1013), DISK)

    for frame in scene.range:
        plate = scene.picture(frame)
        clear = off_disk(scene, frame, 1001) & off_disk(scene, frame, 1013)
        np.testing.assert_array_equal(pictures[frame][clear], plate[clear])
        assert clear.mean() > 0.6
        assert (pictures[frame] != plate).any(axis=-1).sum() > 100


def off_disk(scene: Any, frame: int, key: int) -> np.ndarray:
    """Background of `frame`, without a rim of two pixels, and without what lay within 1.5 pixels of the disk's rim on the
    painted frame: sampling between pixels mixes both sides there."""
    away = (scene.surface(frame, "disk", scene.grid) ** 2).sum(axis=-1) > (scene.radius_px + 2) ** 2
    origin = scene.surface(key, "disk", scene.grid + scene.vectors(frame, key))
    return away & (np.abs(np.sqrt((origin**2).sum(axis=-1)) - scene.radius_px) > 1.5)


def trail(scene: Any, pictures: dict[int, np.ndarray], key: int) -> float:
    """Largest change on the background, where nobody painted."""
    return max(float(np.abs(p - scene.picture(f))[off_disk(scene, f, key)].max()) for f, p in pictures.items())


@pytest.mark.parametrize(("key", "spot"), [(1001, (-12, 0)), (1013, (12, 0))])
def test_what_the_disk_uncovers_gets_none_of_its_paint(
    make_scene: Any, carry: Any, monkeypatch: pytest.MonkeyPatch, key: int, spot: tuple[float, float]
) -> None:
    # The spot touches the rim that the disk leaves behind.
    scene = make_scene(disk_spot=spot, turn_degrees=0)

    def never_occluded(frame: int) -> FlowFrame:
        record = scene.flow(frame)
        return FlowFrame(record.forward, record.backward, np.zeros_like(record.occluded))

    kept = carry(scene, (key,), DISK)
    monkeypatch.setattr(flow, "_OCCLUSION_FLOOR_PX2", 1e9)
    ghost = carry(scene, (key,), DISK, flow=never_occluded)

    assert trail(scene, kept, key) < 0.02
    assert trail(scene, ghost, key) > 0.1


def test_a_pixel_that_the_flow_record_calls_occluded_breaks_the_chain(make_scene: Any, carry: Any) -> None:
    scene = make_scene()

    def half_occluded(frame: int) -> FlowFrame:
        record = scene.flow(frame)
        occluded = record.occluded.copy()
        occluded[:, : scene.width // 2] = 1
        return FlowFrame(record.forward, record.backward, occluded)

    pictures = carry(scene, (1013,), BACK, flow=half_occluded)

    changed = (pictures[1012] != scene.picture(1012)).any(axis=-1)
    assert not changed[:, : scene.width // 2].any()
    assert changed[:, scene.width // 2 :].any()


def test_two_painted_frames_are_better_than_either(make_scene: Any, carry: Any) -> None:
    scene = make_scene()

    def error(keys: tuple[int, ...]) -> float:
        pictures = carry(scene, keys, BACK)
        return float(np.mean([((pictures[f] - scene.picture(f, **BACK)) ** 2).mean() for f in scene.range]))

    # The disk covers the spot half-way through, so either frame alone loses one half of the shot.
    both = error((1001, 1013))
    assert both < 0.1 * min(error((1001,)), error((1013,)))


def test_between_two_painted_frames_the_mix_is_linear_in_time(make_scene: Any, carry: Any) -> None:
    scene = make_scene(velocity=(0, 0), turn_degrees=0, drift=(0, 0))
    plate = scene.picture(1001)
    spot = np.zeros_like(plate)
    spot[20:30, 40:60, 1] = 1
    pictures = {1001: plate, 1013: plate + 0.3 * spot}
    pictures[1001] = plate + 0.1 * spot

    carried = carry(scene, (1001, 1013), {}, pictures=pictures)

    change = [float((carried[frame] - plate)[25, 50, 1]) for frame in scene.range]
    np.testing.assert_allclose(change, np.linspace(0.1, 0.3, 13), atol=1e-5)


@pytest.mark.parametrize("wanted", [(1006,), (1003, 1012), range(1002, 1008), (1001, 1013)])
def test_a_part_of_the_shot_equals_the_whole(make_scene: Any, carry: Any, wanted: Any) -> None:
    scene = make_scene()
    whole = carry(scene, (1002, 1011), DISK)

    part = carry(scene, (1002, 1011), DISK, wanted=wanted)

    assert set(part) == set(wanted)
    for frame in wanted:
        np.testing.assert_array_equal(part[frame], whole[frame])


def test_a_killed_run_goes_on_from_its_work_folder(make_scene: Any, carry: Any, tmp_path: Path) -> None:
    scene = make_scene(count=21, velocity=(1.5, 0.4))
    whole = carry(scene, (1001, 1021), DISK)
    work = tmp_path / "work"

    first = carry(scene, (1001, 1021), DISK, work=work, stop_after=14)
    kept = {path.name for path in work.iterdir()}
    missing = sorted(set(scene.range) - set(first))
    second = carry(scene, (1001, 1021), DISK, work=work, wanted=missing)

    # 14 pictures are the painted two and 1002 to 1013: both ways have kept the chains of every eighth frame.
    assert {"chain_1001_+8.npy", "chain_1021_-8.npy", "chain_1021_-16.npy"} <= kept
    assert all(name.startswith("chain_") and name.endswith(".npy") for name in kept)
    for frame in scene.range:
        np.testing.assert_array_equal((first | second)[frame], whole[frame])
    assert list(work.iterdir()) == []


def test_kept_chains_are_used_on_resume(make_scene: Any, make_context: Any, make_reader: Any, tmp_path: Path) -> None:
    scene = make_scene(count=21)
    chain = np.full((scene.height, scene.width, 3), 7, np.float32)
    np.save(tmp_path / "chain_1001_+8.npy", chain)
    vectors = make_reader(scene.info("flow"), scene.flow)
    ctx = make_context(headers={}, work=tmp_path)

    found = dict(propagate.Chains(1001, flow=vectors, ctx=ctx).of([1009, 1011]))

    assert sorted(found) == [1009, 1010, 1011]
    np.testing.assert_array_equal(found[1009], chain)
    assert sorted(vectors.read) == [1009, 1010]


@pytest.mark.parametrize("torn", [b"", b"\x93NUMPY", b"no array at all"])
def test_a_torn_chain_is_built_again(
    make_scene: Any, make_context: Any, make_reader: Any, tmp_path: Path, torn: bytes
) -> None:
    scene = make_scene(count=21)
    (tmp_path / "chain_1001_+8.npy").write_bytes(torn)
    vectors = make_reader(scene.info("flow"), scene.flow)
    ctx = make_context(headers={}, work=tmp_path)

    found = dict(propagate.Chains(1001, flow=vectors, ctx=ctx).of([1009]))

    assert sorted(vectors.read) == list(range(1001, 1009))
    np.testing.assert_array_equal(np.load(tmp_path / "chain_1001_+8.npy"), found[1009])


def test_the_matte_limits_paint_on_every_frame(make_scene: Any, carry: Any) -> None:
    scene = make_scene()
    left = np.zeros((scene.height, scene.width), np.float32)
    left[:, :30] = 1

    limited = carry(scene, (1001,), DISK, matte=dict.fromkeys(scene.range, left).__getitem__)
    free = carry(scene, (1001,), DISK)

    for frame in (1001, 1004):
        np.testing.assert_array_equal(limited[frame][:, 30:], scene.picture(frame)[:, 30:])
        np.testing.assert_array_equal(limited[frame][:, :30], free[frame][:, :30])
        assert (free[frame][:, 30:] != limited[frame][:, 30:]).any()


def test_an_8_bit_save_paints_only_what_was_painted(make_scene: Any, carry: Any) -> None:
    scene = make_scene()

    pictures = carry(scene, (1001,), DISK, suffix="png", kind=oiio.UINT8)
    strict = carry(scene, (1001,), DISK, suffix="png", kind=oiio.UINT8, tolerance=0.2)

    unpainted = (scene.picture(1001, **DISK) == scene.picture(1001)).all(axis=-1)
    np.testing.assert_array_equal(pictures[1001][unpainted], scene.picture(1001)[unpainted])
    assert (strict[1001][unpainted] != scene.picture(1001)[unpainted]).any()
    truth = scene.picture(1005, **DISK)
    assert np.abs(pictures[1005] - truth).max() < 2.5 / 255


def test_alpha_says_where_the_paint_is(make_scene: Any, carry: Any) -> None:
    scene = make_scene(turn_degrees=0)
    paint = np.full((scene.height, scene.width, 4), 0.9, np.float32)
    paint[..., 3] = 0
    paint[26:34, 22:28, 3] = 1
    paint[26:34, 28:30, 3] = 0.2

    pictures = carry(scene, (1001,), {}, pictures={1001: paint}, suffix="png", kind=oiio.UINT8)

    plate, result = scene.picture(1001), pictures[1001]
    hidden = paint[..., 3] == 0
    np.testing.assert_array_equal(result[hidden], plate[hidden])
    np.testing.assert_allclose(result[26:34, 22:28], 230 / 255, atol=1e-6)
    np.testing.assert_allclose(result[28, 29], plate[28, 29] + 0.2 * (230 / 255 - plate[28, 29]), atol=1e-6)


def test_premultiplied_exr_paint_is_divided_by_its_alpha(make_scene: Any, carry: Any) -> None:
    scene = make_scene()
    paint = np.zeros((scene.height, scene.width, 4), np.float32)
    paint[26:34, 22:28] = (0.4, 0.2, 0.1, 0.5)

    pictures = carry(scene, (1001,), {}, pictures={1001: paint})

    expected = 0.5 * scene.picture(1001)[30, 25] + np.array([0.4, 0.2, 0.1], np.float32)
    np.testing.assert_allclose(pictures[1001][30, 25], expected, rtol=1e-5)


def test_without_paint_the_node_says_so(make_scene: Any, carry: Any) -> None:
    with pytest.raises(
        MediaMissingError, match=r"carry: file must name painted frames, got none at '.*paint\.####\.exr'; paint one"
    ):
        carry(make_scene(), (), {})


def test_without_paint_the_node_stands_aside_and_says_so(make_context: Any, make_scene: Any, tmp_path: Path) -> None:
    scene = make_scene()
    headers = {"video": scene.info(), "flow": scene.info("flow")}
    params = Propagate.Params(file=str(tmp_path / "paint.####.exr"), missing_paint="passthrough")
    before, after = (make_context(headers=headers, node="carry") for _ in range(2))

    port = Propagate.identity(1001, params, before)
    save(tmp_path / "paint.1004.exr", scene.picture(1004))

    assert (port, Propagate.identity(1001, params, after)) == ("video", None)
    assert before.warnings == [f"carry: no painted frame at {tmp_path}/paint.####.exr; the shot goes through untouched"]
    assert after.warnings == []
    assert Propagate.info(params, before) == {}


def test_standing_aside_is_refused_where_paint_is_a_must(make_context: Any, make_scene: Any, tmp_path: Path) -> None:
    ctx = make_context(headers={"video": make_scene().info()}, node="carry")

    with pytest.raises(
        MediaMissingError, match=r"carry: file must name painted frames, got none at .*set missing_paint"
    ):
        Propagate.identity(1001, Propagate.Params(file=str(tmp_path / "paint.####.exr")), ctx)


def test_paint_that_vanishes_after_the_plan_is_no_plate(make_scene: Any, carry: Any) -> None:
    # The engine asked `identity` and was told that there is paint; a bare plate would be kept as the painted result.
    with pytest.raises(MediaMissingError, match="file must name painted frames, got none"):
        carry(make_scene(count=3), (), {}, missing_paint="passthrough")


def test_paint_of_another_size_is_refused(make_scene: Any, carry: Any) -> None:
    small = np.zeros((30, 50, 3), np.float32)

    with pytest.raises(
        GraphError, match="paint on frame 1001 must be 96x64 like the plate, got 50x30; export the plate"
    ):
        carry(make_scene(), (1001,), {}, pictures={1001: small})


def test_paint_outside_the_shot_is_refused(make_scene: Any, carry: Any) -> None:
    scene = make_scene()

    with pytest.raises(
        GraphError, match="painted frames must lie in 1001-1013, got 1, 1014; number paint like the shot"
    ):
        carry(scene, (1, 1005, 1014), {}, pictures=dict.fromkeys((1, 1005, 1014), scene.picture(1001)))


@pytest.mark.parametrize("port", ["flow", "matte"])
def test_inputs_of_another_size_are_refused(make_context: Any, make_header: Any, port: str) -> None:
    headers = {"video": make_header(), "flow": make_header(), port: make_header(width=32)}
    ctx = make_context(headers=headers, node="carry")

    with pytest.raises(GraphError, match=f"carry: {port} must be 64x40 like video, got 32x40"):
        Propagate.info(Propagate.Params(file="x.####.png"), ctx)
