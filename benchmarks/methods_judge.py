"""The judge of `benchmarks.methods`: geometry, so that no pixel network can be pleased by patterns.

Held-out people in true pairs: one picture is given the expression of the other, and compared with
it. Three figures decide. MediaPipe's landmarks on the edit, enlarged to 256, against those on the
true target over brows, eyes and mouth, relative to the same distance for the input returned
unchanged ("copy"). IED inside the face mask, relative to copy's. And for methods that are told a
class, what a linear classifier on landmarks says of the edit, beside what it says of copy and of
the true target. The judge's own noise is measured on the true targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fexdata.corpora.base import EXPRESSIONS
from fexdata.dataset.pictures import decode, encode_jpeg
from fexdata.dataset.reader import Dataset, open_dataset
from fexdata.errors import FexdataError
from fexdata.evaluation.conditions import COLUMNS, Kind, kind_of
from fexdata.evaluation.evaluate import either_face
from fexdata.evaluation.measured import Measured, mean_of, ratio_of
from fexdata.evaluation.metrics.ied import ied
from fexdata.evaluation.metrics.landmark_distance import SIDE, landmark_distance, mesh_of
from fexdata.evaluation.pixels import from_bytes, to_bytes, unit
from fexdata.evaluation.protocols import on_pairs
from fexdata.evaluation.rows import HeldOut, open_rows
from fexdata.faces.landmarks import to_68
from fexdata.training.data import TrainingData
from fexdata.training.loader import Faces, prepare
from fexdata.training.method import Method, Needs
from fexdata.training.run import open_run

CPU = torch.device("cpu")
BATCH = 16
SHOWN = 8
"""Pairs of the sample pictures: the first in the fixed order."""
MIN_PAIRS = 200
Mesh = np.ndarray | None


@dataclass(frozen=True)
class Pair:
    """Two held-out pictures of one person, camera and light."""

    source: str
    target: str
    expression: str
    """The target's."""


@dataclass(frozen=True)
class Looked:
    """What the judge sees of the pairs at one picture size, whatever the method."""

    source: tuple[Mesh, ...]
    target: tuple[Mesh, ...]
    noise: dict[str, Measured]
    """What was done to the true target -> its landmarks' distance, relative to copy's."""


@dataclass(frozen=True)
class Judged:
    """One run, judged."""

    method: str
    run: str
    kind: Kind
    size: int
    pairs: int
    detection: float
    """Share of the edits on which MediaPipe finds a face."""
    landmarks: Measured
    """Relative to copy's, over the pairs on whose edit a face was found."""
    ied: Measured
    """Relative to copy's."""
    expression: Measured
    """Share of edits in which the classifier sees the target's expression; a lost face is wrong."""
    gain: Measured
    """Above the share that copy has."""
    samples: tuple[tuple[Tensor, Tensor, Tensor], ...]
    """Input, edit, target of the first pairs, (3, H, W) in [-1, 1]."""


class MethodJudge:
    """Held-out pairs of a dataset, and a classifier taught on the held-in pictures of two.

    cache: folder for the meshes found on training pictures. Raises `FexdataError` for fewer than
    200 held-out pairs.
    """

    def __init__(self, data: str, pairs: str, *, seed: int = 0, cache: Path | None = None) -> None:
        self.data, self.dataset, self.seed, self.cache = open_dataset(data), open_dataset(pairs), seed, cache
        self.pairs = held_out_pairs(self.dataset, seed)
        if len(self.pairs) < MIN_PAIRS:
            raise FexdataError(f"{pairs} holds out {len(self.pairs)} pairs; {MIN_PAIRS} are needed: make more people")
        self._looked: dict[int, Looked] = {}
        self._classifiers: dict[int, ExpressionReader] = {}

    def judge(self, run: str) -> Judged:
        """A run's newest checkpoint, by its averaged networks."""
        method, _ = open_run(run)
        kind, size = kind_of(type(method), method.config), method.info.image_size
        looked, reader = self.looked(size), self.classifier(size)
        measured = _Values()
        samples: list[tuple[Tensor, Tensor, Tensor]] = []
        for edit in on_pairs(method, kind, self.rows(method, kind), size=BATCH, device=CPU):
            source, target, mask = edit.batch["image"], edit.batch["target_image"], either_face(edit.batch)
            measured.ied += ied(unit(edit.image), unit(target), mask).tolist()
            measured.ied_copy += ied(unit(source), unit(target), mask).tolist()
            measured.meshes += [mesh_of(one) for one in edit.image]
            samples += zip(source, edit.image, target, strict=True)
            del samples[SHOWN:]
        seen = [index for index, mesh in enumerate(measured.meshes) if mesh is not None and looked_at(looked, index)]
        distance, copied = (
            np.array([_distance(meshes[index], looked.target[index]) for index in seen])
            for meshes in (measured.meshes, looked.source)
        )
        wanted = [pair.expression for pair in self.pairs]
        right, right_copy = (reader.right(meshes, wanted) for meshes in (measured.meshes, looked.source))
        return Judged(
            method=method.name,
            run=run,
            kind=kind,
            size=size,
            pairs=len(self.pairs),
            detection=float(np.mean([mesh is not None for mesh in measured.meshes])),
            landmarks=ratio_of("landmarks / copy's", distance, copied, seed=self.seed),
            ied=ratio_of("ied / copy's", np.array(measured.ied), np.array(measured.ied_copy), seed=self.seed),
            expression=mean_of("expression", right, seed=self.seed),
            gain=mean_of("expression above copy's", right - right_copy, seed=self.seed),
            samples=tuple(samples),
        )

    def looked(self, size: int) -> Looked:
        """Meshes of inputs and true targets, and the judge's noise on the targets."""
        if size not in self._looked:
            images = {key: _images(self.dataset, [getattr(pair, key) for pair in self.pairs], size)
                      for key in ("source", "target")}  # fmt: skip
            source, target = (tuple(mesh_of(one) for one in images[key]) for key in ("source", "target"))
            noise = self._noise(images["target"], source, target)
            self._looked[size] = Looked(source, target, noise)
        return self._looked[size]

    def classifier(self, size: int) -> ExpressionReader:
        """Taught on the true pictures that methods train on, seen at the method's size."""
        if size not in self._classifiers:
            meshes, labels = [], []
            for dataset in {one.path: one for one in (self.data, self.dataset)}.values():
                found, words = self._training_meshes(dataset, size)
                meshes.append(found)
                labels += words
            self._classifiers[size] = ExpressionReader(np.concatenate(meshes), labels)
        return self._classifiers[size]

    def accuracies(self, size: int) -> dict[str, float]:
        """The classifier's accuracy on the true targets, and copy's: the input, read as the target's expression."""
        reader, looked = self.classifier(size), self.looked(size)
        wanted = [pair.expression for pair in self.pairs]
        return {
            "true targets": float(reader.right(looked.target, wanted).mean()),
            "copy": float(reader.right(looked.source, wanted).mean()),
        }

    def found_on_truth(self, size: int) -> float:
        """Share of the true targets on which a face is found."""
        return float(np.mean([mesh is not None for mesh in self.looked(size).target]))

    def _noise(self, targets: list[Tensor], source: Sequence[Mesh], target: Sequence[Mesh]) -> dict[str, Measured]:
        """How far landmarks of the true target move when nothing of the expression does."""
        noise = {}
        for name, (change, undo) in DISTURBED.items():
            again = [undo(mesh_of(change(one)), SIDE / one.shape[-1]) for one in targets]
            meshes = [
                three for three in zip(again, source, target, strict=True) if all(one is not None for one in three)
            ]
            moved = np.array([_distance(one, true) for one, _, true in meshes])
            copied = np.array([_distance(one, true) for _, one, true in meshes])
            noise[name] = ratio_of(name, moved, copied, seed=self.seed)
        return noise

    def rows(self, method: Method, kind: Kind) -> HeldOut:
        """The pairs with what the method is told."""
        columns = ("image", COLUMNS[kind])
        rows = open_rows(self.dataset, columns, method.info, split="test", limit=1, seed=0, pairs=True)
        place = {name: row for row, name in enumerate(rows.data.ids.to_pylist())}
        try:
            items = [(place[pair.source], place[pair.target], 0) for pair in self.pairs]
        except KeyError as error:
            raise FexdataError(f"{self.dataset.name}: held-out row {error} has no {COLUMNS[kind]}") from None
        return replace(rows, items=np.array(items, np.int64))

    def _training_meshes(self, dataset: Dataset, size: int) -> tuple[np.ndarray, list[str]]:
        """(n, 478, 3) and an expression each, of the training rows on which a face is found."""
        stem = f"meshes-{dataset.metadata.get('fingerprint')}-{size}.npz"
        path = self.cache / stem if self.cache is not None else None
        if path is not None and path.exists():
            kept = np.load(path)
            return kept["meshes"], kept["labels"].tolist()
        data = TrainingData.of(dataset, Needs(("image", "expression"), size))
        found = [(mesh_of(image), int(row)) for row, image in enumerate(_all_images(data))]
        meshes = np.stack([mesh for mesh, _ in found if mesh is not None])
        labels = [data.info.expressions[data.values["expression"][row]] for mesh, row in found if mesh is not None]
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path, meshes=meshes, labels=np.array(labels))
        return meshes, labels


class ExpressionReader:
    """A linear classifier of expressions (LDA with shrinkage) on meshes without place, size and pose.

    Each mesh is laid on the mean mesh by the similarity of least squares (Umeyama, IEEE TPAMI 1991).
    """

    def __init__(self, meshes: np.ndarray, labels: list[str]) -> None:
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        self.mean = meshes[0] - meshes[0].mean(0)
        for _ in range(2):
            self.mean = np.mean([laid_on(mesh, self.mean) for mesh in meshes], axis=0)
        self._lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        self._lda.fit(self._features(meshes), labels)

    def right(self, meshes: Iterable[Mesh], wanted: list[str]) -> np.ndarray:
        """(n,) 1 where the wanted expression is read, else 0; a face that was not found is 0."""
        meshes = list(meshes)
        seen = [index for index, mesh in enumerate(meshes) if mesh is not None]
        right = np.zeros(len(meshes))
        if seen:
            told = self._lda.predict(self._features([meshes[index] for index in seen]))
            right[seen] = told == np.array(wanted)[seen]
        return right

    def _features(self, meshes: Iterable[Any]) -> np.ndarray:
        return np.stack([laid_on(mesh, self.mean).ravel() for mesh in meshes])


def laid_on(mesh: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """A mesh (n, 3) turned, scaled and moved onto another by least squares."""
    centred = mesh - mesh.mean(0)
    u, values, vt = np.linalg.svd(centred.T @ mean)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    laid: np.ndarray = centred @ (u * sign @ vt) * (values @ sign / np.square(centred).sum())
    return laid


def held_out_pairs(dataset: Dataset, seed: int) -> list[Pair]:
    """One pair of each held-out group that has two accepted rows, in an order and direction drawn by seed."""
    table = dataset.table(["status", "split", "pair_group", "expression"]).to_pydict()
    groups: dict[str, list[tuple[str, str]]] = {}
    ids = dataset.sample_ids.to_pylist()
    for name, status, split, group, word in zip(ids, *table.values(), strict=True):
        if status == "accepted" and split == "test" and group is not None and word in EXPRESSIONS:
            groups.setdefault(group, []).append((name, word))
    rng = np.random.default_rng(seed)
    whole = [sorted(rows) for _, rows in sorted(groups.items()) if len(rows) > 1]
    drawn = []
    for number in rng.permutation(len(whole)):
        (source, _), (target, word) = (whole[number][row] for row in rng.permutation(len(whole[number]))[:2])
        drawn.append(Pair(source, target, word))
    return drawn


def looked_at(looked: Looked, index: int) -> bool:
    """Whether the judge sees both pictures of a pair."""
    return looked.source[index] is not None and looked.target[index] is not None


class _Values:
    """One number per pair."""

    def __init__(self) -> None:
        self.ied: list[float] = []
        self.ied_copy: list[float] = []
        self.meshes: list[Mesh] = []


def _distance(mesh: Mesh, wanted: Mesh) -> float:
    assert mesh is not None and wanted is not None
    return landmark_distance(to_68(mesh)[:, :2], to_68(wanted)[:, :2])


def _images(dataset: Dataset, ids: list[str], size: int) -> list[Tensor]:
    """The pictures of some test rows, (3, size, size) in [-1, 1]."""
    data = TrainingData.of(dataset, Needs(("image",), size), split="test")
    place = {name: row for row, name in enumerate(data.ids.to_pylist())}
    items = np.array([(place[name], place[name], 0) for name in ids], np.int64)
    return list(prepare(Faces(data)[items], CPU)["image"])


def _all_images(data: TrainingData) -> Iterable[Tensor]:
    faces, rows = Faces(data), np.arange(len(data))
    for start in range(0, len(data), BATCH):
        chosen = rows[start : start + BATCH]
        yield from prepare(faces[np.column_stack([chosen, chosen, 0 * chosen])], CPU)["image"]


def _stored(image: Tensor) -> Tensor:
    """As a shard would keep it: a JPEG."""
    return from_bytes(decode(encode_jpeg(to_bytes(image))))


def _shifted(image: Tensor) -> Tensor:
    """Half a pixel to the right and down."""
    import cv2

    matrix = np.array([[1, 0, 0.5], [0, 1, 0.5]])
    pixels = to_bytes(image)
    return from_bytes(
        cv2.warpAffine(pixels, matrix, pixels.shape[:2], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    )


def _moved_back(mesh: Mesh, scale: float) -> Mesh:
    """Undoes the shift; scale: pixels of 256 to one of the picture."""
    return None if mesh is None else mesh - np.array([0.5 * scale, 0.5 * scale, 0])


def _as_found(mesh: Mesh, scale: float) -> Mesh:
    return mesh


DISTURBED: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Mesh, float], Mesh]]] = {
    "stored as JPEG": (_stored, _as_found),
    "moved by half a pixel": (_shifted, _moved_back),
}
"""What is done to a true target, and to the landmarks found on it."""
