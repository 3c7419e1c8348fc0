"""Corpus layouts that synthetic people can be written in, by name; one file per corpus."""

from __future__ import annotations

from fexdata.errors import FexdataError
from fexdata.synthetic.layouts.affectnet import AffectNet2017, AffectNet2021
from fexdata.synthetic.layouts.base import Layout
from fexdata.synthetic.layouts.ckplus import CKPlus
from fexdata.synthetic.layouts.folder import Folder
from fexdata.synthetic.layouts.multipie import MultiPIE
from fexdata.synthetic.layouts.pairs import Pairs
from fexdata.synthetic.layouts.rafd import RaFD

LAYOUTS: dict[str, Layout] = {
    one.name: one for one in (Folder(), AffectNet2017(), AffectNet2021(), RaFD(), CKPlus(), MultiPIE(), Pairs())
}


def layout_of(name: str) -> Layout:
    """The layout of that name, case ignored. Raises `FexdataError` when there is none."""
    found = LAYOUTS.get(name.lower())
    if found is None:
        raise FexdataError(f"unknown layout {name!r}; known: {', '.join(LAYOUTS)}")
    return found
