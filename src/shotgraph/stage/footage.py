"""A clip as a shot folder like a real one: a plate with timecode, reel and sound, and beside it what no real shot has."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from shotgraph.api.pixels import NativeFrame, PixelFormat
from shotgraph.api.rates import Rate
from shotgraph.api.stream import Colour, MediaRef, StreamInfo
from shotgraph.api.timecode import Timecode
from shotgraph.errors import OutputExistsError
from shotgraph.io.codecs import WriteSettings
from shotgraph.io.sinks import open_sink
from shotgraph.stage.captions import caption
from shotgraph.stage.edits import TITLES, Edit
from shotgraph.stage.figure import KEYPOINTS
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.truth import depth_frame, flow_frame, keypoints_frame

FIRST_FRAME = 1001
REC709 = Colour("bt709", "bt709", "bt709", "limited")
_RATE, _START, _REEL = "24", "01:00:00:00", "STAGE001"
_IDS = PixelFormat.parse("grayf32")
_AUDIO_RATE = 48_000
_SPEC = "spec.json"


@dataclass(frozen=True, slots=True)
class ShotFolder:
    """Where everything of a rendered shot lies.

    Attributes:
        folder: the shot's own; its name is the shot's.
        plate: the movie.
        sidecar: the prompts, as variables of a preset.
        spec: what the clip is.
        truth: folder of the passes: ``depth``, ``flow``, ``ids`` and one ``object_N`` each.
        edited: the movie that an editor should have made; None without an edit.
    """

    folder: Path
    plate: Path
    sidecar: Path
    spec: Path
    truth: Path
    edited: Path | None = None


def write_shot_folder(folder: Path, clip: ClipSpec | Edit, *, force: bool = False) -> ShotFolder:
    """Render a clip, or an edit of one, into `folder`; everything is reopened and verified.

    OutputExistsError for a folder that holds something else, OutputError for a place that cannot be written.

    Args:
        folder: created when absent.
        clip: an edit also gives the edited movie and its matte.
        force: replace an earlier render in `folder`.

    Returns:
        Where everything is.
    """
    _make_room(folder, force=force)
    edit = clip if isinstance(clip, Edit) else None
    spec = clip.source if isinstance(clip, Edit) else clip
    truth = folder / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    # First of all, so that a render that was killed is known for one.
    _write_texts(folder, spec, edit)
    writing = _Writing(_header(spec), spec, force)
    writing.movie(folder / "plate.mov", spec)
    scene = Scene(spec)
    for name, kind, frame_of in _passes(scene):
        writing.sequence(truth / f"{name}.####.exr", frame_of, kind=kind)
    for number in range(1, max(layer.object_id for layer in scene.layers) + 1):
        writing.sequence(truth / f"object_{number}.####.png", lambda time, n=number: scene.alpha(n, time))
    if edit is not None:
        writing.movie(truth / "edited.mov", edit.target)
        writing.sequence(folder / "matte.####.png", edit.matte)
    edited = truth / "edited.mov" if edit is not None else None
    return ShotFolder(folder, folder / "plate.mov", folder / "shotgraph.yaml", folder / _SPEC, truth, edited)


def write_tone(path: Path, *, seconds: float) -> None:
    """A quiet stereo tone, 440 Hz left and 550 Hz right."""
    time = np.arange(round(seconds * _AUDIO_RATE)) / _AUDIO_RATE
    channels = np.stack([np.sin(2 * np.pi * hertz * time) for hertz in (440, 550)], axis=1)
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(2)
        stream.setsampwidth(2)
        stream.setframerate(_AUDIO_RATE)
        stream.writeframes(np.rint(channels * 3000).astype("<i2").tobytes())


_FrameOf = Callable[[int], Any]


@dataclass(frozen=True, slots=True)
class _Writing:
    """One shot on its way to disk."""

    info: StreamInfo
    spec: ClipSpec
    force: bool

    def movie(self, path: Path, spec: ClipSpec) -> None:
        """The pictures of `spec`, with the shot's labels and a tone."""
        scene, tone = Scene(spec), path.with_name(f".{path.stem}.wav")
        write_tone(tone, seconds=float(self.info.count / self.info.rate.fps))
        sound = replace(self.info, media=MediaRef(str(tone)))
        try:
            self._write(path, self.info, scene.picture, "prores_4444", sound)
        finally:
            tone.unlink()

    def sequence(self, pattern: Path, frame_of: _FrameOf, *, kind: str = "mask") -> None:
        """One image a frame; `frame_of` takes frames since the first."""
        pixels = _IDS.name if kind == "native" else ""
        info = replace(self.info, kind=kind, pixel_format=pixels, colour=Colour())
        self._write(pattern, info, frame_of, "")

    def _write(
        self, path: Path, info: StreamInfo, frame_of: _FrameOf, codec: str, sound: StreamInfo | None = None
    ) -> None:
        writer = open_sink(path, info, WriteSettings(codec=codec, force=self.force), sound)
        try:
            for frame in info.range:
                writer.write(frame, frame_of(frame - info.first_frame), "")
        except BaseException:
            writer.abort()
            raise
        writer.finish()


def _make_room(folder: Path, *, force: bool) -> None:
    """Take an earlier render away as far as a new one might not overwrite it; leave everybody else's files alone."""
    present = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if present and not force:
        raise OutputExistsError(
            f"{folder}: folder of a render must be empty, got {present[0]!r} in it; name another one, or replace an earlier "
            f"render with --force"
        )
    if present and _SPEC not in present:
        raise OutputExistsError(
            f"{folder}: folder must hold an earlier render to be replaced, got no {_SPEC} in it; name another one"
        )
    if (folder / "truth").is_dir():
        shutil.rmtree(folder / "truth")
    for path in (*folder.glob("matte.*.png"), *folder.glob(".matte.*.jsonl")):
        path.unlink()


def _header(spec: ClipSpec) -> StreamInfo:
    rate = Rate.parse(_RATE)
    return StreamInfo(
        first_frame=FIRST_FRAME,
        count=spec.frames,
        rate=rate,
        width=spec.width,
        height=spec.height,
        kind="rgb",
        pixel_format="gbrpf32",
        start_timecode=Timecode.parse(_START, rate),
        timecode_source="preset",
        reel=_REEL,
        colour=REC709,
    )


def _passes(scene: Scene) -> tuple[tuple[str, str, _FrameOf], ...]:
    """(name, kind, frame) of every pass that is no picture."""

    def ids(time: int) -> NativeFrame:
        return NativeFrame((scene.ids(time).astype(np.float32),), _IDS)

    return (
        ("depth", "depth", lambda time: depth_frame(scene, time)),
        ("flow", "flow", lambda time: tuple(flow_frame(scene, t) for t in (time, time - 1) if t >= 0)),
        ("ids", "native", ids),
    )


def _write_texts(folder: Path, spec: ClipSpec, edit: Edit | None) -> None:
    """What the clip is, how it is asked for, and where a figure's joints are."""
    (folder / _SPEC).write_text(spec.model_dump_json(indent=2) + "\n", encoding="utf-8")
    prompt = caption(spec, motion=False)
    prompts = {"source_prompt": prompt, "prompt": prompt if edit is None else edit.target_prompt}
    # JSON strings are YAML strings whatever is in them.
    lines = ["vars:", *(f"  {name}: {json.dumps(text)}" for name, text in prompts.items())]
    (folder / "shotgraph.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if edit is not None:
        told = {
            "family": edit.family,
            "title": TITLES[edit.family],
            **prompts,
            "asked": [asdict(asked) for asked in edit.asked],
            "target": edit.target.model_dump(mode="json"),
        }
        _write_json(folder / "truth" / "edit.json", told)
    if spec.figure is not None:
        scene = Scene(spec)
        found = [keypoints_frame(scene, time) for time in range(spec.frames)]
        frames = {
            FIRST_FRAME + time: {"points": f.points[0].tolist(), "scores": f.scores[0].tolist()}
            for time, f in enumerate(found)
        }
        _write_json(folder / "truth" / "joints.json", {"names": KEYPOINTS, "frames": frames})


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
