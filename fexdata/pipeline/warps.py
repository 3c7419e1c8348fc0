"""`fexdata build emotionet-warped`: a dataset whose corpus is a built dataset.

Every other recipe brings photographs through stages; this one makes new pictures of rows that are
there. It has no layers: a shard is what is not made twice (`fexdata.synthetic.warps.dataset`).
"""

from __future__ import annotations

from collections.abc import Sequence

from fexdata.dataset.reader import open_dataset
from fexdata.errors import FexdataError
from fexdata.pipeline.build import Result
from fexdata.pipeline.progress import Steps
from fexdata.synthetic.warps.dataset import NAME, default_out, warp_dataset

PEOPLE, VARIANTS = 10_000, 20
"""Photographs and pictures of each, as in SliderGAN's section 4.1."""
SETTINGS = ("people", "variants", "seed")


def build_warps(
    source: str,
    *,
    out: str | None = None,
    workers: int | None = None,
    limit: int | None = None,
    sets: Sequence[str] = (),
    quiet: bool = True,
) -> Result:
    """Warps the faces of the dataset `source` (a name, path or URL), or goes on where it was.

    out: by default the dataset's own place with `-warped` behind it; limit: photographs at most;
    sets: `warp.people=500`, `warp.variants=20`, `warp.seed=0`. Raises `FexdataError` for another
    setting and for a dataset that cannot be warped.
    """
    dataset = open_dataset(source)
    settings = {"people": PEOPLE, "variants": VARIANTS, "seed": 0} | dict(map(_setting, sets))
    if limit is not None:
        settings["people"] = min(settings["people"], limit)
    folder = out or str(default_out(dataset))
    with Steps(quiet=quiet) as steps:
        warp_dataset(
            dataset,
            folder,
            workers=workers,
            start=lambda rows: steps.start("warps", rows),
            advance=steps.advance,
            **settings,
        )
    return Result(path=folder, counts=open_dataset(folder).counts(), reused_layers=0, made_layers=0, committed=True)


def _setting(text: str) -> tuple[str, int]:
    name, _, value = text.removeprefix("warp.").partition("=")
    if name not in SETTINGS or not value.isdecimal():
        known = ", ".join(f"warp.{one}=NUMBER" for one in SETTINGS)
        raise FexdataError(f"--set {text}: {NAME} knows {known}")
    return name, int(value)
