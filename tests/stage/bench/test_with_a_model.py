"""The whole bench with a real node and a tiny untrained model in an ordinary diffusers folder: its numbers are bad, and there."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import one_thread, tiny_model

from shotgraph.models.registry import resolve
from shotgraph.plugins.edit.per_frame import PerFrame
from shotgraph.stage.bench.claims import Claims
from shotgraph.stage.bench.codec import codec_of
from shotgraph.stage.bench.harness import Bench, Finished
from shotgraph.stage.bench.methods import Method, Settings
from shotgraph.stage.bench.names import normal_name
from shotgraph.stage.bench.nodes import NodeMethod
from shotgraph.stage.bench.profiles import PROFILES
from shotgraph.stage.bench.rows import Row
from shotgraph.testing.given import GivenClasses

__all__ = ["one_thread", "tiny_model"]

FRAMES, STEPS, INVERSION_STEPS = 3, 2, 4
# The tiny tokenizer spells words out, so that a whole caption is too long for it.
WORDS = "prompt=red+source_prompt=blue"
PLAIN, BACK = (normal_name(f"per_frame@{WORDS}{more}") for more in ("", "+guidance=1+reconstruct"))


@pytest.fixture(scope="module")
def finished(tiny_model: Path, claims: Claims, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder = tmp_path_factory.mktemp("bench")

    def find(name: str) -> Method:
        return NodeMethod(name, GivenClasses((PerFrame,)), folder / "cache", "cpu", threads=1)

    bench = Bench(
        folder=folder,
        profile=replace(PROFILES["smoke"], clips=1, edits=("E1",), frames=FRAMES),
        claims=claims,
        methods=(PLAIN, BACK),
        find=find,
        codec=codec_of(str(tiny_model)),
        settings=Settings(model=str(tiny_model), steps=STEPS, inversion_steps=INVERSION_STEPS),
        guidance=3.0,
        tell=lambda _line: None,
    )
    # On a busy machine threads wait for each other longer than a network this small takes.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield bench.run()
    torch.set_num_threads(before)


def row(finished: Finished, method: str) -> Row:
    return next(row for row in finished.rows if row.method == method)


def test_per_frame_edits_through_the_engine_and_its_cost_is_counted(finished: Finished) -> None:
    edited = row(finished, PLAIN)

    assert edited.error == ""
    # Batches of four: the fourth frame is padding, and is paid for. Four times have three steps between them.
    assert edited.evaluations == 4 * (INVERSION_STEPS - 1 + 2 * STEPS)
    assert edited.seconds > 0
    assert edited.metrics["success"] is not None
    assert edited.settings["guidance"] == 3.0


def test_without_guidance_one_evaluation_a_step_is_enough(finished: Finished) -> None:
    assert row(finished, BACK).evaluations == 4 * (INVERSION_STEPS - 1 + STEPS)
    assert row(finished, BACK).not_rankable == "asked to change nothing"
    assert row(finished, BACK).metrics["inversion_gap_db"] is not None


def test_a_row_says_which_weights_and_which_machine_it_is_of(finished: Finished, tiny_model: Path) -> None:
    identity = row(finished, PLAIN).identity

    assert identity["model of edit.per_frame"] == resolve(str(tiny_model)).digest
    assert (identity["device"], identity["threads"]) == ("cpu", "1")
    assert identity["torch"] == torch.__version__.partition("+")[0] or identity["torch"] == torch.__version__


def test_the_floor_is_the_vaes_own_loss(finished: Finished) -> None:
    through = row(finished, "gt_vae")
    floor = through.metrics["vae_background_psnr_db"]

    assert floor is not None
    # Outside the matte the true edit is the source: through the VAE both lose about the same.
    assert through.metrics["background_psnr_db"] == pytest.approx(floor, abs=1.5)
    assert row(finished, "copy_source").metrics["vae_background_psnr_db"] == floor
    assert finished.missing == {}


def test_the_vae_changes_frames_and_keeps_their_shape(tiny_model: Path) -> None:
    codec = codec_of(str(tiny_model))
    frames = np.random.default_rng(3).random((9, 32, 40, 3), np.float32)

    back = codec.round_trip(frames)

    assert back.shape == frames.shape
    assert back.dtype == np.float32
    assert float(back.min()) >= 0
    assert float(back.max()) <= 1
    # A part of the batch alone gives the same.
    np.testing.assert_allclose(codec.round_trip(frames[8:]), back[8:], atol=1e-5)
    assert codec.version.startswith("b2:")
