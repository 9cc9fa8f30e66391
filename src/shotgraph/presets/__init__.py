"""Presets: schema, loader, layers, shot discovery, and the presets that ship with Shotgraph."""

from shotgraph.presets.cards import Card, NodeCatalogue
from shotgraph.presets.editor import json_schema
from shotgraph.presets.graph import check, graph_for
from shotgraph.presets.layers import Opinion
from shotgraph.presets.library import available, find_preset, shipped
from shotgraph.presets.loader import Preset, Site, load
from shotgraph.presets.resolve import explain
from shotgraph.presets.shots import discover
from shotgraph.presets.substitute import Environment

__all__ = [
    "Card",
    "Environment",
    "NodeCatalogue",
    "Opinion",
    "Preset",
    "Site",
    "available",
    "check",
    "discover",
    "explain",
    "find_preset",
    "graph_for",
    "json_schema",
    "load",
    "shipped",
]
