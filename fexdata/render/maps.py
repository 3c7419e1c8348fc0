"""How maps are stored, and read back.

- depth: uint16 = round(100 · (depth + 327.68)), depth = -z in crop pixels, zero at the eye corners,
  larger is nearer; 0 where nothing is drawn. One scale for all pictures.
- normal: three bytes, round(127.5 · (n + 1)) of (n_x, -n_y, -n_z); (0, 0, 0) where nothing is
  drawn, which no unit vector is stored as.
- label: `fexdata.faces.topology.Label`, as it is.

Stored and read back, depth differs by at most 0.005 px and normals by at most 0.4 degrees.
"""

from __future__ import annotations

import numpy as np

DEPTH_STEPS = 100.0
"""Stored steps per pixel of depth."""
DEPTH_OFFSET = 327.68
"""Pixels added before storing, so that the range is about -327 to 327."""


def encode_depth(depth: np.ndarray) -> np.ndarray:
    """Depth in pixels, NaN for none, as uint16 of the same shape; what is out of range is clipped."""
    steps = (depth.astype(np.float64) + DEPTH_OFFSET) * DEPTH_STEPS
    np.rint(steps, out=steps)
    np.clip(steps, 1, 65535, out=steps)
    # Of NaN and 0, fmax takes 0.
    return np.fmax(steps, 0, out=steps).astype(np.uint16)


def decode_depth(stored: np.ndarray) -> np.ndarray:
    """uint16 as depth in pixels: float32 of the same shape, NaN where nothing is drawn."""
    depth = stored.astype(np.float64) / DEPTH_STEPS - DEPTH_OFFSET
    return np.where(stored > 0, depth, np.nan).astype(np.float32)


def encode_normal(normal: np.ndarray) -> np.ndarray:
    """Unit vectors (..., 3), zeros for none, as uint8 of the same shape."""
    import cv2

    stored = cv2.convertScaleAbs(np.ascontiguousarray(normal, dtype=np.float32), alpha=127.5, beta=127.5)
    # Zeros have become 128, 128, 128, which no unit vector does.
    nothing = cv2.inRange(stored, (128, 128, 128), (128, 128, 128))
    return cv2.bitwise_and(stored, stored, mask=cv2.bitwise_not(nothing))


def decode_normal(stored: np.ndarray) -> np.ndarray:
    """uint8 (..., 3) as unit vectors: float32 of the same shape, zeros where nothing is drawn."""
    vectors = stored.astype(np.float32) / np.float32(127.5) - 1
    drawn = (stored != 0).any(axis=-1, keepdims=True)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(drawn, vectors / length, 0).astype(np.float32)
