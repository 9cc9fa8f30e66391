"""The seam to the stage's world: everything that is exactly known of one edit, as arrays over its frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shotgraph.metrics.fidelity import background_of
from shotgraph.metrics.motion import centroids
from shotgraph.stage.edits import Edit, Family, draw_edit
from shotgraph.stage.layers import GROUND
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec, read_spec

Floats = NDArray[np.float32]
Tracks = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Numbers of held-out clips: those that are ranked, and those that guidance is chosen on. They never meet.
RANKED_FROM, TUNING_FROM = 1000, 900_000
_OBJECT_STEP_PX, _GROUND_STEP_PX = 2, 8
# Rims are mixed colours: judged pixels lie this deep inside.
_CORE = 0.98


def held_out(family: Family, number: int, *, side_px: int, frames: int) -> Edit:
    """The edit of that family with that number, from `RANKED_FROM` or `TUNING_FROM`; the same for every method."""
    return draw_edit(family, number, "held-out", side_px=side_px, frames=frames)


def pictures(spec: ClipSpec) -> Floats:
    """(T, H, W, 3): every frame of a clip, read-only."""
    return _rendered(spec.model_dump_json())


@lru_cache(maxsize=8)
def _rendered(text: str) -> Floats:
    spec = read_spec(text)
    scene = Scene(spec)
    frames = np.stack([scene.picture(time) for time in range(spec.frames)]).astype(np.float32)
    frames.setflags(write=False)
    return frames


@dataclass(frozen=True)
class Truth:
    """What is known of one edit.

    Attributes:
        edit: which.
    """

    edit: Edit

    @cached_property
    def _scenes(self) -> tuple[Scene, Scene]:
        return Scene(self.edit.source), Scene(self.edit.target)

    @property
    def source(self) -> Floats:
        """(T, H, W, 3) the clip before."""
        return pictures(self.edit.source)

    @property
    def target(self) -> Floats:
        """(T, H, W, 3) the true edit."""
        return pictures(self.edit.target)

    @property
    def times(self) -> range:
        """Frame numbers from 0."""
        return range(self.edit.source.frames)

    @cached_property
    def mattes(self) -> Floats:
        """(T, H, W) in [0, 1]: where before and after may differ."""
        return np.stack([self.edit.matte(time) for time in self.times])

    @cached_property
    def background(self) -> Mask | None:
        """(T, H, W): what must stay, a margin away from what may change; None for an edit of everything."""
        if not self.edit.is_local:
            return None
        return np.stack([background_of(matte) for matte in self.mattes])

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Neighbouring frames."""
        return list(pairwise(self.times))

    @property
    def far_pairs(self) -> list[tuple[int, int]]:
        """Every later frame and the first."""
        return [(time, 0) for time in self.times[1:]]

    @cached_property
    def flows(self) -> tuple[Floats, Mask]:
        """((T-1, H, W, 2), (T-1, H, W)): flow to the next frame, and where it is exact before and after the edit alike."""
        return self._flows(self.pairs)

    @cached_property
    def far_flows(self) -> tuple[Floats, Mask]:
        """The same from every later frame to the first."""
        return self._flows(self.far_pairs)

    def _flows(self, pairs: list[tuple[int, int]]) -> tuple[Floats, Mask]:
        before, after = self._scenes
        flows, seen = [], []
        for time, later in pairs:
            # A rim that moved with the shape belongs to two surfaces, and would rule the mean.
            same = before.ids(time) == after.ids(time)
            exact = before.visible(time, later, pure=True) & after.visible(time, later, pure=True)
            flows.append(before.flow(time, later))
            seen.append(same & exact)
        return np.stack(flows), np.stack(seen)

    @cached_property
    def motion_px(self) -> float:
        """Mean length of the flow inside the edited object: how hard the clip is on a method."""
        flows, _ = self.flows
        inside = np.stack([self.object_alpha(time) > 0.5 for time in self.times[:-1]])
        lengths = np.hypot(flows[..., 0], flows[..., 1])
        return float(lengths[inside].mean()) if inside.any() else 0.0

    @property
    def object_index(self) -> int:
        """The sprite that is edited; the first one when everything is."""
        return next((asked.object_index for asked in self.edit.asked if asked.object_index is not None), 0)

    def object_alpha(self, time: int) -> Floats:
        """(H, W): the edited object before the edit."""
        return self._scenes[0].alpha(self.object_index + 1, time)

    @property
    def removes(self) -> bool:
        """Whether the edited object is gone afterwards."""
        return self.object_index >= len(self.edit.target.sprites)

    @cached_property
    def silhouettes(self) -> Floats:
        """(T, H, W) in [0, 1]: what is seen of the edited object after the edit."""
        return np.stack([self._scenes[1].alpha(self.object_index + 1, time) for time in self.times])

    @cached_property
    def path(self) -> Tracks:
        """(T, 2): the centre of what is seen of the edited object after the edit, px, x then y; NaN where nothing is."""
        return centroids(self.silhouettes)

    @cached_property
    def object_tracks(self) -> tuple[Tracks, Mask]:
        """Surface points inside the edited object before and after alike; see `_tracks`."""
        return self._tracks(self.object_index + 1, step_px=_OBJECT_STEP_PX)

    @cached_property
    def edited_tracks(self) -> tuple[Tracks, Mask]:
        """Surface points of what was edited: the ground, or the object."""
        if self.edit.family == "E4":
            return self._tracks(GROUND, step_px=_GROUND_STEP_PX)
        return self.object_tracks

    def _tracks(self, object_id: int, *, step_px: int) -> tuple[Tracks, Mask]:
        """((T, N, 2), (T, N)): points on a grid in frame 0, through the clip, x then y, and where they are seen before and after.

        An edit changes no pose: what lies inside both silhouettes in frame 0 does so in every frame.
        """
        before, after = self._scenes
        inside = np.minimum(before.alpha(object_id, 0), after.alpha(object_id, 0)) > _CORE
        where = inside & _every(step_px, inside.shape)
        places = [before.moved(0, time)[0][where] for time in self.times]
        seen = [np.logical_and(*(s.visible(0, time, pure=True)[where] for s in self._scenes)) for time in self.times]
        return np.stack(places), np.stack(seen)

    @cached_property
    def plates(self) -> tuple[Floats, Floats]:
        """((T, H, W, 3), (T, H, W, 3)): the clips before and after without the edited object."""
        return self._without(self.edit.source), self._without(self.edit.target)

    def _without(self, spec: ClipSpec) -> Floats:
        left = tuple(sprite for index, sprite in enumerate(spec.sprites) if index != self.object_index)
        return pictures(spec.model_copy(update={"sprites": left}))


def _every(step_px: int, shape: tuple[int, ...]) -> Mask:
    """(H, W): a grid of pixels, half a step from the border."""
    chosen = np.zeros(shape, np.bool_)
    chosen[step_px // 2 :: step_px, step_px // 2 :: step_px] = True
    return chosen
