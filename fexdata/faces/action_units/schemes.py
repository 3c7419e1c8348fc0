"""Schemes of scores: which action units a tool scores, on which scale, and what may be made of them.

The same face gets other numbers from other tools, and a tool's column is only known by its name.
A scheme fixes names, range and meaning; `convert` turns values of one scheme into another where
that is sound and refuses, saying why, where it is not. Names are FACS's without leading zeros
(`AU1`); a struct column of a scheme has one member per name, in the scheme's order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fexdata.errors import FexdataError

Kind = Literal["intensity", "probability", "coefficient"]
Values = Mapping[str, float | None]

MEANINGS: Mapping[str, str] = {
    "AU1": "inner brow raiser",
    "AU2": "outer brow raiser",
    "AU4": "brow lowerer",
    "AU5": "upper lid raiser",
    "AU6": "cheek raiser",
    "AU7": "lid tightener",
    "AU9": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU11": "nasolabial deepener",
    "AU12": "lip corner puller",
    "AU14": "dimpler",
    "AU15": "lip corner depressor",
    "AU17": "chin raiser",
    "AU20": "lip stretcher",
    "AU23": "lip tightener",
    "AU24": "lip pressor",
    "AU25": "lips part",
    "AU26": "jaw drop",
    "AU28": "lip suck",
    "AU43": "eyes closed",
    "AU45": "blink",
}
"""What moves, in FACS's words (Ekman, Friesen and Hager, 2002)."""

_ARKIT_BROWS = ("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight")
_ARKIT_CHEEKS = ("cheekPuff", "cheekSquintLeft", "cheekSquintRight")
_ARKIT_EYES = tuple(
    f"eye{what}{side}"
    for what in ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
    for side in ("Left", "Right")
)
_ARKIT_MOUTH = (
    *("jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight"),
    *("mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper"),
    *("mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft"),
    *("mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight"),
)
ARKIT_NAMES = ("_neutral", *_ARKIT_BROWS, *_ARKIT_CHEEKS, *_ARKIT_EYES, *_ARKIT_MOUTH)
"""The 52 scores of MediaPipe's `face_landmarker.task`, in its order: ARKit's names (without
tongueOut, with `_neutral`). Left and right are the person's own."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """What a tool's numbers are."""

    name: str
    names: tuple[str, ...]
    kind: Kind
    highest: float
    """Scores run from 0 to this."""
    about: str
    mirror: Literal["none", "named"] = "none"
    """What a left-right flip does (`fexdata.dataset.fields.MIRROR_RULES`): nothing to scores of both
    sides together, an exchange of left and right to scores of one side."""

    @property
    def unit(self) -> str:
        """As a field's metadata has it."""
        return f"0 to {self.highest:g}"


OPENFACE = Scheme(
    "openface17_r",
    tuple(f"AU{number}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)),
    kind="intensity",
    highest=5.0,
    about="Intensities by OpenFace 2, its columns AU01_r to AU45_r (Baltrusaitis et al., FG 2018).",
)
PYFEAT = Scheme(
    "pyfeat20",
    tuple(f"AU{n}" for n in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)),
    kind="probability",
    highest=1.0,
    about="How surely each action unit is there, by py-feat; says nothing of its strength.",
)
GEOMETRIC = Scheme(
    "fexdata_geometric",
    tuple(f"AU{number}" for number in (1, 2, 4, 5, 6, 9, 10, 12, 15, 17, 20, 25, 26, 43)),
    kind="intensity",
    highest=5.0,
    about="Intensities that fexdata reads off the face mesh; AU26 stands for AU26 and AU27.",
)
ARKIT = Scheme(
    "arkit52",
    ARKIT_NAMES,
    kind="coefficient",
    highest=1.0,
    about="Blendshape coefficients by MediaPipe's face_landmarker.task, ARKit's names.",
    mirror="named",
)
SCHEMES: Mapping[str, Scheme] = {one.name: one for one in (OPENFACE, PYFEAT, GEOMETRIC, ARKIT)}

PRESENT: Mapping[Kind, float] = {"intensity": 1.0, "probability": 0.5}
"""From which score an action unit is there: FACS's grade A, and likelier than not."""
ON_A_STILL = {"AU43": "AU45", "AU45": "AU43"}
"""A blink and closed eyes differ in how long they last, which a photograph does not show."""
_WHY: Mapping[Kind, str] = {
    "intensity": "intensities say how strong",
    "probability": "probabilities say how sure",
    "coefficient": "blendshape coefficients are a face rig's own units",
}


def scheme(name: str) -> Scheme:
    """A scheme by name. Raises `FexdataError` for an unknown one."""
    if name not in SCHEMES:
        raise FexdataError(f"unknown scheme of action units {name!r}; known: {', '.join(SCHEMES)}")
    return SCHEMES[name]


def convert(values: Values, source: str, target: str) -> dict[str, float | None]:
    """Scores of one scheme under another's names, None for what the first does not score.

    Only intensities become intensities: both grade the same movements from 0 to 5, so they share
    names and scale (not a tool's habits: a network still wants values of one tool). Closed eyes
    and a blink are the same on a still. Raises `FexdataError` for any other pair.
    """
    one, other = scheme(source), scheme(target)
    if one is other:
        return {name: values.get(name) for name in other.names}
    if one.kind != "intensity" or other.kind != "intensity":
        why = "; ".join(dict.fromkeys((_WHY[one.kind], _WHY[other.kind])))
        raise FexdataError(f"{source} cannot become {target}: {why}; compare them with `presence` instead")
    return under_names(values, other.names)


def under_names(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """What is said of each of the names; None for those of which nothing is. Closed eyes (AU43) and a
    blink (AU45) answer for each other, as they do on a still."""
    return {name: values.get(name, values.get(ON_A_STILL.get(name, name))) for name in names}


def presence(values: Values, source: str) -> dict[str, bool | None]:
    """Whether each action unit is there, by `PRESENT`: what schemes of different kinds can be compared by.

    None stays None. Raises `FexdataError` for blendshape coefficients, which are no action units.
    """
    one = scheme(source)
    if one.kind not in PRESENT:
        raise FexdataError(f"{source} has no action units: {_WHY[one.kind]}")
    limit = PRESENT[one.kind]
    found = {name: values.get(name) for name in one.names}
    return {name: None if value is None else value >= limit for name, value in found.items()}
