"""The face that is edited: a row of a dataset, or somebody's photograph.

A photograph goes the way that the dataset's went: the largest face is found, brought onto the
dataset's template, cut out at the dataset's size and reduced to the method's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fexdata.corpora.pictures import read_picture
from fexdata.dataset.reader import Dataset
from fexdata.errors import FexdataError, RowError
from fexdata.evaluation.pixels import from_bytes
from fexdata.training.data import Split, TrainingData
from fexdata.training.loader import Faces, prepare
from fexdata.training.method import DataInfo, Needs


@dataclass(frozen=True)
class Subject:
    """One face at the method's size."""

    name: str
    """For file names: the photograph's, or the row's `sample_id`."""
    image: Tensor
    """(1, 3, S, S) in [-1, 1]."""
    known: Mapping[str, Tensor]
    """What is known of its expression: a row's annotation; of a photograph only `landmarks_68`."""
    photograph: np.ndarray | None = None
    """(H, W, 3) uint8, where the face was cut out here."""
    matrix: np.ndarray | None = None
    """(2, 3): photograph pixels to pixels of `image`."""


@dataclass(frozen=True)
class Crop:
    """How a run's dataset cuts faces out."""

    template: str
    size: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Crop:
        """From run.json. Raises `FexdataError` where the recipe does not tell."""
        from fexdata.faces.alignment import template

        recipe = record.get("datasets", {}).get("data", {}).get("recipe") or {}
        settings = (recipe.get("stages") or {}).get("align")
        if not isinstance(settings, Mapping):
            raise FexdataError("run.json does not say how its dataset was aligned; edit rows: --data D SAMPLE_ID")
        name = str(settings.get("template", "five_point"))
        return cls(name, int(settings.get("size") or template(name).size))


def from_photograph(path: str | Path, crop: Crop, *, size: int) -> Subject:
    """The largest face of a photograph. Raises `FexdataError` where the file is no picture or shows no face."""
    import cv2

    from fexdata.faces import alignment
    from fexdata.faces.detection import FaceFinder
    from fexdata.faces.landmarks import to_68

    try:
        photograph = read_picture(Path(path).read_bytes())
        (face,) = FaceFinder().find(photograph, faces="largest")
    except OSError as error:
        raise FexdataError(f"{path}: {error.strerror or error}") from None
    except RowError as error:
        raise FexdataError(f"{path}: {error.message}") from None
    template = alignment.template(crop.template)
    if template.kind == "centre":
        height, width = photograph.shape[:2]
        matrix = alignment.centre_matrix(width, height, crop.size)
        pixels = alignment.resize_square(photograph, matrix, crop.size)
    else:
        matrix = alignment.crop_matrix(face.landmarks, template, crop.size)
        pixels = alignment.warp(photograph, matrix, crop.size)
    if size != crop.size:
        how = cv2.INTER_AREA if size < crop.size else cv2.INTER_CUBIC
        pixels = np.asarray(cv2.resize(pixels, (size, size), interpolation=how))
    to_size = scaled(matrix, size / crop.size)
    points = alignment.apply(to_size, to_68(face.landmarks.astype(np.float64))[:, :2])
    known = {"landmarks_68": torch.from_numpy(points.astype(np.float32))[None]}
    return Subject(Path(path).stem, from_bytes(pixels)[None], known, photograph, to_size)


def scaled(matrix: np.ndarray, scale: float) -> np.ndarray:
    """A crop matrix for the crop resized by `scale`; pixel centres stay at integers."""
    moved = matrix * scale
    moved[:, 2] += 0.5 * scale - 0.5
    return moved


def from_row(dataset: Dataset, sample_id: str, columns: Sequence[str], info: DataInfo) -> Subject:
    """A row by its `sample_id` or the beginning of it. columns: those of its condition.

    Raises `FexdataError` where no row, several, or one that is not accepted is meant.
    """
    ids = dataset.sample_ids.to_pylist()
    found = [index for index, one in enumerate(ids) if one.startswith(sample_id)] if sample_id else []
    if len(found) != 1:
        raise FexdataError(f"{len(found) or 'no'} rows of {dataset.name} begin with {sample_id!r}; name one of them")
    whole = ids[found[0]]
    split: Split = dataset.row(whole, ["split"])["split"] or "train"
    needs = Needs(tuple(dict.fromkeys(("image", *columns))), info.image_size, optional=("landmarks_68", "expression"))
    data = TrainingData.of(dataset, needs, split=split, like=info)
    places = [index for index, one in enumerate(data.ids.to_pylist()) if one == whole]
    if not places:
        raise FexdataError(f"row {whole} of {dataset.name} is not accepted, or lacks {', '.join(columns)}")
    batch = prepare(Faces(data)[np.array([[places[0], places[0], 0]])], torch.device("cpu"))
    known = {name: value for name, value in batch.items() if name != "image"}
    if "label" in known and int(known["label"]) < 0:
        del known["label"]
    return Subject(whole, batch["image"], known)
