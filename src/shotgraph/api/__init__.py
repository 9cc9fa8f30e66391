"""What a plugin author imports. One name, one place: everything public is re-exported here."""

from shotgraph.api.checks import require_same_size
from shotgraph.api.context import Context, FrameReader, QueryContext
from shotgraph.api.contracts import Chunk, Clip, Clips, Contract, Frame, Sequential, Window
from shotgraph.api.frames import FrameRange, FrameSet
from shotgraph.api.graph import GraphSpec, Location, NodeSpec
from shotgraph.api.hookspecs import hookimpl
from shotgraph.api.kinds import DepthFrame, FlowFrame, KeypointsFrame
from shotgraph.api.media import ExpectedOutput, Media, Reader, Writer, WrittenOutput
from shotgraph.api.node import Node, SequentialNode, Source, Target
from shotgraph.api.params import Field, Params
from shotgraph.api.pixels import NativeFrame, PixelFormat
from shotgraph.api.plan import Plan, PlanMedia, PlanNode, PlanOutput, PlanStage
from shotgraph.api.ports import (
    Artifact,
    Depth,
    Flow,
    Header,
    Keypoints,
    Mask,
    Native,
    Picture,
    Port,
    Ports,
    PortSpec,
    Rgb,
    RgbLinear,
    Table,
    Trajectory,
    Value,
    Writable,
    port_specs,
)
from shotgraph.api.rates import STANDARD_RATES, Rate
from shotgraph.api.shot import Shot
from shotgraph.api.stream import Colour, MediaRef, StreamInfo
from shotgraph.api.timecode import Timecode

__all__ = [
    "STANDARD_RATES",
    "Artifact",
    "Chunk",
    "Clip",
    "Clips",
    "Colour",
    "Context",
    "Contract",
    "Depth",
    "DepthFrame",
    "ExpectedOutput",
    "Field",
    "Flow",
    "FlowFrame",
    "Frame",
    "FrameRange",
    "FrameReader",
    "FrameSet",
    "GraphSpec",
    "Header",
    "Keypoints",
    "KeypointsFrame",
    "Location",
    "Mask",
    "Media",
    "MediaRef",
    "Native",
    "NativeFrame",
    "Node",
    "NodeSpec",
    "Params",
    "Picture",
    "PixelFormat",
    "Plan",
    "PlanMedia",
    "PlanNode",
    "PlanOutput",
    "PlanStage",
    "Port",
    "PortSpec",
    "Ports",
    "QueryContext",
    "Rate",
    "Reader",
    "Rgb",
    "RgbLinear",
    "Sequential",
    "SequentialNode",
    "Shot",
    "Source",
    "StreamInfo",
    "Table",
    "Target",
    "Timecode",
    "Trajectory",
    "Value",
    "Window",
    "Writable",
    "Writer",
    "WrittenOutput",
    "hookimpl",
    "port_specs",
    "require_same_size",
]
