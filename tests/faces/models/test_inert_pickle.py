"""Pickles of arrays are read; nothing that is in them runs."""

from __future__ import annotations

import os
import pickle
import sys
import types
from collections import UserDict
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from fexdata.faces.models.inert_pickle import Inert, as_array, load_pickle, load_pickled_npy

NUMBERS = np.random.default_rng(0).standard_normal((4, 5))


def chumpy_like(monkeypatch: pytest.MonkeyPatch, values: np.ndarray) -> object:
    """An object that pickles as chumpy's arrays do: class `chumpy.ch.Ch`, numbers in `x`."""
    kind = type("Ch", (), {"__module__": "chumpy.ch"})
    for name in ("chumpy", "chumpy.ch"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setattr(sys.modules["chumpy.ch"], "Ch", kind, raising=False)
    made = kind()
    made.__dict__.update(x=values, _dirty_vars=set(), _itr=None)
    return made


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_arrays_and_plain_values_come_back(protocol: int) -> None:
    given = {"f": NUMBERS, "count": np.int64(3), "name": "jaw", "list": [1, 2.5, None]}
    found = load_pickle(pickle.dumps(given, protocol))
    np.testing.assert_array_equal(found["f"], NUMBERS)
    assert found["count"] == 3 and found["list"] == [1, 2.5, None] and found["name"] == "jaw"


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("make", [csc_matrix, csr_matrix])
def test_sparse_matrices_become_numbers_without_scipys_code(make: type, protocol: int) -> None:
    sparse = np.where(NUMBERS > 0.5, NUMBERS, 0)
    found = load_pickle(pickle.dumps(make(sparse), protocol))
    assert isinstance(found, Inert)
    np.testing.assert_array_equal(as_array(found), sparse)


@pytest.mark.parametrize("protocol", [0, 2])
def test_chumpy_arrays_become_numbers_without_chumpy(monkeypatch: pytest.MonkeyPatch, protocol: int) -> None:
    content = pickle.dumps(chumpy_like(monkeypatch, NUMBERS), protocol)
    monkeypatch.undo()
    np.testing.assert_array_equal(as_array(load_pickle(content)), NUMBERS)


def test_python_2s_names_are_understood() -> None:
    # cPickle of Python 2, protocol 0: copy_reg._reconstructor(chumpy.ch.Ch, __builtin__.object, None), {'x': 7}
    content = b"ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR(dS'x'\nI7\nsb."
    assert as_array(load_pickle(content)) == 7


class Runs:
    """A pickle that runs a command when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_would_run_something_does_not(tmp_path: Path, protocol: int) -> None:
    with pytest.raises(pickle.UnpicklingError, match="system"):
        load_pickle(pickle.dumps({"v_template": Runs(tmp_path / "ran")}, protocol))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name", ["builtins\neval", "builtins\ngetattr", "numpy\nload", "numpy.core.multiarray\nfromfile"]
)
def test_functions_that_make_no_arrays_are_refused(name: str) -> None:
    with pytest.raises(pickle.UnpicklingError, match="which no array needs"):
        load_pickle(b"c" + name.encode() + b"\n.")


def test_other_objects_are_refused() -> None:
    with pytest.raises(pickle.UnpicklingError, match="UserDict"):
        load_pickle(pickle.dumps(UserDict()))
    # copy_reg._reconstructor(object, object, None)
    with pytest.raises(pickle.UnpicklingError, match="no arrays"):
        load_pickle(b"ccopy_reg\n_reconstructor\n(c__builtin__\nobject\nc__builtin__\nobject\nNtR.")


def test_a_chumpy_expression_without_numbers_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"ccopy_reg\n_reconstructor\n(cchumpy.ch\nadd\nc__builtin__\nobject\nNtR(dS'a'\nI7\nsb."
    with pytest.raises(ValueError, match="a add without numbers"):
        as_array(load_pickle(content))


def test_a_pickled_npy_gives_its_element(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.array({"idx": NUMBERS}, dtype=object), allow_pickle=True)
    np.testing.assert_array_equal(load_pickled_npy(tmp_path / "one.npy")["idx"], NUMBERS)
    np.save(tmp_path / "plain.npy", NUMBERS)
    with pytest.raises(ValueError, match="plain numbers"):
        load_pickled_npy(tmp_path / "plain.npy")
