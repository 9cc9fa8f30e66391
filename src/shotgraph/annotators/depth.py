"""Depth networks of transformers, as relative inverse depth: DPT (MiDaS), Depth Anything, ZoeDepth, Depth Pro."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.auto.modeling_auto import MODEL_FOR_DEPTH_ESTIMATION_MAPPING
from transformers.models.zoedepth.image_processing_zoedepth import ZoeDepthImageProcessor

from shotgraph.annotators.checkpoints import config_of, named, processor_of
from shotgraph.annotators.pictures import planes_of
from shotgraph.errors import NodeError, UnavailableError
from shotgraph.models.loading import load_network

# Whose answer is a distance: nobody's, the network's, or only the processor's, which turns inverse depth into metres itself.
Metres = Literal["none", "network", "processor"]

_METRES: dict[str, Metres] = {
    "DPTForDepthEstimation": "none",
    "DepthAnythingForDepthEstimation": "none",
    "ZoeDepthForDepthEstimation": "network",
    "DepthProForDepthEstimation": "processor",
}
# Nothing is nearer than this, metres.
_NEAREST_M = 0.01


@dataclass(frozen=True, slots=True)
class DepthNetwork:
    """A network with what goes before and after it.

    Attributes:
        network: of transformers.
        processor: that came with it.
        metres: where its answers are distances.
        is_alone: each frame is asked about by itself.
    """

    network: Any
    processor: Any
    metres: Metres
    is_alone: bool

    @torch.no_grad()
    def __call__(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Inverse depth, larger is nearer.

        Args:
            frames: (B, H, W, 3|4) display values, clamped to [0, 1] here.

        Returns:
            (B, H, W), scale and shift unknown; 1 / m of networks that answer with metres. `NodeError` where the frames are too
            small for the network, or too thin.
        """
        count = 1 if self.is_alone else len(frames)
        return np.concatenate([self._told(frames[start : start + count]) for start in range(0, len(frames), count)])

    def _told(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        size = (frames.shape[1], frames.shape[2])
        weight = next(self.network.parameters())
        answer = self.network(pixel_values=self._given(frames).to(weight.device, weight.dtype))
        if self.metres == "network":
            # Inverted before it is resized: an edge between near and far overshoots, below 0 m even, and would be nearest of all.
            answer.predicted_depth = 1 / answer.predicted_depth.clamp(min=_NEAREST_M)
        sizes = [size] * len(frames)
        # ZoeDepth's processor pads frames, and must know their size to take that away.
        is_padded = isinstance(self.processor, ZoeDepthImageProcessor)
        asked: dict[str, Any] = {"target_sizes": sizes} | ({"source_sizes": sizes} if is_padded else {})
        told: Any = self.processor.post_process_depth_estimation(answer, **asked)
        depth: NDArray[np.float32] = (
            torch.stack([one["predicted_depth"].reshape(size) for one in told]).float().cpu().numpy()
        )
        if self.metres == "none":
            return depth
        # Overshoot must not pass infinity either.
        return np.reciprocal(np.maximum(depth, _NEAREST_M)) if self.metres == "processor" else np.maximum(depth, 0)

    def _given(self, frames: NDArray[np.float32]) -> torch.Tensor:
        try:
            return self.processor(list(planes_of(frames)), do_rescale=False, return_tensors="pt")["pixel_values"]
        except (RuntimeError, ValueError) as error:
            height, width = frames.shape[1:3]
            raise NodeError(
                f"depth: frames must be of a size that {type(self.network).__name__} can be shown, got {width}x{height}: "
                f"{str(error).partition(chr(10))[0]}",
                hint="enlarge them with core.resize",
            ) from error


def load_depth(folder: Path, *, device: str, is_metric: bool = False) -> DepthNetwork:
    """The network in a folder.

    Args:
        folder: ``config.json``, safetensors and ``preprocessor_config.json``.
        device: where it shall live.
        is_metric: it answers with metres, though its class does not say so; a DPT trained on distances does.

    Returns:
        The network, float32.

    Raises:
        UnavailableError: it is not whole, or of a class whose answers are not known to be depth.
    """
    config = config_of(folder)
    kind: Any = MODEL_FOR_DEPTH_ESTIMATION_MAPPING.get(type(config), None)
    if kind is None or kind.__name__ not in _METRES:
        raise UnavailableError(
            f"model: {folder} must be a DPT, Depth Anything, ZoeDepth or Depth Pro, got {named(config)}; choose stage-depth or "
            "depth-anything/Depth-Anything-V2-Small-hf"
        )
    processor = processor_of(folder)
    network = load_network(kind, folder, torch.float32).to(device)
    metres = _METRES[kind.__name__]
    if metres == "none" and (is_metric or getattr(config, "depth_estimation_type", "relative") == "metric"):
        metres = "network"
    # ZoeDepth of two worlds, indoors and outdoors, chooses one for all frames of a batch.
    return DepthNetwork(network, processor, metres, is_alone=len(getattr(config, "bin_configurations", ())) > 1)
