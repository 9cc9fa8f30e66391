"""Whether lossless is lossless: files come back sample for sample, and so do coded planes that pass through float RGB.

Every row counts samples that differ. Files are written and read through `shotgraph.io`, in every pixel format of the codec, at
an even and (where the codec takes it) an odd size, with noise over the whole code range of the format, illegal codes included.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from rows import Row, arguments, note, row, show

from shotgraph.api import Colour, NativeFrame, PixelFormat, Rate, StreamInfo
from shotgraph.io.codecs import CODECS, WriteSettings
from shotgraph.io.sinks import open_sink
from shotgraph.io.sources import open_source
from shotgraph.maths.yuv import LUMA_WEIGHTS, native_from_rgb, rgb_from_native

LOSSLESS = ("ffv1", "h264_lossless")
SIZES = ((192, 108), (101, 67))
FIRST = 1001
YUV = tuple(f"yuv{chroma}p{bits}" for bits in ("", 10) for chroma in ("420", "422", "444"))
RANGES = ("limited", "full")
# Cr codes in one picture of the sweep over all triples: 16 x 256 x 256 pixels.
BAND = 16


def noise(native: PixelFormat, size: tuple[int, int], rng: np.random.Generator) -> NativeFrame:
    """Planes of random codes, each code of the format equally likely."""
    shapes = [native.plane_shape(index, width=size[0], height=size[1]) for index in range(native.planes)]
    return NativeFrame(tuple(rng.integers(0, 1 << native.bits, s, dtype=native.dtype) for s in shapes), native)


def differing(one: NativeFrame, other: NativeFrame) -> int:
    """Samples that differ, over all planes; another format differs in all of them."""
    if one.format != other.format or one.size != other.size:
        return sum(plane.size for plane in one.planes)
    return sum(int(np.count_nonzero(a != b)) for a, b in zip(one.planes, other.planes, strict=True))


def round_trip(path: Path, codec: str, frames: list[NativeFrame]) -> int:
    """Samples that differ after `frames` were written to `path` and read again."""
    (width, height), native = frames[0].size, frames[0].format
    info = StreamInfo(
        first_frame=FIRST,
        count=len(frames),
        rate=Rate(Fraction(25)),
        width=width,
        height=height,
        pixel_format=native.name,
        colour=Colour("bt709", "bt709", "rgb" if native.family == "rgb" else "bt709", "full"),
    )
    sink = open_sink(path, info, WriteSettings(codec=codec, preset="ultrafast"))
    for number, frame in enumerate(frames, FIRST):
        sink.write(number, frame, "")
    sink.finish()
    with open_source(path, first_frame=FIRST) as source:
        read = [source.read(number) for number in range(FIRST, FIRST + source.info.count)]
    path.unlink()
    missing = abs(len(read) - len(frames)) * frames[0].planes[0].size
    return missing + sum(differing(a, b) for a, b in zip(frames, read, strict=False))


def codec_rows(folder: Path, *, frames: int, rng: np.random.Generator) -> Iterator[Row]:
    """One row a lossless codec, over all its formats."""
    compared = 0
    for name in LOSSLESS:
        codec = CODECS[name]
        wrong = 0
        for native in map(PixelFormat.parse, codec.formats):
            note(f"exactness: {name} {native.name}")
            for size in SIZES[:1] if native.name in codec.whole_blocks else SIZES:
                written = [noise(native, size, rng) for _ in range(frames)]
                wrong += round_trip(folder / "clip.mkv", name, written)
                compared += sum(plane.size for frame in written for plane in frame.planes)
        yield row(f"{name} file, {len(codec.formats)} formats", wrong, "samples differ", "== 0")
    yield row("files, compared", compared, "samples")


def sweeps(native: PixelFormat, rng: np.random.Generator, *, every: int) -> Iterator[NativeFrame]:
    """Pictures in which every pair of codes of two planes meets, the third plane being random.

    Args:
        native: a YUV format.
        rng: for the third plane, and for the luma samples of a block beyond its first.
        every: step between codes; 1 for all of them.

    Yields:
        NativeFrame: for (Y, Cb), (Y, Cr) and (Cb, Cr).
    """
    codes = np.arange(0, 1 << native.bits, every, dtype=native.dtype)
    down, across = np.meshgrid(codes, codes, indexing="ij")
    x, y = native.chroma_shift
    size = (len(codes) << x, len(codes) << y)
    for pair in itertools.combinations(range(3), 2):
        planes = [plane.copy() for plane in noise(native, size, rng).planes]
        for index, grid in zip(pair, (down, across), strict=True):
            if index == 0:
                planes[0][:: 1 << y, :: 1 << x] = grid
            else:
                planes[index][...] = grid
        yield NativeFrame(tuple(planes), native)


def triples(every: int) -> Iterator[NativeFrame]:
    """Every 8-bit (Y, Cb, Cr), or every `every`-th code of each."""
    codes = np.arange(0, 256, every, dtype=np.uint8)
    for start in range(0, len(codes), BAND):
        grids = np.meshgrid(codes[start : start + BAND], codes, codes, indexing="ij")
        cr, luma, cb = (np.ascontiguousarray(grid).reshape(-1, len(codes)) for grid in grids)
        yield NativeFrame((luma, cb, cr), PixelFormat.parse("yuv444p"))


def converted(frames: Iterable[NativeFrame], matrix: str, code_range: str) -> tuple[int, int]:
    """Samples that change on the way to float RGB and back, and samples in all."""
    wrong = total = 0
    for frame in frames:
        rgb = rgb_from_native(frame, matrix=matrix, range=code_range)
        wrong += differing(frame, native_from_rgb(rgb, frame.format, matrix=matrix, range=code_range))
        total += sum(plane.size for plane in frame.planes)
    return wrong, total


def conversion_rows(*, every: int, rng: np.random.Generator) -> Iterator[Row]:
    """One row a format, over all matrices and ranges."""
    compared = 0
    for name in YUV:
        native = PixelFormat.parse(name)
        wrong = 0
        for matrix, code_range in itertools.product(LUMA_WEIGHTS, RANGES):
            note(f"exactness: {name} {matrix} {code_range}")
            frames = [sweeps(native, rng, every=every), iter([noise(native, (1023, 577), rng)])]
            if name == "yuv444p":
                frames.append(triples(every))
            changed, total = converted(itertools.chain(*frames), matrix, code_range)
            wrong, compared = wrong + changed, compared + total
        yield row(f"{name} to RGB and back, {len(LUMA_WEIGHTS)} matrices", wrong, "samples differ", "== 0")
    yield row("conversions, compared", compared, "samples")


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__.partition("\n")[0] if __doc__ else "", seeded=True)
    parser.add_argument("--frames", type=int, default=3, help="of each file")
    parser.add_argument("--every", type=int, default=1, help="step between the codes that are tried; 1 for all")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory(prefix="shotgraph-exactness-") as folder:
        rows = list(codec_rows(Path(folder), frames=options.frames, rng=rng))
    rows += conversion_rows(every=options.every, rng=rng)
    return show(rows, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
