"""A build whose fits know who a subject is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import yaml
from builds import PIPELINES, run
from making import make_rafd


def test_fits_of_a_build_share_what_the_survey_says_of_their_subject(tmp_path: Path) -> None:
    make_rafd(tmp_path / "corpus", people=2, seed=1)
    recipe = yaml.safe_load((PIPELINES / "rafd-d.yaml").read_text())
    stages = recipe["stages"]
    first = {name: stages.pop(name) for name in ("detect", "align")}
    told = {**first, "subject_identity": {}, **stages, "fit": {"identity": "subject"}}
    path = tmp_path / "told.yaml"
    path.write_text(yaml.safe_dump({**recipe, "stages": told}, sort_keys=False))
    status, _, err = run(["build", path, "--source", tmp_path / "corpus", "--out", tmp_path / "out", "--workers", "1"])
    assert status in (0, 1), err
    columns = ["subject", "identity_params", "expression_params"]
    frame = pq.read_table(tmp_path / "out" / "manifest.parquet", columns=columns).to_pandas().dropna()
    people = [np.stack(list(part["identity_params"])) for _, part in frame.groupby("subject")]
    assert len(people) == 2
    assert max(one.std(axis=0).mean() for one in people) < 0.1 * np.abs(people[0].mean(0) - people[1].mean(0)).mean()
