"""Digests and canonical text: the two things every key is made of."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.digests import canonical, digest, digest_keys, file_digest, file_key, text_key

parts = st.lists(st.binary(max_size=6), max_size=4)


@given(one=parts, other=parts)
def test_parts_cannot_run_into_each_other(one: list[bytes], other: list[bytes]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


def test_a_digest_is_the_same_for_ever() -> None:
    # A change here makes every kept result of every user a miss: raise ENGINE_KEY_VERSION with it.
    assert digest(b"node", b"1").hex() == "dd124b7693ef2b4fcd22277939513dea"
    assert text_key(bytes(range(4))) == "b2:00010203"


def test_keys_depend_on_head_and_order() -> None:
    a, b, c = (digest(name) for name in (b"a", b"b", b"c"))

    assert len({digest_keys(a, [b, c]), digest_keys(a, [c, b]), digest_keys(b, [a, c]), digest_keys(a, [b])}) == 4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [0.1, True, None]}, b'{"a":[0.1,true,null],"b":1}'),
        (1e-17, b"1e-17"),
        ("é", '"é"'.encode()),
        (Path("/a/b"), b'"/a/b"'),
    ],
)
def test_canonical_text_is_sorted_exact_and_short(value: object, text: bytes) -> None:
    assert canonical(value) == text


def test_a_files_digest_is_that_of_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(range(256)) * 999)

    assert file_digest(path) == hashlib.blake2b(path.read_bytes(), digest_size=16).digest()


def test_a_files_key_names_the_algorithm(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")

    assert file_key(path) == "b2:" + hashlib.blake2b(b"1", digest_size=16).hexdigest()
