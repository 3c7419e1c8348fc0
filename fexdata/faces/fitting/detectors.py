"""What a landmark detector is known to get wrong, apart from what a face may look like.

A detector is a network with habits: its points lie beside the model's by an offset that is the same for
all people, it shows some movements smaller than they are or somewhere else, its errors at neighbouring
points go together, and its depth is a guess. In the head's frame, with d the displacement of a face's
landmarks from the mean face's, and a frame in millimetres of a head of the embedded model's size,

    detected - mean = d + sum_k <d, shown_k> response_k + offset + sum_r n_r mode_r + noise,   n_r ~ N(0, 1)

so that a fit changes the model's fields once, and treats the modes like identity coefficients that nobody
asks for. `calibration` measures all of it on faces whose truth is known; `mediapipe` is the result for
MediaPipe's landmarks, made by `python -m benchmarks.fitting --calibrate`.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
CALIBRATED = ("fexdata-head", "ict")
"""Models on whose people MediaPipe was calibrated. Where a model's points lie is a matter of its own; what
stands on another model's vertices takes the first's."""


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """Errors of N landmarks."""

    name: str
    offset: np.ndarray
    """(N, 3)."""
    modes: np.ndarray
    """(R, N, 3) displacements of one standard deviation."""
    noise: np.ndarray
    """(N,) standard deviation of what is left, in x and y each."""
    depth_noise: float
    """Standard deviation of z over that of x and y; infinite where landmarks have no z."""
    shown: np.ndarray
    """(P, N, 3) orthonormal displacements ..."""
    response: np.ndarray
    """(P, N, 3) ... and what a unit of each adds to the detected points."""
    outliers: bool = True
    """Whether single landmarks may be plainly wrong; the fit then trusts them less (`robust`)."""

    def sees(self, fields: np.ndarray) -> np.ndarray:
        """What displacements (A, N, 3) of the face do to the detected points."""
        if not len(fields):
            return fields
        flat, shown = (array.reshape(len(array), fields[0].size) for array in (fields, self.shown))
        seen: np.ndarray = flat + flat @ shown.T @ self.response.reshape(shown.shape)
        return seen.reshape(fields.shape)


def unknown(count: int, *, noise: float = 1.0) -> Detector:
    """One of which nothing is known: about a millimetre off in x and y, and plainly wrong at times."""
    none = np.zeros((0, count, 3))
    return Detector("unknown", np.zeros((count, 3)), none, np.full(count, noise), np.inf, none, none)


def exact(count: int, *, noise: float = 0.01) -> Detector:
    """Points whose x and y are those of the model's, up to `noise` millimetres."""
    return replace(unknown(count, noise=noise), name="exact", outliers=False)


def mediapipe(model: str = CALIBRATED[0]) -> Detector:
    """MediaPipe's 468 points of the skin, on the model of that name, which has MediaPipe's vertices."""
    return load(file_of(model))


def file_of(model: str) -> Path:
    """The calibration's file."""
    return FOLDER / f"mediapipe-{model if model in CALIBRATED else CALIBRATED[0]}.npz"


def sha256_of(model: str) -> str:
    """Of the calibration's file."""
    return hashlib.sha256(file_of(model).read_bytes()).hexdigest()


@functools.lru_cache(maxsize=4)
def load(path: Path) -> Detector:
    """What `save` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name].astype(np.float64) for name in archive.files}
    return Detector(name="mediapipe", depth_noise=float(arrays.pop("depth_noise")), **arrays)


def save(detector: Detector, path: Path) -> None:
    """Writes a detector as `load` reads it: half precision, micrometres being far below the noise."""
    arrays = {name: getattr(detector, name) for name in ("offset", "modes", "noise", "shown", "response")}
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            depth_noise=np.float16(detector.depth_noise),
            **{name: value.astype(np.float16) for name, value in arrays.items()},
        )
