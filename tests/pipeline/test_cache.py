"""The cache: what it gives back, what it takes for torn, and what it does when it cannot write."""

import errno
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shotgraph.digests import digest
from shotgraph.errors import OutputError
from shotgraph.pipeline.cache import Cache

KEY = digest(b"one")
PICTURE = np.arange(24, dtype=np.float32).reshape(2, 4, 3)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def files(cache: Cache) -> list[str]:
    return sorted(str(p.relative_to(cache.root)) for p in cache.root.rglob("*") if p.is_file())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "uint16", "int64", "bool"])
def test_arrays_come_back_with_their_dtype_and_every_bit(cache: Cache, dtype: str) -> None:
    arrays = {
        "ramp": np.arange(24).reshape(2, 4, 3).astype(dtype),
        "scalar": np.array(7).astype(dtype),
        "empty": np.zeros((0, 5), dtype),
        "strided": np.arange(24).reshape(4, 6).astype(dtype)[::2, 1::2].T,
    }

    assert cache.store(KEY, arrays, {"node": "test", "text": "Ünï\n"})
    entry = cache.load(KEY)

    assert entry is not None
    assert entry.meta == {"node": "test", "text": "Ünï\n", "key": KEY.hex()}
    for name, array in arrays.items():
        assert (entry.arrays[name].dtype, entry.arrays[name].shape) == (array.dtype, array.shape)
        assert entry.arrays[name].tobytes() == array.tobytes()
        assert not entry.arrays[name].flags.writeable


def test_what_is_not_a_number_is_kept_too(cache: Cache) -> None:
    values = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45], np.float32)

    cache.store(KEY, {"a": values}, {})

    entry = cache.load(KEY)
    assert entry is not None
    assert entry.arrays["a"].tobytes() == values.tobytes()


def test_what_was_never_stored_is_absent(cache: Cache) -> None:
    assert not cache.has(KEY)
    assert cache.load(KEY) is None
    assert cache.stat().entries == 0


def test_a_file_cut_at_any_byte_is_a_miss_and_goes(cache: Cache) -> None:
    cache.store(KEY, {"a": PICTURE}, {"node": "test"})
    path = cache.path(KEY)
    whole = path.read_bytes()

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert cache.load(KEY) is None
        assert not cache.has(KEY)
        assert not path.exists()

    path.write_bytes(whole)
    assert cache.has(KEY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(4096),
        b"\x02" + bytes(7) + b"[]",
        b"\x04" + bytes(7) + b"null",
        b"\x0d" + bytes(7) + b'{"a":{"x":1}}',
        b"\x12" + bytes(7) + b'{"__metadata__":3}',
        b"\xff" * 64,
    ],
)
def test_what_a_crashed_file_system_leaves_is_a_miss(cache: Cache, content: bytes) -> None:
    cache.path(KEY).parent.mkdir(parents=True)
    cache.path(KEY).write_bytes(content)

    assert cache.load(KEY) is None
    assert not cache.has(KEY)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_changed_byte_in_the_header_never_breaks_a_run(cache: Cache, place: int, byte: int) -> None:
    cache.store(KEY, {"a": PICTURE}, {"node": "test"})
    content = bytearray(cache.path(KEY).read_bytes())
    end = 8 + int.from_bytes(content[:8], "little")
    content[place % end] = byte
    cache.path(KEY).write_bytes(content)

    entry = cache.load(KEY)

    assert entry is None or set(entry.meta) <= {"node", "key", *entry.meta}
    assert cache.has(KEY) in (True, False)


def test_a_file_under_another_name_is_not_taken_for_it(cache: Cache) -> None:
    other = digest(b"two")
    cache.store(KEY, {"a": PICTURE}, {})
    cache.path(other).parent.mkdir(parents=True, exist_ok=True)
    cache.path(KEY).rename(cache.path(other))

    assert cache.load(other) is None
    assert not cache.has(other)


def test_a_read_only_cache_gives_and_takes_nothing(cache: Cache) -> None:
    cache.store(KEY, {"a": PICTURE}, {})
    reader = Cache(cache.root, read_only=True)

    assert not reader.store(digest(b"two"), {"a": PICTURE}, {})
    assert reader.has(KEY)
    reader.path(KEY).write_bytes(b"torn")
    assert not reader.has(KEY)
    assert files(cache) == files(reader) != []


def failing(code: int) -> Any:
    """`Path.write_bytes` of a disk with a fault; half of the file is there by then."""
    real = Path.write_bytes

    def write(path: Path, data: bytes) -> int:
        real(path, data[: len(data) // 2])
        raise OSError(code, os.strerror(code), str(path))

    return write


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_passed_through_and_leaves_nothing(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(Path, "write_bytes", failing(code))

    assert not cache.full
    assert not cache.store(KEY, {"a": PICTURE}, {})
    assert cache.full
    assert files(cache) == []

    # It does not try again: every try would cost a write.
    monkeypatch.undo()
    assert not cache.store(KEY, {"a": PICTURE}, {})


def test_any_other_failure_to_write_ends_the_run(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_bytes", failing(errno.EIO))

    with pytest.raises(OutputError, match=rf"cache: .*{KEY.hex()}.* must be writable, got .*Errno 5.*; choose another"):
        cache.store(KEY, {"a": PICTURE}, {})

    assert files(cache) == []
    assert not cache.full


def aged(cache: Cache, name: str, *, hours: float, size: int = 1000) -> bytes:
    key = digest(name.encode())
    cache.store(key, {"a": np.zeros(size, np.uint8)}, {})
    then = time.time() - hours * 3600
    os.utime(cache.path(key), (then, then))
    return key


def test_collecting_removes_what_was_used_longest_ago_down_to_the_limit(cache: Cache) -> None:
    keys = {name: aged(cache, name, hours=hours) for name, hours in (("b", 20), ("c", 10), ("a", 30), ("new", 0))}
    each = cache.stat().bytes // 4

    removed = cache.collect(limit_bytes=2 * each)

    assert {name for name, key in keys.items() if cache.has(key)} == {"c", "new"}
    assert (removed.entries, removed.bytes) == (2, 2 * each)
    assert (cache.stat().entries, cache.stat().bytes) == (2, 2 * each)


def test_collecting_spares_what_a_run_may_be_about_to_read(cache: Cache) -> None:
    old, young = aged(cache, "old", hours=2), aged(cache, "young", hours=0.5)

    cache.collect(limit_bytes=0)

    assert not cache.has(old)
    assert cache.has(young)


def test_a_work_folder_belongs_to_a_key_and_is_found_again(cache: Cache) -> None:
    folder = cache.folder(KEY)
    (folder / "step").write_text("7")

    assert Cache(cache.root).folder(KEY) == folder
    assert (Cache(cache.root).folder(KEY) / "step").read_text() == "7"
    assert cache.folder(digest(b"two")) != folder
    assert cache.stat().entries == 0


WRITER = """
import sys, itertools
from pathlib import Path
import numpy as np
from shotgraph.pipeline.cache import Cache
from shotgraph.digests import digest

cache = Cache(Path(sys.argv[1]))
print("ready", flush=True)
for turn in itertools.count():
    number = turn % 40
    cache.store(digest(str(number).encode()), {"a": np.full(50_000, number, np.int32)}, {"number": str(number)})
"""


def test_writers_of_the_same_keys_that_are_killed_leave_no_torn_result(cache: Cache) -> None:
    command = [sys.executable, "-c", WRITER, str(cache.root)]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    read = 0
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        end = time.monotonic() + 1.0
        for turn in itertools.takewhile(lambda _: time.monotonic() < end, itertools.count()):
            number = turn % 40
            entry = cache.load(digest(str(number).encode()))
            if entry is not None:
                read += 1
                assert (entry.arrays["a"] == number).all()
    finally:
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()

    assert read > 40
    kept = [number for number in range(40) if cache.has(digest(str(number).encode()))]
    assert len(kept) > 5
    for number in kept:
        entry = cache.load(digest(str(number).encode()))
        assert entry is not None
        assert (entry.arrays["a"] == number).all()
    # What a killed writer leaves is hidden and never taken for a result.
    assert all(Path(name).name.startswith(".") for name in files(cache) if not name.endswith(".safetensors"))
