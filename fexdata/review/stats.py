"""What review teaches: how good the rules are, how good the reviewers, and what nobody has seen.

A person works by doubt and stops when tired, so the faces that were judged are no fair sample of
anything. Whatever carries an interval here therefore rests on seeded random orders only: in such
an order, the faces judged without a gap from the start are a random sample of their group, however
they came to be judged and whenever the reviewer stopped. What was judged elsewhere is counted, and
what is known to be bad is subtracted, but nothing is concluded from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

import numpy as np

from fexdata.review.agreement import Agreement, agreements
from fexdata.review.catalog import REJECTED, REVIEW, Catalog
from fexdata.review.fold import Fold
from fexdata.review.intervals import LEVEL, Estimate, Sample, clopper_pearson, corrected, total
from fexdata.review.queue import STRATA, Orders
from fexdata.review.state import BAD, UNSURE, State
from fexdata.review.thresholds import suggestions
from fexdata.review.words import VERDICTS

STATUS_NAMES: Final = {REJECTED: "rejected", REVIEW: "review"}


def statistics(catalog: Catalog, orders: Orders, state: State, *, wanted: float = 0.9) -> dict[str, Any]:
    """All statistics as JSON values. `wanted` is the precision for which thresholds are suggested."""
    sampled = sampled_rows(catalog, state.fold, orders.seed)
    draw = Drawn(state.judged, sampled, orders.shuffled)
    reviewers = reviewer_facts(state.fold)
    rates = error_rates(state.fold)
    return {
        "reviewers": reviewers,
        "agreement": _agreement(state),
        "rules": rule_facts(catalog, orders, draw),
        "thresholds": suggestions(catalog, _groups(catalog, orders, draw), state.judged, wanted),
        "remaining": remaining_facts(orders, draw, rates),
        "words": advice(orders, draw, reviewers, rates),
    }


@dataclass(frozen=True, slots=True)
class Drawn:
    """Who was judged, and in which random order. judged: (n,) codes of `state`; sampled: (n,) bool,
    judged in the seeded order; place: (n,) numbers that sort rows into that order."""

    judged: np.ndarray
    sampled: np.ndarray
    place: np.ndarray

    def prefix(self, members: np.ndarray) -> np.ndarray:
        """The rows of a group that are its random sample: those judged without a gap from the start
        of the random order, up to the last one that was judged in that order."""
        order = members[np.argsort(self.place[members], kind="stable")]
        gaps = np.flatnonzero(self.judged[order] == 0)
        without_gap = order[: gaps[0]] if len(gaps) else order
        if not len(gaps):
            return without_gap
        ends = np.flatnonzero(self.sampled[without_gap])
        return without_gap[: ends[-1] + 1] if len(ends) else without_gap[:0]

    def sample(self, members: np.ndarray) -> Sample:
        """The group's random sample, counted."""
        codes = self.judged[self.prefix(members)]
        return Sample(len(members), len(codes), int(np.sum(codes == BAD)), int(np.sum(codes == UNSURE)))

    def stratified(self, strata: Sequence[np.ndarray]) -> list[Sample]:
        """Strata of equal size as few samples: those judged as a whole, and one of all the others, cut
        to the same number from each. So drawn, bad rows vary less than in one random draw from all
        (Hoeffding, On the distribution of the number of successes in independent trials, 1956), and
        the interval for one draw holds."""
        prefixes = [(part, self.prefix(part)) for part in strata if len(part)]
        whole = [part for part, judged in prefixes if len(judged) == len(part)]
        rest = [(part, judged) for part, judged in prefixes if len(judged) < len(part)]
        samples = [self.sample(part) for part in whole]
        if rest:
            least = min(len(judged) for _, judged in rest)
            codes = self.judged[np.concatenate([judged[:least] for _, judged in rest])]
            size = sum(len(part) for part, _ in rest)
            samples.append(Sample(size, len(codes), int(np.sum(codes == BAD)), int(np.sum(codes == UNSURE))))
        return samples


def sampled_rows(catalog: Catalog, fold: Fold, seed: int) -> np.ndarray:
    """(n,) bool: rows with a verdict that was given in a random order of that seed."""
    found = np.zeros(len(catalog), bool)
    for event in fold.judgements():
        if event.shown.get("sampled") == seed and event.action.get("verdict") and not event.shown.get("check"):
            row = catalog.row(fold.name(event.face or ""))
            if row is not None:
                found[row] = True
    return found


# What is left among the rows that nobody saw


@dataclass(frozen=True, slots=True)
class Remaining:
    """Bad rows among the accepted ones that nobody has judged."""

    unseen: int
    audited: int
    bad: Estimate | None
    """Rows; None without an audit."""

    @property
    def share(self) -> Estimate | None:
        return None if self.bad is None or not self.unseen else self.bad.times(1 / self.unseen)


def remaining(
    samples: Sequence[Sample],
    seen: int,
    seen_bad: int,
    seen_unsure: int = 0,
    *,
    rates: tuple[Estimate, Estimate] | None = None,
    level: float = LEVEL,
) -> Remaining:
    """From a stratified audit to the bad rows among the accepted ones that nobody has judged.

    samples: of all accepted rows, in groups; seen: accepted rows with a verdict, audited or
    not, of which `seen_bad` were rejected and `seen_unsure` left open. The audit says how many of
    all accepted rows a reviewer would reject; minus those he did reject, it is how many he would
    still find. `rates` (share of bad rows missed, share of good ones blamed; at the joint level
    that the caller chose) turn what he would find into what is there.
    """
    rows = sum(one.size for one in samples)
    audited = sum(one.judged for one in samples)
    unseen = rows - seen
    if not audited or not unseen:
        return Remaining(unseen, audited, None if unseen else Estimate(0.0, 0.0, 0.0))
    found = total(samples, level)
    low, high = found.low - seen_bad - seen_unsure, found.high - seen_bad
    value = found.value - seen_bad - seen_unsure / 2
    low, value, high = (min(max(one / unseen, 0.0), 1.0) for one in (low, value, high))
    share = Estimate(value, low, high)
    if rates is not None:
        share = corrected(share, *rates)
    return Remaining(unseen, audited, share.times(unseen))


def remaining_facts(orders: Orders, draw: Drawn, rates: tuple[Estimate, Estimate] | None) -> dict[str, Any]:
    strata = orders.strata()
    samples = [draw.sample(part) for part in strata]
    codes = draw.judged[orders.members("accepted")]
    seen = [int(np.sum(codes == code)) for code in (BAD, UNSURE)]
    found = remaining(draw.stratified(strata), int(np.count_nonzero(codes)), *seen, rates=rates)
    return {
        "unseen": found.unseen,
        "audited": found.audited,
        "bad": told(found.bad),
        "share": told(found.share),
        "level": LEVEL,
        "words": _remaining_words(found, rates is not None),
        "strata": [
            {
                "name": name,
                "rows": one.size,
                "audited": one.judged,
                "bad": one.bad,
                "interval": None if not one.judged else [one.share().low, one.share().high],
            }
            for name, one in zip(STRATA, samples, strict=True)
        ],
    }


def _remaining_words(found: Remaining, is_corrected: bool) -> str:
    if found.bad is None or found.share is None:
        return "Nothing can be said of the accepted rows that nobody saw: no random audit was made." if (
            found.unseen
        ) else "Every accepted row was looked at."  # fmt: skip
    about = "corrected for the reviewers' own errors" if is_corrected else "as the reviewers judge"
    return (
        f"Of the {found.unseen:,} accepted rows that nobody saw, {found.bad.low:,.0f} to {found.bad.high:,.0f} are bad "
        f"({100 * found.share.low:.2g} % to {100 * found.share.high:.2g} %, at {LEVEL:.0%} confidence, {about}), "
        f"by a random audit of {found.audited:,}."
    )


# The rules


def rule_facts(catalog: Catalog, orders: Orders, draw: Drawn) -> list[dict[str, Any]]:
    """Each rule's precision (share of bad rows among those it flags) and recall (its share of all bad
    rows), with intervals; None where no random sample tells."""
    found = []
    for code, status in STATUS_NAMES.items():
        for reason, having in catalog.by_reason.items():
            flagged = having[catalog.status[having] == code]
            if not len(flagged):
                continue
            sample = draw.sample(flagged)
            rest = [
                np.setdiff1d(orders.members("rejected"), flagged),
                np.setdiff1d(orders.members("doubtful"), flagged),
            ]
            others = [*(draw.sample(one) for one in rest if len(one)), *draw.stratified(orders.strata())]
            found.append(
                {
                    "reason": reason,
                    "words": catalog.meaning(reason, status),
                    "status": status,
                    "flagged": len(flagged),
                    "judged": int(np.count_nonzero(draw.judged[flagged])),
                    "bad": int(np.sum(draw.judged[flagged] == BAD)),
                    "sample": sample.judged,
                    "precision": told(sample.share() if sample.judged else None),
                    "recall": told(recall(sample, others)),
                }
            )
    return found


def recall(flagged: Sample, others: Sequence[Sample], level: float = LEVEL) -> Estimate | None:
    """A rule's share of all bad rows, from samples of what it flags and of everything else; None
    where a part has no sample at all, because then anything is possible."""
    if not flagged.judged or any(not one.judged for one in others if one.size):
        return None
    each = 1 - (1 - level) / 2
    caught, missed = flagged.rows(each), total(others, each)
    if not caught.high + missed.high:
        return None
    value = caught.value / (caught.value + missed.value) if caught.value + missed.value else 1.0
    low = caught.low / (caught.low + missed.high) if caught.low + missed.high else 0.0
    high = caught.high / (caught.high + missed.low) if caught.high + missed.low else 1.0
    return Estimate(value, low, high)


def _groups(catalog: Catalog, orders: Orders, draw: Drawn) -> list[tuple[np.ndarray, np.ndarray]]:
    """(members, random sample) of groups that together are all rows that can be judged."""
    parts = [orders.members("rejected"), orders.members("doubtful"), *orders.strata()]
    return [(part, draw.prefix(part)) for part in parts if len(part)]


# The reviewers


def reviewer_facts(fold: Fold) -> list[dict[str, Any]]:
    """What each reviewer has done, how fast, and how he did on planted checks."""
    facts: dict[str, dict[str, Any]] = {}
    seconds: dict[str, list[float]] = {}
    for event in fold.judgements():
        if not event.action.get("verdict") or event.shown.get("check"):
            continue
        start: dict[str, Any] = {"reviewer": event.reviewer, "decisions": 0, **{str(name): 0 for name in VERDICTS}}
        mine = facts.setdefault(event.reviewer, start)
        mine["decisions"] += 1
        mine[event.action["verdict"]] += 1
        seconds.setdefault(event.reviewer, []).append(event.seconds or 0.0)
    for name, mine in facts.items():
        mine["median_seconds"] = round(median(seconds[name]), 2)
        mine["checks"] = check_facts(fold, name)
    return [facts[name] for name in sorted(facts)]


def check_facts(fold: Fold, reviewer: str) -> dict[str, Any]:
    """Planted faces that were to be rejected, and how many of them the reviewer rejected."""
    answers = [said for name, answer, said in check_answers(fold) if name == reviewer and answer == "reject"]
    caught = sum(said == "reject" for said in answers)
    rate = clopper_pearson(caught, len(answers)) if answers else None
    return {"planted": len(answers), "caught": caught, "rate": told(rate)}


def check_answers(fold: Fold) -> Iterable[tuple[str, str, str]]:
    """(reviewer, known answer, verdict) of every planted check that was judged; the last verdict
    of each reviewer on each."""
    for events in fold.checks.values():
        last = {
            event.reviewer: (event.shown["check"]["answer"], event.action["verdict"])
            for event in events
            if fold.holds(event) and event.action.get("verdict")
        }
        yield from ((reviewer, *pair) for reviewer, pair in last.items())


def error_rates(fold: Fold, level: float = LEVEL) -> tuple[Estimate, Estimate] | None:
    """(share of bad faces let pass, share of good faces rejected) of all reviewers together, from
    planted checks; None unless both kinds were planted. Unsure counts as no error."""
    pairs = [(answer, said) for _, answer, said in check_answers(fold)]
    bad = [said for answer, said in pairs if answer == "reject"]
    good = [said for answer, said in pairs if answer == "accept"]
    if not bad or not good:
        return None
    missed = clopper_pearson(sum(said == "accept" for said in bad), len(bad), level)
    return missed, clopper_pearson(sum(said == "reject" for said in good), len(good), level)


def _agreement(state: State) -> dict[str, Any]:
    found = agreements(state.fold, list(state.fold.by_key))
    return {"pairs": [_pair(one) for one in found], "disagreements": len(state.disagreements)}


def _pair(one: Agreement) -> dict[str, Any]:
    kappa = one.kappa()
    return {
        "reviewers": list(one.reviewers),
        "items": one.faces,
        "agreed": one.agreed,
        "kappa": None if kappa is None else kappa[0],
        "interval": None if kappa is None else list(kappa[1:]),
    }


# Words


def advice(
    orders: Orders, draw: Drawn, reviewers: Sequence[Mapping[str, Any]], rates: tuple[Estimate, Estimate] | None
) -> list[str]:
    """What to do to learn more."""
    found = []
    names = {"accepted": "what is left among the accepted rows", "rejected": "how often the rules reject wrongly"}
    for name, what in names.items():
        members = orders.members(name)
        count = len(draw.prefix(members)) if name != "accepted" else sum(len(draw.prefix(p)) for p in orders.strata())
        if len(members) and count < min(100, len(members)):
            title = "“Accepted, a sample”" if name == "accepted" else "“Rejected by the rules” in random order"
            found.append(f"To learn {what}, judge {title}: {count} of some 100 are done.")
        ahead = members[draw.sampled[members]]
        if len(ahead) > count:
            found.append(
                f"{len(ahead) - count} faces judged at random wait for ones before them that were passed over."
            )
    if len(reviewers) and rates is None:
        found.append("Reviewers' own errors are not corrected for: too few planted checks were judged so far.")
    return found


def told(one: Estimate | None) -> dict[str, float] | None:
    return None if one is None else {name: round(value, 5) for name, value in asdict(one).items()}
