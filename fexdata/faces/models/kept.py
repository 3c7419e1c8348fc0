"""The embedded head, drawn up once per machine: from code it takes every process some seconds.

The copy in the user's cache is named after the code and the canonical face that it was made from, so
a newer fexdata makes its own. Where nothing can be written, the head is made anew.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from pathlib import Path

from fexdata.errors import FexdataError
from fexdata.faces.cache import cache_folder
from fexdata.faces.canonical import resource
from fexdata.faces.models import face_model
from fexdata.faces.models.face_model import FaceModel


@functools.cache
def embedded_head() -> FaceModel:
    """`default.default_model`, from the cache where it is there."""
    path = Path(cache_folder("models"), f"fexdata-head-{_made_from()}.npz")
    try:
        return face_model.load(path)
    except FexdataError:  # not there, or torn
        from fexdata.faces.models.default import default_model

        model = default_model()
        _keep(model, path)
        return model


def _made_from() -> str:
    """Hash of all that decides what the head looks like: this room's code, and MediaPipe's canonical face."""
    state = hashlib.blake2b(digest_size=8)
    for path in (*sorted(Path(__file__).parent.glob("*.py")), resource("canonical_face_model.pt")):
        state.update(path.read_bytes())
    return state.hexdigest()


def _keep(model: FaceModel, path: Path) -> None:
    unfinished = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            model.save(unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
