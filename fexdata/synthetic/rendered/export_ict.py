"""People of the ICT model (Li et al., CVPR 2020) as registered meshes with textures: another topology than our own.

Shapes and expressions are ICT's, on ICT's vertices. ICT-FaceKit's light form has no textures; the skin is that of a
person of ours (`export.texture_of`), whose texture coordinates are carried over by the places that mean the same on
both heads (`fexdata.faces.models.transfer.correspondence`): ICT's vertices get coordinates about the head's axis, bent
by a radial basis function that is exact at those places.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.interpolate import RBFInterpolator

from fexdata.faces.canonical import VERTICES
from fexdata.faces.models.assembly import unrolled
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.kept import embedded_head
from fexdata.faces.models.transfer import correspondence
from fexdata.synthetic import models
from fexdata.synthetic.expressions import Expression
from fexdata.synthetic.eye_texture import IRIS_SHARE
from fexdata.synthetic.eyes import IRIS_RADIUS, RADIUS
from fexdata.synthetic.person import draw_identity, make_person
from fexdata.synthetic.rendered.export import Scan, on_eye, on_ramp, on_skin, write_obj, write_texture

EYES = (("M_ScleraRight", "M_IrisRight"), ("M_ScleraLeft", "M_IrisLeft"))
"""ICT's materials of the picture's left and right eye: its names say the person's own side."""
INSIDE = {"M_Teeth": "upper_teeth", "M_GumsTongue": "tongue"}
SOCKET = (11248, 14062)
"""Vertices of the bags behind lips and lids (ICT's own table)."""
CLEAR = ("M_LacrimalFluid", "M_EyeBlend", "M_EyeOcclusion", "M_EyeLashes")
"""What is seen through, or by its transparency."""
LIT, DIM = 0.9, 0.25
"""Light on the teeth, and in the cavity behind them."""
BACK = np.radians(100)
"""How far round the ball the eye's picture reaches."""


def export_ict_person(folder: Path, seed: int, shown: dict[str, Expression], ict: FaceModel) -> None:
    """Writes `neutral.obj`, one mesh for each of `shown` and `texture.png` of the person of a seed.

    ict: `fexdata.faces.models.ict.load_ict`; it is the meshes' basis, too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_texture(folder / "texture.png", make_person(seed, "fexdata-head"))
    identity = draw_identity(np.random.default_rng([seed, 1]), len(ict.identity_names))
    hidden = np.stack([ict.regions[name] for name in CLEAR]).max(axis=0) > 0.5
    triangles = ict.triangles[~hidden[ict.triangles].any(axis=1)]
    uv = texture_coordinates(ict)
    for name, expression in {"neutral": Expression.of({}), **shown}.items():
        vertices = ict.shape(identity, models.coefficients(ict, expression))
        write_obj(folder / f"{name}.obj", Scan(vertices, triangles, uv))


def texture_coordinates(ict: FaceModel) -> np.ndarray:
    """(V, 2) where ICT's vertices lie on `export.texture_of`."""
    uv = on_skin(_skin(ict))
    for number, names in enumerate(EYES):
        ball = np.stack([ict.regions[name] for name in names]).max(axis=0) > 0.5
        uv[ball] = on_eye(_round_ball(ict.mean[ball].astype(np.float64)), number)
    uv[slice(*SOCKET)] = on_ramp("mouth_cavity", np.full(SOCKET[1] - SOCKET[0], DIM))
    for material, ramp in INSIDE.items():
        part = ict.regions[material] > 0.5
        uv[part] = on_ramp(ramp, np.full(int(part.sum()), LIT))
    return uv


def _skin(ict: FaceModel) -> np.ndarray:
    """(V, 2) coordinates on our skin."""
    where = correspondence(ict).points(ict.mean.astype(np.float64))
    skin = ict.regions["skin"] > 0.5
    around = np.full((len(ict.mean), 2), 0.5)
    both = unrolled(np.concatenate([ict.mean[skin], where]).astype(np.float32)).astype(np.float64)
    around[skin], at = both[: int(skin.sum())], both[int(skin.sum()) :]
    # Places that fall together on closed lips and lids say the same twice.
    _, once = np.unique(np.round(where, 3), axis=0, return_index=True)
    bend = RBFInterpolator(where[once], embedded_head().uv[:VERTICES][once] - at[once], kernel="linear", degree=0)
    around[skin] += bend(ict.mean[skin].astype(np.float64))
    return around.clip(0.001, 0.999)


def _round_ball(points: np.ndarray) -> np.ndarray:
    """(n, 2) coordinates on an eye's picture, which is seen along the gaze, of a ball's points (n, 3)."""
    low, high = points.min(axis=0), points.max(axis=0)
    offset = points - (low + high) / 2
    across = np.hypot(offset[:, 0], offset[:, 1])
    angle = np.arctan2(across, -offset[:, 2])
    edge = np.arcsin(IRIS_RADIUS / RADIUS)
    white = IRIS_SHARE + (1 - IRIS_SHARE) * (angle - edge) / (BACK - edge)
    reach = np.where(angle < edge, angle / edge * IRIS_SHARE, white).clip(0, 1)
    way = offset[:, :2] / np.maximum(across, 1e-9)[:, None]
    coordinates: np.ndarray = 0.5 + 0.49 * reach[:, None] * way
    return coordinates
