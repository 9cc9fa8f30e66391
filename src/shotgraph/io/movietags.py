"""Where each container keeps the tags of a movie: timecode, reel and what people typed."""

from __future__ import annotations

from collections.abc import Iterable

from shotgraph.api import StreamInfo
from shotgraph.io.codecs import Container

# Facts of the old file, and labels that are written elsewhere: a container tag `timecode` beats the one of the stream.
_NOT_CARRIED = frozenset(
    ("major_brand", "minor_version", "compatible_brands", "encoder", "duration", "timecode", "reel_name")
)
# What mov and mp4 write without being asked; any other key needs `use_metadata_tags`, which changes how all are stored.
_PLAIN_BOTH = ("title", "album", "date", "comment", "genre", "copyright", "creation_time")
_PLAIN_MP4 = ("artist", "album_artist", "composer", "description", "synopsis", "show", "network", "lyrics", "grouping")
_PLAIN_KEYS = {"mov": frozenset(_PLAIN_BOTH), "mp4": frozenset((*_PLAIN_BOTH, *_PLAIN_MP4))}
_REEL = "reel_name"


def carried_tags(tags: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those of `tags` that describe the content rather than the file they came from."""
    return {key: value for key, value in tags if key.casefold() not in _NOT_CARRIED}


def container_tags(info: StreamInfo, container: Container) -> dict[str, str]:
    """Tags of the whole file; the reel too, where no stream can hold it."""
    tags = carried_tags(info.tags)
    if info.reel and not _reel_goes_to_track(info, container):
        tags[_REEL] = info.reel
    return tags


def stream_tags(info: StreamInfo, container: Container, *, with_timecode: bool = True) -> dict[str, str]:
    """Tags of the video stream; mov and mp4 make the timecode track from them."""
    tags: dict[str, str] = {}
    if info.start_timecode is not None and with_timecode:
        tags["timecode"] = str(info.start_timecode)
    if info.reel and _reel_goes_to_track(info, container):
        tags[_REEL] = info.reel
    return tags


def _reel_goes_to_track(info: StreamInfo, container: Container) -> bool:
    # The mov muxer writes the reel into the timecode track; mp4 has no place for it there.
    return container == "mov" and info.start_timecode is not None


def muxer_options(info: StreamInfo, container: Container) -> dict[str, str]:
    """Options of the muxer that the tags of `info` need."""
    plain = _PLAIN_KEYS.get(container)
    if plain is None or plain.issuperset(key.casefold() for key in container_tags(info, container)):
        return {}
    return {"movflags": "use_metadata_tags"}
