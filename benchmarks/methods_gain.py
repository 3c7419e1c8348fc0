"""Why an edit misses its target: `python -m benchmarks.methods_gain RUN ... --pairs D`.

For runs of methods that are told action units, coefficients or landmarks, on the judge's held-out pairs. What it
costs to ask for no change (copying alone), what half and three quarters of the change give (overshooting), and what
the whole gives when each channel has the input's mean and spread over the face again (colours). For brows, eyes and
mouth by themselves, how far landmarks go the true way (gain: 1 is all of it) and how straight (correlation: what
the method paints but a landmark network does not see as the wanted movement lowers it).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch

if TYPE_CHECKING:
    from benchmarks.methods_judge import Mesh, MethodJudge

SHARES = (0.0, 0.5, 0.75, 1.0)
COPY, TONED = -1.0, 2.0
"""Instead of a share: the input, returned unchanged; the whole change, with the input's colours."""
REGIONS = {"brows": slice(17, 27), "eyes": slice(36, 48), "mouth": slice(48, 68)}
"""Of the 68 landmarks."""


@click.command()
@click.argument("runs", nargs=-1, required=True)
@click.option("--pairs", required=True, help="The dataset of `benchmarks.methods`: pairs-framed in its --work.")
@click.option("--work", type=click.Path(path_type=Path), help="Where the judge keeps what it has found.")
@click.option("--seed", default=0, show_default=True, help="Of the choice of pairs.")
def main(runs: tuple[str, ...], pairs: str, work: Path | None, seed: int) -> None:
    """Copying, gain and straightness of edits."""
    from benchmarks.methods_judge import MethodJudge

    judge = MethodJudge(pairs, pairs, seed=seed, cache=work)
    for run in runs:
        click.echo(run)
        for line in gains(judge, run):
            click.echo(f"  {line}")


def gains(judge: MethodJudge, run: str) -> list[str]:
    """What is to be said of one run. Landmark distances and IED are relative to copy's, as in the table."""
    from benchmarks.methods_judge import BATCH, CPU, looked_at
    from fexdata.evaluation.conditions import between, kind_of
    from fexdata.evaluation.evaluate import either_face
    from fexdata.evaluation.metrics.ied import ied
    from fexdata.evaluation.metrics.landmark_distance import landmark_distance, mesh_of
    from fexdata.evaluation.pixels import unit
    from fexdata.evaluation.protocols import on_pairs
    from fexdata.faces.landmarks import to_68
    from fexdata.training.run import open_run

    method, _ = open_run(run)
    kind = kind_of(type(method), method.config)
    if kind == "label":
        return [f"{method.name} is told classes: there are no shares of them"]
    looked = judge.looked(method.info.image_size)
    meshes: dict[float, list[Mesh]] = {share: [] for share in (*SHARES, TONED)}
    errors: dict[float, list[float]] = {share: [] for share in (*SHARES, TONED, COPY)}
    for done in on_pairs(method, kind, judge.rows(method, kind), size=BATCH, device=CPU):
        batch = done.batch
        image, wanted, mask = batch["image"], batch["target_image"], either_face(batch)
        errors[COPY] += ied(unit(image), unit(wanted), mask).tolist()
        for share in SHARES:
            with torch.no_grad():
                told = between(method, done.source, done.target, share)
                edited = method.edit(image, done.source, told)["image"]
            errors[share] += ied(unit(edited), unit(wanted if share else image), mask).tolist()
            meshes[share] += [mesh_of(one) for one in edited]
        toned = with_colours_of(image, edited, mask)
        errors[TONED] += ied(unit(toned), unit(wanted), mask).tolist()
        meshes[TONED] += [mesh_of(one) for one in toned]
    seen = [
        number for number in range(len(looked.source))
        if looked_at(looked, number) and all(found[number] is not None for found in meshes.values())
    ]  # fmt: skip

    def points(found: Sequence[Mesh]) -> np.ndarray:
        """(n, 68, 2)"""
        return np.stack([to_68(mesh)[:, :2] for number in seen if (mesh := found[number]) is not None])

    def distance(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.mean([landmark_distance(a, b) for a, b in zip(one, other, strict=True)]))

    source, target, made = points(looked.source), points(looked.target), {s: points(meshes[s]) for s in meshes}
    copied, copied_ied = distance(source, target), np.mean(errors[COPY])
    lines = []
    for share in (*SHARES, TONED):
        apart = distance(made[share], target if share else source) / copied
        words = f"{share:.0%} of the change" if share else "no change asked for"
        words = "all of it, the input's colours" if share == TONED else words
        lines.append(f"{words}: landmarks {apart:.3f}, IED {np.mean(errors[share]) / copied_ied:.3f}")
    for name, part in REGIONS.items():
        went, wanted_way = (made[1.0] - made[0.0])[:, part], (target - source)[:, part]
        along, length = float((went * wanted_way).sum()), float(np.square(wanted_way).sum())
        straight = along / np.sqrt(np.square(went).sum() * length)
        lines.append(f"{name}: gain {along / length:.2f}, correlation {straight:.2f}")
    return lines


def with_colours_of(image: torch.Tensor, edited: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Edited pictures (B, 3, H, W) with each channel's mean and spread over the face as the image's. mask: B * H * W
    numbers; None: all is face."""
    size = (len(image), 1, *image.shape[-2:])
    inside = image.new_ones(size) if mask is None else mask.reshape(size).to(image.dtype)
    count = inside.sum((2, 3), keepdim=True).clamp(min=1)

    def moments(one: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = (one * inside).sum((2, 3), keepdim=True) / count
        return mean, ((one - mean).square() * inside).sum((2, 3), keepdim=True).div(count).sqrt()

    (mean, spread), (had, wide) = moments(image), moments(edited)
    return ((edited - had) * (spread / wide.clamp(min=1e-3)) + mean).clamp(-1, 1)


if __name__ == "__main__":
    main()
