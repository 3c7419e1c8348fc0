"""Landmark schemes: MediaPipe's 478 points, iBUG's 68, five points; and what a flip does to each.

`left` and `right` mean the picture's, as the viewer sees it. MediaPipe's 478 are the canonical
face's 468 vertices, then five points for each iris (`mediapipe-478`). iBUG's 68 (`ibug-68`;
Sagonas et al., 300 Faces in-the-Wild Challenge, ICCV Workshops 2013) are 17 of the jaw, 10 of the
brows, 9 of the nose, 12 of the eyes and 20 of the mouth, as used by dlib, OpenFace and AffectNet.
"""

from __future__ import annotations

import numpy as np

MEDIAPIPE_478 = "mediapipe-478"
IBUG_68 = "ibug-68"
FIVE = "five-points"
"""Scheme names, as the `convention` of fields that hold landmarks."""

FROM_478_TO_68 = (
    *(127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356),  # jaw
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),  # brows
    *(168, 197, 5, 4, 98, 97, 2, 326, 327),  # nose
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # eyes
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # outer lips
    *(78, 81, 13, 311, 308, 402, 14, 178),  # inner lips
)
"""Which of the 478 stands for each of the 68.

Eyes, brows, nose and lips are the same places of the face. The jaw is an approximation: iBUG's
jaw points slide along the visible outline of the face, MediaPipe's stay on the same spot of skin,
so the two differ where the head is turned. The 17 are spread over MediaPipe's face oval, ear to
ear, as evenly as its vertices allow.
They do not slide here: the 68 of face models and of synthetic truth are spots of skin as well, and
points that are moved out onto the mesh's outline lie farther from those, the more so the farther the head is turned.
"""

EYES_478 = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))
"""Outline of the left and of the right eye: their means are eye centres that gaze does not move."""

EYE_CORNERS_478 = (33, 133, 362, 263)
"""Outer and inner corner of the left eye, inner and outer of the right; depth is zero at their mean."""

NOSE_TIP_478 = 4
MOUTH_CORNERS_478 = (61, 291)


def to_68(landmarks: np.ndarray) -> np.ndarray:
    """(478, d) in any frame to the (68, d) of iBUG's scheme; see `FROM_478_TO_68`."""
    return _checked(landmarks)[list(FROM_478_TO_68)]


def to_5(landmarks: np.ndarray) -> np.ndarray:
    """(478, d) to (5, d): left and right eye centre, nose tip, left and right mouth corner."""
    points = _checked(landmarks)
    eyes = points[np.array(EYES_478)].mean(axis=1)
    return np.concatenate([eyes, points[[NOSE_TIP_478, *MOUTH_CORNERS_478]]])


def mirrored(points: np.ndarray, width: float, permutation: np.ndarray) -> np.ndarray:
    """What the points would be in the flipped picture: x becomes width - 1 - x, and each point
    takes the place of its partner. `width` is the picture's, in pixels."""
    flipped = np.array(points[permutation])
    flipped[:, 0] = width - 1 - flipped[:, 0]
    return flipped


def _checked(landmarks: np.ndarray) -> np.ndarray:
    if landmarks.ndim != 2 or len(landmarks) != 478:
        raise ValueError(f"landmarks: expected shape (478, d), got {landmarks.shape}")
    return landmarks


def _mirror_478() -> np.ndarray:
    # MediaPipe numbers its vertices so that those of the face's midline and of one side come
    # first, and the partners of that side follow in the same order from 248 on.
    middle = {0, 1, 2, 4, 5, 6, *range(8, 20), 94, 151, 152, 164, 168, 175, 195, 197, 199, 200}
    side = [vertex for vertex in range(248) if vertex not in middle]
    permutation = np.arange(478)
    permutation[side] = range(248, 468)
    permutation[248:468] = side
    # Each iris: its centre, then its right, top, left and bottom as the viewer sees them, so that
    # a flip also swaps right and left within the iris.
    permutation[468:478] = (473, 476, 475, 474, 477, 468, 471, 470, 469, 472)
    permutation.setflags(write=False)
    return permutation


def _mirror_68() -> np.ndarray:
    jaw, brows, nose = range(16, -1, -1), range(26, 16, -1), (27, 28, 29, 30, 35, 34, 33, 32, 31)
    eyes = (45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40)
    lips = (54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65)
    permutation = np.array([*jaw, *brows, *nose, *eyes, *lips])
    permutation.setflags(write=False)
    return permutation


MIRROR_478 = _mirror_478()
MIRROR_68 = _mirror_68()
MIRROR_5 = np.array([1, 0, 2, 4, 3])
"""In a flipped picture, point i is the original's point MIRROR[i]."""
MIRROR_5.setflags(write=False)
MIRRORS = {MEDIAPIPE_478: MIRROR_478, IBUG_68: MIRROR_68, FIVE: MIRROR_5}
"""The permutation of every scheme, by the name in a field's `convention`."""
