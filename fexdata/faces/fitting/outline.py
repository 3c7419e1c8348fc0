"""The jaw line of iBUG's 68 landmarks, as annotators and most detectors mark it: on the face's outline.

Points 0 to 16 are not places on the skin. A head that turns shows another line of skin as its outline, and the
marks go with it (landmark marching; Zhu et al., High-fidelity pose and expression normalization, CVPR 2015,
section 3.1). So here they may slide on the skin: each has two modes of its own, along the tangents of the mean
face, and only how far it lies off the skin says anything of the face. Landmarks that are vertices, as those that
fexdata takes from MediaPipe's 478 are, do not slide; `detectors.unknown` is for them.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Final

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.fitting.detectors import Detector, unknown
from fexdata.faces.mesh import vertex_normals
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.landmark_completion import completed

JAW: Final = range(17)
SLIDE: Final = 10.0
"""Standard deviation of a slide along each tangent, in millimetres of a head of the embedded model's size: an
outline leaves the jaw by so much when the head turns by 30 to 45 degrees."""


@functools.lru_cache(maxsize=2)
def outlined(model: FaceModel, *, noise: float = 1.0) -> Detector:
    """A detector of 68 landmarks whose jaw line is the picture's outline.

        fit(model, landmarks, detector=outlined(model))

    noise: standard deviation of x and y, in millimetres. Raises `FexdataError` for a model without the 68.
    """
    if model.landmarks_68 is None:
        raise FexdataError(f"model {model.name} has no places for 68 landmarks")
    marks = completed(model).landmarks_68
    assert marks is not None
    plain = unknown(68, noise=noise)
    normals = marks.points(vertex_normals(model.mean.astype(np.float64), model.triangles))[list(JAW)]
    modes = np.zeros((2 * len(JAW), *plain.offset.shape))
    for number, normal in zip(JAW, normals, strict=True):
        # Of the three directions of a singular value decomposition, the first is the normal.
        _, _, directions = np.linalg.svd(normal[None])
        modes[2 * number : 2 * number + 2, number] = SLIDE * directions[1:]
    return replace(plain, name="outlined", modes=modes)
