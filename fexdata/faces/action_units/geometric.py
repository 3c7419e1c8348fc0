"""The embedded tool: intensities of action units from the face mesh, with nothing but `pip install`.

A face's descriptor d (`geometry.descriptor`: shape without pose, and FACS distances) is compared with
one at rest, d0: the subject's own where there is one, which takes identity out, else the neutral of a
population. Two steps lead to intensities:

    s = W (d - d0) + b           how far the face has moved along each of FACS's movements
    intensity = clip(V e(s) + c, 0, 5)

where e(s) are the scores, their positive parts and their products: a brow that is low means AU4 where
the nose is not wrinkled and the cheeks are down, and less where they are not. Both maps are ridge
regressions, learned on synthetic people of the embedded model as MediaPipe sees them (`fitting`;
`python -m benchmarks.action_unit_weights` makes the file). What it is worth, action unit by action
unit: docs/models/geometric-action-units.md.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.action_units.geometry import SIZE, descriptor
from fexdata.faces.action_units.schemes import GEOMETRIC

FILE = Path(__file__).with_name("geometric.npz")
"""The maps, their provenance in the entry `about`."""
HIGHEST = GEOMETRIC.highest
SPAN = (-1.0, 6.0)
"""Scores beyond these are cut: their products would run away."""
TRACE = 0.5
"""Score below which a movement is as good as none."""
TURNS = (0.0, 15.0, 30.0, 45.0, 60.0)
"""Degrees of yaw at which reliability is known; between them it is interpolated, beyond the last it is 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """From what a descriptor differs from rest to intensities: U movements, A action units of `GEOMETRIC`."""

    weights: np.ndarray
    """(`SIZE`, U)."""
    offset: np.ndarray
    """(U,)."""
    grades: np.ndarray
    """(E, A): weights of the expanded scores."""
    level: np.ndarray
    """(A,)."""
    reliability: np.ndarray
    """(A, len(`TURNS`)), 0 to 1: correlation with the truth, by turn, on people it was not taught on."""

    def intensities(self, moved: np.ndarray) -> np.ndarray:
        """(..., A) from 0 to 5, of differences from rest (..., `SIZE`)."""
        scores = moved @ self.weights + self.offset
        return np.clip(expanded(scores) @ self.grades + self.level, 0.0, HIGHEST)


def expanded(scores: np.ndarray) -> np.ndarray:
    """Scores (..., U), their parts above `TRACE`, and all products of two: (..., E), E = 2 U + U (U + 1) / 2."""
    held = np.clip(scores, *SPAN)
    one, other = np.triu_indices(scores.shape[-1])
    parts = (held, np.maximum(held - TRACE, 0.0), held[..., one] * held[..., other] / HIGHEST)
    return np.concatenate(parts, axis=-1)


@dataclass(frozen=True, slots=True)
class Scores:
    """One face's action units, by the names of `GEOMETRIC`."""

    values: dict[str, float | None]
    """0 to 5; None where the face is turned away too far to tell."""
    confidence: dict[str, float | None]
    """0 to 1: how well the tool tells this action unit from the others, at this turn."""
    yaw: float
    """Degrees."""


@dataclass(frozen=True, slots=True, eq=False)
class GeometricTool:
    """Two maps: against a population's neutral, and against a subject's own."""

    reference: np.ndarray
    """(468, 3) mm: the face at rest that landmarks are laid over."""
    neutral: np.ndarray
    """(`SIZE`,): descriptor of the population's neutral face."""
    to_population: Map
    to_subject: Map

    def score(self, landmarks: np.ndarray, neutral: np.ndarray | None = None) -> Scores:
        """The action units of one face.

        landmarks: (478, 3) in any unit, z away from the viewer. neutral: (`SIZE`,), the subject's own
        face at rest (`subject_neutral`), where known.

        Raises `RowError` (poor_fit) for landmarks without extent; they must be finite.
        """
        described, yaw = descriptor(landmarks, self.reference)
        chosen, start = (self.to_population, self.neutral) if neutral is None else (self.to_subject, neutral)
        intensities = chosen.intensities(described - start)
        sure = _at(chosen.reliability, abs(yaw))
        seen = abs(yaw) <= TURNS[-1]
        pairs = zip(GEOMETRIC.names, intensities.tolist(), sure.tolist(), strict=True)
        found = [(name, value if seen else None, confidence) for name, value, confidence in pairs]
        return Scores({n: v for n, v, _ in found}, {n: c for n, _, c in found}, yaw)

    def subject_neutral(self, faces: Sequence[np.ndarray]) -> np.ndarray:
        """(`SIZE`,): a subject's descriptor at rest, from one or more (478, 3) landmarks of neutral faces.

        The median, so that one bad picture of several does no harm. Raises `FexdataError` for none.
        """
        if not len(faces):
            raise FexdataError("action units: a subject's neutral needs at least one neutral face")
        return np.median([descriptor(points, self.reference)[0] for points in faces], axis=0)

    def for_population(self, faces: Sequence[np.ndarray]) -> GeometricTool:
        """The same tool with the neutral of another population: (478, 3) landmarks of its neutral faces,
        of as many people as there are. Raises `FexdataError` for none."""
        return GeometricTool(self.reference, self.subject_neutral(faces), self.to_population, self.to_subject)

    def save(self, path: str | Path, about: dict[str, object]) -> None:
        """Writes the tool with its provenance."""
        arrays = {"reference": self.reference, "neutral": self.neutral}
        for name, one in (("population", self.to_population), ("subject", self.to_subject)):
            arrays |= {f"{name}.{part}": getattr(one, part) for part in Map.__slots__}
        text = json.dumps({**about, "names": GEOMETRIC.names}, sort_keys=True)
        floats = {name: array.astype(np.float32) for name, array in arrays.items()}
        np.savez_compressed(path, about=np.frombuffer(text.encode(), np.uint8), **floats)


def load(path: str | Path) -> GeometricTool:
    """The tool that `save` wrote. Raises `FexdataError` for another file, or one of other action units."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name].astype(np.float64) for name in stored.files if name != "about"}
            about = json.loads(stored["about"].tobytes())
        maps = [Map(*(arrays[f"{kind}.{part}"] for part in Map.__slots__)) for kind in ("population", "subject")]
        tool = GeometricTool(arrays["reference"], arrays["neutral"], *maps)
    except (OSError, ValueError, KeyError) as error:
        raise FexdataError(f"{path} does not hold the geometric action units; reinstall fexdata") from error
    if tuple(about["names"]) != GEOMETRIC.names or tool.neutral.shape != (SIZE,):
        raise FexdataError(f"{path} was made by another version; run python -m benchmarks.action_unit_weights")
    return tool


@functools.cache
def embedded() -> GeometricTool:
    """The tool that comes with fexdata."""
    return load(FILE)


def _at(reliability: np.ndarray, turn: float) -> np.ndarray:
    """(A,): reliability (A, len(`TURNS`)) at a turn in degrees."""
    if turn > TURNS[-1]:
        return np.zeros(len(reliability))
    place = int(np.clip(np.searchsorted(TURNS, turn), 1, len(TURNS) - 1))
    low, high = TURNS[place - 1], TURNS[place]
    share = (turn - low) / (high - low)
    result: np.ndarray = (1 - share) * reliability[:, place - 1] + share * reliability[:, place]
    return result
