"""The embedded head's copy in the user's cache is the head itself, or made again."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fexdata.faces.models import kept
from fexdata.faces.models.default import VERSION, default_model


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept.embedded_head.cache_clear()
    yield tmp_path
    kept.embedded_head.cache_clear()


def _fresh() -> object:
    kept.embedded_head.cache_clear()
    return kept.embedded_head()


def test_the_copy_is_the_head_bit_for_bit(own_cache: Path) -> None:
    kept.embedded_head()
    assert len(list(own_cache.rglob("*.npz"))) == 1
    read, made = _fresh(), default_model()
    assert read is not made
    assert (read.sha256, read.expression_names, read.identity_names) == (
        made.sha256, made.expression_names, made.identity_names,
    )  # fmt: skip
    for name in ("mean", "triangles", "identity_basis", "expression_basis", "uv", "mirror"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))


def test_a_torn_copy_is_made_again(own_cache: Path) -> None:
    kept.embedded_head()
    (copy,) = own_cache.rglob("*.npz")
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) // 2])
    assert len(_fresh().mean) == len(default_model().mean)
    assert copy.stat().st_size == len(whole)


def test_a_cache_that_cannot_be_written_does_no_harm(own_cache: Path) -> None:
    (own_cache / "fexdata").write_text("a file where the folder should be")
    assert len(kept.embedded_head().mean) == len(default_model().mean)


def test_a_changed_head_has_a_new_version() -> None:
    """Bases are told apart by name and VERSION: whoever changes the head raises it, and these sums."""
    model, sums = default_model(), []
    for array in (model.mean, model.identity_basis, model.expression_basis):
        weights = np.random.default_rng(0).normal(size=array.shape)
        sums.append(float((array.astype(np.float64) * weights).sum()))
    assert VERSION == 1
    np.testing.assert_allclose(sums, [8621.934, -529.800, 647.975], atol=2e-3)


def test_the_head_does_not_depend_on_threads() -> None:
    """Signs of modes once did: mirrored vertices tie for the largest, which decided them."""
    code = (
        "import hashlib; from fexdata.faces.models.default import default_model as head; "
        "print(hashlib.md5(head().identity_basis.tobytes() + head().expression_basis.tobytes()).hexdigest())"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"OPENBLAS_NUM_THREADS": n}, capture_output=True, check=True
        ).stdout
        for n in ("1", "2")
    ]
    assert told[0] == told[1]
