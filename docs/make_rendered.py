"""Draws docs/rendered-people.jpg: rendered people. `python docs/make_rendered.py PATH_OF_ICT_FACEKIT`

Two people of ours, then two of the ICT model (MIT), each as meshes with a texture in a folder that `fexdata build
rendered-4dfab` reads. In each row the neutral face and three meshes, then four expressions drawn near those of the
meshes.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

import fexdata
from fexdata.faces.models.ict import load_ict
from fexdata.synthetic import expressions
from fexdata.synthetic.rendered.dataset import render_dataset
from fexdata.synthetic.rendered.export import basis_of, export_person
from fexdata.synthetic.rendered.export_ict import export_ict_person

OURS, ICTS = (8, 21), (11, 14)
"""Seeds of the people."""
SHOWN = ("happy", "surprise", "anger")
MORE = ("sad", "disgust", "fear", "contempt")
"""Meshes that are there to be drawn near, and not shown."""
DRAWN = 4
SIDE, SHOWN_SIDE, CAPTION = 256, 190, 22


def main() -> None:
    rng = np.random.default_rng(5)
    shown = {name: expressions.draw(name, rng) for name in (*SHOWN, *MORE)}
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        ours, icts = Path(scratch, "ours"), Path(scratch, "ict")
        made = [export_person(ours / f"person{seed}" / "one", seed, shown) for seed in OURS]
        basis_of(made[0]).save(ours / "basis.npz")
        ict = load_ict(sys.argv[1])
        for seed in ICTS:
            export_ict_person(icts / f"person{seed}" / "one", seed, shown, ict)
        replace(ict, sha256="").save(icts / "basis.npz")
        for folder in (ours, icts):
            rows += pictures(render_dataset(folder, Path(scratch, f"{folder.name}-out"), images=1 + len(shown) + DRAWN))
    names = np.full((CAPTION, rows[0].shape[1], 3), 247, np.uint8)
    for column, name in enumerate(("neutral", *SHOWN, *(f"drawn {n}" for n in range(DRAWN)))):
        place = (column * SHOWN_SIDE + 6, CAPTION - 7)
        cv2.putText(names, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 34, 28), 1, cv2.LINE_AA)
    path = Path(__file__).with_name("rendered-people.jpg")
    cv2.imwrite(str(path), np.concatenate([names, *rows])[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def pictures(dataset: Path) -> list[np.ndarray]:
    """A row of pictures of each person."""
    opened = fexdata.open(str(dataset))
    variants = ("neutral", *SHOWN, *(f"drawn-{n:03d}" for n in range(DRAWN)))
    rows = []
    for _, person in opened.frame(["sample_id", "pair_group", "variant"]).groupby("pair_group"):
        ids = person.set_index("variant")["sample_id"][list(variants)].tolist()
        found = [picture for picture in opened.pictures(ids)["image"] if picture is not None]
        size = (SHOWN_SIDE, SHOWN_SIDE)
        rows.append(np.concatenate([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in found], axis=1))
    return rows


if __name__ == "__main__":
    main()
