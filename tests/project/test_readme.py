"""The README tells the truth: its tables, its preset and its node."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from shotgraph.api import Node, port_specs
from shotgraph.cli.commands import COMMANDS
from shotgraph.errors import Exit
from shotgraph.pipeline.registry import Registry
from shotgraph.presets import check, load

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


def test_every_command_has_a_row_in_the_order_of_the_help() -> None:
    assert re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE) == [entry.name for entry in COMMANDS]


def test_every_exit_code_has_a_row() -> None:
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)] == sorted(Exit)


def test_the_node_runs_as_printed() -> None:
    scope: dict[str, Any] = {"__name__": "readme"}
    exec(compile(block("python"), "README.md", "exec"), scope)
    gain = scope["Gain"]
    picture = np.arange(2 * 3 * 3, dtype=np.float32).reshape(2, 3, 3)

    out = gain().process(gain.In(video=picture), gain.Params(gain=0.5), None)

    assert issubclass(gain, Node)
    assert [port.name for port in port_specs(gain.In)] == ["video"]
    assert np.array_equal(out.video, picture * np.float32(0.5))


def test_the_preset_is_sound(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(block("yaml"), encoding="utf-8")

    graph = check(load(file), Registry())

    assert graph.targets == ("out",)


def test_the_entry_point_names_the_node_of_the_example() -> None:
    assert '"studio.gain" = "studio_nodes.gain:Gain"' in block("toml")
    assert 'id = "studio.gain"' in block("python")
