"""MediaPipe's 52 blendshape scores, from its `face_landmarker.task`.

The file is the user's own (Google publishes it under Apache-2.0; it is not in MediaPipe's wheel).
The network sees landmarks only; its scores are ARKit's coefficients, not FACS intensities.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.action_units.schemes import ARKIT

SOURCE = "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker"


class BlendshapeNetwork:
    """Holds the network (about 0.2 s to load); for one thread."""

    def __init__(self, task: str | Path) -> None:
        """Raises `FexdataError` where the file is not there or is no such bundle."""
        path = Path(task).expanduser()
        if not path.is_file():
            raise FexdataError(f"mediapipe_tasks: {task} is not there; get face_landmarker.task from {SOURCE}")
        from mediapipe.tasks.python import BaseOptions
        from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions

        options = FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=path.read_bytes()), output_face_blendshapes=True
        )
        try:
            self._network: Any = FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise FexdataError(f"mediapipe_tasks: {task} is no face_landmarker.task: {_short(error)}") from None

    def __call__(self, picture: np.ndarray) -> np.ndarray | None:
        """(52,) float32 in `ARKIT_NAMES`' order, of the face in an (H, W, 3) uint8 RGB picture; None
        where it sees none. Raises `FexdataError` where its scores have other names."""
        import mediapipe

        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        found = self._network.detect(image).face_blendshapes
        if not found:
            return None
        scores = {one.category_name: float(one.score) for one in found[0]}
        if scores.keys() != set(ARKIT.names):
            raise FexdataError(
                "mediapipe_tasks: the network's scores are not ARKit's 52; get another face_landmarker.task"
            )
        return np.array([scores[name] for name in ARKIT.names], np.float32)


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
