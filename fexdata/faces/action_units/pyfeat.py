"""py-feat's multitask network (its Detectorv2): 20 probabilities of action units per face.

Only the network is taken: faces are found, and cut out, by fexdata. The weights are a file that the
user has (py-feat keeps what it once downloaded under `feat/resources`); nothing is fetched. Only
`.safetensors` are read, because py-feat opens other checkpoints with plain pickle; for the same
reason its older classifiers (Detectorv1's xgb and svm, pickled inside `.skops`) are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.action_units.schemes import PYFEAT

CHIP = 256
"""Side of the square that the network is handed, pixels."""
EXPAND = 1.2
"""Side of that square over the longer side of the face's box."""
SOURCE = "https://huggingface.co/py-feat/face_multitask_v2"


class PyFeat:
    """Holds the network on the CPU, or on the device that is named."""

    def __init__(self, weights: str | Path, *, device: str = "cpu") -> None:
        """Raises `FexdataError` where the file is not there, or is not this network's."""
        path = Path(weights).expanduser()
        if not path.is_file():
            raise FexdataError(f"pyfeat: {weights} is not there; get face_multitask_v28.safetensors from {SOURCE}")
        if path.suffix != ".safetensors":
            raise FexdataError(f"pyfeat: {path.name}: only .safetensors are read (other files can run code)")
        from feat.multitask.inference import MultitaskModel

        try:
            self._network: Any = MultitaskModel(device=device, weights_path=str(path))
        except Exception as error:  # whatever lies in somebody's file: py-feat raises many kinds
            text = (str(error).splitlines() or [type(error).__name__])[0][:160]
            raise FexdataError(f"pyfeat: {path.name} is not py-feat's multitask network: {text}") from None
        names = tuple(f"AU{int(name[2:])}" for name in self._network.au_names)
        if names != PYFEAT.names:
            raise FexdataError(f"pyfeat: {path.name} scores other action units than {PYFEAT.name}: {', '.join(names)}")

    def __call__(self, pictures: Sequence[np.ndarray], landmarks: Sequence[np.ndarray]) -> np.ndarray:
        """(n, 20) probabilities in `pyfeat20`'s order, in one batch.

        pictures: (H, W, 3) uint8 RGB, all of one size; landmarks: (478, 2 or 3) pixels of that picture each.
        """
        import torch
        from feat.utils.image_operations import extract_face_square_pad_torch

        frames = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255.0
        boxes = torch.from_numpy(np.stack([_box(points) for points in landmarks])).float()
        order = torch.arange(len(boxes))
        chips, _ = extract_face_square_pad_torch(frames, boxes, face_size=CHIP, expand_bbox=EXPAND, frame_idx=order)
        return np.asarray(self._network(chips).au, np.float32)


def _box(landmarks: np.ndarray) -> np.ndarray:
    """(4,): left, top, right, bottom of the face."""
    points = landmarks[:468, :2]
    return np.concatenate([points.min(axis=0), points.max(axis=0)])
