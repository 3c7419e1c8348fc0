"""Photographs per second of each tool of the stage `action_units`: `python -m benchmarks.annotate`.

Each tool runs alone, as the stage runs it, on a real face's crop and landmarks, one row at a time
and sixteen; what detection and cropping cost is not in it. One thread, the fastest of the calls
that fit in a few seconds (others may be at work on the machine). py-feat's network is drawn at random where no weights
are given: what it says is nothing, what it costs is the real thing.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from fexdata.stages.base import Row

TASK = Path("../shared/assets/mediapipe/face_landmarker.task")
BATCHES = (1, 16)
SECONDS = 3.0
"""Over which each figure looks for its fastest round."""
FACE = "0-f15-hao-ph.jpg"
PYFEAT = {
    "n_au": 20, "n_emotion": 7, "n_blendshape": 52, "mesh_normalized": True, "use_head_v3": True, "drop_mefl": True,
    "emotion_use_au_prob": True, "pretrained": False,
}  # fmt: skip
"""py-feat's own network (backbone convnextv2_tiny) as its released files configure it, as far as its code tells."""


@click.command()
@click.option("--task", type=click.Path(path_type=Path), default=TASK, show_default=True)
@click.option("--pyfeat", type=click.Path(path_type=Path), help="py-feat's weights. Default: drawn at random.")
@click.option("--without-pyfeat", is_flag=True, help="Leave py-feat out: its import alone takes many seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(task: Path, pyfeat: Path | None, without_pyfeat: bool, as_json: bool) -> None:
    """Milliseconds a photograph, and photographs a second, of each tool."""
    import cv2

    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        tools: dict[str, dict[str, Any]] = {"geometric": {}}
        if task.is_file():
            tools["mediapipe_tasks"] = {"face_landmarker": str(task)}
        if not without_pyfeat:
            tools["pyfeat"] = {"pyfeat_weights": str(pyfeat or random_weights(Path(folder)))}
        figures = {name: measured(name, settings) for name, settings in tools.items()}
    if as_json:
        click.echo(json.dumps(figures, indent=1))
        return
    click.echo("| tool | rows at a time | ms a photograph | photographs/s |\n|---|---:|---:|---:|")
    for name, by_batch in figures.items():
        for batch, seconds in by_batch.items():
            click.echo(f"| {name} | {batch} | {1000 * seconds:.2f} | {1 / seconds:,.0f} |")


def measured(tool: str, settings: dict[str, Any]) -> dict[int, float]:
    """Seconds a photograph, by rows at a time."""
    from fexdata.stages.action_units import ActionUnits

    stage = ActionUnits(ActionUnits.Config.model_validate({"tools": (tool,), **settings}))
    stage.warm_up()
    found = {}
    for batch in BATCHES:
        rows = [_row() for _ in range(batch)]
        stage.run(rows)
        taken: list[float] = []
        end = time.perf_counter() + SECONDS
        while len(taken) < 3 or time.perf_counter() < end:
            start = time.perf_counter()
            stage.run(rows)
            taken.append((time.perf_counter() - start) / batch)
        found[batch] = min(taken)
    return found


def _row() -> Row:
    picture, points = _face()
    values = {"landmarks_478": points.copy(), "image": {"bytes": b"", "path": None}}
    return Row("0" * 32, values, lambda: picture, {"image": picture.copy()})


_FACE: list[tuple[np.ndarray, np.ndarray]] = []


def _face() -> tuple[np.ndarray, np.ndarray]:
    """A crop (256, 256, 3) and its landmarks (478, 3)."""
    if not _FACE:
        import importlib.util

        from fexdata.corpora.pictures import read_picture
        from fexdata.faces.alignment import apply, crop_matrix, template, warp
        from fexdata.faces.detection import FaceFinder

        spec = importlib.util.find_spec("feat")
        assert spec is not None and spec.origin is not None
        picture = read_picture((Path(spec.origin).parent / "tests" / "data" / FACE).read_bytes())
        points = FaceFinder().find(picture, faces="largest")[0].landmarks.astype(np.float64)
        matrix = crop_matrix(points, template("five_point"), 256)
        _FACE.append((warp(picture, matrix, 256), apply(matrix, points)))
    return _FACE[0]


def random_weights(folder: Path) -> Path:
    """py-feat's network with weights drawn from a seed, in py-feat's own file layout."""
    import torch
    from feat.multitask.model_v2 import MEGraphAUv2, ModelV2Config
    from safetensors.torch import save_file

    torch.manual_seed(0)
    state = MEGraphAUv2(ModelV2Config(**PYFEAT)).state_dict()
    path = folder / "random.safetensors"
    save_file({name: one.contiguous() for name, one in state.items()}, path, {"config": json.dumps(PYFEAT)})
    return path


if __name__ == "__main__":
    main()
