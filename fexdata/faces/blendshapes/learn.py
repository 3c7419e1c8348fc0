"""Sparse localised components: what faces do, one place at a time.

SliderGAN (Ververas and Zafeiriou 2020, eq. 1) learns its sliders from differences D of expressive
and neutral meshes of the same person, D = B C with sparse components, as Neumann et al., Sparse
Localized Deformation Components (ACM TOG 32(6), 2013). The printed equation has the roles of
sparsity and constraint the wrong way round; what is minimised is

    1/2 |X - W C|^2 + sum_k sum_v L_kv |c_kv|     with max|w_k| = 1

| symbol | name | shape | unit |
|---|---|---|---|
| X | differences | (N, V, 3) | the meshes' |
| W | weights | (N, K) | none |
| C | components | (K, V, 3) | the meshes' |
| L | penalty, `sparsity` times the support map | (K, V) | the meshes' |
| rho | `stiffness`, ADMM's | | none |

Weights and components are solved for in turn: weights one after another in closed form, components
by ADMM, whose shrinkage acts on a vertex's three numbers together, so that a vertex moves or
does not. The support map around the place where a component moves most is 0 near it and 1 far off
along the skin, which is what makes components local.

Weights are signed, or not negative (a muscle pulls and does not push); either way the largest is 1,
so a component is a movement at its full strength.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from fexdata.errors import FexdataError
from fexdata.faces.blendshapes.geodesic import Geodesics, support
from fexdata.faces.models.face_model import FaceModel

SUPPORT = (0.1, 0.7)
"""Neumann et al.'s usual reach: up to where a component moves freely, and from where it is kept
from moving most, as shares of the longest side of the neutral face's bounding box."""
ROUNDS = 10
"""Of solving for weights and components in turn."""
SHUT_OFF = 1e-9
"""Weights below this are none: the component has died and begins anew where the error is largest."""


@dataclass(frozen=True, slots=True, eq=False)
class Blendshapes:
    """K components of V vertices, the one that explains most first."""

    components: np.ndarray
    """(K, V, 3) float64: displacement at full strength, in the meshes' unit."""
    weights: np.ndarray
    """(N, K) float64, at most 1 and at least -1, or 0."""
    energy: np.ndarray
    """(K,) sum of squares of what each component adds to the differences, never growing."""
    signed: bool

    def reconstructed(self, differences: np.ndarray, count: int) -> np.ndarray:
        """Differences (N, V, 3) as the first `count` components show them, with least-squares weights."""
        basis = self.components[:count].reshape(count, differences[0].size)
        flat = differences.reshape(len(differences), -1)
        weights = np.linalg.lstsq(basis.T, flat.T, rcond=None)[0].T
        result: np.ndarray = (weights @ basis).reshape(differences.shape)
        return result


def learn_blendshapes(
    neutral: np.ndarray,
    expressive: np.ndarray,
    triangles: np.ndarray,
    count: int,
    *,
    signed: bool = True,
    sparsity: float = 2.0,
    stiffness: float = 10.0,
    reach: tuple[float, float] = SUPPORT,
    rounds: int = ROUNDS,
    inner_rounds: int = 10,
    advance: Callable[[int], None] = lambda rounds: None,
) -> Blendshapes:
    """K = `count` localised components of what N faces do.

    neutral, expressive: (N, V, 3), registered meshes of the same people, head movement already taken
    off (`fexdata.faces.blendshapes.still`); triangles: (T, 3). sparsity: the larger, the fewer vertices
    a component moves; it is in units of the differences' standard deviation. reach: see `SUPPORT`.
    advance: told of each of the `rounds`.
    Deterministic. Raises `FexdataError` for meshes that do not fit together, more components than
    meshes, or faces that do not move.
    """
    differences = _differences(neutral, expressive, count)
    mean_face = np.mean(neutral, axis=0, dtype=np.float64)
    size = float(np.ptp(mean_face, axis=0).max())
    scale = float(differences.std())
    if not scale > 0:
        raise FexdataError("blendshapes: no face moves: expressive and neutral meshes are the same")
    task = _Task(
        target=differences / scale,
        geodesics=Geodesics(mean_face, triangles),
        reach=(reach[0] * size, reach[1] * size),
        signed=signed,
        sparsity=sparsity,
        stiffness=stiffness,
    )
    components, weights = task.first_guess(count)
    dual = np.zeros_like(components)
    for _ in range(rounds):
        weights = task.solve_weights(components, weights)
        components, dual = task.solve_components(components, weights, dual, inner_rounds)
        advance(1)
    weights = task.solve_weights(components, weights)
    return _sorted(components * scale, weights, signed)


def learned_model(model: FaceModel, learned: Blendshapes, *, name: str, source: str) -> FaceModel:
    """The model with the learned components instead of its own expressions, named by their rank.

    Raises `ValueError` where the components have other vertices than the model."""
    count = len(learned.components)
    return replace(
        model,
        name=name,
        expression_basis=learned.components.astype(np.float32),
        expression_names=component_names(count),
        expression_signed=np.full(count, learned.signed),
        source=source,
        sha256="",
    )


def component_names(count: int) -> tuple[str, ...]:
    """The components' names, by rank."""
    return tuple(f"component_{rank:02d}" for rank in range(count))


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """One problem in units of the differences' standard deviation, and its steps in the paper's order."""

    target: np.ndarray
    """X, (N, V, 3)."""
    geodesics: Geodesics
    reach: tuple[float, float]
    signed: bool
    sparsity: float
    stiffness: float

    def first_guess(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Deflation: each component begins at the vertex whose movement is explained least so far."""
        rest = self.target.copy()
        components = np.zeros((count, *rest.shape[1:]))
        weights = np.zeros((len(rest), count))
        for k in range(count):
            components[k], weights[:, k] = self._seeded(rest)
            rest -= weights[:, k, None, None] * components[k]
        return components, weights

    def solve_weights(self, components: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """W, one column after another with the others held (the paper's block coordinate descent)."""
        found = weights.copy()
        rest = self.target - np.tensordot(found, components, axes=1)
        for k, component in enumerate(components):
            power = float((component**2).sum())
            rest += found[:, k, None, None] * component
            if power > SHUT_OFF:
                found[:, k] = self._projected(np.tensordot(rest, component, axes=2) / power)
            if power <= SHUT_OFF or not found[:, k].any():
                components[k], found[:, k] = self._seeded(rest)
            rest -= found[:, k, None, None] * components[k]
        return found

    def solve_components(
        self, components: np.ndarray, weights: np.ndarray, dual: np.ndarray, rounds: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """C by ADMM (Boyd et al. 2011, section 3.1.1, scaled form): C = Z, U the scaled dual."""
        penalty = self.sparsity * np.stack([self._support(component) for component in components])
        gram = weights.T @ weights + self.stiffness * np.eye(weights.shape[1])
        factor = cho_factor(gram)
        right = np.tensordot(weights.T, self.target, axes=1)
        sparse, scaled_dual = components, dual
        for _ in range(rounds):
            wanted = right + self.stiffness * (sparse - scaled_dual)
            dense = cho_solve(factor, wanted.reshape(len(wanted), -1)).reshape(wanted.shape)
            sparse = _shrunk(dense + scaled_dual, penalty / self.stiffness)
            scaled_dual = scaled_dual + dense - sparse
        return sparse, scaled_dual

    def _seeded(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A component (V, 3) and its weights (N,) around the vertex with most unexplained movement."""
        vertex = int((rest**2).sum(axis=(0, 2)).argmax())
        left, strengths, _ = np.linalg.svd(rest[:, vertex], full_matrices=False)
        # Without a sign, the half of the axis that holds more of the movement.
        along = left[:, 0] * strengths[0]
        choices = [along] if self.signed else [along, -along]
        weight = max((self._projected(one) for one in choices), key=lambda one: float((one * along).sum() ** 2))
        free = 1.0 - support(self.geodesics.from_vertex(vertex, limit=self.reach[1]), *self.reach)
        component = np.tensordot(weight, rest, axes=1) / max(float(weight @ weight), SHUT_OFF)
        return component * free[:, None], weight

    def _support(self, component: np.ndarray) -> np.ndarray:
        centre = int((component**2).sum(axis=1).argmax())
        return support(self.geodesics.from_vertex(centre, limit=self.reach[1]), *self.reach)

    def _projected(self, weights: np.ndarray) -> np.ndarray:
        """The constraint: the largest weight is 1 (A-002-5)."""
        kept = weights if self.signed else np.maximum(weights, 0.0)
        largest = float(np.abs(kept).max())
        return kept / largest if largest > SHUT_OFF else np.zeros_like(kept)


def _shrunk(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Each vertex's displacement shortened: the proximal map of the l1/l2 norm. (K, V, 3) by (K, V)."""
    length = np.linalg.norm(values, axis=2)
    result: np.ndarray = values * np.clip(1.0 - by / np.maximum(length, 1e-12), 0.0, None)[..., None]
    return result


def _sorted(components: np.ndarray, weights: np.ndarray, signed: bool) -> Blendshapes:
    # Of the two ways to write a signed component the one whose strongest weight is positive.
    strongest = np.take_along_axis(weights, np.abs(weights).argmax(axis=0)[None], axis=0)[0]
    turn = np.where(strongest < 0, -1.0, 1.0)
    components, weights = components * turn[:, None, None], weights * turn
    energy = (weights**2).sum(axis=0) * (components**2).sum(axis=(1, 2))
    order = np.argsort(-energy, kind="stable")
    return Blendshapes(components[order], weights[:, order], energy[order], signed)


def _differences(neutral: np.ndarray, expressive: np.ndarray, count: int) -> np.ndarray:
    if neutral.shape != expressive.shape or neutral.ndim != 3 or neutral.shape[2] != 3:
        raise FexdataError(
            f"blendshapes: neutral {neutral.shape} and expressive {expressive.shape} meshes need one shape (N, V, 3)"
        )
    if not 1 <= count <= len(neutral):
        raise FexdataError(f"blendshapes: {count} components need at least as many meshes, not {len(neutral)}")
    return np.asarray(expressive, np.float64) - np.asarray(neutral, np.float64)
