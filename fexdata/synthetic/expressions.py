"""Which expressions people make: the eight categories as distributions over action units.

An expression is how strongly each action unit of FACS is active on each side of the face, on
FACS's scale from 0 (not at all) over 1 (A, a trace) to 5 (E, maximal). The generative process:

- A category has ways to show it, such as a smile with the mouth shut or open; one is drawn.
- Each action unit of that way is drawn from a range, optional ones with a probability, and all are
  scaled by one strength, so that one face is subtle and another at its apex.
- Both sides differ a little; a tenth of the people are clearly lopsided. Contempt is one-sided.
- A little activity that belongs to no category lies beneath.

Which action units go with which category: Ekman, Friesen and Hager, Facial Action Coding System,
The Investigator's Guide (2002), table 10-2, and EMFACS (Ekman and Friesen 1983); how often they come:
Du, Tao and Martinez, Compound facial expressions of emotion, PNAS 2014, table 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.models.action_units import EYE_CLOSURE, action_unit_names

STRONGEST = 5.0
SINGLE_UNITS = action_unit_names()
"""Every action unit that a face can make, `AU1` to `AD34`, both sides under one name."""
_MIDLINE = ("AU26", "AU27", "AD29")
"""Movements that have no sides."""
_SIDEWAYS = "AD30"
"""Left and right are the two directions of one movement."""
_NUMBER = {name: number for number, name in enumerate(SINGLE_UNITS)}


@dataclass(frozen=True, slots=True)
class Expression:
    """How active each action unit is. Hashable; equal where all intensities are equal."""

    units: tuple[tuple[str, float, float], ...] = ()
    """(name, left, right), intensities 0 to 5, in the order of `SINGLE_UNITS`; absent ones are 0.
    Left is the picture's left. An action unit of the midline has the same number twice."""

    @classmethod
    def of(cls, left: Mapping[str, float], right: Mapping[str, float] | None = None) -> Expression:
        """From intensities by name, the same on both sides unless `right` says otherwise.

        Raises `FexdataError` for an unknown action unit or an intensity outside 0 to 5.
        """
        other = left if right is None else right
        for name, value in [*left.items(), *other.items()]:
            if name not in _NUMBER:
                raise FexdataError(f"unknown action unit {name!r}; known: {', '.join(SINGLE_UNITS)}")
            if not 0.0 <= value <= STRONGEST:
                raise FexdataError(f"{name}: intensity {value:g} is outside 0 to 5")
        names = sorted({*left, *other}, key=_NUMBER.__getitem__)
        sides = ((name, round(float(left.get(name, 0.0)), 4), round(float(other.get(name, 0.0)), 4)) for name in names)
        return cls(tuple(unit for unit in sides if max(unit[1:]) > 0))

    def left(self) -> dict[str, float]:
        return {name: left for name, left, _ in self.units}

    def right(self) -> dict[str, float]:
        return {name: right for name, _, right in self.units}


Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to show a category."""

    always: Mapping[str, Range]
    """Action unit -> lowest and highest intensity at full strength."""
    often: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    """Action unit -> probability, lowest, highest."""
    weight: float = 1.0
    """How often, relative to the category's other ways."""
    one_sided: bool = False


CATEGORIES: dict[str, tuple[Way, ...]] = {
    "neutral": (Way({}),),
    "happy": (
        Way({"AU12": (3.2, 4.8), "AU6": (2.6, 4.6)}, {"AU25": (0.15, 0.5, 1.2)}, 1.0),
        Way({"AU12": (3.6, 5.0), "AU6": (2.8, 4.8), "AU25": (2.2, 4.2)}, {"AU26": (0.35, 0.6, 1.6)}, 2.0),
        Way({"AU12": (3.8, 5.0), "AU6": (3.4, 5.0), "AU25": (2.5, 4.5), "AU26": (1.8, 3.2)},
            {"AU7": (0.4, 1, 2.4)}, 0.7),
    ),
    "sad": (
        Way({"AU1": (3.2, 5.0), "AU4": (2.0, 3.4), "AU15": (3.4, 5.0)},
            {"AU17": (0.5, 1.5, 3.2), "AU43": (0.3, 0.5, 1.6)}),
        Way({"AU1": (3.4, 5.0), "AU4": (2.2, 3.6), "AU15": (3.2, 4.8), "AU17": (2.6, 4.2)}, {"AU7": (0.3, 0.8, 1.8)}),
        Way({"AU1": (3.2, 4.8), "AU4": (2.4, 4.0), "AU15": (3.2, 5.0), "AU6": (1.6, 3.0)},
            {"AU11": (0.5, 1.5, 3.5), "AU17": (0.6, 1.6, 3.4), "AU20": (0.2, 0.6, 1.4)}, 0.8),
    ),
    "surprise": (
        Way({"AU1": (2.8, 4.2), "AU2": (4.0, 5.0), "AU5": (2.4, 4.4), "AU26": (3.2, 5.0), "AU25": (0.8, 2.0)}, {}, 2.0),
        Way({"AU1": (3.0, 4.4), "AU2": (4.2, 5.0), "AU5": (2.8, 4.8), "AU27": (2.6, 4.2)}, {"AU25": (0.4, 0.5, 1.5)}),
    ),
    "fear": (
        Way({"AU1": (3.6, 5.0), "AU2": (1.8, 3.2), "AU4": (2.8, 4.2), "AU5": (3.4, 5.0), "AU20": (3.2, 5.0),
             "AU25": (2.0, 3.6)},
            {"AU7": (0.4, 0.8, 2.0), "AU26": (0.5, 0.6, 1.8)}, 2.0),
        Way({"AU1": (3.8, 5.0), "AU2": (1.8, 3.4), "AU4": (2.8, 4.4), "AU5": (3.6, 5.0), "AU20": (3.4, 5.0),
             "AU26": (1.8, 3.2),
             "AU25": (1.5, 3.0)}, {"AU16": (0.4, 1.0, 2.4)}),
        Way({"AU1": (3.6, 5.0), "AU4": (3.0, 4.4), "AU5": (3.6, 5.0), "AU20": (3.0, 4.6)},
            {"AU2": (0.6, 1.0, 2.6)}, 0.5),
    ),
    "disgust": (
        Way({"AU9": (3.6, 5.0), "AU10": (2.0, 3.2), "AU17": (2.2, 3.8)},
            {"AU4": (0.5, 0.8, 2.2), "AU7": (0.5, 1.0, 2.6)}),
        Way({"AU9": (3.6, 5.0), "AU10": (2.0, 3.6), "AU25": (1.6, 3.2), "AU16": (1.5, 3.2)},
            {"AU26": (0.4, 0.6, 1.8), "AU4": (0.4, 0.8, 2.2), "AU6": (0.4, 1.0, 2.4)}, 0.8),
        Way({"AU9": (3.0, 4.6), "AU10": (2.4, 3.8), "AU15": (2.0, 3.6)},
            {"AU17": (0.6, 1.5, 3.0), "AU7": (0.5, 1.0, 2.6)}, 0.8),
    ),
    "anger": (
        Way({"AU4": (4.0, 5.0), "AU7": (2.2, 3.8), "AU23": (3.0, 5.0)},
            {"AU5": (0.6, 1.6, 3.4), "AU17": (0.4, 1.4, 2.8), "AU24": (0.4, 1.5, 3.0), "AU38": (0.4, 1.5, 4.0)}),
        Way({"AU4": (4.0, 5.0), "AU7": (2.2, 3.8), "AU24": (3.2, 5.0), "AU17": (1.8, 3.4)},
            {"AU5": (0.5, 1.4, 3.0), "AU23": (0.5, 1.5, 3.5)}),
        Way({"AU4": (4.0, 5.0), "AU5": (2.0, 3.6), "AU7": (2.4, 4.0), "AU10": (2.0, 3.6), "AU25": (1.8, 3.4),
             "AU16": (1.6, 3.2)},
            {"AU26": (0.5, 0.8, 2.4), "AU22": (0.4, 1.2, 2.6), "AU38": (0.6, 1.5, 4.0)}, 0.8),
    ),
    "contempt": (
        Way({"AU14": (3.6, 5.0)}, {"AU12": (0.6, 0.8, 1.8), "AU7": (0.25, 0.6, 1.6)}, 1.0, one_sided=True),
        Way({"AU14": (3.0, 4.6), "AU12": (1.6, 2.8)}, {"AU10": (0.2, 0.8, 1.6)}, 1.0, one_sided=True),
    ),
}  # fmt: skip

_BOTH_SIDES_IN_CONTEMPT = 0.12
"""Share of a one-sided movement that the other side shows."""
_BACKGROUND = ("AU1", "AU2", "AU4", "AU5", "AU7", "AU14", "AU17", "AU23", "AU24", "AU43")
"""Without the corners of the mouth going up or down: even traces of those change what a face says."""

OPPOSED: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("AU24", "AU28", "AD34", "AU17"), ("AU26", "AU27", "AU22")),
    (("AU24", "AU28", "AD34"), ("AU25", "AU16", "AU10")),
    (("AU18", "AU22"), ("AU12", "AU13", "AU14", "AU15", "AU20", "AU28")),
    (("AU28", "AD34"), ("AU12", "AU20", "AU23", "AU18")),
    (("AU43",), ("AU5",)),
    (("AU26",), ("AU27",)),
    (("AU12",), ("AU13",)),
)
"""Groups that cannot be active together: the weaker group is dropped."""

LIMITS: tuple[tuple[tuple[str, ...], float], ...] = (
    (("AU12", "AU13", "AU14", "AU20"), 7.0),
    (("AU12", "AU13", "AU15"), 6.0),
    (("AU9", "AU10", "AU11"), 8.0),
    (("AU16", "AU25", "AU26"), 9.0),
    (("AU16", "AU25", "AU27"), 7.5),
    (("AU23", "AU24", "AU28"), 7.0),
)
"""Groups that pull at the same skin, and the most that their intensities add up to."""
_EYES_OPEN = 0.75
"""Share of its opening that an eye can lose without AU43."""


def draw(category: str, rng: np.random.Generator) -> Expression:
    """An expression of one of the eight categories (`fexdata.corpora.base.EXPRESSIONS`).

    Raises `FexdataError` for an unknown category.
    """
    if category not in CATEGORIES:
        raise FexdataError(f"unknown expression {category!r}; known: {', '.join(CATEGORIES)}")
    ways = CATEGORIES[category]
    weights = np.array([way.weight for way in ways])
    way = ways[int(rng.choice(len(ways), p=weights / weights.sum()))]
    strength = rng.triangular(0.62, 1.0, 1.05)
    drawn = {name: strength * rng.uniform(*bounds) for name, bounds in way.always.items()}
    for name, (probability, low, high) in way.often.items():
        if rng.random() < probability:
            drawn[name] = strength * rng.uniform(low, high)
    left, right = _sides(drawn, rng, one_sided=way.one_sided)
    for name in _BACKGROUND:
        if rng.random() < 0.12:
            trace = rng.uniform(0.1, 0.6)
            left[name], right[name] = max(left.get(name, 0.0), trace), max(right.get(name, 0.0), trace)
    return feasible(left, right)


def single(au: str, intensity: float) -> Expression:
    """One action unit on both sides, intensity 0 to 5; AD30, the jaw sideways, to the left.

    Raises `FexdataError` for an unknown action unit or an intensity outside 0 to 5.
    """
    return Expression.of({au: intensity}, {} if au == _SIDEWAYS else None)


def random_feasible(rng: np.random.Generator) -> Expression:
    """Two to five action units of any kind that a face can make together."""
    names = rng.choice(SINGLE_UNITS, size=int(rng.integers(2, 6)), replace=False)
    drawn = {str(name): float(rng.uniform(0.5, STRONGEST)) for name in names}
    return feasible(*_sides(drawn, rng, one_sided=bool(rng.random() < 0.15)))


def sequence(expression: Expression, frames: int) -> list[Expression]:
    """From neutral, the first frame, to the expression, the last: an onset that starts and ends
    gently (of least jerk: Flash and Hogan 1985). Raises `ValueError` for fewer than two frames."""
    if frames < 2:
        raise ValueError(f"frames: expected at least 2, got {frames}")
    times = np.linspace(0.0, 1.0, frames)
    return [scaled(expression, float(share)) for share in 10 * times**3 - 15 * times**4 + 6 * times**5]


def scaled(expression: Expression, share: float) -> Expression:
    """The same expression with all intensities times `share`, 0 to 1."""
    if share == 1.0:
        return expression
    left, right = expression.left(), expression.right()
    return Expression.of(
        {name: share * value for name, value in left.items()}, {name: share * value for name, value in right.items()}
    )


def coefficients(expression: Expression, names: Sequence[str]) -> np.ndarray:
    """A model's coefficients, (E,) float32: intensity / 5 for each name that is an action unit.

    names: the model's `expression_names`: `AU12_left`, `AU12_right`, or `AU12` for both sides, whose
    coefficient is the stronger side's. Names that are no action unit, and action units that the
    model lacks, count for nothing.
    """
    sides = {name: (left, right) for name, left, right in expression.units}
    return np.array([_coefficient(name, sides) for name in names], dtype=np.float32)


def intensities(expression: Expression) -> dict[str, float]:
    """Every action unit's intensity, 0 to 5, under one name: the stronger side's, as FACS scores a
    movement that is on both sides by its stronger one."""
    stronger = {name: max(left, right) for name, left, right in expression.units}
    return {name: stronger.get(name, 0.0) for name in SINGLE_UNITS}


def feasible(left: Mapping[str, float], right: Mapping[str, float]) -> Expression:
    """The nearest expression that a face can make: opposed movements dropped, shared skin not
    overstretched, eyes closed at most shut, movements of the midline equal on both sides."""
    sides = [dict(left), dict(right)]
    for name in _MIDLINE:
        if any(name in side for side in sides):
            value = max(side.get(name, 0.0) for side in sides)
            sides = [side | {name: value} for side in sides]
    sides[int(sides[0].get(_SIDEWAYS, 0.0) >= sides[1].get(_SIDEWAYS, 0.0))].pop(_SIDEWAYS, None)
    stronger = {name: max(side.get(name, 0.0) for side in sides) for side in sides for name in side}
    dropped = _opposed(stronger)
    for side in sides:
        for name in dropped & side.keys():
            side[name] = 0.0
        for group, most in LIMITS:
            total = sum(side.get(name, 0.0) for name in group)
            for name in group:
                if total > most and name in side:
                    side[name] *= most / total
        _limit_eyes(side)
    clipped = [{name: min(max(value, 0.0), STRONGEST) for name, value in side.items()} for side in sides]
    return _with_midline(*clipped)


def _with_midline(left: dict[str, float], right: dict[str, float]) -> Expression:
    """Limits may have lowered one side only; the midline follows the weaker."""
    for name in _MIDLINE:
        if name in left:
            left[name] = right[name] = min(left[name], right[name])
    return Expression.of(left, right)


def _opposed(stronger: Mapping[str, float]) -> set[str]:
    """The action units that give way to stronger opposed ones."""
    dropped: set[str] = set()
    for groups in OPPOSED:
        active = [sum(stronger.get(name, 0.0) for name in group if name not in dropped) for group in groups]
        if min(active) > 0:
            dropped |= set(groups[int(np.argmin(active))])
    return dropped


def _limit_eyes(side: dict[str, float]) -> None:
    """Weakens AU43, else AU7 and AU6, so that the lids meet at most exactly."""
    closure = sum(EYE_CLOSURE.get(name, 0.0) * value / STRONGEST for name, value in side.items())
    excess = closure - (1.0 if side.get("AU43") else _EYES_OPEN)
    for name in ("AU43", "AU7", "AU6"):
        if excess > 0 and side.get(name):
            taken = min(excess, EYE_CLOSURE[name] * side[name] / STRONGEST)
            side[name] -= taken * STRONGEST / EYE_CLOSURE[name]
            excess -= taken


def _sides(drawn: Mapping[str, float], rng: np.random.Generator, *, one_sided: bool) -> tuple[dict[str, float], ...]:
    """Left and right intensities from those of the whole face."""
    lopsided = 0.22 if rng.random() < 0.1 else 0.05
    weaker = int(rng.integers(2))
    sides: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for name, value in drawn.items():
        shares = [1.0, 1.0]
        if one_sided:
            shares[weaker] = _BOTH_SIDES_IN_CONTEMPT
        elif name not in _MIDLINE:
            shares[weaker] = float(np.clip(1.0 - abs(rng.normal(0.0, lopsided)), 0.5, 1.0))
        for side, share in zip(sides, shares, strict=True):
            side[name] = min(value * share, STRONGEST)
    return sides


def _coefficient(name: str, sides: Mapping[str, tuple[float, float]]) -> float:
    unit, _, side = name.partition("_")
    left, right = sides.get(unit, (0.0, 0.0))
    return {"left": left, "right": right, "": max(left, right)}.get(side, 0.0) / STRONGEST
