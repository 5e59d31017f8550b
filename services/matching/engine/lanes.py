"""Eight 64-bit words at once: one register where the machine has such wide ones, several elsewhere.

Numba leaves it to LLVM whether a loop becomes vectors; for loops this short it decides otherwise.
Each function takes uint64 arrays ``(n,)`` and the index of the first of the eight words.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

LANES: Final = 8
_BYTES: Final = 8
_VECTOR: Final = ir.VectorType(ir.IntType(64), LANES)
_Combine = Callable[[Any, Any, Any], Any]


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())


def _writing(combine: _Combine) -> Any:
    """Write ``combine`` of the eight words there and the eight of ``words`` to ``into``."""

    def typed(_: Any, into: Any, _at: Any, words: Any, _word: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            target = _address(context, builder, signature.args[0], arguments[0], arguments[1])
            source = _address(context, builder, signature.args[2], arguments[2], arguments[3])
            read = builder.load(source, align=_BYTES)
            held = builder.load(target, align=_BYTES)
            builder.store(combine(builder, held, read), target, align=_BYTES)
            return context.get_dummy_value()

        return types.void(into, types.int64, words, types.int64), emit

    return cast("Callable[..., Any]", intrinsic)(typed)


copy_lanes = _writing(lambda _, __, read: read)
and_lanes = _writing(lambda builder, held, read: builder.and_(held, read))
or_lanes = _writing(lambda builder, held, read: builder.or_(held, read))
and_not_lanes = _writing(lambda builder, held, read: builder.and_(held, builder.not_(read)))


@cast("Callable[..., Any]", intrinsic)
def any_lane(_: Any, words: Any, _word: Any) -> Any:
    """All bits set in any of the eight words."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], *arguments)
        name = f"llvm.vector.reduce.or.v{LANES}i64"
        kind = ir.FunctionType(ir.IntType(64), [_VECTOR])
        reduce = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        return builder.call(reduce, [builder.load(address, align=_BYTES)])

    return types.uint64(words, types.int64), emit
