"""A rendered shot folder: read back as any pipeline would read it, it holds what was rendered."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import yaml
from numpy.typing import NDArray
from small_shots import ffprobe
from stage_clips import lively, sliding

from shotgraph.errors import OutputExistsError
from shotgraph.io.probe import probe
from shotgraph.io.sources import open_source
from shotgraph.maths.yuv import rgb_from_native
from shotgraph.stage.edits import edit_of
from shotgraph.stage.footage import ShotFolder, write_shot_folder
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import read_spec
from shotgraph.stage.truth import depth_frame, flow_frame


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> ShotFolder:
    clip = edit_of("E1", lively(frames=3), 4)
    return write_shot_folder(tmp_path_factory.mktemp("show") / "sh010", clip)


def pixels(path: Path) -> tuple[dict[str, NDArray[np.float32]], Any]:
    """The channels of an image by name, and its header."""
    source = oiio.ImageInput.open(str(path))
    assert source is not None, path
    found = np.asarray(source.read_image(oiio.FLOAT))
    spec = source.spec()
    source.close()
    return dict(zip(spec.channelnames, np.moveaxis(found, -1, 0), strict=True)), spec


def picture(path: Path, frame: int) -> NDArray[np.float32]:
    with open_source(path) as source:
        return rgb_from_native(source.read(frame), matrix="bt709", range="limited")


def test_the_plate_has_timecode_reel_sound_and_colour_tags(shot: ShotFolder) -> None:
    clip = probe(shot.plate)
    (video,), (audio,) = clip.videos, clip.audios

    assert (str(clip.timecode), clip.reel, str(video.timing.rate)) == ("01:00:00:00", "STAGE001", "24")
    assert (video.width, video.height, clip.stream_info(0, 1001).count) == (96, 64, 3)
    assert (video.colour.primaries, video.colour.matrix, video.colour.range) == ("bt709", "bt709", "limited")
    assert (audio.sample_rate, audio.layout, float(audio.duration_seconds)) == (48000, "stereo", 0.125)


def test_somebody_elses_reader_agrees(shot: ShotFolder) -> None:
    streams = ffprobe(shot.plate)["streams"]

    (video,) = [stream for stream in streams if stream["codec_type"] == "video"]
    assert (video["codec_name"], video["nb_read_frames"]) == ("prores", "3")
    assert video["tags"]["timecode"] == "01:00:00:00"


def test_plate_and_edited_movie_show_source_and_target(shot: ShotFolder) -> None:
    edit = edit_of("E1", lively(frames=3), 4)
    assert shot.edited is not None

    for path, spec in ((shot.plate, edit.source), (shot.edited, edit.target)):
        for time in (0, 2):
            error = np.square(picture(path, 1001 + time) - Scene(spec).picture(time)).mean()
            assert -10 * np.log10(error) > 40
    assert np.abs(picture(shot.plate, 1002) - picture(shot.edited, 1002)).max() > 0.2
    assert probe(shot.edited).reel == "STAGE001"


def test_passes_hold_the_exact_truth(shot: ShotFolder) -> None:
    scene = Scene(lively(frames=3))

    for time in range(3):
        flow, _ = pixels(shot.truth / f"flow.{1001 + time}.exr")
        truth = flow_frame(scene, time)
        assert sorted(flow) == ["backward.u", "backward.v", "forward.u", "forward.v", "occluded"]
        ways = {
            "forward": truth.forward,
            "backward": flow_frame(scene, time - 1).backward if time else 0 * truth.backward,
        }
        for way, vectors in ways.items():
            known = np.nan_to_num(vectors)
            assert np.array_equal(flow[f"{way}.u"], known[..., 0])
            assert np.array_equal(flow[f"{way}.v"], -known[..., 1])
        assert np.array_equal(flow["occluded"], truth.occluded)
        depth, spec = pixels(shot.truth / f"depth.{1001 + time}.exr")
        assert np.array_equal(depth["Z"], depth_frame(scene, time).values)
        assert spec.get_float_attribute("shotgraph:high") == float(depth_frame(scene, time).high)
        ids, _ = pixels(shot.truth / f"ids.{1001 + time}.exr")
        assert np.array_equal(ids["Y"], scene.ids(time))
    assert not pixels(shot.truth / "flow.1003.exr")[0]["forward.u"].any()


def test_every_object_has_a_matte_and_the_edit_too(shot: ShotFolder) -> None:
    edit = edit_of("E1", lively(frames=3), 4)
    scene = Scene(edit.source)

    for number in (1, 2, 3):
        matte, _ = pixels(shot.truth / f"object_{number}.1002.png")
        assert matte["Y"] == pytest.approx(scene.alpha(number, 1), abs=1e-5)
    assert not (shot.truth / "object_4.1002.png").exists()
    assert pixels(shot.folder / "matte.1003.png")[0]["Y"] == pytest.approx(edit.matte(2), abs=1e-5)


def test_texts_tell_what_it_is_and_how_to_ask_for_it(shot: ShotFolder) -> None:
    edit = edit_of("E1", lively(frames=3), 4)

    sidecar = yaml.safe_load(shot.sidecar.read_text())
    told = json.loads((shot.truth / "edit.json").read_text())
    joints = json.loads((shot.truth / "joints.json").read_text())

    assert sidecar == {"vars": {"source_prompt": edit.source_prompt, "prompt": edit.target_prompt}}
    assert read_spec(shot.spec.read_text()) == edit.source
    assert read_spec(json.dumps(told["target"])) == edit.target
    assert (told["family"], told["asked"][0]["before"]) == ("E1", "red")
    assert list(joints["frames"]) == ["1001", "1002", "1003"]
    assert len(joints["names"]) == len(joints["frames"]["1002"]["points"]) == 17


def test_a_clip_without_an_edit_or_a_person_has_neither(tmp_path: Path) -> None:
    shot = write_shot_folder(tmp_path / "sh020", sliding(speed=1.0).model_copy(update={"frames": 1}))

    assert shot.edited is None
    assert sorted(path.name for path in shot.folder.iterdir()) == ["plate.mov", "shotgraph.yaml", "spec.json", "truth"]
    assert not (shot.truth / "joints.json").exists()
    sidecar = yaml.safe_load(shot.sidecar.read_text())["vars"]
    assert sidecar["prompt"] == sidecar["source_prompt"]


def test_an_earlier_render_is_replaced_as_a_whole_when_asked(tmp_path: Path) -> None:
    folder = tmp_path / "sh030"
    write_shot_folder(folder, edit_of("E8", lively(frames=2), 0))
    again = sliding(speed=1.0).model_copy(update={"frames": 1})

    with pytest.raises(OutputExistsError, match=r"sh030: folder of a render must be empty, got '.*' in it; .* --force"):
        write_shot_folder(folder, again)
    shot = write_shot_folder(folder, again, force=True)

    assert not list(folder.glob("matte.*"))
    assert sorted(path.name for path in shot.truth.iterdir() if path.suffix in (".exr", ".png", ".mov")) == [
        "depth.1001.exr",
        "flow.1001.exr",
        "ids.1001.exr",
        "object_1.1001.png",
    ]
    assert read_spec(shot.spec.read_text()) == again


def test_force_replaces_nothing_that_is_no_render(tmp_path: Path) -> None:
    mine = tmp_path / "truth" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")

    with pytest.raises(OutputExistsError, match=r"must hold an earlier render to be replaced, got no spec\.json in it"):
        write_shot_folder(tmp_path, sliding(speed=1.0), force=True)

    assert mine.read_text() == "years of work"
