"""`fexdata predict-depth`."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("run")
@click.argument("images", nargs=-1, metavar="[IMAGE]...")
@click.option("--data", metavar="DATASET", help="Tell the error on a dataset's held-out people.")
@click.option("--split", type=click.Choice(["test", "val", "train"]), help="Default: test, or val where there is none.")
@click.option("--limit", type=click.IntRange(2), default=500, show_default=True, help="Rows of the dataset at most.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the rows, and of intervals.")
@click.option("--out", metavar="FOLDER", default="depth", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print paths and errors as JSON.")
def command(
    run: str, images: tuple[str, ...], data: str | None, limit: int, seed: int, out: str, as_json: bool, split: str
) -> int:
    """Read depth off photographs with the network of a dense-geometry run.

    Of each photograph the largest face is cut out as the run's dataset cuts. Written are NAME-depth.png
    (16 bits, as a build stores depth: round(100 (depth + 327.68)) in crop pixels, 0 for none) and
    NAME-preview.png (the face, depth in colours, the surface lit).

    \b
    fexdata predict-depth runs/dense-geometry-affectnet-d-1 me.jpg
    fexdata predict-depth runs/dense-geometry-affectnet-d-1 --data affectnet-d
    """
    from dataclasses import asdict
    from pathlib import Path

    from fexdata.dataset.pictures import encode_png
    from fexdata.dataset.reader import open_dataset
    from fexdata.evaluation.depth import DepthReader, errors, preview
    from fexdata.render.maps import encode_depth
    from fexdata.storage import write_atomic

    if not images and data is None:
        raise click.UsageError("name photographs, or --data DATASET to tell the error")
    reader, written = DepthReader.open(run), []
    for image in images:
        subject = reader.photograph(image)
        depth = reader.depth(subject)
        for kind, pixels in (("depth", encode_depth(depth)), ("preview", preview(subject, depth))):
            path = Path(out) / f"{subject.name}-{kind}.png"
            write_atomic(str(path), encode_png(pixels))
            written.append(str(path))
    found = []
    if data is not None:
        found = errors(reader, open_dataset(data), split=split, limit=limit, seed=seed)  # type: ignore[arg-type]
    if as_json:
        click.echo(json.dumps({"written": written, "errors": [asdict(one) for one in found]}, sort_keys=True))
        return 0
    for name in written:
        click.echo(name)
    for one in found:
        click.echo(f"{one.name:<48} {one.value:.3f}  [{one.low:.3f}, {one.high:.3f}]  n {one.n}")
    return 0
