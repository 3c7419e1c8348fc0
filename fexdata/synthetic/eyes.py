"""Eyeballs: where they lie behind the lids, what they look like, and how the lids rest on them.

A person's balls are fitted once, to the neutral face (`fit_eyeballs`), because an eye does not move
in its socket when the face does. Each picture then lays the lids over the balls
(`clear_of_eyeballs`: a closing lid that moves in a straight line would cut through them) and gets
the parts to draw (`eyeballs`).

Sizes of an adult eye: ball 24 mm across, iris 11.7 mm, cornea with a radius of curvature of 7.8 mm
(Forrester et al., The Eye: Basic Sciences in Practice, 4th ed. 2016, chapter 1). An upper lid at
rest covers 1 to 2 mm of the iris, the lower one touches it.

Frame: the head's own (x right in the picture, y down, z away from the viewer, millimetres).
`left` is the picture's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.pose import rotation
from fexdata.faces.topology import LEFT_EYE_RIM, RIGHT_EYE_RIM, Label
from fexdata.render.photo.scene import Material, Part
from fexdata.synthetic.eye_texture import IRIS_SHARE, WET, eye_material
from fexdata.synthetic.traits import Traits

RADIUS = 12.0
IRIS_RADIUS = 5.85
CORNEA_RADIUS = 7.8
"""Millimetres, of an adult with lids 25.9 mm wide."""

USUAL_WIDTH = 25.9
LID_STANDOFF = 1.1
"""Millimetres from the ball to the front edge of a lid's rim, and the least to the inside of the lid."""
LID_FILM = 0.3
BALL_LIFT = 0.7
"""Millimetres that the ball's middle lies above the middle between the lids."""

# Rims as MediaPipe numbers them, from the outer corner along the lower lid and back along the upper
# one; its names say the person's own side, ours the picture's.
_RIMS = (RIGHT_EYE_RIM, LEFT_EYE_RIM)
_AROUND = 48
_STRIP = 64


@dataclass(frozen=True, slots=True)
class Eyeball:
    """One eye of a person; `side` is -1 for the picture's left."""

    centre: np.ndarray
    """(3,) float64."""
    radius: float
    rim: np.ndarray
    """(16,) int: rows of the 478 landmarks round the eye, from the outer corner along the lower lid."""
    side: int

    @property
    def scale(self) -> float:
        """Times an adult's usual size."""
        return self.radius / RADIUS


def fit_eyeballs(model: FaceModel, neutral: np.ndarray) -> tuple[Eyeball, Eyeball]:
    """The picture's left and right eyeball of a person with this neutral face (V, 3).

    Size follows the root of the lids' width, since eyes differ less than the lids around them. The
    ball lies in the middle between the corners, and so deep that the middle of both lids rests on it.
    """
    assert model.landmarks_478 is not None
    points = model.landmarks_478.points(neutral).astype(np.float64)
    widths = [np.linalg.norm(points[rim[0]] - points[rim[8]]) for rim in _RIMS]
    radius = RADIUS * float(np.clip((np.mean(widths) / USUAL_WIDTH) ** 0.5, 0.92, 1.09))
    balls = []
    for side, rim in zip((-1, 1), _RIMS, strict=True):
        lids = points[list(rim)]
        lower, upper = lids[2:7], lids[10:15]
        x = (lids[0, 0] + lids[8, 0]) / 2
        y = (lower[1:4, 1].mean() + upper[1:4, 1].mean()) / 2 - BALL_LIFT * radius / RADIUS
        resting = np.concatenate([lower, upper])
        across = np.hypot(resting[:, 0] - x, resting[:, 1] - y)
        depth = np.sqrt(((radius + LID_STANDOFF) ** 2 - across**2).clip(1.0))
        weight = np.exp(-((across / 8.0) ** 2))
        z = float(np.average(resting[:, 2] + depth, weights=weight))
        balls.append(Eyeball(np.array([x, y, z]), radius, np.array(rim), side))
    return balls[0], balls[1]


def clear_of_eyeballs(
    vertices: np.ndarray, balls: tuple[Eyeball, Eyeball], gaze: tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    """The head (V, 3) with its lids laid on the balls: nothing closer to them than `LID_FILM`.

    The push goes straight out and fades within a millimetre, so that a lid bulges smoothly over
    the ball, and over the cornea, which follows the gaze (degrees of yaw and pitch).
    """
    cleared = np.array(vertices)
    for ball in balls:
        away = vertices - ball.centre
        near = np.flatnonzero((np.abs(away).max(axis=1) < 1.6 * ball.radius) & (away[:, 2] < 0.2 * ball.radius))
        distance = np.linalg.norm(away[near], axis=1)
        direction = away[near] / distance[:, None]
        gap = distance - _front(ball, direction @ _axis(gaze)) - LID_FILM
        # A soft maximum of the gap and 0.
        lifted = np.logaddexp(0.0, gap / 0.25) * 0.25
        push = np.where(gap < 3.0, lifted - gap, 0.0)
        cleared[near] += (direction * push[:, None]).astype(cleared.dtype)
    return cleared


def eyeballs(
    model: FaceModel,
    vertices: np.ndarray,
    balls: tuple[Eyeball, Eyeball],
    gaze: tuple[float, float],
    traits: Traits,
) -> list[Part]:
    """Per eye the ball with its iris, the wet tissue between it and the lids, and the cornea over it.

    vertices: the head (V, 3) after `clear_of_eyeballs`; gaze: degrees of yaw (positive to the
    picture's left) and pitch (positive down) relative to the head; both eyes look far away.
    """
    assert model.landmarks_478 is not None
    points = model.landmarks_478.points(vertices).astype(np.float64)
    parts = []
    for ball in balls:
        rim = _loop(points[ball.rim], _STRIP)
        parts += [_ball(ball, rim, gaze, traits), _wet_rim(ball, rim), _cornea(ball, gaze)]
    return parts


def iris_points(balls: tuple[Eyeball, Eyeball], gaze: tuple[float, float]) -> np.ndarray:
    """(10, 3): MediaPipe's landmarks 468 to 477. Per eye, the picture's left first: the iris's middle,
    then its right, top, left and bottom as the viewer sees them."""
    ring = np.array([[0, 0], [1, 0], [0, -1], [-1, 0], [0, 1]], np.float64) * IRIS_RADIUS
    turned = []
    for ball in balls:
        flat = np.column_stack([ring * ball.scale, np.full(5, -_limbus(ball))])
        turned.append(flat @ _turn(gaze).T + ball.centre)
    return np.concatenate(turned)


def _turn(gaze: tuple[float, float]) -> np.ndarray:
    return rotation(gaze[0], gaze[1], 0.0)


def _axis(gaze: tuple[float, float]) -> np.ndarray:
    return _turn(gaze) @ np.array([0.0, 0.0, -1.0])


def _limbus(ball: Eyeball) -> float:
    # How far in front of the ball's centre the iris's edge lies.
    return float(np.sqrt(ball.radius**2 - (IRIS_RADIUS * ball.scale) ** 2))


def _front(ball: Eyeball, cosine: np.ndarray) -> np.ndarray:
    """Distance of the front surface (sclera, cornea) from the centre, by the cosine of the angle to the gaze."""
    curvature = CORNEA_RADIUS * ball.scale
    middle = _limbus(ball) - np.sqrt(curvature**2 - (IRIS_RADIUS * ball.scale) ** 2)
    sine_squared = (1 - cosine**2).clip(0)
    bulge = middle * cosine + np.sqrt((curvature**2 - middle**2 * sine_squared).clip(0))
    bulge = np.where(cosine > 0, bulge, 0.0)
    # The groove at the limbus is shallow: a soft maximum.
    return np.logaddexp(bulge / 0.12, ball.radius / 0.12) * 0.12


def _rings(radii: np.ndarray, depths: np.ndarray, map_radii: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A surface of revolution about -z: vertices, triangles and uv of rings of `_AROUND` points round a pole."""
    angle = 2 * np.pi * np.arange(_AROUND) / _AROUND
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    flat = radii[1:, None, None] * circle
    rings = np.concatenate([flat, np.broadcast_to(-depths[1:, None, None], (*flat.shape[:2], 1))], axis=2)
    vertices = np.concatenate([[[0.0, 0.0, -depths[0]]], rings.reshape(-1, 3)])
    uv = np.concatenate([[[0.5, 0.5]], (0.5 + 0.5 * map_radii[1:, None, None] * circle).reshape(-1, 2)])
    first, after = np.arange(_AROUND), (np.arange(_AROUND) + 1) % _AROUND
    fan = np.stack([np.zeros(_AROUND, int), 1 + after, 1 + first], axis=1)
    bands = []
    for ring in range(len(radii) - 2):
        a, b = 1 + ring * _AROUND, 1 + (ring + 1) * _AROUND
        bands.append(np.stack([a + first, b + after, b + first], axis=1))
        bands.append(np.stack([a + first, a + after, b + after], axis=1))
    return vertices, np.concatenate([fan, *bands]).astype(np.int32), uv.astype(np.float32)


def _ball(ball: Eyeball, rim: np.ndarray, gaze: tuple[float, float], traits: Traits) -> Part:
    iris = IRIS_RADIUS * ball.scale
    limbus = _limbus(ball)
    share = np.linspace(0, 1, 9)
    # The iris is a shallow funnel around the pupil, set back a little from the limbus.
    iris_depth = limbus - 0.25 - 0.3 * (1 - share**2)
    iris_depth[-1] = limbus
    start = np.arcsin(iris / ball.radius)
    angles = start + (np.radians(100) - start) * np.linspace(0, 1, 14)[1:]
    radii = np.concatenate([share * iris, ball.radius * np.sin(angles)])
    depths = np.concatenate([iris_depth, ball.radius * np.cos(angles)])
    map_radii = np.concatenate([share * IRIS_SHARE, IRIS_SHARE + (1 - IRIS_SHARE) * np.linspace(0, 1, 14)[1:]])
    vertices, triangles, uv = _rings(radii, depths, map_radii)
    placed = vertices @ _turn(gaze).T + ball.centre
    return Part(
        name=f"eye_{_word(ball)}",
        vertices=placed.astype(np.float32),
        triangles=triangles,
        uv=uv,
        material=eye_material(traits, ball.side),
        tint=_lid_shade(placed, rim),
        label=int(Label.EYE),
    )


def _lid_shade(points: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """(n, 3) factors: lids and lashes keep the light of the sky from the ball, the upper ones most."""
    half = _STRIP // 2
    squared = (points**2).sum(axis=1)[:, None] + (rim**2).sum(axis=1) - 2 * points @ rim.T
    away = np.sqrt(squared.clip(0)) - LID_STANDOFF

    def nearness(part: list[int] | slice, reach: float) -> np.ndarray:
        result: np.ndarray = np.exp(-((away[:, part].min(axis=1).clip(0) / reach) ** 2))
        return result

    lower, upper = slice(0, half + 1), [*range(half, _STRIP), 0]
    shade = (1 - 0.42 * nearness(upper, 2.2)) * (1 - 0.15 * nearness(lower, 1.0))
    corners = (1 - 0.12 * nearness([0], 2.5)) * (1 - 0.12 * nearness([half], 2.5))
    dark = (shade * corners)[:, None]
    # What little light comes through the lids' edge is reddish.
    return (dark ** np.array([0.86, 1.03, 1.07])).astype(np.float32)


def _cornea(ball: Eyeball, gaze: tuple[float, float]) -> Part:
    """The clear front of the eye with its film of tears, over iris and white."""
    angles = np.radians(np.concatenate([np.linspace(0, 24, 9), np.linspace(26, 36, 8), np.linspace(41, 85, 9)]))
    distance = _front(ball, np.cos(angles)) + 0.04
    vertices, triangles, uv = _rings(distance * np.sin(angles), distance * np.cos(angles), angles / angles[-1])
    return Part(
        name=f"cornea_{_word(ball)}",
        vertices=(vertices @ _turn(gaze).T + ball.centre).astype(np.float32),
        triangles=triangles,
        uv=uv,
        material=Material(
            kind="cornea",
            albedo=np.zeros((1, 1, 3), np.float32),
            roughness=np.full((1, 1), 0.06, np.float32),
            specular=0.025,
        ),
        label=int(Label.EYE),
        shadows=False,
    )


def _wet_rim(ball: Eyeball, rim: np.ndarray) -> Part:
    """What lies between the lids' edge and the ball: a line of tears along the lids, at the inner
    corner the caruncle, at the outer one a fold. It also closes the wedge that a face wider than
    its ball leaves at the corners."""
    away = rim - ball.centre
    distance = np.linalg.norm(away, axis=1)
    outward = away / distance[:, None]
    gap = (distance - ball.radius).clip(0.1)
    inward = ball.centre - np.array([0.0, 0.0, ball.radius]) - rim
    inward -= (inward * outward).sum(axis=1, keepdims=True) * outward
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    index = np.arange(_STRIP)
    from_inner = np.abs(index - _STRIP / 2) / (_STRIP / 2)
    inner = np.exp(-((from_inner / 0.14) ** 2))
    outer = np.exp(-(((1 - from_inner) / 0.1) ** 2))
    start = rim - outward * np.minimum(0.65 * gap, 0.7)[:, None] - inward * 0.25
    # The foot lies on the ball, as seen from the front a little within the rim.
    reach = (0.6 + 0.62 * (gap - LID_STANDOFF).clip(0)) * ball.scale
    across = (rim + inward * reach[:, None] - ball.centre)[:, :2]
    wide = np.linalg.norm(across, axis=1, keepdims=True)
    across *= np.minimum(1.0, 0.96 * ball.radius / wide)
    depth = np.sqrt((ball.radius - 0.2) ** 2 - (across**2).sum(axis=1))
    foot = ball.centre + np.column_stack([across, -depth])
    share = np.array([0.0, 0.3, 0.55, 0.8, 1.0])[:, None, None]
    rows = start + (foot - start) * share
    # The caruncle: a small mound within the inner corner.
    mound = np.array([0.0, 0.55, 1.0, 0.5, 0.0])[:, None, None] * (0.9 * inner)[:, None]
    rows = rows + mound * np.array([0.0, 0.0, -1.0])
    pink, pale, fold = np.array([0.42, 0.17, 0.14]), np.array([0.47, 0.31, 0.27]), np.array([0.36, 0.19, 0.16])
    colour = pale + (pink - pale) * inner[:, None] + (fold - pale) * outer[:, None]
    depth_shade = np.array([0.5, 0.75, 0.9, 0.9, 0.8])[:, None, None]
    tint = np.broadcast_to(colour * depth_shade, rows.shape)
    first = np.arange(_STRIP)
    after = (first + 1) % _STRIP
    bands = []
    for row in range(len(rows) - 1):
        a, b = row * _STRIP, (row + 1) * _STRIP
        bands.append(np.stack([a + first, b + after, b + first], axis=1))
        bands.append(np.stack([a + first, a + after, b + after], axis=1))
    triangles = np.concatenate(bands).astype(np.int32)
    if ball.side > 0:
        triangles = triangles[:, ::-1]
    return Part(
        name=f"tears_{_word(ball)}",
        vertices=rows.reshape(-1, 3).astype(np.float32),
        triangles=np.ascontiguousarray(triangles),
        uv=np.zeros((rows.shape[0] * _STRIP, 2), np.float32),
        material=WET,
        tint=tint.reshape(-1, 3).astype(np.float32),
        label=int(Label.EYE),
        shadows=False,
    )


def _loop(points: np.ndarray, count: int) -> np.ndarray:
    """`count` points of the closed Catmull-Rom spline through `points` (n, 3), evenly per segment."""
    where = np.arange(count) * len(points) / count
    index = where.astype(int)
    t = (where - index)[:, None]
    p = [points[(index + step) % len(points)] for step in (-1, 0, 1, 2)]
    return 0.5 * (
        2 * p[1]
        + (p[2] - p[0]) * t
        + (2 * p[0] - 5 * p[1] + 4 * p[2] - p[3]) * t**2
        + (3 * p[1] - p[0] - 3 * p[2] + p[3]) * t**3
    )


def _word(ball: Eyeball) -> str:
    return "left" if ball.side < 0 else "right"
