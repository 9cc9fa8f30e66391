"""`edit.per_frame` by itself: what it leaves alone is exact, what it changes is repeatable."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import write_tiny_model

from shotgraph.diffusion.bundle import ModelBundle
from shotgraph.errors import Cancelled, GraphError, UnavailableError, UsageError
from shotgraph.plugins.edit.per_frame import PerFrame

WIDTH, HEIGHT = 37, 21
Edit = Callable[..., Any]


def plates(count: int = 2, *, channels: int = 3, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(count, H, W, C): ramps that tell x from y and frame from frame, some above 1 and some below 0."""
    t, y, x = np.meshgrid(np.arange(count), np.arange(height), np.arange(width), indexing="ij")
    ramps = [1.3 * x / width - 0.1, y / height, (x + y + t) % 7 / 7, (x + 1) / (width + 1)]
    return np.stack(ramps[:channels], axis=-1).astype(np.float32)


@pytest.fixture(scope="module")
def shelf() -> dict[str, Any]:
    """What all contexts of this module have leased: the model is loaded once."""
    return {}


@pytest.fixture
def edit(tiny_model: Path, make_header: Any, make_context: Any, shelf: dict[str, Any]) -> Edit:
    """Set up, run one batch, tear down; the frames that came out."""

    def run(video: np.ndarray, *, matte: Any = None, alpha: str = "none", first: int = 1001, **params: Any) -> Any:
        values = {"prompt": "red star", "model": str(tiny_model), "steps": 3, "guidance": 3.0, "work_size": (24, 16)}
        size = {"width": video.shape[-2], "height": video.shape[-3]}
        stack = video if video.ndim == 4 else video[None]
        headers, numbers = {"video": make_header(**size, alpha=alpha)}, tuple(range(first, first + len(stack)))
        ctx = make_context(headers, frames=numbers, leased=shelf)
        node, settings = PerFrame(), PerFrame.Params(**(values | params))
        node.setup(settings, ctx)
        out = node.process(PerFrame.In(video=video, matte=matte), settings, ctx).video
        node.teardown(ctx)
        return out

    return run


def test_an_edit_changes_the_plate_and_keeps_its_size(edit: Edit) -> None:
    video = plates()

    out = edit(video)

    assert out.shape == video.shape
    assert out.dtype == np.float32
    assert bool(np.isfinite(out).all())
    assert np.abs(out - video).mean() > 0.01


def test_the_same_seed_gives_the_same_bytes_and_leaves_every_generator_alone(edit: Edit) -> None:
    before = torch.random.get_rng_state()

    first, second = edit(plates(), eta=0.7, seed=5), edit(plates(), eta=0.7, seed=5)

    assert first.tobytes() == second.tobytes()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_seed_matters_only_where_noise_is_drawn(edit: Edit) -> None:
    drawn = [edit(plates(), eta=0.7, seed=seed) for seed in (5, 6)]
    still = [edit(plates(), seed=seed) for seed in (5, 6)]

    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3
    assert np.array_equal(still[0], still[1])


def test_noise_belongs_to_the_frames_number_not_to_its_place(edit: Edit) -> None:
    video = np.repeat(plates(1), 3, axis=0)

    whole = edit(video, eta=1.0, first=1001)
    later = edit(video, eta=1.0, first=1002)

    assert np.allclose(whole[1:], later[:2], atol=1e-4)
    assert np.abs(whole[0] - whole[1]).max() > 1e-3


def test_strength_0_gives_the_plate_itself_and_looks_for_no_model(make_header: Any, make_context: Any) -> None:
    params = PerFrame.Params(prompt="red", strength=0, model="there-is-none")
    ctx = make_context({"video": make_header()})
    video = plates(1)[0]

    assert PerFrame.identity(1001, params, ctx) == "video"
    assert PerFrame().process(PerFrame.In(video=video), params, ctx).video is video


def test_less_strength_changes_less(edit: Edit) -> None:
    changes = [
        np.abs(edit(plates(), strength=s, steps=6) - edit(plates(), strength=s, steps=6, prompt="b")).mean()
        for s in (0.2, 1)
    ]

    assert 0 < changes[0] < changes[1]


def test_outside_the_matte_every_bit_is_the_plates(edit: Edit) -> None:
    video = plates()
    video[:, 2, 3] = np.nan
    video[:, 1, 1] = -0.0
    matte = np.zeros(video.shape[:3], np.float32)
    matte[:, 8:15, 10:30] = 1
    matte[:, 7, 10:30] = 0.25

    out, whole = edit(video, matte=matte), edit(video)

    outside = matte == 0
    assert out[outside].tobytes() == video[outside].tobytes()
    assert np.array_equal(out[matte == 1], whole[matte == 1])
    edge = matte == 0.25
    assert np.allclose(out[edge] - video[edge], 0.25 * (whole[edge] - video[edge]), atol=1e-6)


def test_a_matte_beyond_1_counts_as_1(edit: Edit) -> None:
    video, matte = plates(), np.full((2, HEIGHT, WIDTH), 7.0, np.float32)

    assert np.array_equal(edit(video, matte=matte), edit(video, matte=matte / 7))


def test_values_above_1_and_detail_below_the_models_size_are_kept(edit: Edit) -> None:
    video = plates(1)
    detailed = video.copy()
    # Cancels in every pixel the model sees: 2 x 2 at a work size of half the plate's.
    video, detailed = video[:, :16, :32], detailed[:, :16, :32]
    video = np.clip(video, 0.1, 0.9)
    checker = 0.05 * np.where(np.indices((16, 32)).sum(axis=0) % 2, 1, -1)[None, ..., None].astype(np.float32)

    plain, fine = edit(video, work_size=(16, 8)), edit(video + checker, work_size=(16, 8))
    bright = edit(video + 3, work_size=(16, 8))

    assert np.allclose(fine - plain, checker * np.ones_like(video), atol=1e-4)
    # The model sees white; whatever it makes of that, at most 1 is taken from a pixel of 3 and more.
    assert bright.min() >= (video + 3).min() - 1.01


def test_a_single_frame_is_given_as_one(edit: Edit) -> None:
    video = plates(1)

    assert np.array_equal(edit(video[0]), edit(video)[0])
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    assert edit(video[0], matte=matte).tobytes() == video[0].tobytes()


@pytest.mark.parametrize(("width", "height"), [(37, 21), (64, 9), (8, 8), (5, 33)])
def test_plates_of_any_size_are_taken_at_the_models_native_area(edit: Edit, width: int, height: int) -> None:
    video = plates(1, width=width, height=height)

    out = edit(video, work_size=None)

    assert out.shape == video.shape
    assert bool(np.isfinite(out).all())


def test_alpha_keeps_its_bits_and_premultiplied_colour_stays_inside_it(edit: Edit) -> None:
    video = plates(channels=4)
    video[:, :, :9] = 0

    straight, premultiplied = edit(video, alpha="straight"), edit(video, alpha="premultiplied")

    assert straight[..., 3].tobytes() == premultiplied[..., 3].tobytes() == video[..., 3].tobytes()
    assert np.abs(straight[:, :, :9, :3]).max() > 0
    assert premultiplied[:, :, :9].tobytes() == video[:, :, :9].tobytes()
    assert np.allclose((premultiplied - video)[..., :3], video[..., 3:] * (straight - video)[..., :3], atol=1e-6)


def test_guidance_and_negative_prompt_come_from_the_card_unless_given(edit: Edit, tmp_path: Path) -> None:
    card = {"guidance": 1.0, "negative_prompt": "blue", "side_px": 24, "ignored": "by us"}
    folder = str(write_tiny_model(tmp_path / "carded", card=card))
    other = str(write_tiny_model(tmp_path / "plain"))

    own = edit(plates(), model=folder, guidance=None, work_size=None)
    asked = edit(plates(), model=other, guidance=1.0, work_size=(32, 16))
    given = edit(plates(), model=folder, guidance=2.0, negative_prompt="", work_size=None)
    default = edit(plates(), model=other, guidance=None, work_size=(32, 16))
    tuned = edit(plates(), model=other, guidance=7.5, work_size=(32, 16))

    assert np.array_equal(own, asked)
    assert np.array_equal(default, tuned)
    assert not np.allclose(own, given, atol=1e-4)


def test_steps_come_from_the_card_unless_given(edit: Edit, tmp_path: Path) -> None:
    folder = str(write_tiny_model(tmp_path / "carded", card={"steps": 2}))

    own, asked, other = (edit(plates(1), model=folder, steps=steps) for steps in (None, 2, 4))

    assert np.array_equal(own, asked)
    assert not np.allclose(own, other, atol=1e-4)


@pytest.mark.parametrize("words", ["prompt", "source_prompt", "negative_prompt"])
def test_each_of_the_three_prompts_is_read(edit: Edit, words: str) -> None:
    one, other = (edit(plates(1), **{words: text}) for text in ("red", "blue star"))

    assert not np.allclose(one, other, atol=1e-5)


def test_anamorphic_plates_are_shown_at_their_display_aspect(
    tiny_model: Path, make_header: Any, make_context: Any, shelf: dict[str, Any]
) -> None:
    ctx = make_context({"video": make_header(width=64, height=64, sar=Fraction(4))}, leased=shelf)
    params = PerFrame.Params(prompt="red", model=str(tiny_model), steps=1)
    node = PerFrame()
    node.setup(params, ctx)

    # The native area is 32 x 32; four to one.
    assert node._work_size(params, ctx) == (64, 16)


def test_inversion_steps_refinements_and_guidance_change_the_way_there(edit: Edit) -> None:
    ways = {}, {"inversion_steps": 10}, {"refinements": 2}, {"inversion_guidance": 5.0, "source_prompt": "red"}
    plain, *others = (edit(plates(), steps=5, **way) for way in ways)

    for other in others:
        assert not np.allclose(plain, other, atol=1e-4)


@pytest.mark.parametrize(("inversion_guidance", "each"), [(1.0, 1), (2.0, 2)])
def test_evaluations_are_counted_as_they_happen(
    tiny_model: Path,
    make_header: Any,
    make_context: Any,
    monkeypatch: pytest.MonkeyPatch,
    *,
    inversion_guidance: float,
    each: int,
) -> None:
    seen: list[int] = []
    plain = ModelBundle.noise
    monkeypatch.setattr(ModelBundle, "noise", lambda self, x, *rest: (seen.append(len(x)), plain(self, x, *rest))[1])
    notes: dict[str, Any] = {}
    ctx = make_context({"video": make_header(width=WIDTH, height=HEIGHT)}, frames=(1001, 1002))
    ctx.note = notes.update
    words = {"prompt": "red", "model": str(tiny_model), "inversion_guidance": inversion_guidance}
    params = PerFrame.Params(**words, steps=4, inversion_steps=8, refinements=1, strength=0.5, work_size=(16, 8))
    node = PerFrame()
    node.setup(params, ctx)

    node.process(PerFrame.In(video=plates()), params, ctx)

    # Up to time 251: 3 of the 8 steps there, each refined once; 2 of the 4 steps back, each under guidance.
    assert notes == {"evaluations_per_frame": each * 3 * 2 + 2 * 2}
    assert sum(seen) == 2 * (each * 6 + 4)


def test_cancelled_between_two_steps_it_starts_again_as_if_nothing_had_been(
    tiny_model: Path, make_header: Any, make_context: Any
) -> None:
    ctx = make_context({"video": make_header(width=WIDTH, height=HEIGHT)}, frames=(1001, 1002))
    params = PerFrame.Params(prompt="red", model=str(tiny_model), steps=3, work_size=(16, 8))
    node = PerFrame()
    node.setup(params, ctx)
    bundle = node._bundle
    processors, weights = dict(bundle.unet.attn_processors), [p.clone() for p in bundle.unet.parameters()]
    whole = node.process(PerFrame.In(video=plates()), params, ctx).video
    checks: list[int] = []

    def check() -> None:
        checks.append(1)
        if len(checks) == 4:
            raise Cancelled("run: must go on, got a request to stop; run again")

    with pytest.raises(Cancelled, match="run: must go on, got a request to stop"):
        node.process(PerFrame.In(video=plates()), params, replace_check(ctx, check))

    assert len(checks) == 4
    assert bundle.unet.attn_processors == processors
    assert all(torch.equal(p, q) for p, q in zip(bundle.unet.parameters(), weights, strict=True))
    assert node.process(PerFrame.In(video=plates()), params, ctx).video.tobytes() == whole.tobytes()


def replace_check(ctx: Any, check: Callable[[], None]) -> Any:
    other = replace(ctx)
    other.check_cancelled = check
    return other


def test_an_input_is_never_written_to(edit: Edit) -> None:
    video, matte = plates(), np.ones((2, HEIGHT, WIDTH), np.float32)
    before = video.tobytes()
    video.setflags(write=False)
    matte.setflags(write=False)

    edit(video, matte=matte)
    edit(video, work_size=None)

    assert video.tobytes() == before


def queried(context: Any, header: Any, *, strict: bool = False, matte: Any = None, **params: Any) -> Any:
    headers = {"video": header(width=WIDTH, height=HEIGHT)} | ({"matte": matte} if matte is not None else {})
    ctx = context(headers, strict=strict, node="edit")
    PerFrame.info(PerFrame.Params(**({"prompt": "red star"} | params)), ctx)
    return ctx


def test_a_matte_of_another_size_is_refused(tiny_model: Path, make_header: Any, make_context: Any) -> None:
    with pytest.raises(
        GraphError, match="edit: matte must be 37x21 like video, got 20x10; make it from the same picture"
    ):
        queried(make_context, make_header, matte=make_header(width=20, height=10, kind="mask"), model=str(tiny_model))


@pytest.mark.parametrize("size", [(20, 16), (16, 0), (-8, 8)])
def test_a_work_size_the_model_cannot_take_is_refused(
    size: tuple[int, int], tiny_model: Path, make_header: Any, make_context: Any
) -> None:
    with pytest.raises(
        GraphError, match=rf"edit: work_size must be multiples of 8, got \[{size[0]}, {size[1]}\]; round"
    ):
        queried(make_context, make_header, work_size=size, model=str(tiny_model))


def test_adapters_are_refused_not_left_out(tiny_model: Path, make_header: Any, make_context: Any) -> None:
    model = {
        "base": str(tiny_model),
        "vae": str(tiny_model / "vae"),
        "loras": [{"name": str(tiny_model), "scale": 0.5}],
    }

    with pytest.raises(
        UnavailableError,
        match="edit: model must be a base with at most another vae, got lora 1; adapters are not loaded yet",
    ):
        queried(make_context, make_header, model=model)
    queried(make_context, make_header, model={k: v for k, v in model.items() if k != "loras"})


def test_words_the_model_never_learnt_are_a_warning_and_under_strict_an_error(
    tmp_path: Path, make_header: Any, make_context: Any
) -> None:
    folder = str(write_tiny_model(tmp_path / "closed", card={"vocabulary": ["red", "blue", "star"]}))

    warned = queried(make_context, make_header, model=folder, prompt="Red dragon, star", source_prompt="a dragon")
    quiet = queried(make_context, make_header, model=folder, strict=True)

    assert warned.warnings == [
        "edit: prompt must use words the model was taught, got dragon; its card lists them",
        "edit: source_prompt must use words the model was taught, got a, dragon; its card lists them",
    ]
    assert quiet.warnings == []
    with pytest.raises(
        GraphError, match="edit: prompt must use words the model was taught, got dragon; its card lists them"
    ):
        queried(make_context, make_header, model=folder, prompt="red dragon", strict=True)
    with pytest.raises(GraphError, match="edit: negative_prompt must use words the model was taught, got blurry; its"):
        queried(make_context, make_header, model=folder, negative_prompt="blurry", strict=True)


def test_inversion_steps_that_miss_the_samplers_times_are_refused_before_a_frame(edit: Edit) -> None:
    with pytest.raises(UsageError, match="inversion_steps: must visit the sampler's time 667, got 4 steps that do not"):
        edit(plates(), inversion_steps=4)


def test_the_key_holds_the_digest_of_the_weights_not_their_place(
    tiny_model: Path, tmp_path: Path, make_header: Any, make_context: Any
) -> None:
    ctx = make_context({"video": make_header()})
    copy = write_tiny_model(tmp_path / "same")
    changed = write_tiny_model(tmp_path / "other", seed=1)

    digests = [PerFrame.models(PerFrame.Params(prompt="a", model=str(f)), ctx) for f in (tiny_model, copy, changed)]

    assert digests[0] == digests[1] != digests[2]
    assert list(digests[0]) == ["base"]
    assert digests[0]["base"].startswith("b2:")


def test_importing_the_node_is_light() -> None:
    heavy = ["torch", "diffusers", "transformers", "huggingface_hub"]
    code = f"import sys, json, shotgraph.plugins.edit.per_frame; print(json.dumps([m for m in {heavy} if m in sys.modules]))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []
