"""Pickles of arrays, opened without running what is in them.

Some face models are published as pickles, often written by Python 2 with scipy's sparse matrices and
chumpy's arrays. A pickle names functions and calls them; here only those by which numpy arrays,
plain values, sparse matrices and chumpy arrays come into being may be named. The last two become
inert: what was pickled of them, and no code of theirs.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.core import multiarray, numeric

ARRAYS = {
    ("numpy.core.multiarray", "_reconstruct"): multiarray._reconstruct,  # type: ignore[attr-defined]
    ("numpy.core.multiarray", "scalar"): multiarray.scalar,  # type: ignore[attr-defined]
    ("numpy.core.numeric", "_frombuffer"): numeric._frombuffer,  # type: ignore[attr-defined]
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("builtins", "set"): set,
    ("builtins", "object"): object,
}
"""What may be called as it is."""
SPARSE = {"csc_matrix": "csc", "csr_matrix": "csr"}
"""scipy's classes -> their layout."""


class Inert:
    """Something that was pickled: its class's name and its state, and nothing that runs."""

    kind = ""

    def __init__(self, *_: object) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        self.state = state if isinstance(state, dict) else {"": state}


def load_pickle(content: bytes) -> Any:
    """What a pickle holds. Raises `pickle.UnpicklingError` for one that names anything else than arrays."""
    return _Unpickler(io.BytesIO(content), encoding="latin1").load()


def load_pickled_npy(path: Path) -> Any:
    """What `numpy.save` pickled into a `.npy` file: its only element. Raises `ValueError` for another file."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
        if version != (1, 0):
            raise ValueError(f"format {version}")
        _, _, kind = np.lib.format.read_array_header_1_0(file)  # type: ignore[no-untyped-call]
        if not kind.hasobject:
            raise ValueError("it holds plain numbers")
        return load_pickle(file.read()).item()


def as_array(value: object) -> np.ndarray:
    """Numbers out of an array, an inert sparse matrix or an inert chumpy array (dense).

    Raises `ValueError` for anything else, such as a chumpy expression that was never computed.
    """
    if not isinstance(value, Inert):
        return np.asarray(value)
    if value.kind == "Ch" and "x" in value.state:
        return as_array(value.state["x"])
    if value.kind in SPARSE:
        from scipy.sparse import csc_matrix, csr_matrix

        state = value.state
        make = csc_matrix if SPARSE[value.kind] == "csc" else csr_matrix
        shape = state.get("_shape", state.get("shape"))
        dense: np.ndarray = make((state["data"], state["indices"], state["indptr"]), shape=shape).toarray()
        return dense
    raise ValueError(f"a {value.kind} without numbers in it")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        # Names of Python 2 and of numpy 2.
        module = module.replace("__builtin__", "builtins").replace("numpy._core", "numpy.core", 1)
        if (module, name) in ARRAYS:
            return ARRAYS[module, name]
        if module in ("copy_reg", "copyreg") and name == "_reconstructor":
            return _made
        if (module, name) == ("_codecs", "encode"):
            return _encoded
        if (module.startswith("scipy.sparse") and name in SPARSE) or module.split(".")[0] == "chumpy":
            return type(name, (Inert,), {"kind": name})
        _refuse(module, name)


def _made(kind: type, *_: object) -> Inert:
    """Stands in for copyreg's way of making an object without calling its class."""
    if not (isinstance(kind, type) and issubclass(kind, Inert)):
        raise pickle.UnpicklingError("it makes objects that are no arrays")
    return kind()


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    """How Python 3 writes bytes into pickles that Python 2 can read."""
    return text.encode("latin1") if encoding == "latin1" else _refuse("_codecs", f"encode {encoding}")


def _refuse(module: str, name: str) -> NoReturn:
    raise pickle.UnpicklingError(f"its pickle asks for {module}.{name}, which no array needs; it was not run")
