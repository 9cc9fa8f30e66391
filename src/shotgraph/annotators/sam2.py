"""SAM 2 of transformers, fed frame by frame, so that its memory does not grow with the clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoModel
from transformers.models.sam2_video.processing_sam2_video import Sam2VideoProcessor

from shotgraph.annotators.checkpoints import check_class, processor_of
from shotgraph.annotators.pictures import planes_of
from shotgraph.models.loading import load_network

_OBJECT = 1

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What shows the object, on one frame: points and a box, or a matte.

    Attributes:
        points: x, y in px, and 1 on the object, 0 beside it.
        box: left, upper, right, lower in px.
        matte: (H, W), 1 on the object.
    """

    points: tuple[tuple[float, float, int], ...] = ()
    box: tuple[float, float, float, float] | None = None
    matte: Picture | None = None


@dataclass(frozen=True, slots=True)
class Segmenter:
    """The network with its processor.

    Attributes:
        network: of transformers.
        processor: that came with it.
    """

    network: Any
    processor: Any

    @classmethod
    def load(cls, folder: Path, *, device: str) -> Segmenter:
        """The network in a folder; `UnavailableError` for anything else."""
        check_class(folder, Sam2VideoModel, examples="a SAM 2 folder such as facebook/sam2.1-hiera-tiny")
        processor = processor_of(folder, Sam2VideoProcessor)
        return cls(load_network(Sam2VideoModel, folder, torch.float32).to(device), processor)

    def begin(self, prompt: Prompt, size: tuple[int, int]) -> Following:
        """Follow the object that `prompt` shows, through frames of (height, width)."""
        device = next(self.network.parameters()).device
        session = self.processor.init_video_session(inference_device=device, dtype=torch.float32)
        return Following(self, session, prompt, size)


class Following:
    """One object through one sequence of frames, the first of which is the one prompted on."""

    def __init__(self, segmenter: Segmenter, session: Any, prompt: Prompt, size: tuple[int, int]) -> None:
        self._segmenter, self._session, self._prompt, self._size = segmenter, session, prompt, size
        self._index = 0

    @torch.no_grad()
    def next(self, picture: Picture) -> Picture:
        """(H, W) in [0, 1]: how sure it is of the object in the next frame, (H, W, 3|4) display values."""
        segmenter, session = self._segmenter, self._session
        given = segmenter.processor(images=[planes_of(picture)], do_rescale=False, return_tensors="pt")
        if self._index == 0:
            session.video_height, session.video_width = self._size
            self._ask()
        answer = segmenter.network(session, frame=given.pixel_values[0], frame_idx=self._index)
        logits = segmenter.processor.post_process_masks([answer.pred_masks], [list(self._size)], binarize=False)[0]
        self._forget(self._index)
        self._index += 1
        return torch.sigmoid(logits[0, 0]).float().cpu().numpy()

    def _ask(self) -> None:
        prompt, asked = self._prompt, dict[str, Any]()
        if prompt.matte is not None:
            asked["input_masks"] = torch.from_numpy((prompt.matte > 0.5).astype(np.float32))
        if prompt.points:
            asked["input_points"] = [[[[x, y] for x, y, _ in prompt.points]]]
            asked["input_labels"] = [[[label for _, _, label in prompt.points]]]
        if prompt.box is not None:
            asked["input_boxes"] = [[list(prompt.box)]]
        if prompt.matte is None:
            asked["original_size"] = self._size
        self._segmenter.processor.add_inputs_to_inference_session(self._session, frame_idx=0, obj_ids=_OBJECT, **asked)

    def _forget(self, index: int) -> None:
        """Pictures are read once; memories and object pointers only for as many frames as the model looks back."""
        session, config = self._session, self._segmenter.network.config
        session.processed_frames.pop(index, None)
        last = index - max(config.num_maskmem, config.max_object_pointers_in_encoder)
        for outputs in session.output_dict_per_obj.values():
            outputs["non_cond_frame_outputs"].pop(last, None)
        for tracked in session.frames_tracked_per_obj.values():
            tracked.pop(index, None)
