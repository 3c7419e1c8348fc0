"""How long a mesh takes to become depth, normals and mask: `python -m benchmarks.render`.

Three meshes at 256 x 256: MediaPipe's canonical face (468 vertices), the face of ICT-FaceKit (9,409; the
front of the default head where ICT's is not at hand), and the front 70,000 vertices of the default head
subdivided. All backends that run here take turns on the same mesh, so that a busy machine is busy for all
of them. Processor milliseconds of one thread, medians. `Sim3DR_Cython`, 3DDFA_V2's compiled C++ z-buffer,
takes part where it can be imported; it writes three colour channels, the backends depth, normals,
mask and triangle numbers. `checked` is what callers of `rasterize` wait for; the others are bare.

On a GPU: torch and pytorch3d, wall milliseconds a mesh by batch size, copies to and from it included.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import torch

from fexdata.faces.canonical import canonical_triangles, canonical_vertices
from fexdata.faces.mesh import vertex_normals
from fexdata.faces.models.default import default_model
from fexdata.faces.models.ict import load_ict
from fexdata.faces.models.subdivision import levels
from fexdata.render import numba_backend, pytorch3d_backend, torch_backend
from fexdata.render.rasterize import rasterize

ICT = Path("../shared/assets/ict-facekit")
SIZE = 256
SLOW = 0.2
"""Seconds: a backend that needs as long for a mesh draws it only once."""
Scene = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Clock = Callable[[], float]


@click.command()
@click.option("--times", default=101, show_default=True, help="How often each backend draws each mesh.")
@click.option("--ict", default=ICT, show_default=True, type=click.Path(path_type=Path), help="ICT-FaceKit's folder.")
def main(times: int, ict: Path) -> None:
    """Milliseconds and ratios of all backends on the same meshes."""
    torch.set_num_threads(1)
    for name, vertices, triangles in meshes(ict):
        scene = framed(vertices, triangles)
        click.echo(f"{name}: {len(vertices)} vertices, {len(triangles)} triangles, {SIZE} x {SIZE}")
        draws = on_cpu(scene)
        spent = in_turns(draws, times)
        for backend, seconds in spent.items():
            ratio = statistics.median(seconds) / statistics.median(spent["numba"])
            few = "  (once)" if len(seconds) < times else ""
            median, best = 1000 * statistics.median(seconds), 1000 * min(seconds)
            click.echo(f"  {backend:10} {median:10.2f} ms  (best {best:.2f})  {ratio:8.2f} x numba{few}")
        if torch.cuda.is_available():
            on_gpu(scene)


def meshes(ict: Path) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(name, vertices, triangles) of the three meshes, in fexdata's frame, any unit."""
    head = default_model()
    dense, triangles = levels(head.triangles, len(head.mean), 1)
    if ict.is_dir():
        model = load_ict(ict)
        middle = ("ICT face", *restricted(model.mean, model.triangles, np.arange(9409)))
    else:
        middle = ("front of the default head", *front(head.mean, head.triangles, 9409))
    return [
        ("canonical face", canonical_vertices()[:468], canonical_triangles()),
        middle,
        ("default head, subdivided", *front(dense @ head.mean, triangles, 70_000)),
    ]


def front(vertices: np.ndarray, triangles: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` vertices nearest to the viewer, and the triangles among them."""
    return restricted(vertices, triangles, np.sort(np.argsort(vertices[:, 2], kind="stable")[:count]))


def restricted(vertices: np.ndarray, triangles: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    number = np.full(len(vertices), -1)
    number[kept] = np.arange(len(kept))
    renumbered = number[triangles]
    return vertices[kept], renumbered[(renumbered >= 0).all(axis=1)]


def framed(vertices: np.ndarray, triangles: np.ndarray) -> Scene:
    """The mesh over four fifths of the picture, as `rasterize` takes it."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    points = (vertices - (low + high) / 2) * (0.8 * SIZE / (high - low)[:2].max()) + [(SIZE - 1) / 2, (SIZE - 1) / 2, 0]
    faces = np.ascontiguousarray(triangles, dtype=np.int32)
    return np.ascontiguousarray(points), vertex_normals(points, faces), faces, np.ones(len(faces), np.uint8)


def on_cpu(scene: Scene) -> dict[str, Callable[[], object]]:
    """What can draw here, by name."""
    cpu = torch.device("cpu")
    vertices, normals, triangles, labels = scene
    batch = (vertices[None], normals[None], triangles, labels, SIZE, cpu)
    draws: dict[str, Callable[[], object]] = {
        "numba": lambda: numba_backend.draw(*scene, SIZE),
        "checked": lambda: rasterize(*scene, size=SIZE),
        "torch": lambda: torch_backend.draw_batch(*batch),
    }
    if importlib.util.find_spec("pytorch3d"):
        draws["pytorch3d"] = lambda: pytorch3d_backend.draw_batch(*batch)
    if importlib.util.find_spec("Sim3DR_Cython"):
        draws["3DDFA_V2"] = _sim3dr(scene)
    return draws


def _sim3dr(scene: Scene) -> Callable[[], object]:
    """Sim3DR's own wrapper, which empties a picture and a z-buffer for each mesh; its z grows to the viewer."""
    library = importlib.import_module("Sim3DR_Cython")
    vertices, normals, triangles, _ = scene
    points, colours = (vertices * [1, 1, -1]).astype(np.float32), (normals / 2 + 0.5).astype(np.float32)

    def draw() -> object:
        picture = np.zeros((SIZE, SIZE, 3), np.uint8)
        depth = np.zeros((SIZE, SIZE), np.float32) - 1e8
        library.rasterize(picture, points, triangles, colours, depth, len(triangles), SIZE, SIZE, 3)
        return picture

    return draw


def in_turns(
    draws: dict[str, Callable[[], object]], times: int, clock: Clock = time.process_time
) -> dict[str, list[float]]:
    """Seconds of each by name. The first round counts only for a backend that is as slow as `SLOW`, which
    then draws no more."""
    spent = {name: [_timed(draw, clock)] for name, draw in draws.items()}
    quick = [name for name in draws if spent[name][0] < SLOW]
    for name in quick:
        spent[name].clear()
    for _ in range(times):
        for name in quick:
            spent[name].append(_timed(draws[name], clock))
    return spent


def _timed(draw: Callable[[], object], clock: Clock) -> float:
    began = clock()
    draw()
    return clock() - began


def on_gpu(scene: Scene) -> None:
    gpu = torch.device("cuda")
    vertices, normals, triangles, labels = scene
    for batch in (1, 4, 16, 64):
        many = (np.repeat(vertices[None], batch, 0), np.repeat(normals[None], batch, 0), triangles, labels, SIZE, gpu)
        draws: dict[str, Callable[[], object]] = {"torch": functools.partial(torch_backend.draw_batch, *many)}
        if importlib.util.find_spec("pytorch3d"):
            draws["pytorch3d"] = functools.partial(pytorch3d_backend.draw_batch, *many)
        spent = in_turns(draws, 11, time.perf_counter)
        figures = [f"{name} {1000 * statistics.median(seconds) / batch:8.3f}" for name, seconds in spent.items()]
        click.echo(f"  on the GPU, batch {batch:2}: {', '.join(figures)} ms a mesh")


if __name__ == "__main__":
    main()
