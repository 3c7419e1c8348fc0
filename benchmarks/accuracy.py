"""How right a build is, on people whose truth is known: `python -m benchmarks.accuracy`.

Makes a synthetic corpus (`accuracy_corpus`), builds it with the recipe `affectnet-d`, joins the truth
by `sample_id`, moves it into each crop (`accuracy_truth`), and prints errors by the head's turn and by
expression; how well `quality` ranks the worst meshes; and whether any expression is accepted more
often than another at equal true quality (`accuracy_rates`).

What the columns say: `errors` of `accuracy_truth`. `mesh` is what "equal true quality" means.
`found` is MediaPipe unaided; the build is told AffectNet's boxes, `built` is its share of pictures
with a face.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from fexdata.corpora.base import EXPRESSIONS

BINS = (0, 15, 30, 40, 50, 90)
"""Degrees of turn to either side."""
WRINKLED = 0.2
"""Share of the faces, those with most true detail, that count as wrinkled."""
COLUMNS = ("median_478", "points_478", "points_68", "mesh", "depth", "normal", "coverage")
SETS = ("rules.keep=all",)
"""Eight pictures of a scene may look like repeats; that is not what acceptance is about here."""


@click.command()
@click.option("--images", default=400, show_default=True, help="Eight expressions of each person.")
@click.option("--seed", default=0, show_default=True, help="Another seed gives other people.")
@click.option("--workers", type=int, help="Processes. Default: one per usable core.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for corpus and dataset; what is there is used.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(images: int, seed: int, workers: int | None, keep: Path | None, as_json: bool) -> None:
    """Errors of a build, and of its verdicts, against the truth."""
    with nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory() as folder:
        frame = measured(Path(folder), max(2, images // len(EXPRESSIONS)), seed, workers)
    figures = summary(frame)
    click.echo(json.dumps(figures, indent=1) if as_json else as_text(figures))


def measured(folder: Path, scenes: int, seed: int, workers: int | None) -> pd.DataFrame:
    """One row per picture: yaw, expression, person, found, built, status, quality, and the errors."""
    import fexdata
    from benchmarks.accuracy_corpus import make_corpus
    from fexdata.corpora.truth import FILE
    from fexdata.dataset.access import RowFile

    corpus, out = folder / "corpus", folder / "dataset"
    make_corpus(str(corpus), scenes=scenes, seed=seed, workers=workers)
    fexdata.build("affectnet-d", str(corpus), out=str(out), workers=workers, sets=SETS)
    file = RowFile(str(corpus / FILE))
    truth = file.read(["sample_id", "person", "category", "yaw"]).to_pandas().reset_index(names="row")
    file.close()
    people = [(str(corpus), str(out), group["row"].tolist()) for _, group in truth.groupby("person")]
    with ProcessPoolExecutor(workers or len(os.sched_getaffinity(0)), mp_context=get_context("spawn")) as pool:
        rows = [row for part in pool.map(_measure_person, people) for row in part]
    columns = ["sample_id", "status", "quality", "reasons"]
    built = fexdata.open(str(out)).frame(columns)
    return truth.merge(built, on="sample_id", how="left").merge(pd.DataFrame(rows), on="sample_id")


def _measure_person(task: tuple[str, str, list[int]]) -> list[dict[str, Any]]:
    """The errors of one person's pictures."""
    import cv2

    import fexdata
    from benchmarks.accuracy_truth import errors, shown_in_crop
    from fexdata.corpora.truth import FILE
    from fexdata.dataset.access import RowFile, as_records

    cv2.setNumThreads(1)
    corpus, out, numbers = task
    wanted = ["sample_id", "source_path", "person", "model", "camera", "expression_params", "vertices",
              "landmarks_478", "landmarks_68", "box", "mask"]  # fmt: skip
    file, dataset = RowFile(str(Path(corpus) / FILE)), fexdata.open(out)
    rows = []
    for truth in as_records(file.take(numbers, wanted)):
        result = {"sample_id": truth["sample_id"], "found": _found(Path(corpus) / truth["source_path"], truth["box"])}
        row = dataset.row(truth["sample_id"])
        result["built"] = row["mask"] is not None
        if result["built"]:
            row["vertices"] = dataset.side("vertices", [truth["sample_id"]])[0]
            row["landmarks_478"] = dataset.side("landmarks_478", [truth["sample_id"]])[0]
            matrix = np.asarray(row["crop_matrix"], np.float64).reshape(2, 3)
            result |= errors(row, shown_in_crop(truth, matrix, len(row["mask"])))
        rows.append(result)
    return rows


@functools.lru_cache(maxsize=1)
def _finder() -> Any:
    from fexdata.faces.detection import FaceFinder

    return FaceFinder()


def _found(path: Path, box: np.ndarray) -> bool:
    """Whether MediaPipe, told nothing, finds the face of that box (left, top, width, height)."""
    from fexdata.corpora.pictures import read_picture
    from fexdata.errors import RowError
    from fexdata.faces.detection import SAME_FACE

    try:
        face = _finder().find(read_picture(path.read_bytes()), faces="largest")[0]
    except RowError:
        return False
    low = np.maximum(face.box[:2], box[:2])
    high = np.minimum(face.box[:2] + face.box[2:], box[:2] + box[2:])
    inner = float(np.clip(high - low, 0, None).prod())
    return inner / (float(face.box[2:].prod() + box[2:].prod()) - inner) > SAME_FACE


def summary(frame: pd.DataFrame) -> dict[str, Any]:
    """The figures that are printed, from `measured`'s rows."""
    from benchmarks.accuracy_rates import auc_of_worst, parity

    turn = pd.cut(frame["yaw"].abs(), BINS, right=False, labels=[f"{a} to {b}" for a, b in itertools.pairwise(BINS)])
    good = frame[frame["built"]]
    straight = good[good["yaw"].abs() < BINS[-2]]
    wrinkled = straight[straight["detail_true"] >= straight["detail_true"].quantile(1 - WRINKLED)]
    even = parity(
        (straight["status"] == "accepted").to_numpy(),
        straight["mesh"].to_numpy(),
        straight["person"].to_numpy(),
        straight["category"].to_numpy(),
    )
    return {
        "pictures": len(frame),
        "by_turn": _groups(frame, turn),
        "by_expression": _groups(frame[frame["yaw"].abs() < BINS[-2]], frame["category"]),
        "wrinkled": {name: round(float(wrinkled[name].mean()), 2) for name in ("detail_true", "detail_error")},
        "auc_quality": {
            f"{what}, {where}": round(auc_of_worst(part["quality"].to_numpy(float), part[column].to_numpy()), 3)
            for what, column in (("landmarks", "points_478"), ("mesh", "mesh"))
            for where, part in (("all", good), (f"turn below {BINS[-2]}", straight))
        },
        "acceptance": {
            "at_equal_quality": {name: round(rate, 3) for name, rate in even.rates.items()},
            "gap": round(even.gap, 3),
            "gap_by_chance": round(even.by_chance, 3),
        },
        "reasons": _reasons(frame),
    }


def _groups(frame: pd.DataFrame, by: pd.Series) -> dict[str, dict[str, float]]:
    groups = {}
    for name, part in frame.groupby(by, observed=True):
        shares = {"found": part["found"].mean(), "built": part["built"].mean()}
        medians = {column: part[column].median() for column in COLUMNS}
        accepted = (part["status"] == "accepted").mean()
        groups[str(name)] = {"n": len(part)} | {
            key: round(float(value), 3) for key, value in {**shares, **medians, "accepted": accepted}.items()
        }
    return groups


def _reasons(frame: pd.DataFrame) -> dict[str, int]:
    found = frame[frame["status"] != "accepted"]["reasons"].explode().dropna()
    return {str(name): int(count) for name, count in found.value_counts().items()}


def as_text(figures: dict[str, Any]) -> str:
    lines = [f"{figures['pictures']} pictures; lengths in % of the inter-ocular distance, medians over pictures"]
    for title, key in (("turn, degrees", "by_turn"), ("expression, turn below 50", "by_expression")):
        lines += ["", f"| {title} | n | found | built | 478, median | 478, mean | 68 | mesh, 3D | depth | normals | "
                  "covered | accepted |", "|---|" + "---:|" * 11]  # fmt: skip
        lines += [_line(name, group) for name, group in figures[key].items()]
    detail, auc, rates = figures["wrinkled"], figures["auc_quality"], figures["acceptance"]
    lines += [
        "",
        f"Normals' fine part on the most wrinkled fifth: {detail['detail_true']:.1f}° large, "
        f"error {detail['detail_error']:.1f}°.",
        "Quality finds the worst tenth, AUC: " + ", ".join(f"{name} {value:.2f}" for name, value in auc.items()),
        "Accepted at equal true quality, turn below 50: "
        + ", ".join(f"{name} {rate:.0%}" for name, rate in _in_order(rates["at_equal_quality"]).items())
        + f"; gap {100 * rates['gap']:.1f} points, by chance up to {100 * rates['gap_by_chance']:.1f}.",
        "Why others are not: " + ", ".join(f"{name} {count}" for name, count in figures["reasons"].items()),
    ]
    return "\n".join(lines)


def _line(name: str, group: dict[str, float]) -> str:
    cells = [name, f"{group['n']}", f"{group['found']:.1%}", f"{group['built']:.1%}"]
    cells += [f"{group[column]:.1f}" for column in COLUMNS[:-2]]
    cells += [f"{group['normal']:.1f}°", f"{group['coverage']:.1%}", f"{group['accepted']:.0%}"]
    return "| " + " | ".join(cells) + " |"


def _in_order(rates: dict[str, float]) -> dict[str, float]:
    wanted: Sequence[str] = EXPRESSIONS
    return {name: rates[name] for name in wanted if name in rates}


if __name__ == "__main__":
    main()
