"""Names of methods: taken apart, and written in one way only."""

import re

import pytest

from shotgraph.errors import UsageError
from shotgraph.stage.bench.methods import Settings
from shotgraph.stage.bench.names import is_plain, normal_name, varied


def test_a_variation_is_taken_apart() -> None:
    name, settings = varied("tokenflow@guidance=7.5+matte+keyframes=random+shuffle=false+n=12", Settings(steps=9))

    assert name == "tokenflow"
    assert settings == Settings(
        steps=9, guidance=7.5, matte=True, extra={"keyframes": "random", "shuffle": False, "n": 12}
    )
    assert settings.group == "matte"
    assert varied("tokenflow", Settings()) == ("tokenflow", Settings())
    assert varied("a@steps=4+inversion_steps=8", Settings())[1] == Settings(steps=4, inversion_steps=8)
    assert varied("a@x=0.5", Settings())[1].extra == {"x": 0.5}
    assert type(varied("a@guidance=1", Settings())[1].guidance) is float


@pytest.mark.parametrize(
    "name",
    [
        "a@fast",
        "a@=3",
        "a@guidance=",
        "a@guidance=much",
        "a@guidance=nan",
        "a@steps",
        "a@steps=1.5",
        "a@steps=²",
        "a@steps=9999999999999999999",
        "a@matte=1",
    ],
)
def test_a_variation_that_says_nothing_is_refused(name: str) -> None:
    fault = name.partition("@")[2]

    with pytest.raises(
        UsageError, match=re.escape(f"a variation must be matte, reconstruct or name=value, got {fault!r}")
    ):
        varied(name, Settings())


@pytest.mark.parametrize("name", ["a@seed=5", "a@eta=1+seed=5"])
def test_a_seed_is_no_variation(name: str) -> None:
    """Put in place of the run's, it would make all seeds of a run the same one."""
    with pytest.raises(
        UsageError,
        match=re.escape(f"seeds must be given with --seeds, got 'seed=5' in {name!r}; leave it out of the name"),
    ):
        normal_name(name)


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("per_frame", "per_frame"),
        ("a@eta=1.0", "a@eta=1"),
        ("a@eta=1e0", "a@eta=1"),
        ("a@eta=0.50", "a@eta=0.5"),
        ("a@reconstruct+guidance=1", "a@guidance=1+reconstruct"),
        ("a@shuffle=False", "a@shuffle=false"),
        ("a@n=-3.0+m=2", "a@m=2+n=-3"),
        ("a@n=1+n=2", "a@n=2"),
        ("a@words=Red", "a@words=Red"),
        ("a@n=123456789012", "a@n=123456789012"),
    ],
)
def test_there_is_one_way_to_write_a_name(name: str, normal: str) -> None:
    assert normal_name(name) == normal
    assert normal_name(normal) == normal
    assert varied(name, Settings()) == varied(normal, Settings())
    assert is_plain(name) == ("@" not in name)
