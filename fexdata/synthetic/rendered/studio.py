"""One photographer's setting for all pictures of a session, and one picture in it.

"Images of the same session and identity ... were rendered with the same camera conditions" (SliderGAN, section 4.1):
light, camera, background, the head's turn and the crop are drawn once for a session. So pictures of a session differ in
nothing but the expression, and the grain of the sensor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fexdata.faces import alignment
from fexdata.faces.models.face_model import Embedding
from fexdata.faces.pose import rotation
from fexdata.render.photo.renderer import render
from fexdata.render.photo.scene import Lighting, Material, Part, Scene
from fexdata.synthetic.backgrounds import draw_background
from fexdata.synthetic.camera import Development, View, develop, draw_camera, draw_development
from fexdata.synthetic.lighting import LightKind, draw_lighting
from fexdata.synthetic.rendered.people import Sitter

TURNS = (12.0, 5.0, 2.5)
"""Standard deviations of yaw, pitch and roll, degrees, cut off at twice that."""
LIGHTS: tuple[LightKind, ...] = ("studio", "window", "overcast")
"""Soft light: a scan's texture has its own shadows already."""
OVERSIZE = 1.3
"""Side of what the camera takes, times that of the crop."""
FACE_HEIGHT = 1.55
"""Height of a face from hairline to chin, times that from between the brows to the chin."""
SUPERSAMPLE = 1.5
ROUGHNESS, SPECULAR = 0.55, 0.014
"""Matter than skin is (0.028): some of a scanned person's gloss is in the texture already."""
_EYES, _NOSE, _CORNERS = (slice(36, 42), slice(42, 48)), 30, (48, 54)


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What all pictures of a session have in common."""

    turn: np.ndarray
    """(3, 3) rotation of the head."""
    angles: tuple[float, float, float]
    """yaw, pitch, roll in degrees."""
    view: View
    lighting: Lighting
    light: str
    background: np.ndarray
    film: Development
    crop: np.ndarray
    """(2, 3): camera pixels to crop pixels."""
    inside: float
    """Share of the crop that the camera saw."""
    size: int
    """Side of the crop."""


def draw_setting(sitter: Sitter, marks: Embedding, size: int, rng: np.random.Generator) -> Setting:
    """A setting for a person. marks: the 68 landmarks on the mesh, NaN for those that it has not; the eyes, the tip of
    the nose and the corners of the mouth are needed."""
    posing, lights, backdrop, camera, film = rng.spawn(5)
    yaw, pitch, roll = (np.clip(posing.standard_normal(3), -2, 2) * TURNS).tolist()
    turn = rotation(yaw, pitch, roll)
    light = LIGHTS[lights.integers(len(LIGHTS))]
    lighting = draw_lighting(lights, light)
    points = marks.points(sitter.takes[0].vertices)
    face = points[17:] @ turn.T
    height = float(np.nanmax(points[[8, 57], 1]) - np.nanmin(points[[21, 22, 27, 39, 42], 1])) * FACE_HEIGHT
    side = round(OVERSIZE * size)
    view = draw_camera(camera, (side, side), centre=np.nanmean(face, axis=0), extent=height, rig="portrait", offset=0.0)
    background = draw_background(backdrop, (side, side), lighting, light)
    flat = _seen(points, turn, view)
    crop = alignment.matrix_onto(_five(flat), alignment.template("five_point"), size)
    inside = alignment.inside_fraction(crop, size, side, side)
    developed = draw_development(film, "crisp")
    return Setting(turn, (yaw, pitch, roll), view, lighting, light, background, developed, crop, inside, size)


def picture(
    setting: Setting, sitter: Sitter, vertices: np.ndarray, texture: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """(size, size, 3) uint8: the person with vertices (V, 3) mm. rng draws the sensor's grain."""
    away = np.asarray(setting.view.translation)
    placed = (vertices @ setting.turn.T + away).astype(np.float32)
    material = Material("skin", texture, np.full((1, 1), ROUGHNESS, np.float32), specular=SPECULAR)
    part = Part("person", placed[sitter.corners], sitter.triangles, sitter.uv, material)
    scene = Scene([part], setting.view.camera, setting.lighting, setting.background)
    taken = develop(render(scene, supersample=SUPERSAMPLE).radiance, setting.film, rng)
    return alignment.warp(taken, setting.crop, setting.size)


def landmarks(setting: Setting, marks: Embedding, vertices: np.ndarray) -> np.ndarray:
    """(68, 2) crop pixels of the landmarks on vertices (V, 3) mm."""
    return alignment.apply(setting.crop, _seen(marks.points(vertices), setting.turn, setting.view))


def _seen(points: np.ndarray, turn: np.ndarray, view: View) -> np.ndarray:
    """(n, 2) camera pixels."""
    there = points @ turn.T + np.asarray(view.translation)
    flat: np.ndarray = view.camera.focal * there[:, :2] / there[:, 2:] + np.asarray(view.camera.centre)
    return flat


def _five(points: np.ndarray) -> np.ndarray:
    """iBUG's 68 to the five of `fexdata.faces.landmarks.to_5`."""
    return np.stack([*(points[eye].mean(axis=0) for eye in _EYES), points[_NOSE], *points[list(_CORNERS)]])
