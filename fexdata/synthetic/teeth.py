"""A person's two rows of teeth with their gums, in millimetres, before they are put into a head.

Each tooth is a rounded box with the outline of its kind, set along an elliptic arch. Widths and
crown heights are the usual ones of adults (Nelson, Wheeler's Dental Anatomy, Physiology and
Occlusion, 10th ed. 2015, tables 1-1 to 1-16, rounded); every person's vary and stand a little askew.

Frame of a row: origin between the middle incisors' edges at their front; x right in the picture,
y down, z backwards. Crowns of the upper row reach up from y = 0, those of the lower row down.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from fexdata.synthetic.traits import Traits

# From the midline outwards: incisors, canine, premolars, first molar. Millimetres.
_WIDTHS = {"upper": (8.5, 6.6, 7.6, 7.0, 6.8, 10.0), "lower": (5.3, 5.8, 6.8, 7.0, 7.1, 10.5)}
_HEIGHTS = {"upper": (10.3, 9.0, 10.0, 8.5, 8.0, 7.3), "lower": (8.8, 9.2, 10.2, 8.6, 8.0, 7.5)}
_EDGES = {"upper": (0.0, 0.7, -0.1, 0.4, 0.6, 0.8), "lower": (0.0, 0.0, -0.3, 0.3, 0.5, 0.7)}
"""How far the edge stays behind the middle incisors'."""
_CORNERS = (0.35, 0.6, 1.7, 1.4, 1.2, 0.7)
"""How far the corners of the edge stay behind its middle: a canine is pointed."""
_ARCH = {"upper": (29.5, 38.0), "lower": (27.0, 35.5)}
"""Half axes of the arch's ellipse: across and backwards."""

_SHARE = np.array([0.0, 0.05, 0.16, 0.34, 0.54, 0.74, 0.92, 1.08])
"""Rows of a tooth, from the edge (0) to the neck (1) and a little into the gum."""
_WIDTH = np.array([0.84, 0.93, 0.985, 1.0, 0.975, 0.91, 0.82, 0.72])
_THICK = {"cutting": (0.9, 1.4, 2.1, 3.2, 4.6, 5.6, 6.0, 5.6), "chewing": (4.6, 5.8, 6.6, 7.6, 8.2, 8.2, 7.8, 7.2)}
_BULGE = np.array([0.75, 0.55, 0.3, 0.08, 0.0, 0.1, 0.35, 0.8])
"""How far the front lies behind its most forward line."""
_AROUND = 16
_GUM = np.array([[-2.2, -0.4], [-0.1, 0.1], [0.55, 1.2], [0.85, 2.8], [0.5, 5.5], [-1.2, 8.5], [-4.0, 11.0]])
"""The gum's section: outwards, and from the neck towards the root."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One jaw's teeth or gums."""

    vertices: np.ndarray
    """(V, 3) float64."""
    triangles: np.ndarray
    """(T, 3) int32."""
    tint: np.ndarray
    """(V, 3) float32."""


@functools.lru_cache(maxsize=16)
def dentition(traits: Traits) -> dict[str, tuple[Row, Row]]:
    """Teeth and gums of the `upper` and the `lower` row of a person."""
    rng = np.random.default_rng([traits.seed, *b"teeth"])
    return {jaw: _row(rng, jaw) for jaw in ("upper", "lower")}


def front_of_arch(jaw: str, x: np.ndarray) -> np.ndarray:
    """How far behind the middle incisors' front the arch lies at distance x from the midline."""
    across, back = _ARCH[jaw]
    return back * (1 - np.sqrt((1 - (x / across) ** 2).clip(0)))


def _row(rng: np.random.Generator, jaw: str) -> tuple[Row, Row]:
    sign = -1.0 if jaw == "upper" else 1.0
    widths = np.array(_WIDTHS[jaw]) * np.exp(rng.normal(0, 0.03, 6))
    heights = np.array(_HEIGHTS[jaw]) * np.exp(rng.normal(0, 0.05, 6) + rng.normal(0, 0.05))
    crowding = abs(rng.normal(0, 0.5))
    starts = np.cumsum(widths) - widths
    teeth, gaps = [], []
    for side in (-1, 1):
        for kind in range(6):
            tooth = _tooth(rng, kind, widths[kind], heights[kind], jaw)
            where = starts[kind] + widths[kind] / 2
            teeth.append(_placed(rng, tooth, side * where, jaw, crowding, sign))
            gaps.append((side * where, widths[kind], heights[kind] + _EDGES[jaw][kind]))
    return _joined(teeth), _gum(sorted(gaps), jaw, sign)


def _tooth(rng: np.random.Generator, kind: int, width: float, height: float, jaw: str) -> Row:
    """A tooth along x, its edge at y = 0, its neck at y = height, its front at z = 0."""
    angle = 2 * np.pi * np.arange(_AROUND) / _AROUND
    # A rounded rectangle: the front is flatter than the back.
    cosine, sine = np.cos(angle), np.sin(angle)
    across = np.sign(cosine) * np.abs(cosine) ** 0.55
    depth = np.sign(sine) * np.abs(sine) ** np.where(sine > 0, 0.8, 0.45)
    thick = np.array(_THICK["cutting" if kind < 3 else "chewing"])[:, None]
    x = _WIDTH[:, None] * width / 2 * across
    z = _BULGE[:, None] * (1.0 if kind < 3 else 0.8) + thick * (0.5 + 0.5 * depth)
    edge = _EDGES[jaw][kind] + _CORNERS[kind] * (2 * x / width) ** 2 * ((1 - _SHARE[:, None]) ** 3)
    y = _SHARE[:, None] * height + edge
    rings = np.stack([x, y, z], axis=2)
    cap = rings[0].mean(axis=0) - [0, 0.15, 0]
    vertices = np.concatenate([[cap], rings.reshape(-1, 3)])
    # Between the teeth it is dark; necks are yellower, edges greyer and a little translucent.
    aside = np.clip(np.abs(x) / (width / 2), 0, 1)
    dark = (1 - 0.5 * aside**8)[..., None]
    neck, tip = _SHARE[:, None, None].clip(0, 1) ** 2, (1 - _SHARE[:, None, None] / 0.22).clip(0, 1)
    colour = (1 - neck * np.array([0.04, 0.10, 0.22])) * (1 - tip * np.array([0.16, 0.12, 0.06]))
    colour = colour * np.exp(rng.normal(0, 0.03)) * (np.array([0.95, 0.91, 0.84]) if kind == 2 else 1.0)
    tint = np.concatenate([[(colour * dark)[0].mean(axis=0)], (colour * dark).reshape(-1, 3)])
    return Row(vertices, _lofted(len(_SHARE)), tint.astype(np.float32))


def _lofted(rows: int) -> np.ndarray:
    first = np.arange(_AROUND)
    after = (first + 1) % _AROUND
    bands = [np.stack([np.zeros(_AROUND, int), 1 + first, 1 + after], axis=1)]
    for row in range(rows - 1):
        a, b = 1 + row * _AROUND, 1 + (row + 1) * _AROUND
        bands.append(np.stack([a + first, b + after, a + after], axis=1))
        bands.append(np.stack([a + first, b + first, b + after], axis=1))
    return np.concatenate(bands).astype(np.int32)


def _placed(rng: np.random.Generator, tooth: Row, along: float, jaw: str, crowding: float, sign: float) -> Row:
    (point,), (tangent,), (normal,) = _arch(jaw, np.array([along]))
    turn = np.radians(rng.normal(0, 2 + 5 * crowding))
    lean = np.radians(rng.normal(0, 1.0))
    shift = rng.normal(0, [0.1, 0.12, 0.12 + 0.35 * crowding])
    x, y, z = (tooth.vertices + shift).T
    x, z = x * np.cos(turn) + z * np.sin(turn), z * np.cos(turn) - x * np.sin(turn)
    x = x + y * np.tan(lean)
    # Roots of the front teeth lie a little further back than the edges.
    z = z + 0.12 * y
    flat = point + x[:, None] * tangent - z[:, None] * normal
    vertices = np.column_stack([flat[:, 0], sign * y, flat[:, 1]])
    share = abs(along) / 46.0
    tint = tooth.tint * (1 - 0.45 * min(1.0, share) ** 1.4)
    return Row(vertices, _facing_outwards(vertices, tooth.triangles), tint.astype(np.float32))


def _arch(jaw: str, along: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 2) as x and z, unit tangents and outward normals at signed lengths from the midline."""
    across, back = _ARCH[jaw]
    angle = np.linspace(-1.5, 1.5, 601)
    curve = np.stack([across * np.sin(angle), back * (1 - np.cos(angle))], axis=1)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    length -= length[300]
    at = np.interp(along, length, angle)
    tangent = np.stack([across * np.cos(at), back * np.sin(at)], axis=1)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    points = np.stack([across * np.sin(at), back * (1 - np.cos(at))], axis=1)
    return points, tangent, np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)


def _gum(gaps: list[tuple[float, float, float]], jaw: str, sign: float) -> Row:
    """Gum along the necks, which it meets in scallops, reaching down between the teeth."""
    along = np.linspace(-47, 47, 189)
    centres, widths, necks = (np.array(column) for column in zip(*gaps, strict=True))
    nearest = np.abs(along[:, None] - centres).argmin(axis=1)
    aside = np.clip((along - centres[nearest]) / (widths[nearest] / 2), -1, 1)
    neck = np.interp(along, centres, necks) - 0.9 - 2.3 * np.abs(aside) ** 2.6
    point, _, normal = _arch(jaw, along)
    out = _GUM[:, 0] - 0.12 * necks.mean() + np.where(_GUM[:, 0] > 0, -0.5, 0) * (np.abs(aside) ** 3)[:, None]
    flat = point[:, None] + out[..., None] * normal[:, None]
    y = sign * (neck[:, None] + _GUM[:, 1])
    vertices = np.concatenate([flat[..., :1], y[..., None], flat[..., 1:]], axis=2)
    count = len(_GUM)
    quads = [(row * count + k, row * count + k + 1) for row in range(len(along) - 1) for k in range(count - 1)]
    a, b = np.array(quads).T
    triangles = np.concatenate([np.stack([a, b, a + count], axis=1), np.stack([b, b + count, a + count], axis=1)])
    if sign > 0:
        triangles = triangles[:, ::-1]
    shade = np.array([0.75, 0.95, 1.0, 0.95, 0.85, 0.7, 0.55])[:, None]
    tint = np.broadcast_to(shade * np.array([1.0, 0.96, 0.96]), vertices.shape)
    return Row(vertices.reshape(-1, 3), triangles.astype(np.int32), tint.reshape(-1, 3).astype(np.float32))


def _joined(rows: list[Row]) -> Row:
    offsets = np.cumsum([0, *(len(row.vertices) for row in rows)])
    triangles = [row.triangles + offset for row, offset in zip(rows, offsets, strict=False)]
    return Row(
        np.concatenate([row.vertices for row in rows]),
        np.concatenate(triangles).astype(np.int32),
        np.concatenate([row.tint for row in rows]),
    )


def _facing_outwards(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[triangles[:, k]] - vertices.mean(axis=0) for k in range(3))
    volume = np.einsum("ij,ij->", a, np.cross(b, c))
    return triangles if volume > 0 else np.ascontiguousarray(triangles[:, ::-1])
