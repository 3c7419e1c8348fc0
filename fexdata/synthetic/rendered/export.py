"""People who do not exist as registered meshes with textures, in the layout of `people`.

For trying `rendered-4dfab` without 4DFAB. A person is the head of `fexdata.synthetic.person` with eyeballs, teeth and
tongue, all in one topology: what hides behind shut lips is there in every mesh. Brows, stubble
and short hair, which stand off the skin only a little, are painted into the texture; long hair is left out, as scanned
people wear a cap.

The texture: skin on the left, on the right the pictures of both eyes and a ramp from dark to light for each of the
mouth's parts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import cKDTree

from fexdata.faces.models.face_model import FaceModel
from fexdata.render.photo.scene import Part, Strands
from fexdata.synthetic import models
from fexdata.synthetic.expressions import Expression
from fexdata.synthetic.eyes import clear_of_eyeballs, eyeballs
from fexdata.synthetic.hair import place
from fexdata.synthetic.mouth import clear_of_teeth, mouth_parts
from fexdata.synthetic.person import Person, make_person
from fexdata.synthetic.skin import material
from fexdata.synthetic.skin_atlas import unroll

SKIN, MARGIN = 1024, 300
"""Texels of the skin's side, and of the column to its right."""
LEFT = SKIN + 6
"""Texels from the left edge to the other parts."""
EYE, RAMP = 288, 24
"""Texels: side of an eye's picture, height of a ramp."""
RAMPS = ("mouth_cavity", "upper_teeth", "upper_gums", "lower_teeth", "lower_gums", "tongue")
BACK = 1.5
"""Millimetres by which teeth and tongue lie further back than they would: shut lips are not pierced, and a mesh is its
person's neutral face and movements, nothing else."""
OPEN = Expression.of({"AU26": 4.0, "AU25": 4.0})
PAINTED = 4.0
"""Millimetres of a hair, from its root, that are painted."""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One mesh of a person, in head space."""

    vertices: np.ndarray
    """(V, 3) mm."""
    triangles: np.ndarray
    """(T, 3)."""
    uv: np.ndarray
    """(V, 2), v downwards, of the whole texture."""


def export_person(folder: Path, seed: int, shown: dict[str, Expression], *, model: str = "fexdata-head") -> Person:
    """Writes `neutral.obj`, one mesh for each of `shown` and `texture.png` of the person of a seed."""
    person = make_person(seed, model)
    folder.mkdir(parents=True, exist_ok=True)
    write_texture(folder / "texture.png", person)
    for name, expression in {"neutral": Expression.of({}), **shown}.items():
        write_obj(folder / f"{name}.obj", scan(person, expression))
    return person


def basis_of(person: Person) -> FaceModel:
    """The person's face model on the vertices of the exported meshes: its own vertices, whose movements are the
    model's, then eyeballs, which keep still, and the mouth's parts, which go with the jaw and the lips."""
    model = person.model
    still = scan(person, Expression.of({}))
    rest = _mouth(person, person.neutral, np.zeros(len(model.expression_names), np.float32))
    fields: list[np.ndarray] = []
    eyes = len(still.vertices) - len(model.mean) - sum(len(part.vertices) for part in rest)
    for field, unit in zip(model.expression_basis, np.eye(len(model.expression_names), dtype=np.float32), strict=True):
        moved = _mouth(person, person.neutral + field, unit)
        parts = [there.vertices - here.vertices for here, there in zip(rest, moved, strict=True)]
        fields.append(np.concatenate([field, np.zeros((eyes, 3), np.float32), *parts]))
    mean = np.concatenate([model.mean, still.vertices[len(model.mean) :]]).astype(np.float32)
    return replace(
        model,
        mean=mean,
        triangles=still.triangles.astype(np.int32),
        identity_basis=np.zeros((0, len(mean), 3), np.float32),
        identity_names=(),
        expression_basis=np.stack(fields).astype(np.float32),
        uv=still.uv.astype(np.float32),
        mirror=None,
        regions={},
        sha256="",
    )


def scan(person: Person, expression: Expression) -> Scan:
    """The person's mesh with an expression; equal topology for all expressions."""
    model = person.model
    strengths = models.coefficients(model, expression).astype(np.float32)
    vertices = model.shape(person.identity, strengths)
    vertices = models.lids_meeting(model, person.neutral, vertices, strengths)
    vertices = clear_of_teeth(model, person.neutral, vertices, strengths)
    vertices = clear_of_eyeballs(vertices, person.balls, (0.0, 0.0))
    inside = _mouth(person, vertices, strengths)
    balls = _balls(person, vertices)
    parts = [
        (vertices, model.triangles, on_skin(model.uv)),
        *((part.vertices, part.triangles, on_eye(part.uv, number)) for number, part in enumerate(balls)),
        *((part.vertices, part.triangles, on_ramp(part.name, _light(part))) for part in inside),
    ]
    starts = np.cumsum([0, *(len(part[0]) for part in parts)])
    return Scan(
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] + start for part, start in zip(parts, starts, strict=False)]),
        np.concatenate([part[2] for part in parts]),
    )


def write_obj(path: Path, mesh: Scan) -> None:
    """The mesh as others write theirs: x right, y up, z towards the viewer, v upwards."""
    lines = [f"v {x:.4f} {-y:.4f} {-z:.4f}" for x, y, z in mesh.vertices.tolist()]
    lines += [f"vt {u:.6f} {1 - v:.6f}" for u, v in mesh.uv.tolist()]
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in (mesh.triangles + 1).tolist()]
    path.write_text("\n".join(lines) + "\n")


def write_texture(path: Path, person: Person) -> None:
    """`texture_of` as sRGB."""
    picture = texture_of(person)
    encoded = np.where(picture <= 0.0031308, 12.92 * picture, 1.055 * picture.clip(0.0) ** (1 / 2.4) - 0.055)
    cv2.imwrite(str(path), np.rint(encoded.clip(0, 1) * 255).astype(np.uint8)[..., ::-1])


def texture_of(person: Person) -> np.ndarray:
    """(SKIN, SKIN + MARGIN, 3) float32 linear: the skin with its short hair, and the column of the other parts."""
    picture = np.zeros((SKIN, SKIN + MARGIN, 3), np.float32)
    picture[:, :SKIN] = _painted(person)
    for number, part in enumerate(_balls(person, person.neutral)):
        picture[number * EYE : (number + 1) * EYE, LEFT : LEFT + EYE] = part.material.albedo
    ramp = np.linspace(0, 1, EYE, dtype=np.float32)[:, None]
    for part in _mouth(person, person.neutral, np.zeros(len(person.model.expression_names), np.float32)):
        top = _ramp_top(part.name)
        picture[top : top + RAMP, LEFT : LEFT + EYE] = ramp * part.material.albedo.mean(axis=(0, 1))
    return picture


def _painted(person: Person) -> np.ndarray:
    """(SKIN, SKIN, 3) linear: the skin's albedo, darker where hair is dense, with brows and stubble drawn on."""
    model = person.model
    values = np.column_stack([person.neutral, person.hair.scalp_shade]).astype(np.float32)
    unrolled, covered = unroll(model.uv, model.triangles, values, np.hypot(model.mean[:, 0], model.mean[:, 2]), SKIN)
    skin = material(person.skin).albedo * np.where(covered[..., None], unrolled[..., 3:], 1)
    rows, columns = np.nonzero(covered)
    tree = cKDTree(unrolled[rows, columns, :3])
    for tuft, strands in zip(person.hair.tufts, place(person.hair, person.neutral), strict=True):
        if tuft.moves != "carried":
            skin = _with_hairs(skin, strands, tree, np.stack([columns, rows], axis=1))
    return skin


def _with_hairs(skin: np.ndarray, strands: Strands, tree: cKDTree, texels: np.ndarray) -> np.ndarray:
    """The skin with hairs laid flat on it, as far from their roots as `PAINTED`."""
    along = np.linalg.norm(np.diff(strands.points, axis=1), axis=-1).cumsum(axis=1)
    reach = np.concatenate([np.zeros((len(along), 1)), along], axis=1) < PAINTED
    _, found = tree.query(strands.points[reach])
    places = np.zeros((*reach.shape, 2), np.int32)
    places[reach] = np.rint(texels[found] * 16)
    cover, colour = np.zeros(skin.shape[:2], np.float32), strands.colour.mean(axis=0)
    for way, kept in zip(places, reach, strict=True):
        cv2.polylines(cover, [way[kept]], False, 1.0, 1, cv2.LINE_AA, 4)
    cover = cv2.GaussianBlur(cover, (0, 0), 0.6)[..., None] * 0.8
    return skin * (1 - cover) + colour * cover


def _balls(person: Person, vertices: np.ndarray) -> list[Part]:
    """Both eyeballs, without what is clear before them."""
    parts = eyeballs(person.model, vertices, person.balls, (0.0, 0.0), person.traits)
    return [part for part in parts if part.name.startswith("eye_")]


def _mouth(person: Person, vertices: np.ndarray, strengths: np.ndarray) -> list[Part]:
    """The cavity of lips as they are, and teeth, gums and tongue as if the mouth stood open."""
    model = person.model
    wide = model.shape(person.identity, models.coefficients(model, OPEN))
    (cavity, *_) = mouth_parts(model, person.neutral, vertices, strengths, person.traits)
    others = mouth_parts(model, person.neutral, wide, strengths, person.traits)[1:]
    shift = np.array([0, 0, BACK], np.float32)
    return [cavity, *(replace(part, vertices=part.vertices + shift) for part in others)]


def on_skin(uv: np.ndarray) -> np.ndarray:
    """(V, 2) the skin's own coordinates on the whole texture."""
    return np.stack([uv[:, 0] * SKIN / (SKIN + MARGIN), uv[:, 1]], axis=1)


def on_eye(uv: np.ndarray, number: int) -> np.ndarray:
    """(V, 2) an eye's own coordinates on the whole texture; number 0 is the picture's left eye."""
    return np.asarray((uv * EYE + [LEFT, number * EYE]) / [SKIN + MARGIN, SKIN])


def on_ramp(name: str, light: np.ndarray) -> np.ndarray:
    """(V, 2) places on the whole texture where a part of the mouth gets so much light (V,), 0 to 1."""
    across = LEFT + light.clip(0.02, 0.98) * EYE
    return np.stack([across, np.full(len(light), _ramp_top(name) + RAMP / 2)], axis=1) / [SKIN + MARGIN, SKIN]


def _light(part: Part) -> np.ndarray:
    assert part.tint is not None
    light: np.ndarray = part.tint.mean(axis=1)
    return light


def _ramp_top(name: str) -> int:
    return 2 * EYE + 8 + (RAMP + 4) * RAMPS.index(name)
