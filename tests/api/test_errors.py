"""Exit codes, and what a library user can catch without knowing our types."""

import itertools

import pytest

from shotgraph import errors
from shotgraph.errors import EXIT_PRECEDENCE, Exit, NodeError, PresetError, ShotgraphError, worst_exit

DELIBERATE = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, ShotgraphError)]


def test_the_precedence_is_the_design_s_and_holds_every_code() -> None:
    assert [int(code) for code in EXIT_PRECEDENCE] == [70, 78, 69, 74, 73, 66, 65, 2, 1, 75, 3, 0]
    assert set(Exit) == set(EXIT_PRECEDENCE)


def test_of_any_two_codes_the_earlier_in_precedence_wins() -> None:
    for worse, better in itertools.combinations(EXIT_PRECEDENCE, 2):
        assert worst_exit([better, worse]) is worse
        assert worst_exit([worse, better]) is worse


def test_a_run_over_no_shot_is_verified() -> None:
    assert worst_exit([]) is Exit.VERIFIED


@pytest.mark.parametrize(
    ("name", "code", "builtin"),
    [
        ("UsageError", 2, ValueError),
        ("PresetError", 2, ValueError),
        ("MediaError", 65, ValueError),
        ("MediaMissingError", 66, FileNotFoundError),
        ("PluginError", 69, ImportError),
        ("UnavailableError", 69, RuntimeError),
        ("OutputExistsError", 73, FileExistsError),
        ("VerifyError", 74, OSError),
        ("Cancelled", 75, Exception),
        ("EnvironmentMismatchError", 78, RuntimeError),
        ("NodeError", 1, RuntimeError),
    ],
)
def test_an_error_is_also_the_builtin_a_caller_expects(name: str, code: int, builtin: type[Exception]) -> None:
    error = getattr(errors, name)

    assert error.exit_code == code
    assert issubclass(error, builtin)


def test_no_deliberate_error_claims_success() -> None:
    assert len(DELIBERATE) > 15
    assert all(error.exit_code not in (Exit.VERIFIED, Exit.SKIPPED_FRAMES) for error in DELIBERATE)


def test_a_preset_error_keeps_its_faults_apart() -> None:
    error = PresetError(["a.yaml:1:2: x: must be y, got z", "a.yaml:3:4: p: must be q, got r"])

    assert error.faults == ("a.yaml:1:2: x: must be y, got z", "a.yaml:3:4: p: must be q, got r")
    assert str(error) == "a.yaml:1:2: x: must be y, got z\na.yaml:3:4: p: must be q, got r"


def test_the_hint_of_a_node_error_ends_its_message() -> None:
    assert (
        str(NodeError("edit: out of paint, got 0", hint="add a keyframe"))
        == "edit: out of paint, got 0; add a keyframe"
    )
    assert str(NodeError("edit: failed")) == "edit: failed"
    assert NodeError("edit: failed", hint="retry").hint == "retry"
