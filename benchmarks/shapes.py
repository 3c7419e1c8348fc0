"""How well our own action units agree with models that were made from people.

    python -m benchmarks.shapes [--ict DIR]

For each action unit and each yardstick that has it: the cosine between the two displacement fields
(both sides of the face together) over the vertices where either moves by more than a tenth of its
largest displacement, and the ratio of their root-mean-square displacements there, ours over theirs.

Yardsticks:

- **ICT-FaceKit** (Li et al., Learning Formation of Physically-Based Face Attributes, CVPR 2020): an
  artist's shapes, named after ARKit's; the sums of `ARKIT` stand for action units. Its neutral face
  is laid over ours by the 68 landmarks and each of our vertices takes the displacement of the
  nearest point; upper and lower lip, and upper and lower lid, never take each other's.
- **py-feat**'s regression from 20 action units to MediaPipe's mesh (`au_to_mesh_pls_v4.npz`), from
  photographs. Its coefficients also contain head movement, and what usually comes along with an
  action unit; a rigid movement and scale are taken off by a fit that most vertices agree with.

A yardstick that is not on this machine is left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from fexdata.errors import FexdataError
from fexdata.faces.canonical import VERTICES, resource
from fexdata.faces.landmarks import FROM_478_TO_68
from fexdata.faces.models.action_unit_jaw import JAW_MOVEMENTS
from fexdata.faces.models.action_units import MOVEMENTS, action_unit_fields, action_unit_names
from fexdata.faces.models.rest import rest_face
from fexdata.faces.models.transfer import sides_of_seams, similarity
from fexdata.faces.topology import Label, coarse_478

ICT = Path("../shared/assets/ict-facekit")
ICT_FACE = 9409
"""Of ICT's vertices, the first that are skin of the face and head."""

ARKIT: dict[str, tuple[str, ...]] = {
    "AU1": ("browInnerUp_L", "browInnerUp_R"), "AU2": ("browOuterUp_L", "browOuterUp_R"),
    "AU4": ("browDown_L", "browDown_R"), "AU5": ("eyeWide_L", "eyeWide_R"),
    "AU6": ("cheekSquint_L", "cheekSquint_R"), "AU7": ("eyeSquint_L", "eyeSquint_R"),
    "AU9": ("noseSneer_L", "noseSneer_R"), "AU10": ("mouthUpperUp_L", "mouthUpperUp_R"),
    "AU12": ("mouthSmile_L", "mouthSmile_R"), "AU14": ("mouthDimple_L", "mouthDimple_R"),
    "AU15": ("mouthFrown_L", "mouthFrown_R"), "AU16": ("mouthLowerDown_L", "mouthLowerDown_R"),
    "AU17": ("mouthShrugLower", "mouthShrugUpper"), "AU18": ("mouthPucker",),
    "AU20": ("mouthStretch_L", "mouthStretch_R"), "AU22": ("mouthFunnel",),
    "AU24": ("mouthPress_L", "mouthPress_R"), "AU26": ("jawOpen",), "AU27": ("jawOpen",),
    "AU25": ("mouthLowerDown_L", "mouthLowerDown_R", "mouthUpperUp_L", "mouthUpperUp_R"),
    "AU28": ("mouthRollLower", "mouthRollUpper"), "AU43": ("eyeBlink_L", "eyeBlink_R"),
    "AD29": ("jawForward",), "AD30": ("jawRight",), "AD34": ("cheekPuff_L", "cheekPuff_R"),
}  # fmt: skip
"""Action unit -> ICT's shapes; `_L` there is the person's left. AD30 is our `AD30_left`."""

MOVES = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ict", type=Path, default=ICT, help="folder with ict_facekit_light.npz")
    yardsticks = {"ICT": ict_fields(parser.parse_args().ict), "py-feat": pyfeat_fields()}
    print("| AU | what moves | mm at 5 |" + "".join(f" {name}: cosine | ratio |" for name in yardsticks))
    print("|---|---|---|" + "---|---|" * len(yardsticks))
    for au in action_unit_names():
        ours = bilateral(au)
        cells = [au, (MOVEMENTS | JAW_MOVEMENTS | {"AD30": JAW_MOVEMENTS["AD30_left"]})[au].does]
        cells.append(f"{np.linalg.norm(ours, axis=1).max():.1f}")
        for fields in yardsticks.values():
            cells += [f"{value:.2f}" for value in agreement(ours, fields[au])] if au in fields else ["", ""]
        print("| " + " | ".join(cells) + " |")
    ict, pyfeat = yardsticks["ICT"], yardsticks["py-feat"]
    if shared := [au for au in ARKIT if au in ict and au in pyfeat]:
        mine, icts = (
            np.mean([agreement(fields(au), pyfeat[au])[0] for au in shared]) for fields in (bilateral, ict.__getitem__)
        )
        print(f"\nMean cosine with py-feat over {len(shared)} action units: ours {mine:.2f}, ICT's {icts:.2f}.")


def bilateral(au: str) -> np.ndarray:
    """Our field of an action unit, both sides together: (468, 3), mm."""
    names, fields = action_unit_fields()
    wanted = {"AD30_left"} if au == "AD30" else {au, f"{au}_left", f"{au}_right"}
    return np.sum([field for name, field in zip(names, fields, strict=True) if name in wanted], axis=0)


def agreement(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Cosine and ratio of amplitudes of two fields (468, 3) over the region that moves."""
    sizes = [np.linalg.norm(field, axis=1) for field in (ours, theirs)]
    moving = np.any([size > MOVES * size.max() for size in sizes], axis=0)
    a, b = ours[moving].ravel(), theirs[moving].ravel()
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b))), float(np.linalg.norm(a) / np.linalg.norm(b))


def ict_fields(folder: Path) -> Mapping[str, np.ndarray]:
    """ICT's fields at our 468 vertices, mm, by action unit; empty where ICT is not there."""
    path = folder / "ict_facekit_light.npz"
    if not path.is_file():
        return {}
    model = np.load(path)
    half_turn = np.array([1.0, -1.0, -1.0])
    points = model["neutral"][:ICT_FACE] * half_turn
    polygons = model["face_vertices"]
    triangles = np.concatenate([polygons[:, :3], polygons[polygons[:, 3] >= 0][:, [0, 2, 3]]])
    triangles = triangles[(triangles < ICT_FACE).all(axis=1)]
    marks, target, ours = model["landmarks_68"], rest_face(), np.array(FROM_478_TO_68)
    scale, rotation, shift = similarity(points[marks[17:]], target[ours[17:]])
    points = scale * points @ rotation.T + shift
    warped = points + RBFInterpolator(points[marks], target[ours] - points[marks], kernel="linear", smoothing=1)(points)
    topology = coarse_478()
    skin = topology.triangles[topology.labels == Label.SKIN]
    theirs = np.hstack([warped, sides_of_seams(points, triangles, marks)])
    _, nearest = cKDTree(theirs).query(np.hstack([target, sides_of_seams(target, skin, ours)]))
    names = list(model["expression_names"])
    fields = model["expression"][:, nearest].astype(np.float64) * half_turn @ rotation.T * scale
    return {au: sum(fields[names.index(shape)] for shape in shapes) for au, shapes in ARKIT.items()}


def pyfeat_fields() -> Mapping[str, np.ndarray]:
    """py-feat's fields at our 468 vertices, mm, by action unit; empty where py-feat lacks the file."""
    try:
        model = np.load(resource("au_to_mesh_pls_v4.npz"))
    except FexdataError:
        return {}
    half_turn = np.array([1.0, -1.0, -1.0])
    mean = model["mean_aligned_mesh"].reshape(478, 3)[:VERTICES] * half_turn
    scale, rotation, shift = similarity(mean, rest_face())
    points = scale * mean @ rotation.T + shift
    fields = {}
    for name, column in zip(model["au_columns"], model["coef"], strict=False):
        field = column.reshape(3, 478).T[:VERTICES] * half_turn @ rotation.T * scale
        fields[f"AU{int(name[2:])}"] = field - rigid_part(points, field)
    return fields


def rigid_part(points: np.ndarray, field: np.ndarray) -> np.ndarray:
    """The turn, shift and scale that most of a field (n, 3) agrees with: least absolute deviations,
    by reweighting."""
    centred = (points - points.mean(axis=0)) / 50.0
    basis = np.zeros((len(points), 3, 7))
    basis[:, :, :3] = np.eye(3)
    basis[:, :, 3] = centred
    for axis in range(3):
        basis[:, :, 4 + axis] = np.cross(np.eye(3)[axis], centred)
    weights = np.ones(len(points))
    for _ in range(30):
        rows = np.sqrt(np.repeat(weights, 3))[:, None]
        part = basis @ np.linalg.lstsq(basis.reshape(-1, 7) * rows, field.ravel() * rows[:, 0], rcond=None)[0]
        weights = 1.0 / (np.linalg.norm(field - part, axis=1) + 0.05)
    return part


if __name__ == "__main__":
    main()
