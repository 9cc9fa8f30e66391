"""Reopen an output and compare it with what was planned, or with its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shotgraph.api import PixelFormat, StreamInfo
from shotgraph.api.stream import UNSPECIFIED
from shotgraph.errors import VerifyError
from shotgraph.io.beside import CarriedStream, accepted_indexes, stream_digests, survey
from shotgraph.io.capability import Case, losses
from shotgraph.io.carry import CarryReport
from shotgraph.io.clipinfo import ClipInfo, VideoInfo
from shotgraph.io.codecs import CODECS, Codec, container_of
from shotgraph.io.hdr import Hdr10, read_hdr
from shotgraph.io.languages import canonical
from shotgraph.io.movietags import carried_tags
from shotgraph.io.outputs import OutputPlan
from shotgraph.io.probe import probe

_NONE = "none"


@dataclass(frozen=True, slots=True)
class Check:
    """One property, compared.

    Attributes:
        name: the property.
        expected: what it should be.
        got: what the reopened file says.
        ok: they agree.
        declared: the difference was announced before the render, so it is no failure.
    """

    name: str
    expected: str
    got: str
    ok: bool
    declared: bool = False

    @property
    def failed(self) -> bool:
        """Whether the output must be refused."""
        return not (self.ok or self.declared)

    def __str__(self) -> str:
        """``name: got``, or what differs."""
        if self.ok:
            return f"{self.name}: {self.got}"
        verdict = "declared loss" if self.declared else "DIFFERS"
        return f"{self.name}: {verdict}, expected {self.expected}, got {self.got}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a reopened movie should say.

    Attributes:
        info: its header; `pixel_format` as it decodes, empty to leave it unchecked.
        profile: the codec profile; empty to leave it unchecked.
        streams: its sound and subtitle streams, in file order.
        digests: of their packets, in file order.
        chapters: title of each.
        hdr: static HDR metadata.
        lost: properties that were declared lost.
    """

    info: StreamInfo
    pixel_format: str = ""
    profile: str = ""
    streams: tuple[CarriedStream, ...] = ()
    digests: tuple[str, ...] = ()
    chapters: tuple[str, ...] = ()
    hdr: Hdr10 = Hdr10()  # noqa: RUF009
    lost: frozenset[str] = frozenset()

    @classmethod
    def of_plan(cls, plan: OutputPlan, copied: CarryReport) -> Expectation:
        """What the plan promised, and the packets that were in fact copied."""
        encoded = plan.written.pixel_format
        streams = plan.carried.streams if plan.carried is not None and plan.carry is not None else ()
        indexes = plan.carry.indexes if plan.carry is not None else ()
        return cls(
            info=plan.written,
            pixel_format=dict(plan.codec.decodes_as).get(encoded, encoded),
            profile=plan.codec.profile,
            streams=tuple(item for item in streams if item.index in indexes),
            digests=copied.digests,
            chapters=copied.chapters,
            hdr=plan.hdr,
            lost=plan.lost,
        )


def verify(path: str | Path, expectation: Expectation) -> tuple[Check, ...]:
    """Every property of the movie at `path`, compared with `expectation`; MediaError when it does not open."""
    clip = probe(path)
    found = (*_picture(clip, expectation), *_labels(clip, expectation), *_beside(clip, expectation))
    return tuple(_declared(check, expectation.lost) for check in found)


def compare(output: str | Path, source: str | Path) -> tuple[Check, ...]:
    """Every property of the movie `output`, compared with the movie it was made from.

    What `output`'s codec and container cannot keep is marked as declared. MediaError when one of them does not open.

    Args:
        output: the movie to judge.
        source: the movie it should equal in everything but its pixels.

    Returns:
        The checks; any may have failed.
    """
    plate, clip = probe(source).stream_info(), probe(output)
    written, container = clip.stream_info(), container_of(output)
    carried = survey(source)
    accepted = accepted_indexes(carried, container)
    hdr = read_hdr(source)
    target = PixelFormat.parse(written.pixel_format)
    case = Case(
        info=plate,
        written=written,
        codec=_codec_of(clip.video()),
        container=container,
        format=target,
        carried=carried,
        accepted=accepted,
        hdr=hdr,
    )
    found = losses(case)
    digests = dict(zip((item.index for item in carried.streams), stream_digests(source), strict=True))
    kept = [item for item in carried.streams if item.index in accepted]
    expectation = Expectation(
        info=plate,
        streams=tuple(kept),
        digests=tuple(digests[item.index] for item in kept),
        chapters=carried.chapters,
        hdr=hdr,
        lost=frozenset(loss.property for loss in found),
    )
    samples = _samples_kept(plate, written, expectation.lost)
    return (samples, *verify(output, expectation))


def require(checks: tuple[Check, ...], path: str | Path) -> None:
    """Refuse an output of which a check failed: a VerifyError that lists all that did."""
    wrong = [check for check in checks if check.failed]
    if wrong:
        listed = "\n".join(f"  {check}" for check in wrong)
        raise VerifyError(
            f"{path}: the reopened output must be what was planned, got {len(wrong)} differences; "
            f"do not deliver it\n{listed}"
        )


def _declared(check: Check, lost: frozenset[str]) -> Check:
    if check.ok or check.name not in lost:
        return check
    return Check(check.name, check.expected, check.got, check.ok, declared=True)


def _equal(name: str, expected: object, got: object) -> Check:
    return Check(name, str(expected), str(got), expected == got)


def _picture(clip: ClipInfo, wanted: Expectation) -> Iterator[Check]:
    video, info = clip.video(), wanted.info
    yield _equal("size", f"{info.width}x{info.height}", f"{video.width}x{video.height}")
    if wanted.pixel_format:
        yield _equal("pixel_format", wanted.pixel_format, video.native_format)
    if wanted.profile:
        yield _equal("profile", wanted.profile, video.profile)
    yield _equal("frame_count", info.count, video.timing.count)
    yield from _times(video, info)
    yield _equal("sar", info.sar, video.sar)
    yield _equal("rotation", info.rotation % 360, video.rotation % 360)
    order = "progressive" if info.field_order == "unknown" else info.field_order
    yield _equal("field_order", order, video.field_order)
    for name in ("primaries", "transfer", "matrix", "range"):
        expected = getattr(info.colour, name)
        if name != "matrix" or _same_family(info.pixel_format, video.native_format):
            got = getattr(video.colour, name)
            implied = name == "range" and _same_range(expected, got, video.codec)
            yield Check(name, expected, got, implied or expected == got)


def _same_range(expected: str, got: str, codec: str) -> bool:
    """Whether two tags mean one range: untagged YUV is limited.

    ProRes and H.264 read as limited where nobody said anything; H.264 leaves "limited" out where no other tag is set.
    """
    return (expected, got) == (UNSPECIFIED, "limited") or (
        codec == "h264" and {expected, got} == {UNSPECIFIED, "limited"}
    )


def _same_family(one: str, other: str) -> bool:
    return not one or PixelFormat.parse(one).family == PixelFormat.parse(other).family


def _times(video: VideoInfo, info: StreamInfo) -> Iterator[Check]:
    timing = video.timing
    if info.pts is None or info.time_base is None:
        yield _equal("rate", info.rate, timing.rate)
        yield _equal("pts", "constant", "variable" if timing.variable else "constant")
        return
    expected = [tick * info.time_base for tick in info.pts]
    got = [(tick - timing.pts[0]) * timing.time_base for tick in timing.pts]
    differing = sum(one != other for one, other in zip(expected, got, strict=False)) + abs(len(expected) - len(got))
    text = "as planned" if not differing else f"{differing} of {len(expected)} frame times differ"
    yield Check("pts", "as planned", text, not differing)


def _labels(clip: ClipInfo, wanted: Expectation) -> Iterator[Check]:
    info = wanted.info
    yield _equal("timecode", str(info.start_timecode or _NONE), str(clip.timecode or _NONE))
    yield _equal("reel", info.reel or _NONE, clip.reel or _NONE)
    # Matroska writes keys in upper case.
    found = {key.casefold(): value for key, value in clip.tags}
    expected = carried_tags(info.tags)
    got = {key: found[key.casefold()] for key in expected if key.casefold() in found}
    yield Check("tags", _listed(expected), _listed(got), expected == got)


def _listed(tags: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(tags.items())) or _NONE


def _beside(clip: ClipInfo, wanted: Expectation) -> Iterator[Check]:
    """Sound, subtitles, chapters and HDR."""
    got = stream_digests(clip.path)
    yield Check("audio", ", ".join(wanted.digests) or _NONE, ", ".join(got) or _NONE, wanted.digests == got)
    layouts = [_layout(item.layout, item.channels) for item in wanted.streams if item.kind == "audio"]
    yield _listed_equal("audio_layout", layouts, [_layout(item.layout, item.channels) for item in clip.audios])
    languages = [canonical(item.language) for item in wanted.streams]
    beside = sorted((*clip.audios, *clip.subtitles), key=lambda item: item.index)
    yield _listed_equal("languages", languages, [canonical(item.language) for item in beside])
    yield _listed_equal("chapters", list(wanted.chapters), [chapter.title for chapter in clip.chapters])
    if wanted.hdr:
        hdr = read_hdr(clip.path)
        yield Check("hdr", _hdr_text(wanted.hdr), _hdr_text(hdr), wanted.hdr == hdr)


def _layout(name: str, channels: int) -> str:
    """A channel layout; containers without one say ``2 channels``."""
    return name if " " not in name else {1: "mono", 2: "stereo"}.get(channels, name)


def _listed_equal(name: str, expected: list[str], got: list[str]) -> Check:
    return Check(name, _joined(expected), _joined(got), expected == got)


def _joined(values: list[str]) -> str:
    return ", ".join(value or "-" for value in values) or _NONE


def _hdr_text(hdr: Hdr10) -> str:
    return ":".join(hdr.x264_params) or _NONE


def _samples_kept(plate: StreamInfo, written: StreamInfo, lost: frozenset[str]) -> Check:
    """Whether the output's samples can hold the source's."""
    narrower = lost & {"alpha", "chroma", "bit_depth"}
    return Check("pixel_format", plate.pixel_format, written.pixel_format, not narrower, declared=bool(narrower))


def _codec_of(video: VideoInfo) -> Codec:
    """The entry of our table that a stream matches; for any other codec one that is taken to keep everything."""
    for codec in CODECS.values():
        if codec.is_movie and codec.name.startswith(video.codec) and codec.profile in ("", video.profile):
            return codec
    return Codec(
        name=video.codec,
        encoder=video.codec,
        containers=("mov", "mp4", "mkv"),
        formats=(),
        states_sar=True,
        keeps_hdr=True,
    )
