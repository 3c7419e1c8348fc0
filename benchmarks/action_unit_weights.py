"""Teaches the geometric tool: `python -m benchmarks.action_unit_weights` writes its `geometric.npz`.

Photographs synthetic people of the embedded model (`action_unit_people`, nobody that anything is
measured on), finds their landmarks with MediaPipe, and learns both maps (`fexdata.faces.action_units.
fitting`). No photograph of a person and no other face model goes in, so the file has fexdata's own
terms. Prints what held-out people got.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click
import numpy as np

from benchmarks.action_unit_people import Looks, looks
from fexdata.faces.action_units.fitting import Ridges, Taught, learn
from fexdata.faces.action_units.geometric import FILE, GeometricTool
from fexdata.faces.action_units.geometry import descriptor
from fexdata.faces.action_units.schemes import GEOMETRIC
from fexdata.synthetic.expressions import SINGLE_UNITS

MODEL = "fexdata-head"
MOVEMENTS = tuple(name for name in SINGLE_UNITS if name != "AD30")
"""What the first map looks for: everything but the jaw sideways, which both halves of a face cancel."""
TO_POPULATION = Ridges(noise=0.003, identity=0.1, grades=0.4)
TO_SUBJECT = Ridges(noise=0.03, identity=0.01, grades=0.4)
"""Of a few values tried (noise 0.0003 to 0.1, identity 0.003 to 1, grades 0.1 to 0.8), within 0.005 of the best
mean correlation on held-out people. Less noise gained little there, and beside a subject's own neutral
it misses what a face that was not photographed does."""


@click.command()
@click.option("--people", default=300, show_default=True, help="Twelve pictures of each.")
@click.option("--keep", type=click.Path(path_type=Path), default=Path("data/action-units"), show_default=True,
              help="Folder for what was seen of them; what is there is used.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), default=FILE, show_default=True)
@click.option("--workers", type=int, help="Processes. Default: one per usable core.")
def main(people: int, keep: Path, out: Path, workers: int | None) -> None:
    """Learn the geometric action units from synthetic people."""
    seen = looks(keep, people=people, purpose="teach", model=MODEL, workers=workers)
    tool = taught_tool(seen)
    about = {"people": people, "pictures": len(seen.person), "model": MODEL, "fexdata": version("fexdata")}
    tool.save(out, about)
    click.echo(f"{out}: {len(seen.person)} pictures of {people} people, {out.stat().st_size / 1e6:.2f} MB")
    for name, one in (("population's neutral", tool.to_population), ("subject's neutral", tool.to_subject)):
        pairs = zip(GEOMETRIC.names, one.reliability[:, 0], strict=True)
        click.echo(f"{name}: " + ", ".join(f"{unit} {value:.2f}" for unit, value in pairs))


def taught_tool(seen: Looks) -> GeometricTool:
    """The tool that the pictures teach."""
    from fexdata.faces.models.default import default_model
    from fexdata.faces.models.rest import rest_face

    reference = np.array(rest_face(), np.float32).astype(np.float64)
    described = np.stack([descriptor(points, reference)[0] for points in seen.landmarks])
    modes = default_model().identity_basis[:, : len(reference)].astype(np.float64)
    identities = np.stack([descriptor(reference + mode, reference)[0] for mode in modes])
    identities -= descriptor(reference, reference)[0]
    neutral = np.median(described[seen.role == "rest"], axis=0)
    population, _ = learn(_taught(seen, described - neutral), identities, TO_POPULATION)
    subject, _ = learn(_taught(seen, described - rest_of(described, seen)), identities, TO_SUBJECT)
    return GeometricTool(reference, neutral, population, subject)


def rest_of(described: np.ndarray, seen: Looks) -> np.ndarray:
    """(n, F): for each picture, its person's descriptor at rest, head straight where MediaPipe saw that."""
    result = np.empty_like(described)
    for person in np.unique(seen.person):
        own, rest = seen.person == person, (seen.person == person) & (seen.role == "rest")
        straight = rest & (seen.pose[:, 0] == 0)
        result[own] = np.median(described[straight if straight.any() else rest], axis=0)
    return result


def truth(seen: Looks) -> np.ndarray:
    """(n, A): true intensities by `GEOMETRIC`'s names. A jaw that is stretched open (AU27, 27 degrees at
    its maximum) counts as AU26 of twice its intensity: AU26's maximum is 14 degrees."""
    columns = {name: seen.unit(name) for name in GEOMETRIC.names}
    columns["AU26"] = np.minimum(columns["AU26"] + 2 * seen.unit("AU27"), 5.0)
    return np.stack([columns[name] for name in GEOMETRIC.names], axis=1)


def _taught(seen: Looks, moved: np.ndarray) -> Taught:
    movements = np.stack([seen.unit(name) for name in MOVEMENTS], axis=1)
    return Taught(moved, movements, truth(seen), seen.person, np.abs(seen.pose[:, 0]))


if __name__ == "__main__":
    main()
