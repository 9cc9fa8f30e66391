"""The demo's verdict, on results whose truth is known."""

from pathlib import Path

import numpy as np
import pytest
from small_shots import write_movie

from shotgraph.errors import MediaError
from shotgraph.metrics.fidelity import background_of
from shotgraph.stage import demo
from shotgraph.stage.demo import demo_edit, report_of
from shotgraph.stage.scene import Scene


def clips() -> tuple[np.ndarray, np.ndarray]:
    """The plate and the true edit."""
    edit = demo_edit()
    return tuple(np.stack([Scene(spec).picture(t) for t in range(4)]) for spec in (edit.source, edit.target))  # type: ignore[return-value]


def judged(monkeypatch: pytest.MonkeyPatch, result: np.ndarray) -> demo.Report:
    before, _ = clips()
    movies = {"plate.mov": (before, "01:00:00:00"), "result.mov": (result, "01:00:00:02")}
    monkeypatch.setattr(demo, "_read", lambda path: movies[path.name])
    return report_of(Path("plate.mov"), Path("result.mov"), demo_edit())


def test_the_true_edit_is_right_in_every_frame_and_leaves_the_rest_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    report = judged(monkeypatch, clips()[1])

    assert (report.gained, report.frames) == (4, 4)
    assert report.asked == demo_edit().asked[0]
    assert report.background_psnr_db > 60
    assert report.timecodes == ("01:00:00:00", "01:00:00:02")


def test_the_plate_itself_gained_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    report = judged(monkeypatch, clips()[0])

    assert report.gained == 0
    assert report.background_psnr_db == np.inf


def test_the_background_is_what_lies_well_outside_the_matte(monkeypatch: pytest.MonkeyPatch) -> None:
    edit, (_, after) = demo_edit(), clips()
    outside = np.stack([background_of(edit.matte(t)) for t in range(4)])

    rim, ground = after + 0.1 * ~outside[..., None], after + 0.1 * outside[..., None]

    assert judged(monkeypatch, rim).background_psnr_db > 60
    assert judged(monkeypatch, ground).background_psnr_db == pytest.approx(20, abs=0.1)


def test_a_movie_without_timecode_is_refused(tmp_path: Path) -> None:
    movie = write_movie(tmp_path / "bare.mov", frames=2, tone=False, timecode=None)

    with pytest.raises(MediaError, match=rf"{movie}: movie must have a timecode, got none; write it with core\.write"):
        report_of(movie, movie, demo_edit())
