"""`fexdata evaluate`."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("run")
@click.option("--data", metavar="DATASET", required=True, help="Whose held-out people: a dataset's name or path.")
@click.option(
    "--pairs", metavar="DATASET", help="Where true pairs come from. Default: the dataset itself, if it has them."
)
@click.option("--split", type=click.Choice(["test", "val", "train"]), help="Default: test, or val where there is none.")
@click.option("--limit", type=click.IntRange(2), default=1000, show_default=True, help="Pictures, and pairs, at most.")
@click.option("--identity", metavar="NETWORK", help="Who tells people apart. Default: mobileface, if it is there.")
@click.option(
    "--expression",
    multiple=True,
    metavar="RUN",
    help="A run of `fexdata train classifier`; a second may read numbers (--set reads=au).",
)
@click.option("--inception", metavar="FILE", help="torch-fidelity's Inception weights, for FID, KID and IS by them.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of rows, targets, intervals.")
@click.option("--device", type=click.Choice(["cpu", "cuda", "mps"]), default="cpu", show_default=True)
@click.option("--out", metavar="FOLDER", help="Default: RUN/evaluation/DATASET-SPLIT.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def command(run: str, data: str, out: str | None, as_json: bool, expression: tuple[str, ...], **options: object) -> int:
    """Measure a trained method on people it has not seen.

    Against true pairs: L1, PSNR, SSIM, IED, and MediaPipe's landmarks on brows, eyes and mouth, each also
    relative to the input returned unchanged. Without pairs: reconstruction, expression, identity, FID, KID,
    IS. The papers' own tables stand beside. A network that a loss asked never judges.

    \b
    fexdata train classifier --data affectnet-d --preset demo
    fexdata evaluate runs/slidergan-pairs-1 --data pairs --expression runs/classifier-affectnet-d-1

    Writes evaluation.md, evaluation.json and a sheet of the first faces by seed.
    """
    from pathlib import Path

    from fexdata.evaluation.evaluate import Settings, evaluate
    from fexdata.evaluation.tables import as_json as to_json
    from fexdata.evaluation.tables import as_markdown
    from fexdata.pipeline.progress import Steps
    from fexdata.storage import write_atomic
    from fexdata.training.logs import write_sheet

    settings = Settings(expression=expression, **options)  # type: ignore[arg-type]
    with Steps(quiet=as_json) as steps:
        found = evaluate(run, data, settings, start=steps.start, advance=steps.advance)
    folder = Path(out) if out else Path(run) / "evaluation" / f"{found.dataset['name']}-{found.settings.split}"
    text, figures = as_markdown(found), json.dumps(to_json(found), indent=1, sort_keys=True)
    write_atomic(str(folder / "evaluation.md"), text.encode())
    write_atomic(str(folder / "evaluation.json"), figures.encode())
    for protocol, sheet in found.sheets.items():
        write_sheet(folder / f"{protocol}.png", sheet)
    click.echo(figures if as_json else text)
    click.echo(
        f"{folder}: evaluation.md, evaluation.json, {', '.join(f'{name}.png' for name in found.sheets)}", err=True
    )
    return 0
