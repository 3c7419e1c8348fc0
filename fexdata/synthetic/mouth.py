"""What an open mouth shows: teeth, gums, tongue and a dark cavity behind the lips.

The upper teeth are part of the skull and never move; the lower ones and the tongue move with the
jaw, whose rigid motion is read off the movement fields of the jaw alone, so that a raised chin or
pressed lips do not move teeth. The cavity starts at the inner edge of the lips, so that no
background can be seen through an open mouth.

Frame: the head's own (x right in the picture, y down, z away from the viewer, millimetres).
"""

from __future__ import annotations

import functools

import cv2
import numpy as np

from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.topology import MOUTH_RIM, Label, boundary_loops
from fexdata.render.photo.scene import Material, Part
from fexdata.synthetic.teeth import Row, dentition, front_of_arch
from fexdata.synthetic.traits import Traits

JAW_MOVEMENTS = ("AU26", "AU27", "AD29", "AD30", "jawOpen", "jawForward", "jawLeft", "jawRight")
"""Movements that move the jaw, with or without `_left` and `_right`: ours, and ICT-FaceKit's."""

USUAL_WIDTH = 49.2
"""Millimetres between the corners of the mean mouth."""
SHUT = 0.7
"""Millimetres by which lips may part and still count as shut: no teeth are drawn behind them."""
INCISOR_BEHIND_LIPS = 3.2
"""Millimetres from where the lips meet back to the upper incisors' front."""
INCISOR_BELOW_LIP = 1.6
"""Millimetres by which the upper incisors reach below where the lips meet."""
LIP_STANDOFF = 0.8
"""Millimetres that a lip keeps in front of the teeth."""
SKIN_OVER_GUMS = 3.0
"""Millimetres from the fold below the lower lip back to the lower incisors' front, at least."""
OVERJET, OVERBITE = 2.6, 2.2
"""Millimetres from upper to lower incisors, backwards and upwards."""

_UPPER_LIP, _LOWER_LIP = 13, 14
_BELOW_LIP = 18
_LIP_PAIRS = ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402), (80, 88), (310, 318))
_CORNERS = (61, 291)
_CHIN = (14, 17, 18, 84, 314, 83, 313, 200, 199)


def jaw_motion(model: FaceModel, neutral: np.ndarray, expression: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (3, 3) and shift (3,) of the jaw, x -> R x + t, of a person (V, 3) with an expression (E,).

    The rigid motion nearest to what the jaw's own movements do to the chin (Umeyama, IEEE TPAMI 13(4), 1991).
    """
    assert model.landmarks_478 is not None
    rows = model.landmarks_478.vertices[list(_CHIN), 0]
    still = neutral[rows].astype(np.float64)
    moved = still.copy()
    for number, name in enumerate(model.expression_names):
        if name.removesuffix("_left").removesuffix("_right") in JAW_MOVEMENTS and expression[number] != 0:
            moved += expression[number] * model.expression_basis[number, rows]
    centre, target = still.mean(axis=0), moved.mean(axis=0)
    u, _, vt = np.linalg.svd((moved - target).T @ (still - centre))
    turn = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    return turn, target - turn @ centre


def mouth_parts(
    model: FaceModel, neutral: np.ndarray, vertices: np.ndarray, expression: np.ndarray, traits: Traits
) -> list[Part]:
    """Teeth, gums, tongue and cavity of a person (neutral (V, 3)) with an expression (coefficients (E,),
    vertices (V, 3)); behind shut lips the cavity alone."""
    assert model.landmarks_478 is not None
    rest = model.landmarks_478.points(neutral).astype(np.float64)
    now = model.landmarks_478.points(vertices).astype(np.float64)
    turn, shift = jaw_motion(model, neutral, expression)
    scale = _scale(rest)
    upper, lower = _origins(rest, scale)
    opening = _opening(rest, now)
    cavity = _cavity(model, vertices, (upper + lower) / 2, scale, (turn, shift))
    parts = [_part("mouth_cavity", cavity, _LINING)]
    if opening < SHUT:
        return parts
    light = _let_in(opening)
    for jaw, origin in (("upper", upper), ("lower", lower)):
        teeth, gums = dentition(traits)[jaw]
        for name, row, material in (("teeth", teeth, _enamel(traits)), ("gums", gums, _gums(traits))):
            placed = row.vertices * scale + origin
            if jaw == "lower":
                placed = placed @ turn.T + shift
            parts.append(_part(f"{jaw}_{name}", Row(placed, row.triangles, row.tint * light), material))
    tongue = _tongue(scale)
    placed = (tongue.vertices + lower) @ turn.T + shift
    # Its texture is laid on from above, 60 mm wide.
    uv = (tongue.vertices[:, (0, 2)] / 60.0 + [0.5, 0.0]).astype(np.float32)
    parts.append(_part("tongue", Row(placed, tongue.triangles, tongue.tint * light), _flesh(traits), uv))
    return parts


def clear_of_teeth(
    model: FaceModel, neutral: np.ndarray, vertices: np.ndarray, expression: np.ndarray | None = None
) -> np.ndarray:
    """The head (V, 3) with its lips in front of the teeth: stretched lips slide over the arch instead
    of sinking into it. Without `expression` (E,) the jaw counts as shut.

    Lips that are shut may do as they like, since no teeth are drawn behind them: sucked in, they
    fold over the teeth of a jaw that is a little open.
    """
    assert model.landmarks_478 is not None
    rest = model.landmarks_478.points(neutral).astype(np.float64)
    opening = _opening(rest, model.landmarks_478.points(vertices).astype(np.float64))
    parted = float(np.clip((opening - SHUT) / 2.0, 0, 1))
    if parted == 0:
        return np.array(vertices)
    scale = _scale(rest)
    turn, shift = np.eye(3), np.zeros(3)
    if expression is not None:
        turn, shift = jaw_motion(model, neutral, expression)
    weight = model.regions["lips"] * (1 - model.regions["mouth_inside"])
    chosen = np.flatnonzero(weight > 0.02)
    lips, weight = vertices[chosen].astype(np.float64), weight[chosen]
    push = np.zeros_like(lips)
    for jaw, origin, sign in zip(("upper", "lower"), _origins(rest, scale), (-1.0, 1.0), strict=True):
        seen = (lips if jaw == "upper" else (lips - shift) @ turn) - origin
        arch = scale * front_of_arch(jaw, seen[:, 0] / scale) - LIP_STANDOFF
        behind = np.logaddexp(0.0, (seen[:, 2] - arch) / 0.4) * 0.4
        # Only beside the crowns: from a little beyond their edges to above their necks.
        up = sign * seen[:, 1] / scale
        beside = np.clip((up + 2.0) / 2.0, 0, 1) * np.clip((15.0 - up) / 4.0, 0, 1)
        forwards = np.array([0.0, 0.0, -1.0]) if jaw == "upper" else -turn[:, 2]
        push += (behind * beside * weight)[:, None] * forwards
    cleared = np.array(vertices)
    cleared[chosen] += (parted * push).astype(cleared.dtype)
    return cleared


def _scale(rest: np.ndarray) -> float:
    # Teeth differ less between people than mouths do.
    width = float(np.linalg.norm(rest[_CORNERS[0]] - rest[_CORNERS[1]]))
    return float(np.clip((width / USUAL_WIDTH) ** 0.6, 0.85, 1.15))


def _origins(rest: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the upper and the lower row's middle edges lie in the head at rest."""
    meeting = (rest[_UPPER_LIP] + rest[_LOWER_LIP]) / 2
    upper = np.array([meeting[0], meeting[1] + INCISOR_BELOW_LIP, rest[_UPPER_LIP, 2] + INCISOR_BEHIND_LIPS])
    lower = upper + np.array([0.0, -OVERBITE, OVERJET]) * scale
    # Below a full lip the skin comes close to the gums.
    lower[2] = max(lower[2], rest[_BELOW_LIP, 2] + SKIN_OVER_GUMS)
    return upper, lower


def _opening(rest: np.ndarray, now: np.ndarray) -> float:
    """By how many millimetres the lips' inner rims are further apart than at rest, where they are furthest."""
    upper, lower = np.array(_LIP_PAIRS).T
    still, moved = (float(np.linalg.norm(points[lower] - points[upper], axis=1).max()) for points in (rest, now))
    return max(0.0, moved - still)


def _let_in(opening: float) -> float:
    # Through a slit hardly any light gets in: lips two millimetres apart show darkness, not teeth.
    share = float(np.clip((opening - SHUT) / 4.0, 0, 1))
    return 0.06 + 0.94 * share * (2 - share)


def _part(name: str, row: Row, material: Material, uv: np.ndarray | None = None) -> Part:
    return Part(
        name=name,
        vertices=row.vertices.astype(np.float32),
        triangles=row.triangles,
        uv=np.zeros((len(row.vertices), 2), np.float32) if uv is None else uv,
        material=material,
        tint=row.tint.astype(np.float32),
        label=int(Label.MOUTH),
    )


def _plain(kind: str, colour: np.ndarray, roughness: float, specular: float) -> Material:
    return Material(
        kind=kind,  # type: ignore[arg-type]
        albedo=np.ascontiguousarray(np.asarray(colour, np.float32).reshape(1, 1, 3)),
        roughness=np.full((1, 1), roughness, np.float32),
        specular=specular,
    )


_LINING = _plain("plain", np.array([0.30, 0.075, 0.065]), 0.45, 0.02)


@functools.lru_cache(maxsize=16)
def _enamel(traits: Traits) -> Material:
    white, yellow = np.array([0.72, 0.645, 0.55]), np.array([0.58, 0.44, 0.29])
    return _plain("teeth", white + (yellow - white) * traits.teeth_yellowness, 0.2, 0.045)


@functools.lru_cache(maxsize=16)
def _gums(traits: Traits) -> Material:
    return _plain("eye", np.array([0.47, 0.19, 0.17]) * (1 - 0.45 * traits.tone), 0.3, 0.03)


@functools.lru_cache(maxsize=16)
def _flesh(traits: Traits) -> Material:
    rng = np.random.default_rng([traits.seed, *b"tongue"])
    rough = rng.standard_normal((128, 128), np.float32)
    papillae = cv2.GaussianBlur(rough, (0, 0), 1.0) * 3
    coat = cv2.GaussianBlur(rough, (0, 0), 12.0) * 30
    colour = np.array([0.44, 0.17, 0.15]) * (1 + 0.07 * papillae + 0.05 * coat)[..., None]
    return Material(
        kind="eye",
        albedo=np.ascontiguousarray(colour.clip(0.02, 0.9), np.float32),
        roughness=np.full((1, 1), 0.36, np.float32),
        height=np.ascontiguousarray(0.12 * papillae, np.float32),
        specular=0.03,
    )


@functools.lru_cache(maxsize=64)
def _tongue(scale: float) -> Row:
    """A flat, rounded body behind the lower teeth (origin: their middle edge), with a groove along its middle."""
    along, around = np.linspace(0, 1, 16), 2 * np.pi * np.arange(24) / 24
    u, angle = along[:, None], around[None]
    half_width = 19.5 * (1 - (1 - u.clip(0, 0.55) / 0.55) ** 2.4) ** 0.5 + 0.3
    thickness = 5.5 * (1 - (1 - u.clip(0, 0.4) / 0.4) ** 2) ** 0.5 + 2.5 * u + 0.1
    x = half_width * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.8
    top = np.sin(angle) > 0
    groove = 1.3 * np.exp(-((x / 2.6) ** 2)) * top * np.sin(np.pi * u.clip(0, 1)) ** 0.5
    y = 5.5 - 5.0 * np.sin(np.pi * 0.55 * u) - thickness * np.sin(angle) + groove
    z = 7.0 + 44.0 * u + 0 * angle
    vertices = np.stack([x, y, z], axis=2) * scale
    first = np.arange(24)
    after = (first + 1) % 24
    bands = []
    for row in range(15):
        a, b = row * 24, (row + 1) * 24
        bands.append(np.stack([a + first, b + first, b + after], axis=1))
        bands.append(np.stack([a + first, b + after, a + after], axis=1))
    shade = (1 - 0.75 * along**1.2)[:, None, None] * np.ones((16, 24, 3))
    triangles = np.concatenate(bands).astype(np.int32)
    points = vertices.reshape(-1, 3)
    a, b, c = (points[triangles[:, k]] - points.mean(axis=0) for k in range(3))
    if np.einsum("ij,ij->", a, np.cross(b, c)) < 0:
        triangles = np.ascontiguousarray(triangles[:, ::-1])
    return Row(points, triangles, shade.reshape(-1, 3).astype(np.float32))


@functools.lru_cache(maxsize=4)
def _lip_edge(model: FaceModel) -> np.ndarray:
    """The inner edge of the lips, where the model's surface ends: a loop of vertices, in the
    direction of its triangles. On a model whose lips do not roll in it is the lips' rim."""
    assert model.landmarks_478 is not None
    middle = model.landmarks_478.points(model.mean)[list(MOUTH_RIM)].mean(axis=0)
    loops = boundary_loops(model.triangles)
    return min(loops, key=lambda loop: float(np.linalg.norm(model.mean[loop].mean(axis=0) - middle)))


_ROWS = (
    # how far from the lips' edge to the stated oval; the oval: backwards, half width, half height
    # upwards, half height downwards; how dark
    (0.12, 10.0, 24.0, 16.0, 15.0, 0.9),
    (0.4, 16.0, 25.0, 20.0, 18.0, 0.65),
    (0.8, 26.0, 26.0, 21.0, 19.0, 0.35),
    (1.0, 36.0, 26.0, 19.0, 18.0, 0.14),
    (1.0, 50.0, 20.0, 14.0, 16.0, 0.05),
    (1.0, 60.0, 8.0, 6.0, 8.0, 0.02),
    (1.0, 62.0, 0.1, 0.1, 0.1, 0.01),
)


def _cavity(
    model: FaceModel,
    vertices: np.ndarray,
    middle: np.ndarray,
    scale: float,
    jaw: tuple[np.ndarray, np.ndarray],
) -> Row:
    """The lining from the lips' inner edge round the teeth to the throat; its lower half moves with the jaw."""
    edge = _lip_edge(model)
    start = vertices[edge].astype(np.float64)
    rest = model.mean[edge] - model.mean[edge].mean(axis=0)
    angle = np.arctan2(rest[:, 1] / np.ptp(rest[:, 1]), rest[:, 0] / np.ptp(rest[:, 0]))
    turn, shift = jaw
    # Cheeks close in beside a dropped jaw.
    drop = float(np.linalg.norm(turn @ middle + shift - middle))
    slim = 1 - 0.012 * min(drop, 40.0) * np.clip(0.4 + np.sin(angle), 0, 1)
    with_jaw = np.clip(0.5 + 0.8 * np.sin(angle), 0, 1)[:, None]
    rows, tints = [start], [np.full(len(edge), 1.0)]
    for way, back, wide, up, down, dark in _ROWS:
        height = np.where(np.sin(angle) < 0, up, down) * np.sin(angle)
        place = middle + scale * np.column_stack([wide * slim * np.cos(angle), height, np.full(len(edge), back)])
        # The throat hardly moves.
        share = with_jaw * (1 - back / 70)
        place = place + share * (place @ turn.T + shift - place)
        rows.append(start + way * (place - start))
        tints.append(np.full(len(edge), dark))
    count = len(edge)
    first = np.arange(count)
    after = (first + 1) % count
    bands = []
    for row in range(len(rows) - 1):
        a, b = row * count, (row + 1) * count
        bands.append(np.stack([a + after, a + first, b + first], axis=1))
        bands.append(np.stack([a + after, b + first, b + after], axis=1))
    tint = np.repeat(np.concatenate(tints)[:, None], 3, axis=1)
    return Row(np.concatenate(rows), np.concatenate(bands).astype(np.int32), tint)
