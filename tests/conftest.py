"""Settings for every test, and a site-packages of the tests' own: what is installed on the machine cannot leak in."""

import importlib
import importlib.metadata
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import settings

# A shared build machine stalls for seconds at a time; a deadline would test the machine.
settings.register_profile("shotgraph", deadline=None)
settings.load_profile("shotgraph")

NODE = '''
from shotgraph.api import Field, Frame, Node, Ports, Rgb
from shotgraph.api import Params as BaseParams

class {name}(Node):
    """Turn {id} around.

    Second paragraph.
    """

    id = "{id}"
    version = "3"
    contract = Frame(batch=2)

    class In(Ports):
        """One picture, one optional."""

        video: Rgb
        matte: Rgb | None = None

    class Out(Ports):
        """The picture."""

        video: Rgb

    class Params(BaseParams):
        """How far."""

        turns: int = Field(1, ge=0, description="quarter turns")
'''


class Site:
    """A folder of installed distributions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def module(self, name: str, source: str) -> Path:
        """Write ``name.py``."""
        file = self.folder / f"{name}.py"
        file.write_text(source, encoding="utf-8")
        importlib.invalidate_caches()
        return file

    def node(self, module: str, node_id: str, *, name: str = "Turn") -> Path:
        """Write a module with one sound node."""
        return self.module(module, NODE.format(id=node_id, name=name))

    def install(
        self, package: str, version: str, *, nodes: dict[str, str] | None = None, hooks: dict[str, str] | None = None
    ) -> None:
        """Write the metadata of a distribution with these entry points."""
        info = self.folder / f"{package}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", encoding="utf-8"
        )
        lines = ["[console_scripts]", "other = elsewhere:main"]
        lines += ["[shotgraph.nodes]", *(f"{name} = {value}" for name, value in (nodes or {}).items())]
        lines += ["[shotgraph.hooks]", *(f"{name} = {value}" for name, value in (hooks or {}).items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def entry_points(self) -> list[EntryPoint]:
        """Of every distribution here, and of no other."""
        found = importlib.metadata.distributions(path=[str(self.folder)])
        return [entry for distribution in found for entry in distribution.entry_points]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
