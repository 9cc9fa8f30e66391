"""Footage with faults, made from sound footage; nothing here uses what it is to test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np
from small_shots import write_movie

TOP_FIRST = 2
INTERLACED = (1 << 18) | (1 << 29)


def spoil(source: Path, path: Path, packets: Iterable[int], *, noise: bool = False) -> Path:
    """A copy with the payload of some packets lost: zeros, as a hole in a network file reads, or noise."""
    wanted = set(packets)
    with av.open(str(source)) as original, av.open(str(path), "w") as output:
        stream = original.streams.video[0]
        copy = output.add_stream_from_template(stream)
        copy.codec_context.framerate = stream.average_rate
        for number, packet in enumerate(p for p in original.demux(stream) if p.size):
            if number in wanted:
                payload = np.frombuffer(packet, np.uint8)
                start = payload.size // 8 if noise else 0
                rng = np.random.default_rng(number)
                payload[start:] = rng.integers(0, 256, payload.size - start, dtype=np.uint8) if noise else 0
            packet.stream = copy
            output.mux(packet)
    return path


def cut(source: Path, path: Path, share: float) -> Path:
    """The first part of a file, as an interrupted copy leaves it."""
    content = source.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def sound_only(path: Path) -> Path:
    """A movie file without a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="stereo")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def interlaced(path: Path) -> Path:
    """ProRes that is coded in fields, the top one first."""

    def fields(stream: Any) -> None:
        stream.codec_context.flags |= INTERLACED
        stream.codec_context.field_order = TOP_FIRST

    return write_movie(path, codec="prores_ks", pix_fmt="yuv422p10le", setup=fields)


def times(path: Path) -> list[float]:
    """Seconds from the first picture to each, by libav's own account."""
    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        stamps = sorted(packet.pts for packet in container.demux(stream) if packet.size and packet.pts is not None)
        return [round(float((stamp - stamps[0]) * stream.time_base), 4) for stamp in stamps]
