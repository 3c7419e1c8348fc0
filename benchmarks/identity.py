"""Whether a face-recognition network tells synthetic people apart: `python -m benchmarks.identity`.

Pictures of people across the eight expressions and 20 degrees of yaw to either side. Each is brought
onto the network's template by its true five points and embedded. The figure is the area under the
curve of the cosine similarity: the probability that two pictures of one person are more alike than
pictures of two.

- `all`: people as they are, with hair, glasses, headwear
- `same tone, plain`: without any of these, and only pairs of people of nearly the same skin tone: what
  is left is shape and skin

The network is MobileFace V2 (LFW 99.65 % by its authors), read by `fexdata.training.judges.mxnet`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import click
import numpy as np

from fexdata.corpora.base import EXPRESSIONS
from fexdata.errors import FexdataError
from fexdata.synthetic.plan import Shot

NETWORK = Path("../shared/assets/mobileface")
FILES = ("MobileFace_Identification_V2-symbol.json", "MobileFace_Identification_V2-0000.params")
SIDE = 112
TEMPLATE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
"""Where the eyes, the nose tip and the corners of the mouth lie in a picture of `SIDE` (Deng et al. 2019)."""
YAW = 20.0
FIRST = 1000
"""Seed of the first person."""
SAME_TONE = 0.1
"""Difference of `Traits.tone` below which two people have the same tone."""


@click.command()
@click.option("--people", default=50, show_default=True)
@click.option("--pictures", default=8, show_default=True, help="Of each person, one after another expression.")
@click.option("--network", type=click.Path(path_type=Path), default=NETWORK, show_default=True)
@click.option("--workers", type=int, help="Processes. Default: one per usable core.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(people: int, pictures: int, network: Path, workers: int | None, as_json: bool) -> None:
    """How well a face-recognition network tells synthetic people apart."""
    figures: dict[str, dict[str, float]] = {}
    for plain in (False, True):
        shots = shots_of(range(FIRST, FIRST + people), pictures, plain=plain)
        embedded = embeddings(shots, network, workers)
        figures |= {f"{name}{', plain' if plain else ''}": one for name, one in separations(embedded, shots).items()}
    if as_json:
        click.echo(json.dumps(figures, indent=1))
        return
    click.echo(f"{people} people, {pictures} pictures of each, eight expressions, yaw up to {YAW:g} degrees")
    click.echo("| pairs | AUC | similarity, one person | two people |\n|---|---:|---:|---:|")
    for name, one in figures.items():
        click.echo(f"| {name} | {one['auc']:.3f} | {one['one_person']:.2f} | {one['two_people']:.2f} |")


def shots_of(people: Sequence[int], pictures: int, *, plain: bool) -> list[Shot]:
    """Pictures of the people of these seeds, person by person; the same for both values of `plain`."""
    from fexdata.synthetic import expressions

    rng = np.random.default_rng(20)
    shots = []
    for person in people:
        for index in range(pictures):
            name = EXPRESSIONS[(person + index) % len(EXPRESSIONS)]
            yaw, pitch = rng.uniform(-YAW, YAW), rng.normal(0, 5)
            shots.append(
                Shot(person, expressions.draw(name, rng), (256, 256), int(rng.integers(1 << 40)),
                     category=name, yaw=float(yaw), pitch=float(pitch), plain=plain)
            )  # fmt: skip
    return shots


def embeddings(shots: Sequence[Shot], network: Path, workers: int | None = None) -> np.ndarray:
    """(n, d) unit vectors. Raises `FexdataError` when the network is not there."""
    if not all((network / name).is_file() for name in FILES):
        raise FexdataError(
            f"{network} lacks {' or '.join(FILES)} (becauseofAI/MobileFace, MIT); name it with --network"
        )
    count = workers or len(os.sched_getaffinity(0))
    if count == 1:
        crops = [crop_of(shot) for shot in shots]
    else:
        with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
            crops = list(pool.map(crop_of, shots, chunksize=8))
    return embed(np.stack(crops), network)


def crop_of(shot: Shot) -> np.ndarray:
    """The picture on the network's template: (112, 112, 3) uint8."""
    from fexdata.faces.alignment import similarity, warp
    from fexdata.faces.landmarks import to_5
    from fexdata.synthetic.photograph import take

    taken = take(shot)
    points = to_5(np.asarray(taken.truth["landmarks_478"], np.float64))[:, :2]
    return warp(taken.picture, similarity(points, np.array(TEMPLATE)), SIDE)


def embed(crops: np.ndarray, network: Path) -> np.ndarray:
    """(n, d) unit vectors of crops (n, 112, 112, 3) uint8 RGB."""
    import torch

    from fexdata.training.judges.mxnet import MXNetNetwork

    judge = MXNetNetwork(network / FILES[0], network / FILES[1])
    parts = [
        judge(torch.from_numpy(crops[start : start + 32]).permute(0, 3, 1, 2).float()).numpy()
        for start in range(0, len(crops), 32)
    ]
    found = np.concatenate(parts)
    unit: np.ndarray = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


def separations(embedded: np.ndarray, shots: Sequence[Shot]) -> dict[str, dict[str, float]]:
    """AUC and median similarities, over all pairs and over those of the same tone."""
    from benchmarks.accuracy_rates import auc
    from fexdata.synthetic.traits import draw_traits

    tones = {seed: draw_traits(seed).tone for seed in {shot.person for shot in shots}}
    person = np.array([shot.person for shot in shots])
    tone = np.array([tones[shot.person] for shot in shots])
    first, second = np.triu_indices(len(shots), 1)
    alike = np.einsum("nd,nd->n", embedded[first], embedded[second])
    same = person[first] == person[second]
    near = np.abs(tone[first] - tone[second]) < SAME_TONE
    figures = {}
    for name, kept in {"all": np.ones(len(same), bool), "same tone": near}.items():
        figures[name] = {
            "auc": auc(alike[kept], same[kept]),
            "one_person": float(np.median(alike[kept & same])),
            "two_people": float(np.median(alike[kept & ~same])),
        }
    return figures


if __name__ == "__main__":
    main()
