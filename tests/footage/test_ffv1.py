"""Damaged FFV1: libav paints over it and says so in its log only, so the checksums are read here."""

from pathlib import Path

import av
import numpy as np
import pytest

from shotgraph.io.ffv1 import is_damaged

CHECKED = {"level": "3", "slicecrc": "1", "g": "1", "slices": "4"}


def packets(path: Path, options: dict[str, str]) -> tuple[list[bytes], bytes]:
    """The packets of three pictures of noise, and the stream's extradata."""
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24, options=options)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "gray"
        for _ in range(3):
            picture = rng.integers(0, 255, (64, 96), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            bytes(packet) for packet in container.demux(stream) if packet.size
        ], stream.codec_context.extradata or b""


@pytest.mark.parametrize(
    "changes", [{}, {"g": "10"}, {"slices": "16"}, {"slicecrc": "0"}, {"coder": "range_tab"}], ids=str
)
def test_sound_packets_of_version_3_are_sound(tmp_path: Path, changes: dict[str, str]) -> None:
    found, extradata = packets(tmp_path / "a.mkv", CHECKED | changes)

    assert extradata
    assert [is_damaged(packet) for packet in found] == [False] * 3


def test_any_flipped_bit_is_found(tmp_path: Path) -> None:
    (packet, *_), _ = packets(tmp_path / "a.mkv", CHECKED)
    rng = np.random.default_rng(2)
    # Random places, and every byte of the last footer: length, status, checksum.
    for place in (*rng.integers(0, len(packet), 100), *range(len(packet) - 8, len(packet))):
        damaged = bytearray(packet)
        damaged[place] ^= 1 << rng.integers(8)

        assert is_damaged(bytes(damaged)), place


@pytest.mark.parametrize("slicecrc", ["0", "1"])
def test_a_cut_packet_is_found_with_or_without_checksums(tmp_path: Path, slicecrc: str) -> None:
    (packet, *_), _ = packets(tmp_path / "a.mkv", CHECKED | {"slicecrc": slicecrc})

    assert is_damaged(packet[:-5])
    assert is_damaged(packet[: len(packet) // 2])


def test_earlier_versions_have_no_extradata_to_ask_for_a_check(tmp_path: Path) -> None:
    _, extradata = packets(tmp_path / "a.mkv", {"level": "1"})

    assert extradata == b""


def test_libav_still_hands_out_what_it_knows_to_be_damaged(tmp_path: Path) -> None:
    # When this fails, libav has learned to refuse it, and `is_damaged` can go.
    found, _ = packets(tmp_path / "a.mkv", CHECKED)
    content = bytearray((tmp_path / "a.mkv").read_bytes())
    content[content.index(found[1]) + len(found[1]) // 2] ^= 0xFF
    (tmp_path / "a.mkv").write_bytes(content)

    with av.open(str(tmp_path / "a.mkv")) as container:
        container.streams.video[0].codec_context.options = {"err_detect": "crccheck+explode"}
        frames = list(container.decode(video=0))

    assert len(frames) == 3
    assert not any(frame.is_corrupt for frame in frames)
