"""Finding shots: a file, a sequence, a folder of shots or one shot's folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shotgraph.api.paths import FIELD
from shotgraph.api.shot import Shot
from shotgraph.errors import MediaMissingError, PresetError, UsageError
from shotgraph.presets.candidates import Candidate, find, one_file, one_sequence
from shotgraph.presets.document import Item
from shotgraph.presets.faults import Faults
from shotgraph.presets.folders import Folders
from shotgraph.presets.loader import Preset
from shotgraph.presets.patterns import Pattern
from shotgraph.presets.resolve import SIDECAR, matches, overrides, resolve
from shotgraph.presets.schema import Shots, frame_range

# A studio's own way to find the shots of a folder: (folder, the preset's patterns) to shots, or None to leave it to us.
Finder = Callable[[Path, Mapping[str, Any]], Iterable[Shot] | None]


@dataclass(frozen=True, slots=True)
class Patterns:
    """The parsed patterns of a preset.

    Attributes:
        plate: in the order they are tried.
        also: by path field.
    """

    plate: tuple[Pattern, ...]
    also: dict[str, Pattern]


def parsed_patterns(shots: Shots, root: Item, faults: Faults) -> Patterns:
    """The patterns of the section `shots`; `root` knows where each is written, `faults` takes what is wrong."""

    def parsed(text: str, path: tuple[str | int, ...], *, is_plate: bool) -> Pattern | None:
        try:
            pattern = Pattern.parse(text)
        except UsageError as error:
            faults.add(root.locate(path), path, str(error))
            return None
        if is_plate and (pattern.is_optional or not any(m["name"] == "shot" for m in FIELD.finditer(text))):
            faults.add(root.locate(path), path, f"a plate's pattern must hold {{shot}} and no '?', got {text!r}")
        return pattern

    plate = [parsed(text, ("shots", "plate", index), is_plate=True) for index, text in enumerate(shots.plate)]
    also = {name: parsed(text, ("shots", "also", name), is_plate=False) for name, text in shots.also.items()}
    return Patterns(tuple(p for p in plate if p), {name: p for name, p in also.items() if p})


def discover(preset: Preset, inputs: Sequence[str | Path], finder: Finder | None = None) -> tuple[Shot, ...]:
    """The shots that `inputs` mean, in natural order (sh2 before sh10), each once.

    A file or a sequence is one shot. A folder is ``{root}``: the first plate pattern that matches anything in it gives all
    its shots; where none does, the folder is tried as that of one shot. A folder called ``out`` that holds versions of
    ours, hidden files and ``.part`` files are never shots.

    Args:
        preset: says where plates and other media are.
        inputs: files, sequence patterns (``plate.####.exr``, ``%04d``, ``$F4``) or folders.
        finder: asked first about every folder.

    Returns:
        At least one shot. `MediaMissingError` names every input and required media that is not there.

    Raises:
        UsageError: no input; also no shot in a folder, several plates for one shot, or a finder's shot without a plate.
        PresetError: a preset, override or sidecar at fault.
    """
    if not inputs:
        raise UsageError(f"shots: inputs must be files, sequences or folders, got {list(inputs)}; name at least one")
    faults = Faults()
    faults.extend(preset.faults)
    base = resolve(preset, faults)
    if base.model is None:
        raise PresetError(faults.lines())
    patterns = parsed_patterns(base.model.shots, base.root, faults)
    faults.raise_if_any()
    search = _Search(preset, base.model.shots, patterns, finder)
    for entry in inputs:
        search.add(entry)
    return search.finished()


def natural_key(text: str) -> tuple[tuple[int, str], ...]:
    """Sorts numbers inside names by value."""
    parts = re.split(r"([0-9]+)", text)
    return tuple((int(part), part) if index % 2 else (0, part) for index, part in enumerate(parts))


@dataclass
class _Search:
    """One discovery: candidates become shots, and what is wrong is told at the end."""

    preset: Preset
    settings: Shots
    patterns: Patterns
    finder: Finder | None
    folders: Folders = field(default_factory=Folders)
    shots: dict[str, Shot] = field(default_factory=dict[str, Shot])
    faults: Faults = field(default_factory=Faults)
    unclear: list[str] = field(default_factory=list[str])
    missing: list[str] = field(default_factory=list[str])

    def add(self, entry: str | Path) -> None:
        """Find the shots of one input."""
        # Not resolved: artists know their plates by the links that lead to them.
        path = Path(os.path.normpath(Path(entry).absolute()))
        if path.is_dir():
            found = self.finder(path, self._told()) if self.finder else None
            if found is not None:
                self._take(found)
                return
            root, candidates = self._in_folder(path)
        else:
            candidate = one_file(path, self.folders) if path.exists() else one_sequence(path, self.folders)
            if candidate is None:
                self.missing.append(f"input: must be an existing file, sequence or folder, got {str(entry)!r}")
                return
            root, candidates = path.parent, [candidate]
        for candidate in candidates:
            self._add_shot(root, candidate)

    def finished(self) -> tuple[Shot, ...]:
        """Every shot, sorted; `PresetError` for an override or sidecar at fault.

        Returns:
            At least one shot.

        Raises:
            UsageError: several media where one is meant.
            MediaMissingError: an input or required media that is not there.
        """
        self.faults.raise_if_any()
        if self.unclear:
            raise UsageError("\n".join(self.unclear))
        if self.missing:
            raise MediaMissingError("\n".join(self.missing))
        return tuple(sorted(self.shots.values(), key=lambda s: (natural_key(s.name), natural_key(s.media["plate"]))))

    def _told(self) -> dict[str, Any]:
        """What a finder may know of the preset: its patterns, and which version of a plate it wants."""
        return {"plate": self.settings.plate, "also": self.settings.also, "version": self.settings.version}

    def _take(self, found: Iterable[Shot]) -> None:
        for shot in found:
            if "plate" not in shot.media:
                self.unclear.append(
                    f"shot {shot.name!r}: media must hold a plate, got {', '.join(shot.media) or 'none'} from the studio's "
                    "shotgraph_discover_shots; give it one"
                )
                continue
            self.shots.setdefault(shot.media["plate"], shot)

    def _in_folder(self, folder: Path) -> tuple[Path, list[Candidate]]:
        """``{root}`` and the plates of the shots in `folder`."""
        for pattern in self.patterns.plate:
            candidates = find(pattern, folder, {}, self.folders)
            if candidates:
                return folder, self._one_each(candidates)
        known = {"shot": folder.name}
        for pattern in self.patterns.plate if folder.name else ():
            inside = [c for c in find(pattern, folder.parent, known, self.folders) if c.media.is_relative_to(folder)]
            if inside:
                named = [Candidate(c.media, {**c.fields, **known}, c.folder) for c in inside]
                return folder.parent, self._one_each(named)
        tried = [f"  tried {p.text} with {{root}}={folder}" for p in self.patterns.plate]
        tried += [
            f"  tried {p.text} with {{root}}={folder.parent} and {{shot}}={folder.name}" for p in self.patterns.plate
        ]
        listed = "\n".join(tried)
        raise UsageError(
            f"shots: a folder must hold at least one plate, got {str(folder)!r}; name the plate itself, or correct the "
            f"preset's shots.plate\n{listed}"
        )

    def _one_each(self, candidates: list[Candidate]) -> list[Candidate]:
        """One plate per shot: of several versions the one asked for, else the highest."""
        groups: dict[tuple[tuple[str, str], ...], list[Candidate]] = {}
        for candidate in candidates:
            identity = tuple(sorted((k, v) for k, v in candidate.fields.items() if k not in ("version", "ext")))
            groups.setdefault(identity, []).append(candidate)
        chosen: list[Candidate] = []
        for group in groups.values():
            plates = _of_version(group, self.settings.version)
            if not plates:
                held = ", ".join(sorted(candidate.fields["version"] for candidate in group))
                who = f"shot {group[0].fields['shot']!r}"
                self.missing.append(f"{who}: version must be one of {held}, got {self.settings.version}")
            elif len(plates) > 1:
                self.unclear.append(_several(f"shot {group[0].fields['shot']!r}: plate", plates))
            chosen += plates[:1]
        return chosen

    def _add_shot(self, root: Path, candidate: Candidate) -> None:
        name = candidate.fields["shot"]
        own = candidate.folder or candidate.media.parent / name
        sidecar = own / SIDECAR if (own / SIDECAR).is_file() else None
        settings = self._settings(name, sidecar)
        if settings is None:
            return
        shot = Shot(
            name=name,
            root=root,
            media={"plate": str(candidate.media), **self._also(root, candidate)},
            fields={key: value for key, value in candidate.fields.items() if key != "shot"},
            first_frame=settings.first_frame,
            handles=settings.handles,
            frames=frame_range(settings.frames) if settings.frames else None,
            sidecar=sidecar,
        )
        self.shots.setdefault(shot.media["plate"], shot)

    def _settings(self, name: str, sidecar: Path | None) -> Shots | None:
        """The shot's own settings; None when they are at fault."""
        if sidecar is None and not any(matches(name, glob) for glob, _ in overrides(self.preset)):
            return self.settings
        model = resolve(self.preset, self.faults, name=name, sidecar=sidecar).model
        return model.shots if model else None

    def _also(self, root: Path, plate: Candidate) -> dict[str, str]:
        """Media beside the plate, by path field."""
        # A matte is rarely coded like its plate, so the plate's extension binds nothing here.
        known = {key: value for key, value in plate.fields.items() if key != "ext"}
        found: dict[str, str] = {}
        for name, pattern in self.patterns.also.items():
            media = _of_version(find(pattern, root, known, self.folders), "latest")
            who = f"shot {plate.fields['shot']!r}: {name}"
            if len(media) > 1:
                self.unclear.append(_several(who, media))
            elif media:
                found[name] = str(media[0].media)
            elif not pattern.is_optional:
                place = _filled(pattern.text, {**known, "root": str(root)})
                self.missing.append(f"{who} must exist, got nothing at {place!r}; add it, or end the pattern with '?'")
        return found


def _of_version(candidates: list[Candidate], wanted: int | str) -> list[Candidate]:
    """Those of the version that is wanted, or of the highest; all of them where paths name no version."""
    numbered = [(_number(candidate), candidate) for candidate in candidates]
    if any(number is None for number, _ in numbered) or not numbered:
        return candidates
    version = max(number or 0 for number, _ in numbered) if wanted == "latest" else wanted
    return [candidate for number, candidate in numbered if number == version]


def _number(candidate: Candidate) -> int | None:
    text = candidate.fields.get("version", "")
    return int(text) if text.isdecimal() else None


def _several(who: str, candidates: list[Candidate]) -> str:
    names = ", ".join(repr(candidate.media.name) for candidate in candidates)
    return f"{who} must be one file or sequence, got {names}; narrow the pattern, or move the others away"


def _filled(pattern: str, fields: Mapping[str, str]) -> str:
    """`pattern` with what is known filled in, for a message."""
    return FIELD.sub(lambda match: fields.get(match["name"], match[0]), pattern)
