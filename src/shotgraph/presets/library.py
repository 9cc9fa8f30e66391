"""Where presets are: shipped with Shotgraph, in a studio's folders, or at a path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shotgraph.errors import UsageError
from shotgraph.presets.faults import did_you_mean

SHIPPED_FOLDER = Path(__file__).parent
SUFFIXES = (".yaml", ".yml")


def shipped() -> tuple[str, ...]:
    """Names of the presets that come with Shotgraph."""
    return _names(SHIPPED_FOLDER)


def available(search_path: Sequence[Path] = ()) -> tuple[str, ...]:
    """Every name that `find_preset` knows: those of `search_path`, then the shipped ones, each once."""
    folders = (*search_path, SHIPPED_FOLDER)
    return tuple(dict.fromkeys(name for folder in folders for name in _names(folder)))


def find_preset(name_or_path: str | Path, search_path: Sequence[Path] = ()) -> Path:
    """The file of a preset.

    Args:
        name_or_path: a path to a ``.yaml`` file, or a plain name; a studio's preset hides a shipped one of that name.
        search_path: the studio's preset folders.

    Returns:
        An existing file, as given or found.

    Raises:
        UsageError: there is none.
    """
    text = str(name_or_path)
    path = Path(name_or_path)
    if path.suffix in SUFFIXES or len(path.parts) > 1:
        if not path.is_file():
            raise UsageError(f"preset: must be an existing file or the name of a preset, got {text!r}; check the path")
        return path
    found = named(text, search_path)
    if found is None:
        hint = did_you_mean(text, available(search_path))
        raise UsageError(f"preset: must be the name of a preset or a .yaml file, got {text!r}; {hint}")
    return found


def named(name: str, search_path: Sequence[Path]) -> Path | None:
    """The file of the preset called `name`, or None; `name` holds no separator."""
    for folder in (*search_path, SHIPPED_FOLDER):
        for suffix in SUFFIXES:
            path = folder / f"{name}{suffix}"
            if path.is_file():
                return path
    return None


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.y*ml") if path.suffix in SUFFIXES and path.is_file()))
