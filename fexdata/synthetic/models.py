"""The face models that synthetic people can be made from, by name."""

from __future__ import annotations

from fexdata.errors import FexdataError
from fexdata.faces.models.face_model import FaceModel

MODELS = ("fexdata-head",)


def shape_model(name: str) -> FaceModel:
    """The model of a name, on the embedded head's surface. Raises `FexdataError` for an unknown one."""
    if name == "fexdata-head":
        from fexdata.faces.models.default import default_model

        return default_model()
    raise FexdataError(f"unknown face model {name!r}; known: {', '.join(MODELS)}")
