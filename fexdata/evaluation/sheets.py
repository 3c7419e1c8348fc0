"""Faces in rows and columns, with words beside them, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GAP = 2
"""White pixels between faces."""
MARGIN = 0.5
"""Room for a row's name, as a share of a face's side; a column's name takes a sixth."""
SMALLEST = 96
"""Pixels: smaller faces are enlarged by a whole factor, so that people can see them."""


@dataclass(frozen=True)
class Sheet:
    """Faces of one size, (H, W, 3) uint8, and what each row and column is."""

    columns: tuple[str, ...]
    rows: tuple[str, ...]
    faces: tuple[tuple[np.ndarray, ...], ...]

    def drawn(self) -> np.ndarray:
        """One picture (height, width, 3) uint8, with the names at the left and above."""
        from PIL import Image, ImageDraw, ImageFont

        page = below([beside([enlarged(face) for face in row]) for row in self.faces])
        side = enlarged(self.faces[0][0]).shape[0]
        left, top = (round(MARGIN * side) if any(self.rows) else 0), max(round(side / 6), 14)
        height, width = page.shape[:2]
        canvas = Image.new("RGB", (width + left, height + top), "white")
        canvas.paste(Image.fromarray(page), (left, top))
        draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(max(side / 12, 10))
        for number, name in enumerate(self.columns):
            draw.text((left + number * (side + GAP) + side / 2, top / 2), name, "black", font, anchor="mm")
        for number, name in enumerate(self.rows):
            draw.text((left / 2, top + number * (side + GAP) + side / 2), name, "black", font, anchor="mm")
        return np.asarray(canvas)


def enlarged(face: np.ndarray) -> np.ndarray:
    """A face (H, W, 3) of at least `SMALLEST` pixels."""
    import cv2

    factor = -(-SMALLEST // face.shape[0])
    if factor == 1:
        return face
    return cv2.resize(face, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)


def beside(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures of one height in a row, white between them."""
    white = np.full((pictures[0].shape[0], GAP, 3), 255, np.uint8)
    return np.concatenate([part for picture in pictures for part in (white, picture)][1:], axis=1)


def below(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures of one width below each other, white between them."""
    white = np.full((GAP, pictures[0].shape[1], 3), 255, np.uint8)
    return np.concatenate([part for picture in pictures for part in (white, picture)][1:], axis=0)
