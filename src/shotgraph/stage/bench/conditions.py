"""Under which conditions a benchmark was run, in words: how much, with which model, on what, and by whom it was judged."""

from __future__ import annotations

from shotgraph.stage.bench.harness import Finished
from shotgraph.stage.bench.measuring import versions

# Of a row's identity: what the machine is.
_MACHINE = ("device", "gpu", "cpu", "threads", "dtype")
_MODEL_OF = "model of "


def conditions(finished: Finished) -> str:
    """One paragraph, to be read before any number."""
    libraries = ", ".join(f"{name} {version}" for name, version in versions().items())
    parts = (_amount(finished), _model(finished), _machine(finished), _judges(finished), f"Libraries: {libraries}.")
    return " ".join(parts)


def _amount(finished: Finished) -> str:
    profile, guidance = finished.bench.profile, finished.guidance
    tuning = f" on clips {guidance.clips[0]}-{guidance.clips[-1]} with {guidance.method}" if guidance.clips else ""
    design = "one edit a clip in turn" if profile.rotates else "every edit on every clip"
    return (
        f"Profile {profile.name}: {profile.clips} held-out clips of {profile.frames} frames at {profile.side_px} px, edits "
        f"{', '.join(profile.edits)} ({design}), seeds {', '.join(map(str, profile.seeds))} for sampled methods; "
        f"{profile.steps} steps, {profile.inversion_steps} of inversion; guidance {guidance.value:g} for all methods "
        f"({guidance.origin}{tuning}). Claims frozen as {finished.bench.claims.digest}."
    )


def _model(finished: Finished) -> str:
    """The run's model, the digest of everything that a node loaded, and the VAE's."""
    nodes: dict[str, set[str]] = {}
    for entrant in finished.entrants:
        for key, digest in entrant.identity.items():
            if key.startswith(_MODEL_OF):
                nodes.setdefault(digest, set()).add(key.removeprefix(_MODEL_OF))
    codec = finished.bench.codec
    loaded = [f"{digest} ({', '.join(sorted(names))})" for digest, names in nodes.items()]
    vae = f"no VAE ({codec.missing})" if codec.missing else f"VAE {codec.version}"
    return f"Model {finished.bench.settings.model or 'none'}: {', '.join((*loaded, vae))}."


def _machine(finished: Finished) -> str:
    """Every value that any method tells: one of each, unless the run was put together on several machines."""
    found = {
        name: dict.fromkeys(entrant.identity[name] for entrant in finished.entrants if name in entrant.identity)
        for name in _MACHINE
    }
    told = [f"{name} {' and '.join(values)}" for name, values in found.items() if values]
    return f"Run with {', '.join(told)}." if told else "Nothing was run but controls that are made of the truth."


def _judges(finished: Finished) -> str:
    instruments = finished.bench.instruments
    if instruments.version:
        return f"Judged by {instruments.version}, and by exact truth."
    why = f" ({instruments.no_reader})" if instruments.no_reader else ""
    return f"Judged by exact truth alone: there is no trained judge{why}."
