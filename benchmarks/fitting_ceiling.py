"""What landmarks could tell of ICT-FaceKit's coefficients at best: `python -m benchmarks.fitting_ceiling`.

A ridge regression from landmarks to coefficients, taught on 130 people of the model and asked about 60 others, with the
head's true turn undone. It knows no face model and needs no prior, so where it stays low on MediaPipe's points and not
on the true ones, it is the detector that does not see the movement, and no fit will.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from benchmarks.fitting import ICT
from benchmarks.fitting_people import Pictures, pictures
from fexdata.faces.models.registry import load
from fexdata.faces.pose import rotation

TEACHERS = (("tuning", 60, 0), ("calibration", 40, 0), ("more", 30, 1))
MOST = 10
"""Coefficients that move the face most, as in `benchmarks.fitting`."""
RIDGES = (0.1, 1.0, 10.0, 100.0)
"""The best of these on the people asked: that flatters the regression, as a ceiling should."""


@click.command()
@click.option("--ict", default=ICT, show_default=True, help="ICT-FaceKit as KIND:PATH.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the pictures; what is there is used.")
def main(ict: str, keep: Path | None) -> None:
    """Correlations from true landmarks and from MediaPipe's."""
    model = load(ict)
    taught = [pictures(ict, kind, people, seed=seed, keep=keep) for kind, people, seed in TEACHERS]
    asked = pictures(ict, "test", 60, keep=keep)
    size = np.linalg.norm(model.expression_basis.reshape(len(model.expression_basis), -1), axis=1)
    order = np.argsort(-(asked.expression**2).mean(axis=0) * size**2)[:MOST]
    true, seen = (ceiling(taught, asked, name)[order] for name in ("landmarks", "detected"))
    click.echo("coefficient            from true points   from MediaPipe's")
    for number, a, b in zip(order, true, seen, strict=True):
        click.echo(f"{model.expression_names[number]:<22} {a:16.2f} {b:18.2f}")
    click.echo(f"{'mean':<22} {true.mean():16.2f} {seen.mean():18.2f}")


def ceiling(taught: list[Pictures], asked: Pictures, points: str) -> np.ndarray:
    """(E,): correlation of every coefficient with its truth, by the ridge that does best in the mean."""
    given = np.concatenate([upright(one, points) for one in taught])
    wanted = np.concatenate([one.expression for one in taught])
    middle, spread = given.mean(axis=0), given.std()
    given, new = (given - middle) / spread, (upright(asked, points) - middle) / spread
    found = []
    for ridge in RIDGES:
        weights = np.linalg.solve(given @ given.T + ridge * np.eye(len(given)), wanted - wanted.mean(axis=0))
        told = new @ given.T @ weights
        with np.errstate(invalid="ignore"):
            cross = np.corrcoef(told.T, asked.expression.T)
        found.append(np.diagonal(cross, offset=told.shape[1]))
    return max(found, key=lambda one: float(np.nanmean(one)))


def upright(seen: Pictures, points: str) -> np.ndarray:
    """(N, 478 * 3): landmarks about their mean, the true turn undone, of size 1."""
    centred = getattr(seen, points) - getattr(seen, points).mean(axis=1, keepdims=True)
    turned = np.stack([face @ rotation(*turn) for face, turn in zip(centred, seen.turn, strict=True)])
    flat = turned.reshape(len(turned), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
