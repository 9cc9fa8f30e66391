"""Models that are nothing but files: what is tested here never loads one."""

import pytest
from fake_models import faked_places

from shotgraph.models.registry import Places


@pytest.fixture
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """One bundled model, and the same one in the hub's cache."""
    return faked_places(tmp_path_factory.mktemp("places"))
