"""Fits of landmarks before and after a dense refinement: `python -m benchmarks.fitting_dense [--people N]`.

People are rendered from the model that is fitted, with skin, hair, light and a camera of which the fit knows nothing;
landmarks by MediaPipe, the prior's sigmas as in `benchmarks.fitting`. Medians over pictures: depth and normals as in
`fitting.surfaces`; points' distance in the picture from the true ones, in % of the eyes' outer corners'. Expressions
as in `fitting.coefficient_errors`; seconds of one thread. The last row is a check: refined with pictures of
another person, everything should be as it was or worse. `dense`'s settings were chosen on `--who tuning`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.fitting import ICT, SURFACE, coefficient_errors, other_people, surfaces, surveyed
from benchmarks.fitting_people import PEOPLE, SHOTS, YAW, Pictures, finder, shots_of
from fexdata.errors import RowError
from fexdata.faces.fitting.dense import refine
from fexdata.faces.fitting.detectors import mediapipe
from fexdata.faces.fitting.fit import Fit, fit, on_our_head
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.registry import load

COLUMNS = {
    "expression correlation": "correlation, mean",
    "least of ten": "correlation, least",
    "displacement error": "displacement error / displacement",
    "at rest, mm": "displacement on neutral faces, mm",
    "relative error": "relative error",
}
"""Of `coefficient_errors`."""


@click.command()
@click.option("--people", default=60, show_default=True, help=f"Of each model; {SHOTS} pictures each.")
@click.option(
    "--who", default="test", show_default=True, type=click.Choice(("test", "turned", "tuning")), help="Set of people."
)
@click.option(
    "--ict", default=ICT, show_default=True, help="ICT-FaceKit as KIND:PATH; empty for the embedded head alone."
)
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Folder of `benchmarks.fitting`'s pictures, for the prior."
)
@click.option("--device", default="cpu", show_default=True, help="Where torch works.")
def main(people: int, who: str, ict: str, keep: Path | None, device: str) -> None:
    """Errors before and after, and seconds a photograph."""
    torch.set_num_threads(1)
    click.echo("| people of | fit | " + " | ".join((*SURFACE, "points", *COLUMNS)) + " | s |")
    click.echo("|---|---|" + "---:|" * (len(SURFACE) + 1 + len(COLUMNS) + 1))
    for name in filter(None, ("fexdata-head", ict)):
        model = load("fexdata") if name == "fexdata-head" else on_our_head(load(name))
        seen, pictures = rendered(name, who, people)
        prior = surveyed(model, other_people(name, keep))
        with threadpool_limits(1):
            first = fit(model, seen.detected, detector=mediapipe(model.name), prior=prior)
            refine(model, first, pictures, device)
            start = time.perf_counter()
            fits = {"of landmarks": first, "refined": refine(model, first, pictures, device)}
            seconds = (time.perf_counter() - start) / len(pictures)
            fits["another's pictures"] = refine(model, first, np.roll(pictures, SHOTS, axis=0), device)
        for label, row in rows(model, seen, fits).items():
            taken = f"{seconds:.2f}" if label == "refined" else ""
            click.echo(f"| {model.name} | {label} | " + " | ".join(row) + f" | {taken} |")


def rows(model: FaceModel, seen: Pictures, fits: dict[str, Fit]) -> dict[str, list[str]]:
    """A line of figures for each fit; surfaces over the skin that all of them show."""
    meshes = {name: one.vertices(model, slice(0, 468)) for name, one in fits.items()}
    unit = np.linalg.norm(seen.landmarks[:, 33, :2] - seen.landmarks[:, 263, :2], axis=1) / 100
    found = {}
    for name, errors in surfaces(seen, meshes).items():
        off = np.linalg.norm(meshes[name][..., :2] - seen.landmarks[:, :468, :2], axis=2).mean(axis=1) / unit
        expressions = coefficient_errors(model, seen, fits[name])
        found[name] = [f"{number:.2f}" for number in (*np.median(errors, axis=0), np.median(off))]
        found[name] += [str(expressions[column]) for column in COLUMNS.values()]
    return found


def rendered(model: str, who: str, people: int) -> tuple[Pictures, np.ndarray]:
    """`fitting_people.pictures`, and the pictures themselves (N, S, S, 3)."""
    from fexdata.synthetic.photograph import take

    seen: list[dict[str, Any]] = []
    photographs = []
    least = YAW if who == "turned" else 0.0
    for shot in (shot for person in range(people) for shot in shots_of(model, PEOPLE[who] + person, 0, least)):
        taken = take(shot)
        truth = taken.truth
        try:
            detected = finder().find(taken.picture, faces="largest")[0].landmarks
        except RowError:
            continue
        off = np.linalg.norm(detected[:, :2] - truth["landmarks_478"][:, :2], axis=1).mean()
        if off > len(taken.picture) / 10:  # another face than the person's
            continue
        photographs.append(taken.picture)
        kept = {name: truth[name] for name in ("landmarks_68", "camera", "depth", "normal", "mask")}
        seen.append(kept | {
            "detected": detected, "landmarks": truth["landmarks_478"], "expression": truth["expression_params"],
            "identity": truth["identity_params"], "turn": np.array([shot.yaw, shot.pitch, shot.roll]),
            "person": shot.person, "category": str(shot.category),
        })  # fmt: skip
    return Pictures(**{name: np.array([one[name] for one in seen]) for name in seen[0]}), np.array(photographs)


if __name__ == "__main__":
    main()
