"""Why an edit misses its target: `python -m benchmarks.methods_gain RUN ... --pairs D`.

For runs of methods that are told action units, coefficients or landmarks, on the judge's held-out pairs. What it
costs to ask for no change (copying alone), what half and three quarters of the change give (overshooting), and, for
brows, eyes and mouth by themselves, how far landmarks go the true way (gain: 1 is all of it) and how straight
(correlation: what the method paints but a landmark network does not see as the wanted movement lowers it).
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch

SHARES = (0.0, 0.5, 0.75, 1.0)
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


def gains(judge: object, run: str) -> list[str]:
    """What is to be said of one run. Landmark distances and IED are relative to copy's, as in the table."""
    from benchmarks.methods_judge import BATCH, CPU, MethodJudge, _distance, looked_at
    from fexdata.evaluation.conditions import between, kind_of
    from fexdata.evaluation.evaluate import either_face
    from fexdata.evaluation.metrics.ied import ied
    from fexdata.evaluation.metrics.landmark_distance import mesh_of
    from fexdata.evaluation.pixels import unit
    from fexdata.evaluation.protocols import on_pairs
    from fexdata.faces.landmarks import to_68
    from fexdata.training.run import open_run

    assert isinstance(judge, MethodJudge)
    method, _ = open_run(run)
    kind = kind_of(type(method), method.config)
    if kind == "label":
        return [f"{method.name} is told classes: there are no shares of them"]
    looked = judge.looked(method.info.image_size)
    meshes: dict[float, list[np.ndarray | None]] = {share: [] for share in SHARES}
    errors: dict[float, list[float]] = {share: [] for share in (*SHARES, -1.0)}
    for done in on_pairs(method, kind, judge._rows(method, kind), size=BATCH, device=CPU):
        batch = done.batch
        image, wanted, mask = batch["image"], batch["target_image"], either_face(batch)
        errors[-1.0] += ied(unit(image), unit(wanted), mask).tolist()  # copy
        for share in SHARES:
            with torch.no_grad():
                told = between(method, done.source, done.target, share)
                edited = method.edit(image, done.source, told)["image"]
            errors[share] += ied(unit(edited), unit(wanted if share else image), mask).tolist()
            meshes[share] += [mesh_of(one) for one in edited]
    seen = [
        number for number in range(len(looked.source))
        if looked_at(looked, number) and all(found[number] is not None for found in meshes.values())
    ]  # fmt: skip

    def relative(share: float) -> str:
        goal = looked.target if share else looked.source
        apart = np.mean([_distance(meshes[share][number], goal[number]) for number in seen])
        copied = np.mean([_distance(looked.source[number], looked.target[number]) for number in seen])
        return f"landmarks {apart / copied:.3f}, IED {np.mean(errors[share]) / np.mean(errors[-1.0]):.3f}"

    def moved(found: list[np.ndarray | None] | tuple[np.ndarray | None, ...], part: slice) -> np.ndarray:
        """(n, points, 2): from the edit that asks for no change, or from the input."""
        first = meshes[0.0] if found is meshes[1.0] else looked.source
        return np.stack([(to_68(found[n]) - to_68(first[n]))[part, :2] for n in seen])  # type: ignore[arg-type]

    lines = [f"no change asked for: {relative(0.0)}"]
    lines += [f"{share:.0%} of the change: {relative(share)}" for share in SHARES[1:]]
    for name, part in REGIONS.items():
        made, true = moved(meshes[1.0], part), moved(looked.target, part)
        along = float((made * true).sum())
        gain, straight = along / np.square(true).sum(), along / np.sqrt(np.square(made).sum() * np.square(true).sum())
        lines.append(f"{name}: gain {gain:.2f}, correlation {straight:.2f}")
    return lines


if __name__ == "__main__":
    main()
