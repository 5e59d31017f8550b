"""Machine code from Python, typed as the function it is made of."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """``function`` compiled at its first call with new types, kept on disk, run without the GIL."""
    return cast("Function", numba.njit(nogil=True, cache=True)(function))


def inlined(function: Function) -> Function:
    """:func:`compiled` into its callers, for what runs once per row: a call costs more than it."""
    return cast("Function", numba.njit(nogil=True, cache=True, forceinline=True)(function))


@cast("Callable[..., Any]", intrinsic)
def _trailing_zeros(_: Any, word: Any) -> Any:
    def emit(__: Any, builder: Any, ___: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(word), emit


@inlined
def trailing_zeros(word: Any) -> int:
    """How many low bits of a 64-bit ``word`` other than zero are clear."""
    return int(_trailing_zeros(word))
