"""What a rendered photograph shows: surfaces, strands, lights, a camera, a background.

Frame: x to the right of the picture, y down, z away from the viewer; millimetres. The head's own
space has its origin inside the head and looks along -z. Everything in a `Scene` is already in
the camera's frame: the camera sits at the origin and looks along +z. Colours are linear (not
sRGB), of reflectance where a surface has one, of radiance where a light has one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Kind = Literal["skin", "eye", "cornea", "teeth", "plain", "cloth", "glass"]
"""How a surface answers light. `skin` scatters it below the surface; `eye` and `teeth` a little;
`cornea` is a clear, wet coat that shows highlights only; `glass` likewise, with a tint."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """How a surface looks. Pictures are looked up with the part's `uv`: (0, 0) is the outer
    corner of the top-left texel, (1, 1) of the bottom-right one; u wraps round, v does not."""

    kind: Kind
    albedo: np.ndarray
    """(h, w, 3) float32 linear reflectance; (1, 1, 3) for one colour."""
    roughness: np.ndarray
    """(h, w) float32 in 0..1; (1, 1) for one value."""
    height: np.ndarray | None = None
    """(h, w) float32 millimetres along the outward normal: bends the shading normal (pores,
    wrinkles, the pattern of lips), moves nothing."""
    specular: float = 0.028
    """Reflectance at normal incidence: 0.028 skin, 0.02 water, 0.04 teeth and plastics."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One surface."""

    name: str
    vertices: np.ndarray
    """(V, 3) float32 millimetres, in the camera's frame."""
    triangles: np.ndarray
    """(T, 3) int32; wound so that outward normals of surfaces that face the viewer have n_z < 0."""
    uv: np.ndarray
    """(V, 2) float32."""
    material: Material
    tint: np.ndarray | None = None
    """(V, 3) float32, multiplies the albedo (ambient darkening, blush that follows expression)."""
    label: int = 1
    """What the truth's mask says of this surface (`fexdata.faces.topology.Label`); 0 for parts that
    are not the face (hair, glasses, clothes)."""
    shadows: bool = True
    """Whether it keeps light from others."""


@dataclass(frozen=True, slots=True, eq=False)
class Strands:
    """Hairs: polylines with a width, lit as thin fibres (Kajiya and Kay 1989; Marschner et al. 2003)."""

    points: np.ndarray
    """(N, K, 3) float32 millimetres, root first, in the camera's frame."""
    colour: np.ndarray
    """(N, 3) float32 linear reflectance."""
    width: np.ndarray
    """(N,) float32 millimetres at the root; hairs taper to a point."""
    opacity: float = 1.0
    shadows: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Lighting:
    """Light from far away on all sides, and a few lamps whose shadows have edges."""

    directions: np.ndarray
    """(L, 3) float32 unit vectors from the face towards the light: the surroundings, in L cones."""
    radiance: np.ndarray
    """(L, 3) float32 linear RGB: irradiance that each cone gives a surface facing it."""
    lamps: np.ndarray
    """(M, 3) float32 unit vectors towards the lamps."""
    lamp_radiance: np.ndarray
    """(M, 3) float32 irradiance on a surface facing the lamp."""
    lamp_size: np.ndarray
    """(M,) float32 angular radius in degrees: softens the shadow's edge and the highlight."""


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole at the origin looking along +z: x_pixel = focal * X / Z + centre."""

    focal: float
    """Pixels."""
    centre: tuple[float, float]
    """Pixel coordinates of the axis; integer coordinates at pixel centres."""
    size: tuple[int, int]
    """Width, height in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything one photograph shows."""

    parts: list[Part]
    camera: Camera
    lighting: Lighting
    background: np.ndarray
    """(h, w, 3) float32 linear, stretched over the picture."""
    strands: list[Strands] = field(default_factory=list)
