"""A person's hair, grown once (`grow_hair`) and put on each picture's head (`place`).

Hairs are rooted in the skin. Scalp hair keeps its shape and moves with its roots; brows and beard turn with
the skin below them; lashes turn with the lid's rim about the eyeball. So all of them follow identity and
expression without being grown again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fexdata.faces.models.face_model import FaceModel
from fexdata.render.photo.scene import Strands
from fexdata.synthetic import growth, hair_styles
from fexdata.synthetic.hairline import density, hairline_depth
from fexdata.synthetic.headwear import hidden, tucked_in
from fexdata.synthetic.roots import Roots, nearest, scatter
from fexdata.synthetic.skull import BACK, Skull, skull
from fexdata.synthetic.traits import Colour, Traits, linear_colour

GREY = linear_colour("#a9a59e")


@dataclass(frozen=True, slots=True, eq=False)
class Tuft:
    """Hairs of one kind."""

    name: str
    roots: Roots
    offsets: np.ndarray
    """(N, K, 3) float32 millimetres from the root: in head space for hairs that are carried, in the root's
    own axes for those that turn."""
    moves: Literal["carried", "turns with the skin", "turns with the lid"]
    colour: np.ndarray
    """(N, 3) float32 linear."""
    width: np.ndarray
    """(N,) float32 millimetres."""
    eye: tuple[int, ...] = ()
    """For lashes: the vertices of the eye's corners."""

    def __len__(self) -> int:
        return len(self.offsets)


@dataclass(frozen=True, slots=True, eq=False)
class Hair:
    """All hair of a person."""

    tufts: list[Tuft]
    scalp_shade: np.ndarray
    """(V, 3) float32: what the head's albedo is multiplied with, where hair grows densely: the scalp, and less so
    the skin below brows and beard."""

    def tuft(self, name: str) -> Tuft | None:
        """The tuft of a name, or None where the person has none."""
        return next((tuft for tuft in self.tufts if tuft.name == name), None)


def grow_hair(traits: Traits, model: FaceModel, neutral: np.ndarray, rng: np.random.Generator) -> Hair:
    """Grows a person's scalp hair, brows, lashes and beard.

    neutral: (V, 3) millimetres, the person's face without expression in head space. What hair does is
    decided by `traits`, what is left to chance by `rng`.
    """
    from fexdata.synthetic.facial_hair import beard, brows, lashes

    vertices = np.asarray(neutral, np.float32)
    scalp_rng, face_rng = rng.spawn(2)
    scalp, shade = _scalp(traits, model, vertices, scalp_rng)
    face = [*brows(traits, model, vertices, face_rng), *lashes(traits, model, vertices, face_rng)]
    face += beard(traits, model, vertices, face_rng)
    for tuft in face:
        if tuft.moves == "turns with the skin":
            shade = shade * _shade(traits, tuft.colour.mean(axis=0), _thickness(tuft, model, vertices))
    return Hair(tufts=[tuft for tuft in [*scalp, *face] if len(tuft)], scalp_shade=shade.astype(np.float32))


def place(hair: Hair, vertices: np.ndarray) -> list[Strands]:
    """The hair on a head with an expression: vertices (V, 3) millimetres in head space, of the same person
    as it was grown for. The strands are in head space, too."""
    return [_placed(tuft, np.asarray(vertices, np.float32)) for tuft in hair.tufts]


def _placed(tuft: Tuft, vertices: np.ndarray) -> Strands:
    roots = tuft.roots.of(vertices)
    offsets = tuft.offsets
    if tuft.moves != "carried":
        axes = lid_axes(roots, vertices, tuft.eye) if tuft.eye else tuft.roots.frames(vertices)
        offsets = np.matmul(offsets, axes)
    points = offsets + roots[:, None]
    return Strands(points=points, colour=tuft.colour, width=tuft.width)


def lid_axes(roots: np.ndarray, vertices: np.ndarray, corners: tuple[int, ...]) -> np.ndarray:
    """(N, 3, 3) float32 axes as rows of roots (N, 3) along a lid's rim: to the picture's right along the
    eye, across it, and away from the eyeball's middle. They turn as the lid closes."""
    left, right = vertices[corners[0]], vertices[corners[1]]
    along = right - left
    along = along / np.linalg.norm(along)
    middle = (left + right) / 2 + np.array([0, 0, EYE_DEPTH], np.float32)
    # Only the lid's turn about the line through the eye's corners counts.
    away = roots - middle
    away = away - (away @ along)[:, None] * along
    away = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    along = np.broadcast_to(along, away.shape)
    return np.stack([along, np.cross(away, along), away], axis=1).astype(np.float32)


EYE_DEPTH = 7.0
"""Millimetres from the line through an eye's corners back to the eyeball's middle."""


def local(axes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Offsets (N, K, 3) of head space in the axes (N, 3, 3) of their roots."""
    result: np.ndarray = np.matmul(offsets, axes.transpose(0, 2, 1)).astype(np.float32)
    return result


def hair_colours(
    base: Colour, grey: float, count: int, rng: np.random.Generator, *, spread: float = 0.16
) -> np.ndarray:
    """(count, 3) float32: hairs of one head differ in brightness and warmth, and a share `grey` has no
    pigment left."""
    bright = np.exp(spread * rng.normal(size=(count, 1)) + 0.25 * spread * rng.normal(size=(count, 3)))
    sunny = 1 + 0.5 * (rng.random((count, 1)) < 0.08)
    # Light that goes from hair to hair takes on their colour again, so one hair is paler than the head.
    paler = 0.85 * np.asarray(base) + 0.15 * float(np.mean(base))
    coloured = paler * bright * sunny
    unpigmented = np.asarray(GREY) * np.exp(0.2 * rng.normal(size=(count, 1)))
    share = np.clip(rng.normal(grey, 0.25, (count, 1)), 0, 1) * min(1.0, 4 * grey)
    return np.clip(coloured + share * (unpigmented - coloured), 0.002, 0.9).astype(np.float32)


def _scalp(
    traits: Traits, model: FaceModel, vertices: np.ndarray, rng: np.random.Generator
) -> tuple[list[Tuft], np.ndarray]:
    bare = np.ones((len(vertices), 3), np.float32)
    if traits.hair_style == "bald":
        return [], bare
    depth = _depth(traits, model, rng)
    ears = model.regions["ears"] > 0.3
    thick = density(depth, softness=12.0) * ~ears
    head = skull(vertices, model.triangles, ears)
    roots = scatter(vertices, model.triangles, thick, _MOST, rng)
    ground = _ground(roots, vertices, depth, head)
    comb, look = hair_styles.STYLES[traits.hair_style](ground, traits, rng)
    keep = rng.random(len(roots.corners)) < look.count / _MOST * (0.6 + 0.4 * traits.hair_density)
    over = skull(vertices, model.triangles) if look.over_ears else head
    courses = _courses(comb.growth(ground), keep, look, over, rng)
    rooted, behind = roots.take(keep), ground.depth[keep]
    if traits.headwear != "none":
        courses = tucked_in(traits, courses, head, vertices)
        seen = ~hidden(traits, courses, vertices)
        courses, rooted, behind = courses[seen], rooted.take(seen), behind[seen]
    # Fine, short-lived hairs stand along the hairline.
    width = look.width * np.exp(0.15 * rng.normal(size=len(courses))) * np.clip(behind / 8, 0.35, 1)
    tufts = [_carried("scalp", traits, rooted, courses, width, vertices, rng)]
    if traits.hair_style == "bun" and traits.headwear == "none":
        coils = hair_styles.coiled(comb.goal, head, traits, rng)
        at = nearest(vertices, model.triangles, coils[:, 0])
        tufts.append(_carried("bun", traits, at, coils, np.full(len(coils), look.width), vertices, rng))
    hair = np.asarray(traits.hair_colour) * (1 - traits.hair_grey) + np.asarray(GREY) * traits.hair_grey
    return tufts, _shade(traits, hair, look.shade * thick * np.clip(depth / 6, 0, 1))


def _carried(
    name: str,
    traits: Traits,
    roots: Roots,
    courses: np.ndarray,
    width: np.ndarray,
    vertices: np.ndarray,
    rng: np.random.Generator,
) -> Tuft:
    colour = hair_colours(traits.hair_colour, traits.hair_grey, len(courses), rng)
    offsets = (courses - roots.of(vertices)[:, None]).astype(np.float32)
    return Tuft(name, roots, offsets, "carried", colour, width.astype(np.float32))


_MOST = 15000
"""Roots drawn, of which a style keeps as many as it needs."""


def _depth(traits: Traits, model: FaceModel, rng: np.random.Generator) -> np.ndarray:
    """The person's hairline, `receding` for men with age."""
    recession = 0.12 * traits.masculinity * (1 + max(0.0, (traits.age - 30) / 30)) * rng.random()
    crown = 0.0
    if traits.hair_style == "receding":
        recession, crown = float(rng.uniform(0.5, 1.0)), float(rng.choice([0.0, 0.45, 1.0]))
    depth = hairline_depth(model.mean, recession=recession, crown=crown)
    # No hairline is a straight line.
    angle = np.arctan2(model.mean[:, 0], BACK - model.mean[:, 2])
    waves = (
        np.sin(pace * angle + rng.uniform(0, 6.3)) * rng.normal(0, size)
        for pace, size in ((5, 1.5), (13, 1.2), (31, 0.8))
    )
    return depth + np.float32(rng.normal(0, 1.5)) + sum(waves).astype(np.float32)


def _ground(roots: Roots, vertices: np.ndarray, depth: np.ndarray, head: Skull) -> hair_styles.Ground:
    return hair_styles.Ground(
        roots=roots.of(vertices), normals=roots.frames(vertices)[:, 2], depth=roots.of(depth), skull=head
    )


def _courses(
    numbers: growth.Growth, keep: np.ndarray, look: hair_styles.Look, head: Skull, rng: np.random.Generator
) -> np.ndarray:
    """The courses of the kept hairs: grown, gathered in locks, curled, ruffled, and kept out of the head."""
    fields = ("roots", "start", "length", "room", "rise", "weight", "hold", "floor", "aside", "pull")
    kept = growth.Growth(goal=numbers.goal, **{name: getattr(numbers, name)[keep] for name in fields})
    courses = growth.grow(kept, head, look.points)
    courses = growth.gather_locks(courses, look.locks, look.strength, rng)
    courses = growth.curl(courses, look.curl, look.wave, rng, together=look.together)
    courses = growth.ruffle(courses, look.ruffle, rng)
    along = np.linspace(0, 1, look.points, dtype=np.float32)
    return np.concatenate([courses[:, :1], head.outside(courses[:, 1:], 0.4 * along[1:])], axis=1)


def _shade(traits: Traits, hair: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """What turns the skin's albedo into that of shaded hair (3,), by a strength (V,) from 0 to 1: (V, 3)."""
    light, dark = np.array([0.62, 0.42, 0.31]), np.array([0.07, 0.042, 0.03])
    skin = light ** (1 - traits.tone) * dark**traits.tone
    wanted = np.clip(0.6 * hair / skin, 0.02, 1.2)
    return 1 + strength[:, None] * (wanted - 1)


def _thickness(tuft: Tuft, model: FaceModel, vertices: np.ndarray) -> np.ndarray:
    """(V,) from 0 to about 0.5: how much of the skin the hairs of a tuft keep from the light."""
    a, b, c = (vertices[model.triangles[:, corner]] for corner in range(3))
    share = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    area = np.bincount(model.triangles.ravel(), np.repeat(share, 3), len(vertices))
    length = np.linalg.norm(np.diff(tuft.offsets, axis=1), axis=-1).sum(axis=1)
    covers = (tuft.width * length)[:, None] * tuft.roots.weights
    covered = np.bincount(tuft.roots.corners.ravel(), covers.ravel(), len(vertices))
    return 0.5 * (1 - np.exp(-0.5 * covered / np.maximum(area, 1e-3)))
