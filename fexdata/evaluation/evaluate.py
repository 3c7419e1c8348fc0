"""From a run and a dataset to a list of figures.

Held-out rows, chosen by seed; each protocol's edits are made once and every metric looks at them.
What cannot be measured (no pairs, no network) is told with the remedy, never left out in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fexdata.dataset.reader import Dataset, open_dataset
from fexdata.errors import FexdataError
from fexdata.evaluation.conditions import COLUMNS, Kind, kind_of, read
from fexdata.evaluation.gathered import Gathered
from fexdata.evaluation.judging import Judges, open_judges, read_by
from fexdata.evaluation.measured import Measured, mean_of, ratio_of
from fexdata.evaluation.metrics.condition_error import condition_error
from fexdata.evaluation.metrics.expression_distance import expression_distance
from fexdata.evaluation.metrics.expression_similarity import expression_similarity
from fexdata.evaluation.metrics.fid import fid
from fexdata.evaluation.metrics.generation_rate import generation_rate
from fexdata.evaluation.metrics.identity_distance import identity_distance, verified
from fexdata.evaluation.metrics.ied import ied
from fexdata.evaluation.metrics.inception_score import SPLITS, inception_score
from fexdata.evaluation.metrics.kid import kid
from fexdata.evaluation.metrics.l1 import l1
from fexdata.evaluation.metrics.landmark_distance import SIDE, landmark_distance, landmarks_of
from fexdata.evaluation.metrics.lipschitz import STEPS, lipschitz
from fexdata.evaluation.metrics.psnr import psnr
from fexdata.evaluation.metrics.ssim import ssim
from fexdata.evaluation.pixels import unit
from fexdata.evaluation.protocols import Edit, on_pairs, swapped, targets_each
from fexdata.evaluation.rows import HeldOut, held_out_split, open_rows
from fexdata.training.data import Split
from fexdata.training.method import Method
from fexdata.training.methods.gcgan import GCGAN
from fexdata.training.run import open_run

SHOWN = 6
"""Rows of the sample sheet."""


@dataclass(frozen=True)
class Settings:
    """What decides an evaluation's figures, beside run and dataset."""

    split: Split | None = None
    """Whose rows; by default `test`, or `val` where a dataset (that of the pairs, too) has no test rows."""
    limit: int = 1000
    """Pictures, and pairs, at most."""
    seed: int = 0
    batch: int = 16
    pairs: str | None = None
    """The dataset that true pairs come from; by default the one evaluated on."""
    identity: str | None = None
    expression: tuple[str, ...] = ()
    inception: str | None = None
    device: str = "cpu"


DEFAULTS = Settings()


@dataclass(frozen=True)
class Evaluation:
    """What `fexdata evaluate` writes."""

    run: str
    method: str
    dataset: dict[str, Any]
    settings: Settings
    kind: Kind
    judges: dict[str, dict[str, str]]
    results: tuple[Measured, ...]
    missing: tuple[str, ...]
    """What was not measured, and what to do about it."""
    sheets: dict[str, Tensor]
    """Protocol -> (rows, columns, 3, H, W) in [-1, 1], the first rows by seed, none chosen. `target`: input,
    edit, truth. `swap`: input and edit, or for classes an edit to each class that follows the input's."""

    def value(self, name: str) -> Measured:
        """One result by name. Raises `KeyError`."""
        return {one.name: one for one in self.results}[name]


def evaluate(
    run: str,
    data: str,
    settings: Settings = DEFAULTS,
    *,
    start: Callable[[str, int], None] = lambda name, total: None,
    advance: Callable[[int], None] = lambda count: None,
) -> Evaluation:
    """Everything that can be measured of a run on a dataset's held-out people.

    start, advance: told of each protocol, its number of edits, and edits done. Raises `FexdataError` for a
    run that edits nothing, a dataset of another scheme, or a judge that may not judge.
    """
    method, record = open_run(run)
    kind = kind_of(type(method), method.config)
    dataset = open_dataset(data)
    judges = open_judges(
        record, method.info, identity=settings.identity, expression=settings.expression, inception=settings.inception
    ).to(torch.device(settings.device))
    method.networks.to(settings.device)
    missing, found, sheets = list(judges.missing), [], {}
    try:
        from_pairs = open_dataset(settings.pairs) if settings.pairs else dataset
        rows = _rows(method, kind, from_pairs, settings, pairs=True)
        start("pairs", len(rows))
        results, sheets["target"] = _target(method, kind, rows, settings, advance)
        found += results
    except FexdataError as error:
        if settings.pairs:
            raise
        missing.append(f"comparison with true targets: {error}")
    rows = _rows(method, kind, dataset, settings)
    start("swaps", len(rows) * targets_each(method, kind))
    results, sheets["swap"] = _swap(method, kind, rows, judges, settings, advance)
    found += results
    return Evaluation(
        run=run,
        method=method.name,
        dataset=_described(dataset),
        settings=replace(settings, split=settings.split or held_out_split(dataset)),
        kind=kind,
        judges=judges.described(),
        results=tuple(found),
        missing=tuple(missing),
        sheets=sheets,
    )


def _rows(method: Method, kind: Kind, dataset: Dataset, settings: Settings, *, pairs: bool = False) -> HeldOut:
    columns = ["image", COLUMNS[kind]]
    if kind == "params" and method.info.speech_names:
        columns.append("speech_params")
    split = settings.split or held_out_split(dataset)
    return open_rows(dataset, columns, method.info, split=split, limit=settings.limit, seed=settings.seed, pairs=pairs)


def _described(dataset: Dataset) -> dict[str, Any]:
    """What the figures are of. Only people who do not exist come with true annotations."""
    recipe = dataset.metadata.get("recipe") or {}
    stages = recipe.get("stages", {}) if isinstance(recipe, dict) else {}
    return {
        "name": dataset.name,
        "fingerprint": dataset.metadata.get("fingerprint"),
        "corpus": recipe.get("corpus", "") if isinstance(recipe, dict) else "",
        "synthetic": any(stage.startswith("truth") for stage in stages),
    }


def _target(
    method: Method, kind: Kind, rows: HeldOut, settings: Settings, advance: Callable[[int], None]
) -> tuple[list[Measured], Tensor]:
    """Edits against the true pictures, and the input returned unchanged ("copy") against them."""
    seen = Gathered()
    shown: list[Tensor] = []
    for edit in on_pairs(method, kind, rows, size=settings.batch, device=torch.device(settings.device)):
        truth, mask = edit.batch["target_image"], either_face(edit.batch)
        for name, picture in (("", edit.image), ("/copy", edit.batch["image"])):
            mine, true = unit(picture), unit(truth)
            seen.add("l1[target]" + name, l1(mine, true))
            seen.add("psnr[target]" + name, psnr(mine, true))
            seen.add("ssim[target]" + name, ssim(mine, true))
            seen.add("ied[target]" + name, ied(mine, true))
            if mask is not None:
                seen.add("ied[target, face]" + name, ied(mine, true, mask))
        _landmarks(seen, method, edit, truth)
        _walk(seen, method, edit)
        advance(len(truth))
        if len(shown) * settings.batch < SHOWN:
            shown.append(torch.stack([edit.batch["image"], edit.image, truth], dim=1).cpu())
    seed = settings.seed
    results = [mean_of(name, seen.values(name), seed=seed) for name in seen.names if not name.endswith("/copy")]
    if not len(seen.values("landmark_distance[target]")):
        results.append(
            mean_of("landmark_distance[target]", np.empty(0), seed=seed, note="no face was found on any edit")
        )
    for name in ("l1[target]", "ied[target]", "ied[target, face]", "landmark_distance[target]"):
        if name in seen.names:
            note = "of the pairs on whose edit a face was found" if name.startswith("landmark") else ""
            copied = seen.values(name + "/copy")
            results.append(ratio_of(f"{name} / copy's", seen.values(name), copied, seed=seed, note=note))
    return results, torch.cat(shown)[:SHOWN]


def _landmarks(seen: Gathered, method: Method, edit: Edit, truth: Tensor) -> None:
    """Landmarks on edit, truth and input; where the judge is blind to truth or input, the pair does not count."""
    for index in range(len(truth)):
        wanted, copied = landmarks_of(truth[index]), landmarks_of(edit.batch["image"][index])
        if wanted is None or copied is None:
            continue
        made = landmarks_of(edit.image[index])
        seen.add("detection_rate[target]", [float(made is not None)])
        if "target_landmarks_68" in edit.batch:
            stored = edit.batch["target_landmarks_68"][index].cpu().numpy()
            stored = (stored + 0.5) * (SIDE / truth.shape[-1]) - 0.5
            seen.add("landmark_distance[judge against annotation]", [landmark_distance(wanted, stored)])
        if made is not None:
            seen.add("landmark_distance[target]", [landmark_distance(made, wanted)])
            seen.add("landmark_distance[target]/copy", [landmark_distance(copied, wanted)])
            if isinstance(method, GCGAN):
                found = torch.from_numpy((made + 0.5) * (truth.shape[-1] / SIDE) - 0.5).to(truth)
                codes = [method.embed(points) for points in (found[None], edit.target["landmarks_68"][[index]])]
                seen.add("expression_similarity[own E]", expression_similarity(*codes))


@torch.no_grad()
def _walk(seen: Gathered, method: Method, edit: Edit) -> None:
    """GC-GAN's rho' on the way from each input's expression to its target's."""
    if not isinstance(method, GCGAN):
        return
    ends = [method.embed(one["landmarks_68"]) for one in (edit.source, edit.target)]
    image = edit.batch["image"]
    rates = lipschitz(lambda code: method.edit(image, {}, {"expression_code": code})["image"], *ends)
    seen.add("lipschitz[target]", rates.mean(1))
    for step in range(STEPS):
        seen.add(f"lipschitz[target, step {step + 1} of {STEPS}]", rates[:, step])


def _swap(
    method: Method, kind: Kind, rows: HeldOut, judges: Judges, settings: Settings, advance: Callable[[int], None]
) -> tuple[list[Measured], Tensor]:
    """Edits to expressions that the input does not show, there and back, and to its own."""
    seen, device = Gathered(), torch.device(settings.device)
    shown: list[Tensor] = []
    first, inputs = True, torch.empty(0)
    for edit in swapped(method, kind, rows, size=settings.batch, seed=settings.seed, device=device):
        _reconstruct(seen, method, edit)
        _expression(seen, method, kind, edit, judges)
        _identity(seen, edit, judges)
        seen.add("detection_rate[swap]", [float(landmarks_of(one) is not None) for one in edit.image])
        _features(seen, edit, judges)
        advance(len(edit.image))
        first &= edit.fresh == (not shown)  # the first batch's edits: one, or with classes one per class
        if first:
            inputs = edit.batch["image"][:SHOWN].cpu()
            shown.append(edit.image[:SHOWN].cpu())
    results = [mean_of(name, seen.values(name), seed=settings.seed) for name in seen.names]
    results += list(_distributions(seen, judges, settings.seed))
    return results, torch.stack([inputs, *shown], dim=1)


@torch.no_grad()
def _reconstruct(seen: Gathered, method: Method, edit: Edit) -> None:
    image = edit.batch["image"]
    back = method.edit(edit.image, edit.target, edit.source)["image"]
    same = method.edit(image, edit.source, edit.source)["image"]
    for name, made in (("cycle", back), ("zero", same)):
        for metric in (l1, psnr, ssim):
            seen.add(f"{metric.__name__}[{name}]", metric(unit(made), unit(image)))


@torch.no_grad()
def _expression(seen: Gathered, method: Method, kind: Kind, edit: Edit, judges: Judges) -> None:
    if judges.classifier is not None:
        about = judges.classifier.about.short
        names: tuple[str, ...] = judges.classifier.network.names  # type: ignore[assignment]
        right, _ = generation_rate(judges.classifier(edit.image), edit.wanted, names)
        seen.add(f"expression_rate[{about}]", right)
        seen.add(
            f"expression_rate[{about}, input]",
            generation_rate(judges.classifier(edit.batch["image"]), edit.wanted, names)[0],
        )
    if judges.reader is not None and kind in ("au", "params"):
        about = judges.reader.about.short
        told = read_by(judges.reader, edit.image, method.info)
        seen.add(f"expression_distance[{about}]", expression_distance(told, edit.target[kind]))
        told = read_by(judges.reader, edit.batch["image"], method.info)
        seen.add(f"expression_distance[{about}, input]", expression_distance(told, edit.target[kind]))
    own = read(method, kind, edit.batch["image"])
    again = read(method, kind, edit.image)
    if own is not None and again is not None:
        seen.add("condition_error[real]", condition_error(own[kind], edit.source[kind])[0])
        seen.add("condition_error[generated]", condition_error(again[kind], edit.target[kind])[0])


@torch.no_grad()
def _identity(seen: Gathered, edit: Edit, judges: Judges) -> None:
    judge = judges.identity
    if judge is None or "landmarks_68" not in edit.batch:
        return
    points = edit.batch["landmarks_68"]
    made, own = judge(edit.image, points), judge(edit.batch["image"], points)
    seen.add(f"identity_distance[{judge.about.short}]", identity_distance(made, own))
    if judge.about.kind == "vggface-conv":
        seen.add("verification_rate[vggface-conv5_3, 0.65]", verified(made, own))


@torch.no_grad()
def _features(seen: Gathered, edit: Edit, judges: Judges) -> None:
    pictures = {"real": edit.batch["image"], "made": edit.image} if edit.fresh else {"made": edit.image}
    for which, image in pictures.items():
        if judges.classifier is not None:
            network: Any = judges.classifier.network
            features = network.features(image)
            seen.keep(f"{which}/{judges.classifier.about.short}", features)
            if which == "made":
                seen.keep(f"logits/{judges.classifier.about.short}", network.head(features))
        if judges.inception is not None:
            pool, logits = judges.inception(image)
            seen.keep(f"{which}/{judges.inception_name}", pool)
            if which == "made":
                seen.keep(f"logits/{judges.inception_name}", logits)


def _distributions(seen: Gathered, judges: Judges, seed: int) -> Iterable[Measured]:
    names = [judges.classifier.about.short] if judges.classifier is not None else []
    names += [judges.inception_name] if judges.inception is not None else []
    for name in names:
        real, made = seen.features(f"real/{name}"), seen.features(f"made/{name}")
        count = len(made)
        if count < 2:
            continue
        few = "fewer pictures than features" if count <= made.shape[1] else ""
        yield Measured(f"fid[{name}]", fid(real, made), count, seed, note=few)
        mean, spread = kid(real, made, seed=seed)
        yield Measured(f"kid[{name}]", mean, count, seed, spread=spread)
        if count >= SPLITS:
            mean, spread = inception_score(seen.features(f"logits/{name}"), seed=seed)
            yield Measured(f"is[{name}]", mean, count, seed, spread=spread)


def either_face(batch: dict[str, Tensor]) -> Tensor | None:
    """Where either picture of the pairs shows the face."""
    target = {name.removeprefix("target_"): value for name, value in batch.items() if name.startswith("target_")}
    mine, theirs = face_mask(batch), face_mask(target)
    return None if mine is None or theirs is None else torch.maximum(mine, theirs)


def face_mask(batch: dict[str, Tensor]) -> Tensor | None:
    """(B, 1, H, W), 1 on the face: the dataset's mask, else the hull of its landmarks, else None."""
    if "mask" in batch:
        return (batch["mask"] > 0).float()
    if "landmarks_68" not in batch:
        return None
    import cv2

    size = batch["image"].shape[-1]
    drawn = np.zeros((len(batch["image"]), 1, size, size), np.uint8)
    for canvas, points in zip(drawn, batch["landmarks_68"].cpu().numpy(), strict=True):
        cv2.fillConvexPoly(canvas[0], cv2.convexHull(points.round().astype(np.int32)), 1)
    return torch.from_numpy(drawn).float().to(batch["image"].device)
