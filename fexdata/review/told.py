"""The statistics as lines of text, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def summary(found: Mapping[str, Any]) -> str:
    """What `fexdata review stats` prints; `found` is `fexdata.review.stats.statistics`."""
    lines = [found["remaining"]["words"]]
    for one in found["reviewers"]:
        checks = one["checks"]
        caught = f", caught {checks['caught']} of {checks['planted']} planted" if checks["planted"] else ""
        lines.append(
            f"reviewer {one['reviewer']}: {one['decisions']:,} decisions ({one['accept']:,} accept, {one['reject']:,} "
            f"reject, {one['unsure']:,} unsure), {one['median_seconds']:g} s each{caught}"
        )
    for one in found["agreement"]["pairs"]:
        kappa = "" if one["kappa"] is None else f", kappa {one['kappa']:.2f}{_between(one['interval'])}"
        lines.append(f"agreement {' and '.join(one['reviewers'])}: {one['agreed']:,} of {one['items']:,}{kappa}")
    lines += [_rule(one) for one in found["rules"]]
    known = [one for one in found["thresholds"] if one["suggested"] is not None]
    lines += [f"threshold {one['column']} ({one['rule']}, now {one['now']:g}): {one['words']}" for one in known]
    if found["thresholds"] and not known:
        lines.append(f"threshold: none is known to have a precision of {found['thresholds'][0]['wanted']:.0%}")
    return "\n".join([*lines, *found["words"]])


def _rule(one: Mapping[str, Any]) -> str:
    judged = f"{one['judged']:,} judged, {one['bad']:,} bad" if one["judged"] else "none judged"
    known = [f"{name} {_estimate(one[name])}" for name in ("precision", "recall") if one[name] is not None]
    told = ", ".join([f"{one['flagged']:,} rows", judged, *known])
    return f"rule {one['reason']} ({one['status']}): {told}"


def _estimate(one: Mapping[str, float]) -> str:
    return f"{one['value']:.2f}{_between((one['low'], one['high']))}"


def _between(limits: Any) -> str:
    low, high = limits
    return f" ({low:.2f} to {high:.2f})"
