"""The documented `.npz` for 4DFAB and LRW-3D bases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import published_made as made
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.models.basis_npz import load_4dfab, load_lrw3d

RNG = np.random.default_rng(0)
SMILE = RNG.standard_normal((made.EXPRESSIONS, made.VERTICES, 3))
WORDS = RNG.standard_normal((3, made.VERTICES, 3))


def write(path: Path, **changes: Any) -> Path:
    parts = {
        "mean": made.mean(), "triangles": made.triangles(), "unit": "mm", "axes": "y-up", "expression_basis": SMILE,
    } | changes  # fmt: skip
    np.savez(path, **{name: part for name, part in parts.items() if part is not None})
    return path


def test_the_least_file_is_enough(tmp_path: Path) -> None:
    model = load_4dfab(write(tmp_path / "basis.npz"))
    np.testing.assert_allclose(model.mean, made.mean() * made.TURN, atol=1e-4)
    np.testing.assert_allclose(model.expression_basis, SMILE * made.TURN, atol=1e-5)
    assert model.expression_signed.all() and model.identity_names == () and model.speech_basis is None
    assert model.landmarks_68 is None and "4DFAB" in model.licence


def test_everything_that_may_be_given_arrives(tmp_path: Path) -> None:
    uv = RNG.random((made.VERTICES, 2))
    path = write(
        tmp_path / "basis.npz", unit="cm", mean=made.mean() / 10, expression_sigma=np.array([2.0, 3.0]),
        expression_names=np.array(["smile", "frown"]), expression_signed=np.array([False, True]), uv=uv,
        identity_basis=WORDS, identity_sigma=np.array([1.0, 2.0, 3.0]), landmarks_68=np.arange(68) - 1,
        licence="of my own scans: CC-BY-4.0",
    )  # fmt: skip
    model = load_4dfab(path)
    np.testing.assert_allclose(model.mean, made.mean() * made.TURN, atol=1e-4)
    np.testing.assert_allclose(model.expression_basis[1], SMILE[1] * 30 * made.TURN, rtol=1e-5)
    np.testing.assert_allclose(model.identity_basis[2], WORDS[2] * 30 * made.TURN, rtol=1e-5)
    np.testing.assert_allclose(model.uv, uv, atol=1e-6)
    assert model.expression_names == ("smile", "frown") and model.expression_signed.tolist() == [False, True]
    assert model.landmarks_68 is not None
    assert model.landmarks_68.known.tolist() == [False] + [True] * 67
    assert model.licence.endswith("CC-BY-4.0")


def test_fexdatas_own_axes_stay(tmp_path: Path) -> None:
    turned = {"mean": made.mean() * made.TURN, "expression_basis": SMILE * made.TURN}
    up, down = load_4dfab(write(tmp_path / "up.npz")), load_4dfab(write(tmp_path / "down.npz", axes="y-down", **turned))
    np.testing.assert_allclose(up.mean, down.mean, atol=1e-5)
    np.testing.assert_allclose(up.expression_basis, down.expression_basis, atol=1e-5)


def test_speech_is_a_basis_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "lrw.npz", speech_basis=WORDS, speech_sigma=np.array([1.0, 2.0, 4.0]))
    model = load_lrw3d(path)
    assert model.speech_basis is not None
    np.testing.assert_allclose(model.speech_basis[2], WORDS[2] * 4 * made.TURN, rtol=1e-5)
    assert len(model.expression_names) == made.EXPRESSIONS and "LRW" in model.licence


def test_landmarks_between_vertices(tmp_path: Path) -> None:
    vertices, weights = RNG.integers(0, made.VERTICES, (68, 3)), RNG.dirichlet(np.ones(3), 68)
    model = load_4dfab(write(tmp_path / "basis.npz", landmarks_68=vertices, landmarks_68_weights=weights))
    assert model.landmarks_68 is not None
    expected = np.einsum("nkd,nk->nd", (made.mean() * made.TURN)[vertices], weights)
    np.testing.assert_allclose(model.landmarks_68.points(model.mean), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"axes": None}, "it has no axes"),
        ({"expression_basis": None}, "it has no expression_basis"),
        ({"unit": "feet"}, "unit 'feet'"),
        ({"expression_basis": np.zeros((2, 243))}, r"expression_basis has shape \(2, 243\)"),
        ({"expression_sigma": np.ones(5)}, r"expected \(2,\)"),
        ({"expression_names": np.array(["smile"])}, "2 expressions, 1 names"),
        ({"landmarks_68": np.arange(51)}, r"landmarks_68 has shape \(51,\)"),
        ({"triangles": np.array([[0, 1, 81]])}, "triangles"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(FexdataError, match=f"is not a basis as .*{told}") as caught:
        load_4dfab(write(tmp_path / "basis.npz", **changes))
    assert "\n" not in str(caught.value)


def test_lrw_without_speech_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match="it has no speech_basis"):
        load_lrw3d(write(tmp_path / "basis.npz"))


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_another_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "basis.npz").write_bytes(content)
    with pytest.raises(FexdataError, match="is not a basis as"):
        load_4dfab(tmp_path / "basis.npz")
