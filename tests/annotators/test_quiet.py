"""What importing controlnet-aux does beside stays inside."""

import importlib
import os
import warnings

import pytest

from shotgraph.annotators.quiet import quietly

VARIABLE = "KMP_DUPLICATE_LIB_OK"


def test_the_package_is_imported_without_a_warning_or_a_trace_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with quietly():
        package = importlib.import_module("controlnet_aux.open_pose")
        body = importlib.import_module("controlnet_aux.open_pose.body")

    with quietly():
        for module in (body, package):
            importlib.reload(module)
        inside = os.environ.get(VARIABLE)
    after = os.environ.get(VARIABLE)
    with pytest.warns(DeprecationWarning, match="scipy.ndimage.filters"):
        importlib.reload(body)

    assert (inside, after) == ("TRUE", None)


@pytest.mark.parametrize("before", [None, "FALSE"])
def test_the_variable_is_what_it_was_also_when_an_import_fails(
    before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if before is not None:
        monkeypatch.setenv(VARIABLE, before)

    def fail() -> None:
        with quietly():
            os.environ[VARIABLE] = "TRUE"
            importlib.import_module("controlnet_aux.of_another_version")

    with pytest.raises(ImportError, match=r"No module named 'controlnet_aux\.of_another_version'"):
        fail()

    assert os.environ.get(VARIABLE) == before


def test_warnings_are_heard_again_behind_it() -> None:
    with quietly():
        warnings.warn("inside", UserWarning, stacklevel=1)

    with pytest.warns(UserWarning, match="behind"):
        warnings.warn("behind", UserWarning, stacklevel=1)
