"""Ask for memory ahead of its use: searches jump between rows that no cache holds."""

from collections.abc import Callable
from typing import Any, Final, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled

ENTRIES_PER_LINE: Final = 8
READ: Final = 0
KEEP: Final = 3
DATA: Final = 1


@cast("Callable[..., Any]", intrinsic)
def prefetch(_: Any, values: Any, place: Any) -> Any:
    """Fetch the line of the cache that holds ``values[place]``."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        byte = builder.bitcast(builder.gep(array.data, [arguments[1]]), cgutils.voidptr_t)
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, word, word, word])
        insert = cast("Callable[..., Any]", cgutils.get_or_insert_function)
        function = insert(builder.module, kind, "llvm.prefetch")
        builder.call(function, [byte, *(ir.Constant(word, hint) for hint in (READ, KEEP, DATA))])
        return context.get_dummy_value()

    return types.none(values, place), emit


@compiled
def prefetch_row(values: Ints, first: int) -> None:
    """Fetch the first two cache lines of the row that begins at ``first``, which may be empty."""
    prefetch(values, first)
    prefetch(values, first + ENTRIES_PER_LINE)
