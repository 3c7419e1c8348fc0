"""py-feat's regression from action units to a face mesh, as expressions of the embedded head.

py-feat packages `au_to_mesh_pls_v4.npz`: 20 action units and three angles to MediaPipe's 478 points, a
partial least squares regression over photographs. Its people were photographed for research, so
its terms are narrower than py-feat's own licence (`LICENCE`).

What is done to its coefficients, each (478, 3):

- the affine movement that most of the face agrees with is taken off: heads nodded, too, and pictures
  of nodding heads, laid on each other, stretch;
- left and right are averaged, and each half, faded over the midline, becomes a field of its own, so
  that an expression can be one-sided;
- lids and lips touch as they should (`fexdata.faces.models.transfer`): AU43 shuts the eyes, and no lip
  passes through the other;
- its mean mouth is parted by 6 mm, and what parts lips is spread over action units that come along
  with an open mouth (AU6, AU9) while AU25 closes it. So no action unit parts the lips further than
  the embedded model's own does, and AU25 is the embedded model's own;
- the upper lid's skin goes with its rim;
- py-feat's numbers say how surely an action unit is there, not how strong it is. A field's size at
  5 is therefore that of the embedded model's, within `GAINS`; its form is py-feat's.

Mean head and identities are the embedded model's, whose vertices those of the face already are.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from fexdata.faces.canonical import VERTICES, resource
from fexdata.faces.models.action_unit_solver import MIRROR, mirrored, symmetric
from fexdata.faces.models.action_units import UPPER_OVAL, action_unit_fields, left_share
from fexdata.faces.models.default import default_model
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.ict import HALF_TURN
from fexdata.faces.models.rest import rest_face
from fexdata.faces.models.transfer import in_contact, lips_parting, over_head, part_lips, similarity

NAME = "pyfeat-aus"
FILE = "au_to_mesh_pls_v4.npz"
LICENCE = "non-commercial research only (the photographs behind py-feat's au_to_mesh_pls_v4 allow no more)"
SOURCE = "py-feat's au_to_mesh_pls_v4.npz (https://py-feat.org)"
MOVES = 0.1
"""Share of the largest displacement from which a vertex counts as moved."""
MIDLINE = ("AU26",)
"""Action units without sides."""


GAINS = (0.3, 3.0)
"""Least and most by which a field is made larger."""
FADE = 25.0
"""Millimetres from the upper face oval over which movement fades: hairline and temples stay."""
LID_ROWS = ((247, 30, 29, 27, 28, 56, 190), (246, 161, 160, 159, 158, 157, 173), (113, 225, 224, 223, 222, 221, 189))
"""Of the left upper lid: the skin above its rim, the rim below it, the fold above it."""
AU25 = "AU25"


@functools.cache
def pyfeat_model() -> FaceModel:
    """The model. Raises `FexdataError` where py-feat lacks the file."""
    embedded = default_model()
    theirs, fields = regression()
    names, sided = _with_sides({name: _tamed(name, field) for name, field in fields.items()})
    return replace(
        embedded,
        name=NAME,
        expression_basis=over_head(in_contact(sided, symmetric(theirs), rest_face())),
        expression_names=names,
        expression_signed=np.zeros(len(names), dtype=bool),
        licence=LICENCE,
        source=f"{SOURCE}; on {embedded.source}",
        sha256="",
    )


def regression() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """py-feat's mean face (468, 3), laid over ours, and its fields (468, 3) by action unit without
    head movement; mm.

    Raises `FexdataError` where py-feat lacks the file.
    """
    model = np.load(resource(FILE))
    mean = model["mean_aligned_mesh"].reshape(478, 3)[:VERTICES] * HALF_TURN
    scale, rotation, shift = similarity(mean, rest_face())
    points = scale * mean @ rotation.T + shift
    fields = {}
    for name, column in zip(model["au_columns"], model["coef"], strict=False):
        field = column.reshape(3, 478).T[:VERTICES] * HALF_TURN @ rotation.T * scale
        fields[f"AU{int(name[2:])}"] = field - _affine_part(points, field)
    return points, fields


def _affine_part(points: np.ndarray, field: np.ndarray) -> np.ndarray:
    """The affine movement that most of a field (468, 3) agrees with: least absolute deviations, by
    reweighting."""
    basis = np.column_stack([np.ones(len(points)), (points - points.mean(axis=0)) / 50.0])
    weights = np.ones(len(points))
    for _ in range(30):
        rows = np.sqrt(weights)[:, None]
        part: np.ndarray = basis @ np.linalg.lstsq(basis * rows, field * rows, rcond=None)[0]
        weights = 1.0 / (np.linalg.norm(field - part, axis=1) + 0.05)
    return part


def _tamed(name: str, field: np.ndarray) -> np.ndarray:
    """A field (468, 3) of both sides, mirror symmetric, in size and parting of lips as the embedded one."""
    own = _embedded(name)
    if name == AU25:
        return own
    even = _with_lids(symmetric(field) * _fade()[:, None])
    sizes = [np.linalg.norm(one, axis=1) for one in (own, even)]
    moving = np.any([size > MOVES * size.max() for size in sizes], axis=0)
    even *= np.clip(np.linalg.norm(own[moving]) / np.linalg.norm(even[moving]), *GAINS)
    parting, most = lips_parting(even[None]), lips_parting(own[None])
    return part_lips(even[None], np.clip(parting, 0, most) - parting)[0]


def _with_lids(field: np.ndarray) -> np.ndarray:
    """A field (468, 3) whose lids' skin goes with the rim, as in the embedded model's AU43.

    py-feat's people show more of it at rest than our mean does, so it moves less with theirs, and ours
    would be stretched out of the lid's red edge.
    """
    closing = _embedded("AU43")[:, 1]
    result = np.array(field)
    for skin, rim, above in zip(*LID_ROWS, strict=True):
        share = (closing[skin] - closing[above]) / (closing[rim] - closing[above])
        for v, r, a in ((skin, rim, above), (int(MIRROR[skin]), int(MIRROR[rim]), int(MIRROR[above]))):
            result[v] = field[a] + share * (field[r] - field[a])
    return result


def _fade() -> np.ndarray:
    """(468,) from 0 on the upper face oval to 1."""
    rim = rest_face()[[*UPPER_OVAL, *MIRROR[list(UPPER_OVAL)]]]
    share = np.clip(cKDTree(rim).query(rest_face())[0] / FADE, 0, 1)
    result: np.ndarray = share * share * (3 - 2 * share)
    return result


def _embedded(name: str) -> np.ndarray:
    """(468, 3): the embedded model's field of an action unit, both sides together."""
    names, fields = action_unit_fields()
    both = [field for own, field in zip(names, fields, strict=True) if own in (name, f"{name}_left", f"{name}_right")]
    return np.sum(both, axis=0, dtype=np.float64)


def _with_sides(fields: dict[str, np.ndarray]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and fields (E, 468, 3): one for each side, but for the jaw."""
    sided: dict[str, np.ndarray] = {}
    for name, field in fields.items():
        if name in MIDLINE:
            sided[name] = field
        else:
            left = field * left_share()[:, None]
            sided |= {f"{name}_left": left, f"{name}_right": mirrored(left)}
    return tuple(sided), np.stack(list(sided.values()))
