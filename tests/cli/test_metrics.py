"""`metrics` on generated footage: the table, the document, and what it refuses."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from small_shots import FIRST, HEIGHT, WIDTH, write_image, write_movie, write_sequence
from tiny_clip import save_tiny_clip

from shotgraph.errors import Exit
from shotgraph.io.display import rgb_of
from shotgraph.io.passnames import FLOW
from shotgraph.io.sources import open_source
from shotgraph.metrics.comparison import embedding_measures
from shotgraph.metrics.folder_clip import INSTANCE_HEAD, FolderClip
from shotgraph.models.registry import resolve

FRAMES = 4


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_movie(tmp_path / "source.mov", frames=FRAMES, tone=False)


@pytest.fixture
def jumping(tmp_path: Path) -> Path:
    """The same texture, three pictures later."""
    return write_movie(tmp_path / "jumping.mov", frames=FRAMES, tone=False, offset=3)


def measured(ran: Any) -> dict[str, dict[str, Any]]:
    assert ran.code == Exit.VERIFIED, ran.err
    return {measure["name"]: measure for measure in ran.document["measures"]}


def write_flow(path: Path, x: float, y: float, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
    """Flow that is the same everywhere, as core.write leaves it; nothing is said to be hidden but what leaves the frame."""
    width, height = size
    columns, rows = np.meshgrid(np.arange(width) + x, np.arange(height) + y)
    hidden = (columns < 0) | (columns > width - 1) | (rows < 0) | (rows > height - 1)
    pixels = np.stack([np.full((height, width), value) for value in (x, -y, -x, y)] + [hidden], axis=-1)
    spec = oiio.ImageSpec(width, height, 5, oiio.FLOAT)
    spec.channelnames = FLOW
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), oiio.geterror()
    assert output.write_image(pixels.astype(np.float32)), output.geterror()
    output.close()


def frames_of(path: Path) -> np.ndarray:
    with open_source(str(path)) as movie:
        return np.stack([rgb_of(movie, frame)[..., :3] for frame in movie.info.range])


def test_a_copy_is_preserved_in_the_table(shotgraph: Any, source: Path) -> None:
    ran = shotgraph("metrics", "--source", source, "--result", source)

    assert ran.code == Exit.VERIFIED
    assert ran.out.splitlines()[0].split() == ["METRIC", "VALUE", "UNIT", "BETTER", "NOTE"]
    assert "psnr to source" in ran.out
    assert "equal to the source: no error at all" in ran.out
    assert "No single number tells" in ran.err
    assert len(ran.out.splitlines()) == 11


def test_the_document_has_every_number_and_what_it_was_measured_with(
    shotgraph: Any, source: Path, jumping: Path
) -> None:
    ran = shotgraph("metrics", "--source", source, "--result", jumping, "--json")

    found = measured(ran)
    assert ran.document["frames"] == "1001-1004"
    assert ran.document["flow"] == "measured with DIS medium"
    assert ran.document["embedder"] is None
    assert 5 < found["psnr to source"]["value"] < 30
    assert found["warp error"]["unit"] == "x1e-3"
    assert found["warp error of source"]["note"] == "the floor"
    # The texture drifts alike in both; only its place differs.
    assert found["motion fidelity"]["value"] > 0.9
    assert -0.5 < found["motion alignment"]["value"] <= 0


def test_exact_flow_from_files_gives_the_floor_that_a_wrong_one_does_not(
    shotgraph: Any, source: Path, tmp_path: Path
) -> None:
    for frame in range(FIRST, FIRST + FRAMES):
        write_flow(tmp_path / f"right.{frame}.exr", 1.5, 0.5)
        write_flow(tmp_path / f"wrong.{frame}.exr", 1.5, -0.5)

    errors = [
        measured(shotgraph("metrics", "--source", source, "--result", source, "--flow", tmp_path / name, "--json"))
        for name in ("right.####.exr", "wrong.####.exr")
    ]

    right, wrong = (found["warp error"]["value"] for found in errors)
    # Chroma stands still in this footage; it is what is left.
    assert right < wrong / 5


def test_a_matte_splits_the_frame(shotgraph: Any, tmp_path: Path) -> None:
    plate = write_sequence(tmp_path / "plate", range(1001, 1004))
    for frame in range(1001, 1004):
        pixels = oiio.ImageInput.open(str(tmp_path / "plate" / f"plate.{frame}.png")).read_image(oiio.UINT8)
        pixels[10:20, 20:40] = 255 - pixels[10:20, 20:40]
        write_image(tmp_path / "edit" / f"edit.{frame}.png", pixels)
        matte = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
        matte[10:20, 20:40] = 255
        write_image(tmp_path / "matte" / f"matte.{frame}.png", matte)

    ran = shotgraph(
        "metrics", "--json", "--source", plate, "--result", tmp_path / "edit/edit.####.png",
        "--matte", tmp_path / "matte/matte.####.png",
    )  # fmt: skip

    found = measured(ran)
    assert found["psnr to source outside matte"]["note"].startswith("equal to the source")
    assert found["ssim to source outside matte"]["value"] == pytest.approx(1, abs=1e-9)
    assert found["psnr to source inside matte"]["value"] < 15
    assert found["psnr to source inside matte"]["value"] < found["psnr to source"]["value"]


@pytest.mark.parametrize("head", [True, False])
def test_a_clip_folder_speaks_of_frames_and_prompts(
    shotgraph: Any, source: Path, jumping: Path, tmp_path: Path, head: bool
) -> None:
    folder = save_tiny_clip(tmp_path / "tiny-clip", head=head)

    ran = shotgraph(
        "metrics", "--json", "--source", source, "--result", jumping, "--embedder", folder,
        "--prompt", "a red star", "--source-prompt", "a blue circle",
    )  # fmt: skip

    found = measured(ran)
    own = FolderClip.load(folder)
    other = FolderClip.load(folder, head=INSTANCE_HEAD) if head else own
    assert ran.document["embedder"] == {
        "name": str(folder),
        "digest": resolve(str(folder)).digest,
        "words": "tiny-clip",
        "consistency": other.name,
    }
    assert list(found)[-5:] == [
        "frame consistency adjacent",
        "frame consistency all pairs",
        "text alignment",
        "frame accuracy",
        "directional similarity",
    ]
    before, after = (frames_of(path) for path in (source, jumping))
    asked, was = own.text(["a red star", "a blue circle"])
    expected = embedding_measures(
        own.image(after), own.image(before), instances=other.image(after), prompt=asked, source_prompt=was
    )
    assert {measure.name: found[measure.name]["value"] for measure in expected} == {
        measure.name: pytest.approx(measure.value, abs=1e-5) for measure in expected
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 3}, "metrics: result must have the source's 4 frames, got 3; cut one so that frames pair up"),
        (
            {"size": (48, 48)},
            "metrics: result must have the source's size 64x48, got 48x48; resize one with core.resize",
        ),
        (
            {"rate": Fraction(25)},
            "metrics: result must have the source's rate 23.976, got 25; conform one to the other",
        ),
    ],
)
def test_what_does_not_pair_up_is_refused(
    shotgraph: Any, source: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    other = write_movie(tmp_path / "other.mov", tone=False, **({"frames": FRAMES} | changes))

    ran = shotgraph("metrics", "--source", source, "--result", other)

    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert ran.err.splitlines()[-1] == f"Error: {message}"


def test_a_matte_of_another_length_is_refused(shotgraph: Any, source: Path, tmp_path: Path) -> None:
    matte = write_movie(tmp_path / "matte.mov", frames=2, tone=False)

    ran = shotgraph("metrics", "--source", source, "--result", source, "--matte", matte)

    assert ran.code == Exit.USAGE
    assert "metrics: matte must have the source's 4 frames, got 2" in ran.err


def test_linear_against_display_values_is_refused(shotgraph: Any, source: Path, tmp_path: Path) -> None:
    for frame in range(FIRST, FIRST + FRAMES):
        write_image(tmp_path / f"comp.{frame}.exr", np.full((HEIGHT, WIDTH, 3), 0.18, np.float16))

    ran = shotgraph("metrics", "--source", source, "--result", tmp_path / "comp.####.exr")
    both = shotgraph("metrics", "--source", tmp_path / "comp.####.exr", "--result", tmp_path / "comp.####.exr")

    assert ran.code == Exit.MEDIA_CORRUPT
    assert "must both be display-referred or both scene-linear, got bt709 and linear; convert one" in ran.err
    assert both.code == Exit.VERIFIED
    assert "warning: both clips are scene-linear" in both.err


def test_flow_that_is_incomplete_or_of_another_size_is_refused(shotgraph: Any, source: Path, tmp_path: Path) -> None:
    write_flow(tmp_path / "few.1001.exr", 1, 0)
    # As core.write leaves it, but for one in the middle.
    for frame in (1001, 1003, 1004):
        write_flow(tmp_path / f"hole.{frame}.exr", 1, 0)
    for frame in range(FIRST, FIRST + FRAMES):
        write_flow(tmp_path / f"small.{frame}.exr", 1, 0, size=(32, 24))

    few, hole, small = (
        shotgraph("metrics", "--source", source, "--result", source, "--flow", tmp_path / name)
        for name in ("few.####.exr", "hole.####.exr", "small.####.exr")
    )

    assert (few.code, hole.code, small.code) == (Exit.USAGE, Exit.USAGE, Exit.USAGE)
    assert "metrics: --flow must have every frame of 1001-1004, got none for 1002 in" in few.err
    assert "metrics: --flow must have every frame of 1001-1004, got none for 1002 in" in hole.err
    assert "metrics: flow must have the source's size 64x48, got 32x24 in" in small.err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--prompt", "a star"), Exit.USAGE, "metrics: --embedder must be given with --prompt 'a star', got none; try"),
        (
            ("--source-prompt", "a"),
            Exit.USAGE,
            "metrics: --prompt must be given with --source-prompt 'a', got none; add it",
        ),
        (("--embedder", "open_clip"), Exit.USAGE, "embedder: open_clip must be given as open_clip:ARCHITECTURE:FILE"),
        (("--embedder", "/no/clip"), Exit.UNAVAILABLE, "model: /no/clip must exist, got nothing there; check the path"),
    ],
)
@pytest.mark.usefixtures("nothing_decodes")
def test_options_that_cannot_work_are_refused_before_anything_is_decoded(
    shotgraph: Any, source: Path, options: tuple[str, ...], code: Exit, message: str
) -> None:
    ran = shotgraph("metrics", "--source", source, "--result", source, *options)

    assert ran.code == code
    assert message in ran.err.splitlines()[-1]


def test_a_folder_without_a_clip_model_is_refused(shotgraph: Any, source: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text("{}")

    ran = shotgraph("metrics", "--source", source, "--result", source, "--embedder", tmp_path / "empty")

    assert ran.code == Exit.UNAVAILABLE
    assert f"model: {tmp_path}/empty must hold safetensors, got config.json; copy or pull" in ran.err


def test_the_help_of_metrics_imports_nothing_heavy(shotgraph: Any) -> None:
    ran = shotgraph("metrics", "--help")

    assert ran.code == 0
    assert "--source-prompt" in ran.out
