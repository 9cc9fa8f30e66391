"""Captions: every word means something that is seen, and no other word exists."""

import re

import pytest
from stage_clips import lively

from shotgraph.errors import UsageError
from shotgraph.stage.captions import caption, check_caption, unknown_words, words
from shotgraph.stage.spec import Camera, ClipSpec, Ground
from shotgraph.stage.vocabulary import TWO_TOKEN_WORDS
from shotgraph.stage.worlds import draw_clip


def test_a_caption_tells_looks_motions_ground_and_camera() -> None:
    clip = lively(style="sketch", camera=Camera(name="left"))

    assert caption(clip, motion=True) == (
        "sketch style of a large red speckled star spins and a large cyan striped ring zigzags and a yellow person walks "
        "over a olive clouds background , camera pans left"
    )
    assert caption(clip, motion=False) == (
        "sketch style of a large red speckled star and a large cyan striped ring and a yellow person "
        "over a olive clouds background"
    )


def test_parts_can_be_left_out_and_said_in_other_words() -> None:
    clip = lively(figure=None)

    short = caption(clip, motion=False, size=False, texture=False, synonym=1)

    assert short == "a red star and a turquoise ring over a olive clouds background"


def test_a_synonym_of_a_motion_is_another_word() -> None:
    (clip,) = [
        clip for clip in (draw_clip(n, "train", sprites=1) for n in range(80)) if clip.sprites[0].motion.name == "left"
    ][:1]

    assert "drifts left" in caption(clip, motion=True)
    assert "moves left" in caption(clip, motion=True, synonym=1)


def test_an_empty_clip_says_so() -> None:
    assert caption(ClipSpec(ground=Ground(colour="navy")), motion=True) == "no object over a navy plain background"


def test_captions_of_any_clip_stay_in_the_vocabulary() -> None:
    spoken: set[str] = set()
    for number in range(300):
        for split in ("train", "held-out"):
            clip = draw_clip(number, split, purpose="figure" if number % 10 == 0 else "general")  # type: ignore[arg-type]
            for synonym in (0, 1):
                text = caption(clip, motion=True, synonym=synonym)
                assert unknown_words(text) == ()
                assert re.search(r"  |^ | $", text) is None
                spoken |= set(text.split())

    # Nothing is listed that is never said.
    assert set(words()) - spoken <= {"no", "object"}


def test_the_vocabulary_is_small_and_holds_the_two_words_of_two_tokens() -> None:
    assert len(words()) == len(set(words())) < 80
    assert set(TWO_TOKEN_WORDS) <= set(words())


def test_unknown_words_are_told_once_each_in_order() -> None:
    assert unknown_words("A shiny RED dog, a dog over 2 shiny stars") == ("shiny", "dog", "2", "stars")


def test_a_caption_with_an_unknown_word_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"^tokens: a caption must hold words of the stage only, got 'crimson'; choose from ,"
    ):
        check_caption("a crimson star", who="tokens")

    check_caption("a red star over a gray plain background , camera zooms in", who="tokens")
