"""Points followed along a known flow."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shotgraph.api import FlowFrame, Table
from shotgraph.errors import GraphError
from shotgraph.maths.flow import last_pair, pair_of
from shotgraph.plugins.analysis.points import Track, Tracks, good_points

RunClip = Callable[..., Any]
Stream = Callable[..., Any]
Drifting = Callable[..., list[np.ndarray]]


def shifted(x: float, y: float, *, height: int = 40, width: int = 56) -> FlowFrame:
    """What moves as a whole."""
    forward = np.tile(np.array([x, y], np.float32), (height, width, 1))
    return pair_of(forward, -forward)


def flows(count: int, x: float = 2, y: float = 1) -> list[FlowFrame]:
    """Of `count` frames that move as a whole."""
    return [*[shifted(x, y)] * (count - 1), last_pair(40, 56)]


def test_points_follow_the_flow_and_end_where_it_ends() -> None:
    tracks = Tracks()
    tracks.begin(np.array([[5.0, 5.0], [15.0, 5.0], [5.0, 15.0]]))
    flow, hidden = np.zeros((20, 20, 2), np.float32), np.zeros((20, 20), np.bool_)
    flow[...] = (1.5, -0.5)
    hidden[12:, :] = True

    tracks.note(1)
    tracks.advance(flow, hidden)
    tracks.note(2)
    for _ in range(2):
        tracks.advance(flow, hidden)
    tracks.note(4)

    assert [row[:2] for row in tracks.rows] == [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (0, 4)]
    np.testing.assert_allclose(tracks.rows[3][2:], (6.5, 4.5))
    np.testing.assert_allclose(tracks.rows[5][2:], (9.5, 3.5))


def test_new_points_keep_away_from_old_ones_and_within_their_number(drifting: Drifting) -> None:
    picture = drifting(1)[0]
    first = good_points(picture, np.zeros((0, 2)), most=20, apart_px=6)
    more = good_points(picture, first[:5], most=12, apart_px=6)

    assert 5 < len(first) <= 20
    assert 0 < len(more) <= 7
    assert np.linalg.norm(more[:, None] - first[None, :5], axis=-1).min() >= 5
    assert len(good_points(picture, first, most=len(first), apart_px=6)) == 0
    assert len(good_points(np.zeros((20, 20, 3), np.float32), np.zeros((0, 2)), most=5, apart_px=2)) == 0


def test_no_point_begins_on_or_beside_what_has_no_value(drifting: Drifting) -> None:
    picture = drifting(1)[0]
    picture[10:30, 20:30] = np.nan

    points = good_points(picture, np.zeros((0, 2)), most=200, apart_px=2)

    inside = (np.abs(points[:, 0] - 24.5) < 6.5) & (np.abs(points[:, 1] - 19.5) < 11.5)
    assert len(points) > 10
    assert not inside.any()


def test_every_track_goes_where_the_picture_goes(run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    readers = {"video": stream(drifting(6)), "flow": stream(flows(6), kind="flow", size=(40, 56))}

    table = run_clip(Track, readers, apart_px=4).out.tracks

    rows = np.array(table.rows)
    assert table.columns == ("track", "frame", "x_px", "y_px")
    steps = np.diff(rows, axis=0)[np.diff(rows[:, 0]) == 0]
    assert len(steps) > 20
    np.testing.assert_allclose(steps, np.tile([0, 1, 2, 1], (len(steps), 1)), atol=1e-5)
    # Not the other way, and not y before x.
    assert np.abs(steps[:, 2:] - (1, 2)).min() > 0.9


def test_points_that_left_are_made_up_for_when_it_is_time(
    run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    readers = {"video": stream(drifting(7)), "flow": stream(flows(7), kind="flow", size=(40, 56))}

    rows = run_clip(Track, readers, apart_px=4, every=3).out.tracks.rows

    begins = {track: min(row[1] for row in rows if row[0] == track) for track in {row[0] for row in rows}}
    assert set(begins.values()) == {1001, 1004, 1007}


def test_tracks_end_at_a_cut_and_others_begin_behind_it(run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    frames = [*drifting(3), *drifting(3, seed=5)]
    cut = FlowFrame(*(np.zeros((40, 56, 2), np.float32),) * 2, np.ones((40, 56), np.float32))
    pairs = [*flows(3)[:2], cut, *flows(3)]
    readers = {"video": stream(frames), "flow": stream(pairs, kind="flow", size=(40, 56))}

    rows = run_clip(Track, readers, apart_px=4, every=100).out.tracks.rows

    seen = {track: [row[1] for row in rows if row[0] == track] for track in {row[0] for row in rows}}
    assert not any({1003, 1004} <= set(frames) for frames in seen.values())
    assert sum(frames[0] == 1004 for frames in seen.values()) > 5


def test_a_cut_that_flow_does_not_show_is_told_by_a_table(
    run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    readers = {"video": stream(drifting(6)), "flow": stream(flows(6), kind="flow", size=(40, 56))}
    told = Table(("frame", "change_lab"), ((1003, 20.0),))

    rows = run_clip(Track, readers, values={"cuts": told}, every=100).out.tracks.rows
    unknowing = run_clip(Track, readers, every=100).out.tracks.rows

    over = [{track for track, frame, *_ in table if frame == 1002} for table in (rows, unknowing)]
    behind = [{track for track, frame, *_ in table if frame == 1003} for table in (rows, unknowing)]
    assert not over[0] & behind[0]
    assert len(behind[0]) > 3
    assert over[1] & behind[1]


def test_a_part_of_a_shot_has_the_tracks_of_the_whole(run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    def tracks(wanted: tuple[int, ...]) -> Any:
        readers = {"video": stream(drifting(5)), "flow": stream(flows(5), kind="flow", size=(40, 56))}
        return run_clip(Track, readers, frames=wanted).out.tracks

    assert tracks((1004,)) == tracks(())


@pytest.mark.parametrize(
    ("shape", "value"), [((1, 1, 3), 0.5), ((7, 3, 3), 0.2), ((9, 13, 3), np.nan), ((9, 13, 4), np.inf)]
)
def test_where_there_is_nothing_to_follow_there_is_no_row(
    shape: tuple[int, ...], value: float, run_clip: RunClip, stream: Stream
) -> None:
    frames = [np.full(shape, value, np.float32)] * 2
    pairs = [shifted(0, 0, height=shape[0], width=shape[1]), last_pair(*shape[:2])]

    ran = run_clip(Track, {"video": stream(frames), "flow": stream(pairs, kind="flow", size=shape[:2])})

    assert ran.out.tracks.rows == ()


def test_one_frame_is_enough(run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    readers = {"video": stream(drifting(1)), "flow": stream([last_pair(40, 56)], kind="flow", size=(40, 56))}

    rows = run_clip(Track, readers).out.tracks.rows

    assert len(rows) > 3
    assert {row[1] for row in rows} == {1001}


def test_no_frame_is_held_when_the_next_is_read(
    run_clip: RunClip, stream: Stream, make_reader: Any, make_header: Any, drifting: Drifting, alive: Any
) -> None:
    frames = drifting(8)
    video = make_reader(make_header(count=8, width=56, height=40), lambda frame: alive.note(frames[frame - 1001]))

    run_clip(Track, {"video": video, "flow": stream(flows(8), kind="flow", size=(40, 56))}, every=1)

    assert alive.most <= 2


def test_flow_of_another_size_is_refused(make_context: Any, make_header: Any) -> None:
    headers = {"video": make_header(width=64, height=40), "flow": make_header(width=32, height=40, kind="flow")}

    with pytest.raises(GraphError, match="node: flow must be 64x40 like video, got 32x40; make it from the same"):
        Track.info(Track.Params(), make_context(headers=headers))
