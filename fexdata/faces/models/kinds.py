"""The kinds of face model that fexdata reads: which files, from where, on which terms.

Each kind is one reader, a function from a file or folder to a `FaceModel`, imported when it is called.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fexdata.faces.models.face_model import FaceModel


@dataclass(frozen=True, slots=True)
class Kind:
    """One published face model."""

    name: str
    reader: str
    """`module:function` below `fexdata.faces.models`; the function takes the path."""
    files: str
    """What PATH is: a file, or the files that a folder has to hold."""
    source: str
    """Where to get it."""
    licence: str

    def read(self, path: str | Path) -> FaceModel:
        """The model in fexdata's frame. Raises `FexdataError` for another file than the kind's."""
        module, _, function = self.reader.partition(":")
        reader: Callable[[str | Path], FaceModel] = getattr(
            importlib.import_module(f"fexdata.faces.models.{module}"), function
        )
        return replace(reader(path), kind=self.name)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "ict", "ict:load_ict", "the folder FaceXModel, or ict_facekit_light.npz",
            "https://github.com/ICT-VGL/ICT-FaceKit", "MIT",
        ),
        Kind(
            "basel2009", "basel:load_basel2009",
            "01_MorphableModel.mat; beside it Exp_Pca.bin and std_exp.txt, or Model_Exp.mat, and BFM_exp_idx.mat or "
            "model_info.mat",
            "https://faces.dmi.unibas.ch/bfm", "non-commercial research",
        ),
        Kind(
            "basel2017", "basel:load_basel2017", "model2017-1_*.h5 or model2019_*.h5",
            "https://faces.dmi.unibas.ch/bfm", "non-commercial research",
        ),
        Kind(
            "flame", "flame:load_flame", "generic_model.pkl, flame2023.pkl, ... or .npz; landmark embeddings beside it",
            "https://flame.is.tue.mpg.de", "CC-BY-4.0 (FLAME 2023 Open), else non-commercial research",
        ),
        Kind(
            "surrey", "surrey:load_surrey", "eos's folder share (sfm_shape_3448.bin, expression_blendshapes_3448.bin)",
            "https://github.com/patrikhuber/eos", "non-commercial research",
        ),
        Kind(
            "lsfm", "lsfm:load_lsfm", "all_all_all.mat or another; expressions.npz beside it",
            "https://github.com/menpo/lsfm (on request)", "non-commercial research",
        ),
        Kind(
            "4dfab", "basis_npz:load_4dfab", "a .npz that you write (docs/models/formats.md)",
            "https://ibug.doc.ic.ac.uk/resources/4dfab/ (on request)", "non-commercial research",
        ),
        Kind(
            "lrw3d", "basis_npz:load_lrw3d", "a .npz that you write (docs/models/formats.md)",
            "the authors of SliderGAN (on request)", "non-commercial research",
        ),
    )
}  # fmt: skip
"""Name -> kind."""
