"""The depth network of dense-geometry's stage A as a product of its own: a photograph in, a depth map out.

The map is stored as a build stores it: at the size of the dataset's crops, in their pixels, zero at
the eye corners, larger is nearer. The network tells no mask; what it puts at the very back is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fexdata.dataset.reader import Dataset
from fexdata.errors import FexdataError
from fexdata.evaluation.measured import Measured, mean_of
from fexdata.evaluation.pixels import to_bytes
from fexdata.evaluation.rows import HeldOut, held_out_split, open_rows
from fexdata.evaluation.sheets import beside
from fexdata.evaluation.subject import Crop, Subject, from_photograph
from fexdata.training.data import Split
from fexdata.training.method import Batch
from fexdata.training.methods.dense_geometry import DenseGeometry
from fexdata.training.run import open_run

NOTHING = -1.0
"""What the loader puts where nothing is drawn, in halves of the crop."""
AT_THE_BACK = -0.9
"""Predictions below this are none: no face reaches so far behind the eyes, and the background is -1."""
COLUMNS = ("image", "depth")
BATCH = 16


@dataclass(frozen=True)
class DepthReader:
    """A run of dense-geometry opened for its depth network.

    >>> reader = DepthReader.open("runs/dense-geometry-affectnet-d-1")
    >>> depth = reader.depth(reader.photograph("me.jpg"))
    """

    method: DenseGeometry
    crop: Crop
    """How the run's dataset cuts faces out."""

    @classmethod
    def open(cls, run: str) -> DepthReader:
        """Raises `FexdataError` for a run of another method, or one that was taught normals."""
        method, record = open_run(run)
        if not isinstance(method, DenseGeometry):
            raise FexdataError(f"{run} is a run of {method.name}; depth is read by one of dense-geometry")
        if method.config.geometry != "depth":
            raise FexdataError(f"{run} was taught normals; train one with --set geometry=depth")
        return cls(method, Crop.of(record))

    def photograph(self, path: str) -> Subject:
        """The largest face of a photograph, as the network takes it."""
        return from_photograph(path, self.crop, size=self.method.info.image_size)

    @torch.no_grad()
    def read(self, image: Tensor) -> Tensor:
        """Pictures (B, 3, S, S) in [-1, 1] to depth (B, 1, S, S) in halves of the crop, `NOTHING` for none."""
        told = self.method.predict_geometry(image)
        return torch.where(told < AT_THE_BACK, NOTHING, told)

    def depth(self, subject: Subject) -> np.ndarray:
        """(C, C) float32: depth in crop pixels at the crop's size, NaN for none."""
        import cv2

        told = self.read(subject.image)[0, 0].numpy()
        drawn, size = told > NOTHING, (self.crop.size, self.crop.size)
        # Values next to none are not mixed with it: sums and weights are enlarged apart.
        weight = np.asarray(cv2.resize(drawn.astype(np.float32), size, interpolation=cv2.INTER_LINEAR))
        values = np.asarray(cv2.resize(np.where(drawn, told, 0), size, interpolation=cv2.INTER_LINEAR))
        with np.errstate(invalid="ignore", divide="ignore"):
            depth: np.ndarray = np.where(weight >= 0.5, values / weight * (self.crop.size / 2), np.nan)
        return depth.astype(np.float32)


def preview(subject: Subject, depth: np.ndarray) -> np.ndarray:
    """The face, its depth in colours (blue far, red near), and the surface in light from above: (C, 3 C + 4, 3)."""
    import cv2

    size = depth.shape[0]
    face = np.asarray(cv2.resize(to_bytes(subject.image[0]), (size, size), interpolation=cv2.INTER_CUBIC))
    drawn = np.isfinite(depth)
    if not drawn.any():
        return beside([face, np.full_like(face, 255), np.full_like(face, 255)])
    far, near = np.percentile(depth[drawn], (1, 99))
    share = np.clip((np.where(drawn, depth, far) - far) / max(near - far, 1e-6), 0, 1)
    colours = cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1]
    return beside([face, *(np.where(drawn[..., None], one, 255).astype(np.uint8) for one in (colours, _lit(depth)))])


def _lit(depth: np.ndarray) -> np.ndarray:
    """A grey surface in light from above left, (C, C, 3); a slope is the change of depth per pixel."""
    filled = np.where(np.isfinite(depth), depth, np.nanmin(depth))
    down, right = np.gradient(filled)
    normal = np.stack([-right, -down, np.ones_like(filled)], axis=-1)  # x right, y down, z to the viewer
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = np.array([-0.4, -0.6, 0.7]) / np.linalg.norm([-0.4, -0.6, 0.7])
    grey = np.clip(0.25 + 0.7 * (normal @ light), 0, 1)
    return np.repeat((grey * 255).astype(np.uint8)[..., None], 3, axis=2)


def errors(
    reader: DepthReader, dataset: Dataset, *, split: Split | None = None, limit: int = 500, seed: int = 0
) -> list[Measured]:
    """The network against the depth of a dataset's held-out rows, beside the mean face of its training rows.

    Pixels are those of the run's crops, means over pixels that the truth draws. `scale and shift
    free`: after the scale and shift of each picture that fit best in least squares (Ranftl et al., IEEE TPAMI 2022,
    sec. 5), which judges the shape alone. `overlap`: intersection over union of what is drawn.
    """
    info, unit = reader.method.info, reader.crop.size / 2
    mean = _mean_face(open_rows(dataset, COLUMNS, info, split="train", limit=limit, seed=seed))
    rows = open_rows(dataset, COLUMNS, info, split=split or held_out_split(dataset), limit=limit, seed=seed)
    values: dict[str, list[float]] = {}
    for batch in _batches(rows):
        made, true = reader.read(batch["image"]).numpy()[:, 0], batch["depth"].numpy()[:, 0]
        for one, wanted in zip(made, true, strict=True):
            drawn = wanted > NOTHING
            if not drawn.any():
                continue
            for name, guess in (("", one), (" of the mean face", mean)):
                values.setdefault(f"error{name}, px", []).append(unit * _error(guess[drawn], wanted[drawn]))
                fitted = _fitted(guess[drawn], wanted[drawn])
                key = f"error{name}, px, scale and shift free"
                values.setdefault(key, []).append(unit * _error(fitted, wanted[drawn]))
            both, either = (drawn & (one > NOTHING)).sum(), (drawn | (one > NOTHING)).sum()
            values.setdefault("overlap", []).append(float(both / either))
    return [mean_of(name, np.array(found), seed=seed) for name, found in values.items()]


def _mean_face(rows: HeldOut) -> np.ndarray:
    """(S, S): mean depth of each pixel over the rows that draw it; 0, the eyes' depth, where none does."""
    total, count = 0.0, 0.0
    for batch in _batches(rows):
        depth = batch["depth"][:, 0].double().numpy()
        drawn = depth > NOTHING
        total, count = total + np.where(drawn, depth, 0).sum(0), count + drawn.sum(0)
    mean: np.ndarray = np.asarray(total) / np.maximum(count, 1)
    return mean


def _batches(rows: HeldOut) -> Iterator[Batch]:
    return rows.batches(BATCH)


def _error(guess: np.ndarray, true: np.ndarray) -> float:
    return float(np.abs(guess.astype(np.float64) - true).mean())


def _fitted(guess: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The guess with the scale and shift that come nearest to the truth."""
    system = np.stack([guess.astype(np.float64), np.ones(len(guess))], axis=1)
    solution, *_ = np.linalg.lstsq(system, true.astype(np.float64), rcond=None)
    fitted: np.ndarray = system @ solution
    return fitted
