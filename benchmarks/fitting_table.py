"""Which mesh is nearest to the truth: `python -m benchmarks.fitting_table`, for who chooses `reconstruct.backend`.

People rendered from the embedded head and from ICT's model (`fitting_people`), landmarks by MediaPipe. Each
reconstruction is made as a build makes it, with the prior and the detector that fexdata ships:

- `MediaPipe`: its own 468 vertices
- `fit`, of the embedded head and of ICT's model; and with one identity per person, as the survey
  `subject_identity` finds it

`--write FILE` replaces what stands between the two `table` comments of a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from benchmarks.fitting import ICT, MOST, surfaces
from benchmarks.fitting_people import Pictures, pictures
from fexdata.faces.fitting.detectors import mediapipe
from fexdata.faces.fitting.fields import OUTER_EYES_MM
from fexdata.faces.fitting.fit import fit, on_our_head
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.registry import load

SETS = {"test": ((0, 15), (15, 30)), "turned": ((30, 45), (45, 60))}
"""Sets of people, and bins of the head's turn to either side, degrees."""
OUTER_EYES_478 = (33, 263)
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
COLUMNS = ("points, mm", "vertices, mm", "depth, %", "normals", "fine part", "correlation", "relative error")
HEAD = f"| people of | turn | mesh | {' | '.join(COLUMNS)} |\n|---|---|---|{'---:|' * len(COLUMNS)}"


@click.command()
@click.option("--ict", default=ICT, show_default=True, help="ICT-FaceKit as KIND:PATH.")
@click.option("--people", default=40, show_default=True, help="Of each model; five pictures each.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the pictures; what is there is used.")
@click.option("--write", type=click.Path(path_type=Path, exists=True), help="Page whose table is replaced.")
def main(ict: str, people: int, keep: Path | None, write: Path | None) -> None:
    """Errors of reconstructions, by model and by turn."""
    models = {"embedded": load("fexdata"), "ICT": on_our_head(load(ict))}
    lines = [HEAD]
    for of, name in (("embedded", models["embedded"].name), ("ICT", ict)):
        for kind, bins in SETS.items():
            lines += rows(of, models, pictures(name, kind, people, keep=keep), bins)
    table = "\n".join(lines)
    click.echo(table)
    if write:
        text = write.read_text()
        before, after = text.split(BEGIN)[0], text.split(END)[1]
        write.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


def rows(of: str, models: dict[str, FaceModel], seen: Pictures, bins: Sequence[tuple[int, int]]) -> list[str]:
    """The table's lines of one model's people; medians over pictures, coefficients over all of a bin's."""
    meshes, expressions = {"MediaPipe": seen.detected[:, :468].astype(np.float64)}, {}
    _, person = np.unique(seen.person, return_inverse=True)
    for name, model in models.items():
        for how, groups in (("", None), (", one identity", person)):
            found = fit(model, seen.detected, detector=mediapipe(model.name), groups=groups)
            meshes[f"fit {name}{how}"] = found.vertices(model, slice(0, 468))
            if name == of:
                expressions[f"fit {name}{how}"] = np.nan_to_num(found.expression)
    surface, turn = surfaces(seen, meshes), np.abs(seen.turn[:, 0])
    lines = []
    for low, high in bins:
        part = (turn >= low) & (turn < high)
        for name, mesh in meshes.items():
            points, vertices = distances(mesh[part], seen.landmarks[part, :468].astype(np.float64))
            depth, normals, fine = np.median(surface[name][part], axis=0)
            cells = [
                of,
                f"{low} to {high}°",
                name,
                f"{points:.2f}",
                f"{vertices:.2f}",
                f"{depth:.2f}",
                f"{normals:.1f}°",
                f"{fine:.1f}°",
            ]
            cells += coefficients(models[of], expressions.get(name), seen, part)
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def distances(mesh: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Medians over pictures of the mean distances of vertices (n, 468, 3) from the true ones, millimetres of a
    head whose eyes' outer corners are `OUTER_EYES_MM` apart: in the picture as they lie, and in space after
    the similarity that aligns them best."""
    from trimesh.registration import procrustes

    left, right = (true[:, corner] for corner in OUTER_EYES_478)
    unit = np.linalg.norm(left - right, axis=1) / OUTER_EYES_MM
    flat = np.linalg.norm(mesh[..., :2] - true[..., :2], axis=2).mean(axis=1)
    aligned = [procrustes(one, aim, reflection=False)[1] for one, aim in zip(mesh, true, strict=True)]
    deep = np.linalg.norm(np.array(aligned) - true, axis=2).mean(axis=1)
    return float(np.median(flat / unit)), float(np.median(deep / unit))


def coefficients(model: FaceModel, found: np.ndarray | None, seen: Pictures, part: np.ndarray) -> list[str]:
    """Mean correlation of the ten coefficients that move the face most, and |found - true| / |true|."""
    if found is None:
        return ["", ""]
    size = np.sqrt(np.square(model.expression_basis[:, :468].astype(np.float64)).sum(axis=(1, 2)))
    most = np.argsort(-seen.expression.std(axis=0) * size)[:MOST]
    each = [np.corrcoef(found[part, e], seen.expression[part, e])[0, 1] for e in most]
    posed = part & (seen.category != "neutral")
    apart = np.linalg.norm(found[posed] - seen.expression[posed], axis=1)
    return [f"{np.mean(each):.2f}", f"{(apart / np.linalg.norm(seen.expression[posed], axis=1)).mean():.2f}"]


if __name__ == "__main__":
    main()
