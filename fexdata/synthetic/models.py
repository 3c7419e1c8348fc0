"""The face models that synthetic people can be made from, and how an expression drives each.

| name | people | expressions | terms |
|---|---|---|---|
| `fexdata-head` | the embedded model's | its 29 action units | Apache-2.0 |
| `pyfeat-aus` | the embedded model's | 20 action units, as py-feat's regression has them | non-commercial |
| `ict`, `ict:PATH` | ICT-FaceKit's | ICT-FaceKit's 53 shapes, through `ICT_UNITS` | MIT |

All have the embedded head's vertices, so that skin, hair, eyes and mouth fit every one of them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.models.action_unit_lids import lid_influence
from fexdata.faces.models.action_unit_solver import LID_PAIRS
from fexdata.faces.models.face_model import FaceModel
from fexdata.synthetic import expressions
from fexdata.synthetic.expressions import STRONGEST, Expression

MODELS = ("fexdata-head", "pyfeat-aus", "ict", "ict:PATH")

ICT_UNITS: dict[str, Mapping[str, float]] = {
    "AU1": {"browInnerUp": 0.85},
    "AU2": {"browOuterUp": 0.85},
    "AU4": {"browDown": 1.0},
    "AU5": {"eyeWide": 0.9},
    "AU6": {"cheekSquint": 0.9},
    "AU7": {"eyeSquint": 0.9},
    "AU9": {"noseSneer": 0.85},
    "AU10": {"mouthUpperUp": 0.75},
    "AU11": {"mouthUpperUp": 0.2, "noseSneer": 0.15},
    "AU12": {"mouthSmile": 0.9},
    "AU13": {"mouthSmile": 0.45, "cheekPuff": 0.1},
    "AU14": {"mouthDimple": 0.85},
    "AU15": {"mouthFrown": 1.0},
    "AU16": {"mouthLowerDown": 0.9},
    "AU17": {"mouthShrugLower": 0.75, "mouthShrugUpper": 0.45},
    "AU18": {"mouthPucker": 0.85},
    "AU20": {"mouthStretch": 0.9},
    "AU22": {"mouthFunnel": 0.85},
    "AU23": {"mouthRollUpper": 0.3, "mouthRollLower": 0.3, "mouthPress": 0.35},
    "AU24": {"mouthPress": 0.8},
    "AU25": {"mouthLowerDown": 0.55, "mouthUpperUp": 0.45},
    "AU26": {"jawOpen": 0.55},
    "AU27": {"jawOpen": 1.0},
    "AU28": {"mouthRollUpper": 0.75, "mouthRollLower": 0.75},
    "AU43": {"eyeBlink": 1.0},
    "AD29": {"jawForward": 0.95},
    "AD34": {"cheekPuff": 0.75},
}
"""Action unit at its maximum -> ICT's shapes, `_L` and `_R` left off, and their coefficients: which
shape does what FACS describes, about as far as the embedded model's own field goes (the ratios of
`python -m benchmarks.shapes`; smiles and parted lips a little further). ICT has no nostril dilator
(AU38). AD30 is `ICT_SIDEWAYS`."""
ICT_SIDEWAYS = {"jawRight": 1.0}, {"jawLeft": 1.0}
"""AD30 to the picture's left and to its right; ICT's names say the person's own side."""
STANDS_IN = {"AU27": "AU26", "AU16": "AU25"}
"""What a model that lacks the first action unit, as py-feat's does, shows instead."""
_BLINK = "eyeBlink"


def shape_model(name: str) -> FaceModel:
    """The model of a name of `MODELS`, on the embedded head's surface.

    Raises `FexdataError` for an unknown name and for a model whose files are not there.
    """
    if name == "fexdata-head":
        from fexdata.faces.models.kept import embedded_head

        return embedded_head()
    if name == "pyfeat-aus":
        from fexdata.faces.models.pyfeat_aus import pyfeat_model

        return pyfeat_model()
    kind, _, place = name.partition(":")
    if kind == "ict":
        return _ict(name if place else "ict")
    raise FexdataError(f"unknown face model {name!r}; known: {', '.join(MODELS)}")


def terms(name: str) -> str:
    """One line on what pictures made from a model may be used for. Opens no model file."""
    if name == "pyfeat-aus":
        from fexdata.faces.models.pyfeat_aus import LICENCE, SOURCE

        return f"Face model pyfeat-aus, {SOURCE}: {LICENCE}."
    if name.partition(":")[0] == "ict":
        from fexdata.faces.models.ict import LICENCE, SOURCE

        return f"Face model ict, {SOURCE}: {LICENCE}."
    return "Face model fexdata-head: Apache-2.0."


def coefficients(model: FaceModel, expression: Expression) -> np.ndarray:
    """(E,) float32: how an expression drives a model of `shape_model`, 0 to 1.

    ICT's shapes get what `ICT_UNITS` says, added up; others the action units of their names, and
    those that stand in for what they lack.
    """
    if _BLINK + "_L" not in model.expression_names:
        return expressions.coefficients(_shown(expression, model), model.expression_names)
    shapes = _ict_shapes(expression)
    return np.array([min(shapes.get(name, 0.0), 1.0) for name in model.expression_names], np.float32)


def _shown(expression: Expression, model: FaceModel) -> Expression:
    known = {name.partition("_")[0] for name in model.expression_names}
    sides = []
    for side in (expression.left(), expression.right()):
        for unit, instead in STANDS_IN.items():
            if unit in side and unit not in known:
                side[instead] = max(side.get(instead, 0.0), side.pop(unit))
        sides.append(side)
    return Expression.of(*sides)


def lids_meeting(model: FaceModel, neutral: np.ndarray, vertices: np.ndarray, driven_by: np.ndarray) -> np.ndarray:
    """The head (V, 3) with its lids as far shut as the coefficients `driven_by` (E,) say.

    A model's fields shut the eyes of its mean. Whoever has larger eyes would keep them open, whoever
    has smaller ones would have the lids cross; so the upper lids go on by what the eye's opening at
    rest, in `neutral` (V, 3), differs from the mean's, times the share of it that is closed.
    """
    upper, lower = np.array(LID_PAIRS).T
    usual, own = (points[lower] - points[upper] for points in (model.mean, neutral))
    basis = np.tensordot(driven_by, model.expression_basis[:, lower] - model.expression_basis[:, upper], axes=1)
    closed = -(basis * usual).sum(axis=1) / (usual**2).sum(axis=1)
    shift = closed[:, None] * (own - usual) - np.maximum(closed - 1, 0)[:, None] * own
    result: np.ndarray = vertices + _lid_reach().T @ shift.astype(np.float32)
    return result


@functools.cache
def _lid_reach() -> np.ndarray:
    """(14, V) float32: how far each vertex goes with each upper lid's vertex of `LID_PAIRS`."""
    from fexdata.faces.models.transfer import over_head

    alike = np.repeat(lid_influence()[:, :, None], 3, axis=2)
    return np.ascontiguousarray(over_head(alike)[:, :, 0])


def _ict_shapes(expression: Expression) -> dict[str, float]:
    shapes: dict[str, float] = {}
    # The picture's left is the person's right.
    for intensities, suffix, sideways in zip(
        (expression.left(), expression.right()), ("_R", "_L"), ICT_SIDEWAYS, strict=True
    ):
        for unit, intensity in intensities.items():
            sided = sideways if unit == "AD30" else ICT_UNITS.get(unit, {})
            for shape, weight in sided.items():
                name = shape if shape in _WITHOUT_SIDES else shape + suffix
                # Both sides drive a shape of the midline, each by half.
                share = 0.5 if shape in _MIDLINE else 1.0
                shapes[name] = shapes.get(name, 0.0) + share * weight * intensity / STRONGEST
    return shapes


_MIDLINE = ("jawOpen", "jawForward", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper",
            "mouthShrugLower", "mouthShrugUpper")  # fmt: skip
_WITHOUT_SIDES = (*_MIDLINE, "jawLeft", "jawRight")


@functools.lru_cache(maxsize=2)
def _ict(name: str) -> FaceModel:
    from fexdata.faces.models import registry
    from fexdata.faces.models.transfer import transferred

    if name == "ict" and name not in registry.imported():
        folders = " or ".join(str(folder / registry.ICT_FOLDER) for folder in registry.model_folders())
        raise FexdataError(
            f"face model ict: {folders} is not there; put ICT-FaceKit's FaceXModel folder there "
            "(https://github.com/ICT-VGL/ICT-FaceKit), run `fexdata models import ict PATH`, say --model ict:PATH, or "
            "go without --model"
        )
    return transferred(registry.load(name))
