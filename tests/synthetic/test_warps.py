"""Warped photographs: the person that a photograph shows, expressions that faces make, a paired dataset."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

import dataset_made
import numpy as np
import pytest
import skimage.data
from dataset_made import Rows, make_dataset

import fexdata
from fexdata.dataset.fields import column, fixed
from fexdata.dataset.pictures import encode_jpeg
from fexdata.errors import FexdataError
from fexdata.faces import alignment
from fexdata.faces.detection import FaceFinder
from fexdata.faces.models.action_unit_solver import LIP_PAIRS
from fexdata.faces.models.default import default_model
from fexdata.faces.pose import rotation
from fexdata.synthetic import expressions
from fexdata.synthetic.expressions import OPPOSED, Expression
from fexdata.synthetic.warps import dataset
from fexdata.synthetic.warps.base import Base, eyes_open
from fexdata.synthetic.warps.dataset import warp_dataset
from fexdata.synthetic.warps.head import lay_head
from fexdata.synthetic.warps.resample import drawn
from fexdata.training.data import TrainingData
from fexdata.training.method import Needs

SIZE = 128
BASIS = "fexdata-head-0123456789ab"
SMILE = Expression.of({"AU12": 4.0, "AU6": 3.0, "AU25": 2.5})


def coefficients(expression: Expression) -> np.ndarray:
    return expressions.coefficients(expression, default_model().expression_names)


@functools.cache
def known_names() -> tuple[str, ...]:
    """Coefficients of the dataset: as after a fit, not all of the model's."""
    unseen = ("AU38_left", "AU38_right", "AD34_left", "AD34_right")
    return tuple(name for name in default_model().expression_names if name not in unseen)


def full(known: np.ndarray) -> np.ndarray:
    """All of the model's coefficients from those of the dataset."""
    values = dict(zip(known_names(), known.tolist(), strict=True))
    return np.array([values.get(name, 0.0) for name in default_model().expression_names], np.float32)


@functools.cache
def portrait() -> tuple[np.ndarray, np.ndarray]:
    """NASA's astronaut, cropped: (SIZE, SIZE, 3) and her (478, 3) landmarks."""
    picture = skimage.data.astronaut()
    (face,) = finder().find(picture, faces="largest")
    points = face.landmarks.reshape(478, 3).astype(np.float64)
    matrix = alignment.crop_matrix(points, alignment.template("five_point"), SIZE)
    return alignment.warp(picture, matrix, SIZE), alignment.apply(matrix, points)


@functools.cache
def finder() -> FaceFinder:
    return FaceFinder()


@functools.cache
def base() -> Base:
    return Base.of(default_model(), *portrait(), seed=1)


def known_landmarks(expression: Expression, seed: int) -> np.ndarray:
    """(478, 3) of a person of the model, turned, with a known expression."""
    model, rng = default_model(), np.random.default_rng(seed)
    identity = 0.7 * rng.standard_normal(len(model.identity_names))
    vertices = model.shape(identity, coefficients(expression))[:468].astype(np.float64)
    placed = 1.3 * vertices @ rotation(12.0, -6.0, 4.0).T + [120.0, 130.0, 5.0]
    return np.concatenate([placed, placed[:10]])


def test_laid_head_meets_every_landmark() -> None:
    _, landmarks = portrait()
    head = base().head
    shown = head.placed(head.seen)[:468, :2]
    assert np.abs(shown - landmarks[:468, :2]).max() < 0.05


def test_fitted_expression_is_the_one_that_the_points_were_made_with() -> None:
    head = lay_head(default_model(), known_landmarks(SMILE, seed=3))
    known = coefficients(SMILE)
    # The prior weakens it, since points that a network found are never exact.
    assert np.corrcoef(head.expression, known)[0, 1] > 0.8
    strongest = np.argsort(-head.expression)[:2]
    assert {default_model().expression_names[one] for one in strongest} == {"AU12_left", "AU12_right"}


def test_lips_of_the_laid_person_at_rest_touch_however_open_the_photograph_shows_them() -> None:
    upper, lower = np.array(LIP_PAIRS).T
    for expression in (np.zeros(len(default_model().expression_names)), None):
        head = lay_head(default_model(), known_landmarks(SMILE, seed=4), expression)
        gap = head.neutral[lower, 1] - head.neutral[upper, 1]
        usual = default_model().mean[lower, 1] - default_model().mean[upper, 1]
        assert np.abs(gap - usual).max() < 0.3


def test_warped_face_has_its_landmarks_where_the_warp_says() -> None:
    for expression in (Expression(), SMILE, Expression.of({"AU26": 4.0, "AU1": 4.0, "AU2": 4.0})):
        picture, said = base().showing(coefficients(expression))
        (face,) = finder().find(picture, faces="largest")
        found = face.landmarks.reshape(478, 3)[:468, :2]
        assert np.linalg.norm(found - said[:468, :2], axis=1).mean() < 2.0


def test_warps_of_one_photograph_are_always_the_same() -> None:
    once, again = (Base.of(default_model(), *portrait(), seed=1).showing(coefficients(SMILE))[0] for _ in range(2))
    assert (once == again).all()


def test_shut_eyes_are_told_from_open_ones() -> None:
    _, shut = base().showing(coefficients(Expression.of({"AU43": 5.0})))
    assert eyes_open(portrait()[1])
    assert not eyes_open(shut)


def test_drawn_expressions_are_ones_that_a_face_can_make() -> None:
    rng = np.random.default_rng(5)
    model = default_model()
    names = model.expression_names
    bank = np.stack([coefficients(expressions.random_feasible(rng)) for _ in range(40)])
    signed = np.asarray(model.expression_signed, bool)
    vectors = np.stack([drawn(bank, signed, names, rng)[0] for _ in range(60)])
    assert vectors.min() >= 0
    assert vectors.max() <= 1
    assert vectors.std(axis=0).mean() > 0.5 * bank.std(axis=0).mean()
    for vector in vectors:
        active = {name.partition("_")[0] for name, value in zip(names, vector, strict=True) if value > 0}
        assert not any(active & set(one) and active & set(other) for one, other in OPPOSED)


def made(folder: Path, **changes: object) -> Path:
    """A dataset whose crops all show the portrait, with coefficients of the embedded model."""
    count = len(known_names())
    extra = [
        column("basis_id", dataset_made.S, "Basis."),
        column("expression_params", fixed(count), "Coefficients.", shape=(count,), mirror="named", names=known_names()),
    ]
    picture, landmarks = portrait()

    def fill(rows: Rows) -> None:
        rng = np.random.default_rng(6)
        for row in rows:
            row["basis_id"] = BASIS
            row["expression_params"] = expressions.coefficients(expressions.random_feasible(rng), known_names())
            row["inside_fraction"], row["yaw"] = 1.0, 5.0
            row["split"] = "val" if row["subject"] == "s001" else "train"
            row |= changes
            if row.get("image") is not None:
                row["image"] = encode_jpeg(picture)
                row["landmarks_478"] = landmarks.astype(np.float32).reshape(-1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset_made, "STAGE_FIELDS", [*dataset_made.STAGE_FIELDS, *extra])
        return make_dataset(folder, name="faces", photographs=12, size=SIZE, edit=fill)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("warps"))


@pytest.fixture(scope="module")
def warped(faces: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "BASES_PER_SHARD", 2)
        yield warp_dataset(str(faces), faces.parent / "warped", people=3, variants=4, seed=2, workers=1)


def test_warped_dataset_has_variants_of_each_parent_as_pairs(faces: Path, warped: Path) -> None:
    rows = fexdata.open(str(warped)).frame()
    parents = fexdata.open(str(faces)).frame().set_index("sample_id")
    assert len(rows) == 12
    assert rows["sample_id"].is_unique
    assert set(rows["source_kind"]) == {"warp"}
    assert (rows.groupby("parent_id")["variant"].nunique() == 4).all()
    assert (rows["pair_group"] == rows["parent_id"]).all()
    for name in ("split", "subject"):
        assert (rows[name].to_numpy() == parents.loc[rows["parent_id"], name].to_numpy()).all()


def test_a_warp_has_the_label_of_the_photograph_whose_expression_it_varies(faces: Path, warped: Path) -> None:
    frame = fexdata.open(str(faces)).frame(["expression", "expression_params"], status="accepted")
    bank = np.stack([np.asarray(one) for one in frame["expression_params"]])
    rows = fexdata.open(str(warped)).frame(["expression", "expression_params"])
    cosine = [
        [vector @ other / np.linalg.norm(vector) / np.linalg.norm(other) for other in bank]
        for vector in map(np.asarray, rows["expression_params"])
    ]
    nearest = frame["expression"].to_numpy()[np.argmax(cosine, axis=1)]
    assert len(set(rows["expression"])) > 2
    assert (nearest == rows["expression"].to_numpy()).mean() > 0.8


def test_every_picture_shows_its_own_coefficients(warped: Path) -> None:
    opened = fexdata.open(str(warped))
    row = opened.row(5)
    parent_expression = fexdata.open(str(warped.parent / "faces")).row(row["parent_id"])["expression_params"]
    head = lay_head(default_model(), portrait()[1].astype(np.float32), full(parent_expression))
    said = opened.side("landmarks_478", [row["sample_id"]])[0]
    expected = head.placed(head.shape(full(row["expression_params"])))[:468]
    # Lips keep in front of the teeth: a few points of them move on by less than a millimetre and a half.
    assert np.median(np.abs(said[:468] - expected)) < 0.01
    assert np.abs(said[:468, :2] - expected[:, :2]).max() < 1.5


def test_pairs_for_training_come_from_a_warped_dataset(faces: Path, warped: Path) -> None:
    needs = Needs(("image", "expression_params", "landmarks_68"), 64, pairs=True)
    single = TrainingData.of(fexdata.open(str(faces)), needs)
    data = TrainingData.of(fexdata.open(str(warped)), needs, like=single.info, pairs=True)
    assert data.groups is not None
    assert data.info.basis_id == BASIS
    assert np.unique(data.groups, return_counts=True)[1].min() == 4


def test_any_number_of_workers_gives_the_same_bytes_and_what_is_there_is_kept(
    faces: Path, warped: Path, tmp_path: Path
) -> None:
    made: list[int] = []
    numbers = {"people": 3, "variants": 4, "seed": 2, "workers": 2}
    again = warp_dataset(str(faces), tmp_path / "again", advance=made.append, **numbers)
    assert made == [8, 4]
    assert _hashes(again) == _hashes(warped)
    (again / "manifest.parquet").unlink()
    warp_dataset(str(faces), again, advance=made.append, **numbers)
    assert made == [8, 4]
    assert _hashes(again) == _hashes(warped)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"yaw": 60.0}, "no face turned by less"), ({"status": "rejected"}, "no accepted row")],
)
def test_a_dataset_without_usable_faces_says_so(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(FexdataError, match=words):
        warp_dataset(str(made(tmp_path, **changes)), tmp_path / "out", people=2, variants=2, workers=1)


def test_coefficients_of_a_model_that_cannot_be_drawn_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match=r"has coefficients of bfm-1234; faces can be drawn with those of"):
        warp_dataset(str(made(tmp_path, basis_id="bfm-1234")), tmp_path / "out")


def test_a_dataset_without_coefficients_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match=r"has no expression_params, .*truth\.use"):
        warp_dataset(str(make_dataset(tmp_path, photographs=6)), tmp_path / "out")


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
