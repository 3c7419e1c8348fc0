"""Compiled kernels: where they are cached, and which arrays they take."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from fexdata.faces.kernels import cache_folder, kernel, readonly


def test_the_users_own_cache_folder_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "mine"))
    assert cache_folder() == str(tmp_path / "mine")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == str(tmp_path / "fexdata" / "numba")


def test_machine_code_is_written_to_the_cache_and_numbas_setting_is_left_alone(tmp_path: Path) -> None:
    script = (
        "import numba; before = numba.config.CACHE_DIR\n"
        "import fexdata.faces.mesh, os\n"
        "assert numba.config.CACHE_DIR == before, numba.config.CACHE_DIR\n"
    )
    environment = {"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path), "PATH": ""}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, cwd=Path(__file__).parents[2])
    assert list((tmp_path / "fexdata" / "numba").rglob("*.nbc"))


def test_kernels_take_arrays_that_cannot_be_written_to() -> None:
    @kernel(readonly(numba.float64, 1), returns=numba.float64)
    def total(values: np.ndarray) -> float:
        return values.sum()

    frozen = np.arange(4.0)
    assert total(frozen) == 6
    frozen.flags.writeable = False
    assert total(frozen) == 6
