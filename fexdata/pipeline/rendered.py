"""`fexdata build rendered-4dfab`: a dataset whose corpus are meshes and textures of known people.

Like the warps' recipe it has no layers: a shard is what is not made twice (`fexdata.synthetic.rendered.dataset`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fexdata import storage
from fexdata.dataset.names import home_folders
from fexdata.dataset.reader import open_dataset
from fexdata.errors import FexdataError
from fexdata.pipeline.build import Result
from fexdata.pipeline.progress import Steps
from fexdata.synthetic.rendered.dataset import NAME, render_dataset

NUMBERS = ("images", "size", "seed")
KNOWN = ", ".join([*(f"render.{name}=NUMBER" for name in NUMBERS), "render.basis=MODEL"])


def build_rendered(
    source: str,
    *,
    out: str | None = None,
    workers: int | None = None,
    limit: int | None = None,
    sets: Sequence[str] = (),
    quiet: bool = True,
) -> Result:
    """Renders the people in the folder `source`, or goes on where it was.

    out: by default `rendered-4dfab` under `$FEXDATA_HOME` or `./data`; limit: sessions at most; sets:
    `render.images=100` pictures of each session, `render.size=256`, `render.seed=0`, `render.basis=MODEL`. Raises
    `FexdataError` for another setting and for what cannot be rendered.
    """
    settings: dict[str, Any] = dict(map(_setting, sets))
    folder = out or storage.join(home_folders()[0], NAME)
    with Steps(quiet=quiet) as steps:
        render_dataset(
            source,
            folder,
            sitters=limit,
            workers=workers,
            start=lambda rows: steps.start("rendering", rows),
            advance=steps.advance,
            **settings,
        )
    return Result(path=folder, counts=open_dataset(folder).counts(), reused_layers=0, made_layers=0, committed=True)


def _setting(text: str) -> tuple[str, Any]:
    name, _, value = text.removeprefix("render.").partition("=")
    if name == "basis" and value:
        return name, value
    if name not in NUMBERS or not value.isdecimal():
        raise FexdataError(f"--set {text}: {NAME} knows {KNOWN}")
    return name, int(value)
