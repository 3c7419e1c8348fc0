"""Compiling the CPU kernels: one decorator that keeps the machine code in the user's cache.

numba's own default would write beside the source file, which an installed package must not do.
Importing this module imports numba, so it is imported only by the modules that hold kernels.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numba
from numba import types

from fexdata.faces import cache

Function = TypeVar("Function", bound=Callable[..., Any])


def readonly(dtype: Any, axes: int) -> Any:
    """The numba type of a C-contiguous array that the kernel only reads.

    Arrays that cannot be written to (shared topologies, memory-mapped columns) fit only this
    type; writable ones fit it too.
    """
    return types.Array(dtype, axes, "C", readonly=True)


def kernel(*arguments: Any, returns: Any = types.void, inline: bool = False) -> Callable[[Function], Function]:
    """Compiles a function for one signature, at decoration, with its machine code cached.

    `inline` marks a helper that other kernels call. Where no cache can be written, the function
    is compiled afresh in every process.
    """

    def compile_now(function: Function) -> Function:
        options = {"error_model": "numpy", "inline": "always" if inline else "never"}
        with _cache_folder():
            try:
                return numba.njit(returns(*arguments), cache=True, **options)(function)
            except RuntimeError as error:
                if "cannot cache" not in str(error):
                    raise
                return numba.njit(returns(*arguments), **options)(function)

    return compile_now


def cache_folder() -> str:
    """Where machine code is kept: NUMBA_CACHE_DIR, or `fexdata/numba` in the platform's cache."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return chosen
    return cache.cache_folder("numba")


@contextmanager
def _cache_folder() -> Iterator[None]:
    # numba reads this setting when it decorates; it is put back so that other packages' kernels
    # stay where they were.
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = cache_folder()
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before
