"""The world stays as the models were taught it, and the same specification gives the same bits."""

import json
import subprocess
import sys

import numpy as np
import pytest
import stage_golden
from stage_clips import lively

from shotgraph.stage.scene import Scene

GOLDEN = json.loads(stage_golden.GOLDEN.read_text(encoding="utf-8"))
CLIPS = stage_golden.clips()


def test_the_same_clips_are_kept_and_drawn() -> None:
    assert list(GOLDEN["clips"]) == list(CLIPS)
    # A clip drawn for flow may happen to be the general one.
    assert len({kept["bits"] for kept in GOLDEN["clips"].values()}) > 0.9 * len(CLIPS)


@pytest.mark.golden
@pytest.mark.parametrize("name", CLIPS)
def test_a_number_means_the_clip_it_always_meant(name: str) -> None:
    kept, clip = GOLDEN["clips"][name], CLIPS[name]

    assert stage_golden.specification(clip) == kept["spec"]
    # A thousandth for the rounding of another host.
    assert np.abs(np.array(stage_golden.blocks(clip)) - kept["blocks"]).max() <= 1


@pytest.mark.golden
def test_every_bit_is_as_it_was_on_a_host_of_the_same_numerics() -> None:
    if stage_golden.numerics() != GOLDEN["numerics"]:
        pytest.skip(f"the bits were kept on {GOLDEN['numerics']}, this is {stage_golden.numerics()}")

    found = {name: stage_golden.bits(clip) for name, clip in CLIPS.items()}

    assert found == {name: kept["bits"] for name, kept in GOLDEN["clips"].items()}


def test_another_process_gives_the_same_bits() -> None:
    clip = lively()
    program = (
        "import sys; from shotgraph.stage.scene import Scene; from shotgraph.stage.spec import read_spec;"
        "sys.stdout.buffer.write(Scene(read_spec(sys.stdin.read())).picture(2).tobytes())"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], input=clip.model_dump_json().encode(), capture_output=True, check=True
    )

    assert done.stdout == Scene(clip).picture(2).tobytes()


def test_a_clip_that_differs_a_little_has_other_bits() -> None:
    clip = lively()
    nudged = clip.model_copy(update={"sprites": (clip.sprites[0].model_copy(update={"x": 30.01}), *clip.sprites[1:])})

    assert stage_golden.bits(clip.model_copy(update={"frames": 7})) == stage_golden.bits(clip)
    assert stage_golden.bits(nudged) != stage_golden.bits(clip)
    assert stage_golden.specification(nudged) != stage_golden.specification(clip)
