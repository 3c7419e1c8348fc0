"""`build emotionet-warped` is told its numbers as any recipe is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dataset_made import make_dataset

from fexdata.errors import FexdataError
from fexdata.pipeline import warps


def test_settings_and_limit_reach_the_warps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_dataset(tmp_path, photographs=6)
    asked: dict[str, Any] = {}

    def record(dataset: Any, out: str, **numbers: Any) -> Path:
        asked.update(numbers, out=out)
        return make_dataset(Path(out).parent, name=Path(out).name, photographs=6)

    monkeypatch.setattr(warps, "warp_dataset", record)
    result = warps.build_warps(str(source), limit=30, sets=["warp.variants=5", "warp.seed=3"])
    assert (asked["people"], asked["variants"], asked["seed"]) == (30, 5, 3)
    assert result.path == asked["out"] == f"{source}-warped"
    assert result.counts["rows"] == 6


@pytest.mark.parametrize("setting", ["align.size=128", "warp.people=many"])
def test_unknown_settings_name_the_known_ones(tmp_path: Path, setting: str) -> None:
    source = make_dataset(tmp_path, photographs=6)
    with pytest.raises(FexdataError, match=r"warp\.people=NUMBER"):
        warps.build_warps(str(source), sets=[setting])
