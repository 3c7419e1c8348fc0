"""Tiny trained runs and their dataset, for tests of evaluation and editing."""

from __future__ import annotations

import json
from pathlib import Path

from dataset_made import Rows
from training_made import make_training_dataset

from fexdata.training.config import resolve
from fexdata.training.registry import method_class
from fexdata.training.start import train

SMALLEST = {"image_size": 32, "batch": 4, "width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 3,
            "identity": "none", "perceptual": "none", "face": 32, "numbers": 8}  # fmt: skip


def make_dataset(folder: Path) -> Path:
    """48 rows of 12 subjects, one for val, two for test."""

    def split(rows: Rows) -> None:
        for row in rows:
            row["split"] = {3: "val", 5: "test", 6: "test"}.get(int(row["subject"][1:]), "train")

    return make_training_dataset(folder, edit=split)


def make_run(method: str, data: Path, out: Path, *sets: str, steps: int = 4) -> Path:
    """A run of a few steps with the smallest networks."""
    fields = method_class(method).Config.model_fields
    small = [f"{key}={value}" for key, value in SMALLEST.items() if key in fields]
    everywhere = ("workers=0", "device=cpu", "log_every=1", "checkpoint_every=1000", "sheet_every=1000")
    settings, config = resolve(method, data=str(data), preset="demo", steps=steps, sets=(*small, *everywhere, *sets))
    train(settings, config, out=str(out), quiet=True)
    _tell_how_faces_were_cut(out / "run.json")
    return out


def _tell_how_faces_were_cut(path: Path) -> None:
    """The made dataset has no recipe; a built one's says this."""
    record = json.loads(path.read_text())
    record["datasets"]["data"]["recipe"] = {"stages": {"align": {"template": "five_point", "size": 64}}}
    path.write_text(json.dumps(record))
