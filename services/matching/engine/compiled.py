"""Machine code from Python, typed as the function it is made of, and kept on disk.

Numba tells by its own file whether a function has changed, and not by what was compiled into it. So
what is kept lies in a folder named after all the sources: whoever changes one begins anew.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])
SOURCES: Final = Path(__file__).parents[1]


def kept_in(sources: Path) -> Path:
    """Where machine code of what is under ``sources`` is kept."""
    digest = hashlib.sha256()
    for path in sorted(sources.rglob("*.py")):
        digest.update(path.read_bytes())
    return sources / "__pycache__" / f"machine-code-{digest.hexdigest()[:16]}"


numba.config.CACHE_DIR = str(kept_in(SOURCES))  # type: ignore[attr-defined]  # set at run time


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


@cast("Callable[..., Any]", intrinsic)
def prefetch(_: Any, table: Any, _place: Any) -> Any:
    """Ask for the line of the cache that holds ``table.flat[place]``, without waiting for it."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        octet = builder.bitcast(builder.gep(data, [arguments[1]]), cgutils.voidptr_t)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        insert = cast("Callable[..., Any]", cgutils.get_or_insert_function)
        ask = insert(builder.module, kind, "llvm.prefetch")
        to_read, into_every_cache, data_not_code = number(0), number(3), number(1)
        builder.call(ask, [octet, to_read, into_every_cache, data_not_code])
        return context.get_dummy_value()

    return types.void(table, types.int64), emit
