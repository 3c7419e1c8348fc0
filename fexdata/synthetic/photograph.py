"""Taking one picture: the person, moved and lit, before a camera; and the truth of what it shows.

A shot's seed decides camera, light, background and the camera's errors, each from a stream of its
own, so that two shots that share a seed differ only in what they say of the person.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from fexdata.faces.landmarks import EYE_CORNERS_478
from fexdata.faces.models.action_units import action_unit_names
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.pose import rotation
from fexdata.faces.topology import Label
from fexdata.render.maps import encode_depth, encode_normal
from fexdata.render.photo.renderer import Rendered, render
from fexdata.render.photo.scene import Camera, Lighting, Part, Scene, Strands
from fexdata.synthetic import expressions, models
from fexdata.synthetic.accessories import worn
from fexdata.synthetic.backgrounds import Background, draw_background
from fexdata.synthetic.camera import Rig, View, develop, draw_camera, draw_development
from fexdata.synthetic.eyes import clear_of_eyeballs, eyeballs, iris_points
from fexdata.synthetic.hair import place
from fexdata.synthetic.lighting import LightKind, draw_kind, draw_lighting
from fexdata.synthetic.mouth import clear_of_teeth, mouth_parts
from fexdata.synthetic.person import Person, make_person
from fexdata.synthetic.plan import Shot, Taken
from fexdata.synthetic.skin import material

FACE_EXTENT = 1.02
"""Height that a picture is framed by, times that of the face from hairline to chin."""
BODY_FOLLOWS = (0.2, 0.9)
"""Share of the head's turn that the shoulders make, least and most."""
NECK = (105.0, 165.0)
"""Heights y, millimetres, between which the neck passes from the head's turn to the shoulders'."""
NECK_SLOPE = 0.3
"""By how much those heights rise towards the back of the neck, per millimetre of z."""
SUPERSAMPLE = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class _Posed:
    """A head with an expression, and how it stands before the camera."""

    vertices: np.ndarray
    """(V, 3) float32, head space, with expression, lids on the eyes and lips on the teeth."""
    coefficients: np.ndarray
    """(E,) float32."""
    head: np.ndarray
    body: np.ndarray
    """(3, 3) turns of the head and of the shoulders."""
    shoulders: np.ndarray
    """(V,) share of the shoulders' turn that each vertex of the head makes."""

    def turned(self, points: np.ndarray, share: np.ndarray | float = 0.0) -> np.ndarray:
        """Points (..., 3) of head space, turned with the head and, for `share` (...), the shoulders."""
        followed = np.asarray(share, np.float32)[..., None]
        with_head = points @ self.head.T.astype(np.float32)
        if not followed.any():
            return with_head
        turned: np.ndarray = with_head + followed * (points @ (self.body - self.head).T.astype(np.float32))
        return turned


def take(shot: Shot) -> Taken:
    """One picture with its truth. Equal shots give equal bytes.

    Raises `FexdataError` for a model that is not there.
    """
    person = make_person(shot.person, shot.model)
    stance, light, backdrop, camera, film, grain = np.random.default_rng([shot.seed, 2]).spawn(6)
    posed = _pose(shot, person, stance)
    kind = cast(LightKind, shot.light) if shot.light else draw_kind(light)
    lighting = draw_lighting(light, kind)
    view = _camera(shot, person, posed, camera)
    background = draw_background(backdrop, shot.size, lighting, kind, cast("Background | None", shot.background))
    scene = Scene(
        _parts(shot, person, posed, view), view.camera, lighting, background, _strands(shot, person, posed, view)
    )
    rendered = render(scene, supersample=SUPERSAMPLE)
    picture = develop(rendered.radiance, draw_development(film), grain)
    return Taken(picture, _truth(shot, person, posed, view, rendered) | {"light": _described(kind, lighting)})


def _pose(shot: Shot, person: Person, rng: np.random.Generator) -> _Posed:
    model = person.model
    coefficients = models.coefficients(model, shot.expression).astype(np.float32)
    vertices = model.shape(person.identity, coefficients)
    vertices = models.lids_meeting(model, person.neutral, vertices, coefficients)
    vertices = clear_of_teeth(model, person.neutral, vertices, coefficients)
    vertices = clear_of_eyeballs(vertices, person.balls, shot.gaze)
    # Studio cameras stand around a person who sits still; elsewhere it is the head that turns.
    follows = 1.0 if shot.camera == "studio" else float(rng.uniform(*BODY_FOLLOWS))
    head = rotation(shot.yaw, shot.pitch, shot.roll)
    body = rotation(follows * shot.yaw, 0.0, 0.0)
    return _Posed(vertices, coefficients, head, body, _shoulders(model))


def _shoulders(model: FaceModel) -> np.ndarray:
    height = model.mean[:, 1] + NECK_SLOPE * model.mean[:, 2]
    share = np.clip((height - NECK[0]) / (NECK[1] - NECK[0]), 0, 1)
    share = share * share * (3 - 2 * share)
    return (share * model.regions["neck"]).astype(np.float32)


def _camera(shot: Shot, person: Person, posed: _Posed, rng: np.random.Generator) -> View:
    face = posed.turned(person.neutral[:468])
    height = float(np.linalg.norm(person.neutral[10] - person.neutral[152]))
    middle = (face.min(axis=0) + face.max(axis=0)) / 2
    return draw_camera(rng, shot.size, centre=middle, extent=FACE_EXTENT * height, rig=cast("Rig | None", shot.camera))


def _parts(shot: Shot, person: Person, posed: _Posed, view: View) -> list[Part]:
    """Every surface, in the camera's frame; the head comes first."""
    model, traits, vertices = person.model, person.traits, posed.vertices
    away = np.asarray(view.translation, np.float32)
    # Wrinkles follow action units, whatever the model calls its movements.
    names = action_unit_names()
    strengths = dict(zip(names, expressions.coefficients(shot.expression, names).tolist(), strict=True))
    head = Part(
        name="head",
        vertices=posed.turned(vertices, posed.shoulders) + away,
        triangles=model.triangles,
        uv=model.uv,
        material=material(person.skin, strengths),
        tint=None if shot.plain else person.hair.scalp_shade,
        label=Label.SKIN,
    )
    inside = [*eyeballs(model, vertices, person.balls, shot.gaze, traits),
              *mouth_parts(model, person.neutral, vertices, posed.coefficients, traits)]  # fmt: skip
    if not shot.plain:
        inside += worn(person.accessories, vertices)
    return [
        head,
        *(replace(part, vertices=posed.turned(part.vertices) + away) for part in inside),
        *(
            replace(part, vertices=posed.turned(part.vertices, np.ones(len(part.vertices))) + away)
            for part in person.accessories.clothes
        ),
    ]


def _strands(shot: Shot, person: Person, posed: _Posed, view: View) -> list[Strands]:
    if shot.plain:
        return []
    away = np.asarray(view.translation, np.float32)
    return [replace(one, points=posed.turned(one.points) + away) for one in place(person.hair, posed.vertices)]


def _truth(shot: Shot, person: Person, posed: _Posed, view: View, rendered: Rendered) -> dict[str, Any]:
    """What `fexdata.synthetic.truth` lists, of this picture."""
    model, away = person.model, np.asarray(view.translation, np.float32)
    assert model.landmarks_478 is not None and model.landmarks_68 is not None
    irises = posed.turned(iris_points(person.balls, shot.gaze).astype(np.float32)) + away
    vertices = posed.turned(posed.vertices, posed.shoulders) + away
    points = np.concatenate([model.landmarks_478.points(vertices)[:468], irises])
    middle = float(points[list(EYE_CORNERS_478), 2].mean())
    scale = view.camera.focal / middle
    landmarks = np.column_stack([_projected(points, view.camera), (points[:, 2] - middle) * scale])
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    return {
        "vertices": vertices,
        "depth": encode_depth((middle - rendered.depth) * scale),
        "normal": encode_normal(rendered.normal * np.array([1, -1, -1], np.float32)),
        "mask": rendered.label,
        "landmarks_478": landmarks.astype(np.float32),
        "landmarks_68": _projected(model.landmarks_68.points(vertices), view.camera).astype(np.float32),
        "box": np.array([*(low + 0.5), *(high - low)], np.float32),
        "expression_params": posed.coefficients,
        "expression_names": model.expression_names,
        "expression_signed": model.expression_signed,
        "identity_params": person.identity,
        "identity_names": model.identity_names,
        "basis_id": f"{model.name}-{model.sha256[:12]}",
        "au": expressions.intensities(shot.expression),
        "yaw": shot.yaw,
        "pitch": shot.pitch,
        "roll": shot.roll,
        "camera": np.array([view.camera.focal, *view.camera.centre], np.float32),
    }


def _projected(points: np.ndarray, camera: Camera) -> np.ndarray:
    """(n, 2) pixels of points (n, 3) of the camera's frame."""
    flat: np.ndarray = camera.focal * points[:, :2] / points[:, 2:] + np.asarray(camera.centre)
    return flat


def _described(kind: str, lighting: Lighting) -> str:
    lamps = [
        {"towards": direction, "irradiance": irradiance, "radius": size}
        for direction, irradiance, size in zip(
            np.round(lighting.lamps, 4).tolist(),
            np.round(lighting.lamp_radiance, 4).tolist(),
            np.round(lighting.lamp_size, 2).tolist(),
            strict=True,
        )
    ]
    surroundings = np.round(lighting.radiance, 4).tolist()
    return json.dumps({"kind": kind, "lamps": lamps, "surroundings": surroundings})
