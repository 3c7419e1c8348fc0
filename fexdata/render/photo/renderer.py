"""From a scene to a photograph's linear radiance, with the truth of every pixel.

The order of work: which surface each sample shows (`surface`), light on it (`illuminate`), light
scattered below skin (`scatter`), clear surfaces over it (`clear`), hair over that (`hair`), and
averaging from the supersampled picture to the camera's. The truth is a pass of its own (`truth`),
at the camera's own pixels.

Radiance is in the unit of `Lighting`: a white surface that faces a lamp of irradiance 1 has 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fexdata.render.photo.clear import add_clear
from fexdata.render.photo.geometry import CLEAR, Stack, stack
from fexdata.render.photo.hair import add_hair
from fexdata.render.photo.illuminate import illuminate
from fexdata.render.photo.scatter import scatter
from fexdata.render.photo.scene import Camera, Part, Scene
from fexdata.render.photo.shadow import sphere_about
from fexdata.render.photo.stage import Stage, set_stage
from fexdata.render.photo.surface import Surface, surface
from fexdata.render.photo.surroundings import reflections
from fexdata.render.photo.truth import Truth, cast

_REACH = {"skin": 1.0, "eye": 0.3, "teeth": 0.4}
"""How far light goes below a surface, as a part of skin's."""


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A photograph before the camera's electronics, and what it truly shows."""

    radiance: np.ndarray
    """(H, W, 3) float32, linear, antialiased."""
    hair: np.ndarray
    """(H, W) float32: what part of the pixel strands cover, 0..1."""
    truth: Truth
    """Of the pixels' centres, not antialiased."""

    @property
    def depth(self) -> np.ndarray:
        return self.truth.depth

    @property
    def normal(self) -> np.ndarray:
        return self.truth.normal

    @property
    def label(self) -> np.ndarray:
        return self.truth.label

    @property
    def part(self) -> np.ndarray:
        return self.truth.part


def render(scene: Scene, *, supersample: float = 1.5) -> Rendered:
    """Renders a scene; supersample: samples per pixel along each side of the picture.

    Deterministic: the same scene gives the same bytes. Raises `ValueError` for arrays that do not fit
    together and for a supersample below 1 or with more than one decimal.
    """
    fine = _finer(scene.camera, supersample)
    width, height = fine.size
    background = np.ascontiguousarray(scene.background, np.float32)
    picture = np.ascontiguousarray(cv2.resize(background, (width, height), interpolation=cv2.INTER_LINEAR))
    opaque = [number for number, part in enumerate(scene.parts) if part.material.kind not in CLEAR]
    mesh = stack(scene.parts, opaque)
    found = surface(scene.parts, mesh, fine)
    cover = _paint(picture, scene, mesh, found, opaque, fine)
    return Rendered(
        _averaged(picture, supersample, scene.camera.size),
        _averaged(cover, supersample, scene.camera.size),
        cast(scene.parts, scene.camera),
    )


def _finer(camera: Camera, supersample: float) -> Camera:
    """The camera with more pixels for the same view, and a few beyond its right and lower edges where its
    sides do not hold whole numbers of samples."""
    width, height = (_padded(side, supersample) for side in camera.size)
    centre = ((camera.centre[0] + 0.5) * supersample - 0.5, (camera.centre[1] + 0.5) * supersample - 0.5)
    return Camera(camera.focal * supersample, centre, (round(width * supersample), round(height * supersample)))


def _padded(side: int, supersample: float) -> int:
    """The least number of pixels, from side on, that is a whole number of samples."""
    for pixels in range(side, side + 10):
        samples = pixels * supersample
        if supersample >= 1 and abs(samples - round(samples)) < 1e-6:
            return pixels
    raise ValueError(f"supersample must be at least 1 with at most one decimal, such as 1.5, not {supersample}")


def _averaged(picture: np.ndarray, supersample: float, size: tuple[int, int]) -> np.ndarray:
    """The mean over each of the camera's pixels, without those that were added."""
    height, width = (round(side / supersample) for side in picture.shape[:2])
    smaller = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(smaller[: size[1], : size[0]])


def _paint(
    picture: np.ndarray, scene: Scene, mesh: Stack, found: Surface, opaque: list[int], fine: Camera
) -> np.ndarray:
    """Paints everything over the background; (H, W) what strands cover."""
    depth = np.full(picture.shape[:2], np.inf, np.float32)
    depth.reshape(-1)[found.pixels] = found.position[:, 2]
    in_view = [cloud for cloud in (found.position, *(one.points for one in scene.strands)) if cloud.size]
    if not in_view:
        return np.zeros(depth.shape, np.float32)
    stage = _stage(scene, in_view, opaque)
    maps = reflections(scene.lighting)
    if len(found.pixels):
        diffuse, specular = illuminate(found, mesh, scene.parts, stage, maps, fine.size[0])
        diffuse = _scattered(diffuse, found, scene.parts, picture.shape[:2])
        picture.reshape(-1, 3)[found.pixels] = found.albedo * diffuse + specular
    add_clear(picture, depth, scene.parts, stage, maps, fine)
    return add_hair(picture, depth, scene.strands, stage, fine)


def _stage(scene: Scene, in_view: list[np.ndarray], opaque: list[int]) -> Stage:
    casters = stack(scene.parts, [number for number in opaque if scene.parts[number].shadows])
    return set_stage(scene.lighting, casters.vertices, casters.triangles, scene.strands, *sphere_about(in_view))


def _scattered(diffuse: np.ndarray, found: Surface, parts: list[Part], shape: tuple[int, ...]) -> np.ndarray:
    """Diffuse irradiance (n, 3) after it has spread below the surface."""
    reaches = np.array([_REACH.get(part.material.kind, 0.0) for part in parts], np.float32)
    # A little apart for each part, so that none mixes with another.
    reaches *= 1 + 1e-4 * np.arange(len(parts), dtype=np.float32)
    count = shape[0] * shape[1]
    reach, light, position = (
        np.zeros(count, np.float32),
        np.zeros((count, 3), np.float32),
        np.zeros((count, 3), np.float32),
    )
    reach[found.pixels] = reaches[found.part]
    light[found.pixels] = diffuse
    position[found.pixels] = found.position
    scatter(light.reshape(*shape, 3), position.reshape(*shape, 3), reach.reshape(shape))
    return light[found.pixels]
