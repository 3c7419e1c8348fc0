"""Methods by name. Another package adds its own under the entry-point group `fexdata.methods`."""

from __future__ import annotations

import importlib
import re
from importlib.metadata import entry_points

from fexdata.errors import FexdataError
from fexdata.training.method import Method

GROUP = "fexdata.methods"

METHODS = {
    "dense-geometry": "fexdata.training.methods.dense_geometry:DenseGeometry",
    "gcgan": "fexdata.training.methods.gcgan:GCGAN",
    "slidergan": "fexdata.training.methods.slidergan:SliderGAN",
    "defgan": "fexdata.training.methods.defgan:DefGAN",
    "fine-grained": "fexdata.training.methods.fine_grained:FineGrained",
    "stargan": "fexdata.training.methods.stargan:StarGan",
    "ganimation": "fexdata.training.methods.ganimation:Ganimation",
    "cdaae": "fexdata.training.methods.cdaae:CDAAE",
    "spg": "fexdata.training.methods.spg:SPG",
    "embedder": "fexdata.training.judges.embedder:Embedder",
    "classifier": "fexdata.training.judges.classifier:Classifier",
}
"""Name -> where its class is: the five of the papers, the baselines, and the networks that judge."""


def known() -> list[str]:
    """The names of all methods, those of other packages last."""
    return [*METHODS, *sorted({entry.name for entry in entry_points(group=GROUP)} - set(METHODS))]


def canonical(name: str) -> str:
    """The method's own spelling: case and hyphens do not matter. Raises `FexdataError` when there is none."""
    for own in known():
        if _letters(own) == _letters(name):
            return own
    raise FexdataError(f"unknown method {name!r}; known: {', '.join(known())}")


def method_class(name: str) -> type[Method]:
    """The class of a method. Raises `FexdataError` when it is unknown or cannot be loaded."""
    own = canonical(name)
    target = METHODS.get(own) or next(entry.value for entry in entry_points(group=GROUP) if entry.name == own)
    module, _, attribute = target.partition(":")
    try:
        found: type[Method] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise FexdataError(f"method {own!r} is registered as {target}, which cannot be loaded: {error}") from None
    return found


def _letters(name: str) -> str:
    return re.sub(r"[-_ ]", "", name).lower()
