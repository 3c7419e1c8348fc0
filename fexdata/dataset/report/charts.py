"""Charts as inline SVG: text in, text out.

Colours come from the page's style sheet by class, so that one drawing serves light and dark. No
chart relies on colour alone: statuses have their own patterns, accepted rows are filled and others
outlined. Lengths that must follow the page's width are percentages, so that text is never
stretched with them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from fexdata.dataset.report.statistics import Histogram, Rate, ticks

STATUS_MARKS = {"accepted": "●", "review": "◐", "rejected": "✕", "failed": "○"}
"""A sign for each status, printed wherever its colour is used."""

PATTERNS = Markup(
    '<svg class="defs" width="0" height="0" aria-hidden="true" focusable="false"><defs>'
    '<pattern id="p-review" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="fill-review" width="6" height="6"/><rect class="stripe" width="2" height="6"/></pattern>'
    '<pattern id="p-rejected" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">'
    '<rect class="fill-rejected" width="6" height="6"/><rect class="stripe" width="2.6" height="6"/></pattern>'
    '<pattern id="p-failed" width="5" height="5" patternUnits="userSpaceOnUse">'
    '<rect class="fill-failed" width="5" height="5"/><circle class="stripe" cx="2.5" cy="2.5" r="1.1"/></pattern>'
    "</defs></svg>"
)
"""Patterns of the status bar; once per page."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A rule's limit on a histogram's axis, e.g. `review below 0.6`."""

    value: float
    status: str
    """`review` or `rejected`: what the rule makes of a row on the wrong side."""
    below: bool
    """Whether values below the limit are the wrong side."""

    @property
    def words(self) -> str:
        return f"{'review' if self.status == 'review' else 'reject'} {'<' if self.below else '>'} {number(self.value)}"


def number(value: float) -> str:
    """A number as a person writes it: up to three significant digits, a real minus sign."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")


def figure(value: float) -> str:
    """A correlation or the like with two digits, so that a column of them can be read downwards."""
    return f"{value:.2f}".replace("-", "−") if math.isfinite(value) else "–"


def percent(share: float) -> str:
    """A share as a percentage; never rounded to 0 % or 100 % when it is neither."""
    value = 100 * share
    if value in (0, 100):
        return f"{value:.0f} %"
    if 0 < value < 0.1:
        return "< 0.1 %"
    if 99.9 < value < 100:
        return "> 99.9 %"
    return f"{value:.1f} %"


def status_bar(counts: Mapping[str, int]) -> Markup:
    """One bar for all rows, divided by status."""
    total = sum(counts.values())
    parts, left = [], 0.0
    for status, count in counts.items():
        if not count:
            continue
        width = 100 * count / total
        parts.append(
            f'<rect class="bar-{status}" x="{left:.3f}%" y="0" width="{width:.3f}%" height="28">'
            f"<title>{status}: {count:,} rows, {percent(count / total)}</title></rect>"
        )
        left += width
        if left < 99.999:
            parts.append(f'<line class="cut" x1="{left:.3f}%" x2="{left:.3f}%" y1="0" y2="28"/>')
    words = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    return Markup(_svg("status-bar", 'width="100%" height="28"', f"Rows by status: {words}", "".join(parts)))


def rate_bar(rate: Rate, reference: float) -> Markup:
    """A rate as a bar with its interval as a whisker; a line marks the overall rate.

    The table that holds it gives the same numbers as text, so it is hidden from screen readers.
    """
    low, high, share = (f"{100 * value:.2f}%" for value in (rate.low, rate.high, rate.share))
    line = f'<line class="reference" x1="{100 * reference:.2f}%" x2="{100 * reference:.2f}%" y1="0" y2="18"/>'
    if not rate.rows:
        body = f'<rect class="track" x="0" y="4" width="100%" height="10"/>{line}'
    else:
        ends = "".join(f'<line class="whisker" x1="{x}" x2="{x}" y1="5.5" y2="12.5"/>' for x in (low, high))
        body = (
            f'<rect class="track" x="0" y="4" width="100%" height="10"/>'
            f'<rect class="rate" x="0" y="4" width="{share}" height="10"/>{line}'
            f'<line class="whisker" x1="{low}" x2="{high}" y1="9" y2="9"/>{ends}'
        )
    return Markup(f'<svg class="rate-bar" width="100%" height="18" aria-hidden="true" focusable="false">{body}</svg>')


WIDTH, PLOT, TOP, HEIGHT = 264.0, 74.0, 12.0, 104.0
"""A histogram's width, the height of its columns, their distance from the top, and its height."""


def histogram_chart(histogram: Histogram, thresholds: Sequence[Threshold], *, name: str, unit: str) -> Markup:
    """Accepted rows as filled columns, others as an outline over them; each as shares of its own
    group, so that few rejected rows can be compared with many accepted ones."""
    edges = histogram.edges
    low, high = float(edges[0]), float(edges[-1])

    def x(value: float) -> float:
        return WIDTH * (value - low) / (high - low)

    shares = [counts / max(1, int(counts.sum())) for counts in (histogram.accepted, histogram.others)]
    top = max(float(share.max()) for share in shares)
    base = TOP + PLOT
    tops = [base - PLOT * share / top for share in shares]
    parts = [_columns(tops[0], base), _outline(tops[1], base, bool(histogram.others.any()))]
    parts.append(f'<line class="axis" x1="0" x2="{WIDTH:g}" y1="{base:g}" y2="{base:g}"/>')
    for value in ticks(low, high):
        anchor = "start" if x(value) < 12 else "end" if x(value) > WIDTH - 12 else "middle"
        parts.append(f'<line class="axis" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{base:g}" y2="{base + 3:g}"/>')
        parts.append(f'<text x="{x(value):.1f}" y="{base + 13:g}" text-anchor="{anchor}">{number(value)}</text>')
    for median, kind in ((histogram.accepted_median, "accepted"), (histogram.others_median, "others")):
        if math.isfinite(median):
            at = min(max(x(median), 3.0), WIDTH - 3.0)
            parts.append(f'<path class="median-{kind}" d="M{at:.1f} {base - 1:g}l-3.4 -6h6.8z"/>')
    parts.append(_thresholds(thresholds, low, high, base))
    words = f"Histogram of {name}{f' in {unit}' if unit else ''}: " + _in_words(histogram, thresholds)
    return Markup(_svg("histogram", f'viewBox="0 0 {WIDTH:g} {HEIGHT:g}"', words, "".join(parts)))


def _columns(tops: np.ndarray, base: float) -> str:
    step = WIDTH / len(tops)
    boxes = [
        f"M{index * step + 0.3:.2f} {base:g}V{y:.2f}h{step - 0.6:.2f}V{base:g}z"
        for index, y in enumerate(tops)
        if y < base
    ]
    return f'<path class="accepted" d="{"".join(boxes)}"/>'


def _outline(tops: np.ndarray, base: float, drawn: bool) -> str:
    if not drawn:
        return ""
    step = WIDTH / len(tops)
    path = "".join(f"V{y:.2f}H{(index + 1) * step:.2f}" for index, y in enumerate(tops))
    return f'<path class="others" d="M0 {base:g}{path}V{base:g}"/>'


def _thresholds(thresholds: Sequence[Threshold], low: float, high: float, base: float) -> str:
    parts = []
    for index, one in enumerate(thresholds):
        at = WIDTH * (min(max(one.value, low), high) - low) / (high - low)
        outside = "" if low <= one.value <= high else " (off the axis)"
        right = at < WIDTH * 0.6
        anchor, text_x = ("start", at + 3) if right else ("end", at - 3)
        y = TOP - 3 + 10 * index
        parts.append(f'<line class="limit {one.status}" x1="{at:.1f}" x2="{at:.1f}" y1="{y - 6:g}" y2="{base:g}"/>')
        words = escape(one.words + outside)
        parts.append(f'<text class="limit" x="{text_x:.1f}" y="{y:g}" text-anchor="{anchor}">{words}</text>')
    return "".join(parts)


def _in_words(histogram: Histogram, thresholds: Sequence[Threshold]) -> str:
    parts = []
    for counts, median, kind in (
        (histogram.accepted, histogram.accepted_median, "accepted"),
        (histogram.others, histogram.others_median, "other"),
    ):
        rows = int(counts.sum())
        parts.append(f"{rows:,} {kind} rows" + (f" with median {number(median)}" if rows else ""))
    return "; ".join([*parts, *(one.words for one in thresholds)])


def _svg(kind: str, size: str, label: str, body: str) -> str:
    return f'<svg class="{kind}" {size} role="img" aria-label="{escape(label)}">{body}</svg>'
