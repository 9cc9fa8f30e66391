"""controlnet-aux without what importing it does beside."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Set by the package for the whole process and its children; it hides clashes of OpenMP libraries.
_VARIABLE = "KMP_DUPLICATE_LIB_OK"


@contextmanager
def quietly() -> Iterator[None]:
    """Import parts of the package, or build its networks: no warning of what is not installed, the environment as it was."""
    before = os.environ.get(_VARIABLE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if before is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = before
