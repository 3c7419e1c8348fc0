"""How long a photograph takes to render, by step: `python -m benchmarks.photo`.

The default head with a plain skin, strands grown straight out of its scalp, two lamps, 28 cones of
surroundings; one thread. Processor seconds, medians over several pictures after one that is not counted.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import click
import cv2
import numpy as np

from fexdata.faces.models.default import default_model
from fexdata.render.photo import renderer
from fexdata.render.photo.scene import Camera, Lighting, Material, Part, Scene, Strands

STEPS = {
    "surface": "what each sample shows",
    "set_stage": "maps of heights and hair for all lights",
    "illuminate": "light on samples",
    "_scattered": "light below skin",
    "add_clear": "clear surfaces",
    "add_hair": "hair",
    "cast": "truth",
}
"""Functions that `fexdata.render.photo.renderer` calls, and what they do."""
AWAY, SPAN = 900.0, 250.0


@click.command()
@click.option("--size", default=256, show_default=True, help="Side of the picture in pixels.")
@click.option("--strands", default=12_000, show_default=True, help="Hairs of 12 points each.")
@click.option("--pictures", default=7, show_default=True, help="How many are timed.")
def main(size: int, strands: int, pictures: int) -> None:
    """Processor time of one photograph, by step."""
    cv2.setNumThreads(1)
    scene = head_scene(size, strands)
    spent: dict[str, list[float]] = defaultdict(list)
    for name in STEPS:
        setattr(renderer, name, _timed(getattr(renderer, name), spent[name]))
    timed_render = _timed(renderer.render, spent["render"])
    for number in range(pictures + 1):
        timed_render(scene)
        if number == 0:
            for times in spent.values():
                times.clear()
    triangles = sum(len(part.triangles) for part in scene.parts)
    click.echo(f"{size} x {size} pixels, {triangles} triangles, {strands} hairs of 12 points, {pictures} pictures")
    for name, what in {**STEPS, "render": "the whole picture"}.items():
        if spent[name]:
            click.echo(f"{1000 * statistics.median(spent[name]):7.1f} ms  {what}")


def _timed(work: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    @functools.wraps(work)
    def run(*arguments: Any, **settings: Any) -> Any:
        began = time.process_time()
        result = work(*arguments, **settings)
        spent.append(time.process_time() - began)
        return result

    return run


def head_scene(size: int, strands: int) -> Scene:
    """The default head before a camera that shows `SPAN` millimetres."""
    model = default_model()
    vertices = (model.mean + np.array([0, 0, AWAY])).astype(np.float32)
    skin = Material("skin", np.full((1, 1, 3), 0.5, np.float32), np.full((1, 1), 0.5, np.float32))
    camera = Camera(size / SPAN * AWAY, ((size - 1) / 2, (size - 1) / 2), (size, size))
    head = Part("head", vertices, model.triangles, model.uv, skin)
    background = np.full((2, 2, 3), 0.2, np.float32)
    hair = [grown(vertices, model.triangles, model.regions["scalp"], strands)] if strands else []
    return Scene([head], camera, lighting(), background, hair)


def grown(vertices: np.ndarray, triangles: np.ndarray, scalp: np.ndarray, count: int) -> Strands:
    """Hairs of 60 mm straight out of the scalp, from the middles of random triangles."""
    rng = np.random.default_rng(0)
    roots = vertices[rng.choice(triangles[scalp[triangles].min(axis=1) > 0.5], count)].mean(axis=1)
    ways = roots - vertices.mean(axis=0) + rng.normal(0, 10, roots.shape)
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    points = roots[:, None] + np.linspace(0, 60, 12)[None, :, None] * ways[:, None]
    colour = np.full((count, 3), 0.1, np.float32)
    return Strands(points.astype(np.float32), colour, np.full(count, 0.1, np.float32))


def lighting() -> Lighting:
    number = np.arange(28) + 0.5
    height, angle = 1 - number / 14, number * np.pi * (3 - np.sqrt(5))
    across = np.sqrt(1 - height**2)
    ways = np.stack([across * np.cos(angle), height, across * np.sin(angle)], 1).astype(np.float32)
    lamps = np.array([[-0.6, -0.5, -0.62], [0.8, -0.2, -0.56]], np.float32)
    return Lighting(
        ways, np.full((28, 3), 0.05, np.float32),
        lamps / np.linalg.norm(lamps, axis=1, keepdims=True),
        np.array([[1.0, 1.0, 1.0], [0.2, 0.2, 0.2]], np.float32), np.array([5.0, 8.0], np.float32),
    )  # fmt: skip


if __name__ == "__main__":
    main()
