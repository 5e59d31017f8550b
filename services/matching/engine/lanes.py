"""Eight 64-bit words at once, or twice as many, in registers of four.

Machines that have registers of eight take a while until they use them: measured, a single answer
took a tenth longer. Numba leaves it to LLVM whether a loop becomes vectors; for loops this short it
decides otherwise. Each function takes uint64 arrays ``(n,)`` and the index of the first of the
words.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from services.matching.engine import layout as at

LANES: Final = 8
TWICE: Final = 2 * LANES
_BYTES: Final = 8
_WIDTH: Final = 4
_VECTOR: Final = ir.VectorType(ir.IntType(64), _WIDTH)
_Combine = Callable[[Any, Any, Any], Any]


def _registers(
    context: Any, builder: Any, array_type: Any, array: Any, index: Any, lanes: int = LANES
) -> list[Any]:
    """Addresses of what fills the registers from ``array[index]`` on."""
    data = context.make_array(array_type)(context, builder, array).data
    first = builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())
    return [builder.gep(first, [ir.IntType(64)(part)]) for part in range(lanes // _WIDTH)]


def _writing(combine: _Combine, lanes: int = LANES) -> Any:
    """Write ``combine`` of the words there and as many of ``words`` to ``into``."""

    def typed(_: Any, into: Any, _at: Any, words: Any, _word: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            into, place, words, word = arguments
            kinds = signature.args
            targets = _registers(context, builder, kinds[0], into, place, lanes)
            sources = _registers(context, builder, kinds[2], words, word, lanes)
            for target, source in zip(targets, sources, strict=True):
                read = builder.load(source, align=_BYTES)
                held = builder.load(target, align=_BYTES)
                builder.store(combine(builder, held, read), target, align=_BYTES)
            return context.get_dummy_value()

        return types.void(into, types.int64, words, types.int64), emit

    return cast("Callable[..., Any]", intrinsic)(typed)


copy_lanes = _writing(lambda _, __, read: read)
copy_twice = _writing(lambda _, __, read: read, TWICE)
and_lanes = _writing(lambda builder, held, read: builder.and_(held, read))
and_twice = _writing(lambda builder, held, read: builder.and_(held, read), TWICE)


def _folding(combine: _Combine, lanes: int = LANES) -> Any:
    """Fold into the words there those of many sets, kept in registers meanwhile.

    Set ``number`` lies ``number * stride`` words after ``first``; the numbers of the sets are
    ``numbers[begin:end]``.
    """

    def typed(
        _: Any, into: Any, _at: Any, sets: Any, _first: Any, _stride: Any, numbers: Any,
        _begin: Any, _end: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            into, place, sets, first, stride, numbers, begin, end = arguments
            kinds = signature.args
            targets = _registers(context, builder, kinds[0], into, place, lanes)
            register_of = cast("Callable[..., Any]", cgutils.alloca_once_value)
            kept = [register_of(builder, builder.load(target, align=_BYTES)) for target in targets]
            listed = context.make_array(kinds[5])(context, builder, numbers).data
            step = ir.IntType(64)(1)
            with cgutils.for_range_slice(builder, begin, end, step) as (index, _):
                number = builder.load(builder.gep(listed, [index]))
                word = builder.add(first, builder.mul(number, stride))
                sources = _registers(context, builder, kinds[2], sets, word, lanes)
                for register, source in zip(kept, sources, strict=True):
                    read = builder.load(source, align=_BYTES)
                    builder.store(combine(builder, builder.load(register), read), register)
            for target, register in zip(targets, kept, strict=True):
                builder.store(builder.load(register), target, align=_BYTES)
            return context.get_dummy_value()

        word = types.int64
        return types.void(into, word, sets, word, word, numbers, word, word), emit

    return cast("Callable[..., Any]", intrinsic)(typed)


and_sets = _folding(lambda builder, held, read: builder.and_(held, read))
and_sets_twice = _folding(lambda builder, held, read: builder.and_(held, read), TWICE)
or_sets = _folding(lambda builder, held, read: builder.or_(held, read))
or_sets_twice = _folding(lambda builder, held, read: builder.or_(held, read), TWICE)
and_not_sets = _folding(lambda builder, held, read: builder.and_(held, builder.not_(read)))
and_not_sets_twice = _folding(
    lambda builder, held, read: builder.and_(held, builder.not_(read)), TWICE
)


_ROWS: Final = 8
_REAL: Final = ir.VectorType(ir.FloatType(), _ROWS)
_WHOLE: Final = ir.VectorType(ir.IntType(32), _ROWS)


def _spread(builder: Any, value: Any) -> Any:
    """``value`` in each place of a register."""
    first = builder.insert_element(ir.Constant(_REAL, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(
        first, ir.Constant(_REAL, ir.Undefined), ir.Constant(_WHOLE, [0] * _ROWS)
    )


@cast("Callable[..., Any]", intrinsic)
def rows_within(
    _: Any, planes: Any, _first: Any, _x: Any, _y: Any, _z: Any, _most: Any, _steps: Any, _each: Any
) -> Any:
    """Which of 64 rows are near enough, one bit each.

    Near is what lies from ``x``, ``y``, ``z`` no further than ``steps``, and ``each`` for each
    permille of its reliability; a square beyond ``most`` counts as ``most``. All are float32.
    ``planes``, int16, has from ``first`` on three coordinates and the reliability of the 64.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        planes, first, *numbers = arguments
        data = context.make_array(signature.args[0])(context, builder, planes).data
        x, y, z, most, steps, each = (_spread(builder, number) for number in numbers)
        number, near = ir.IntType(64), ir.IntType(64)(0)
        halves = ir.VectorType(ir.IntType(16), _ROWS)

        def plane(which: int, part: int) -> Any:
            place = builder.add(first, number(which * at.WORD + part))
            read = builder.bitcast(builder.gep(data, [place]), halves.as_pointer())
            return builder.sitofp(builder.sext(builder.load(read, align=2), _WHOLE), _REAL)

        for part in range(0, at.WORD, _ROWS):
            square = ir.Constant(_REAL, [0.0] * _ROWS)
            for axis, here in ((at.BLOCK_X, x), (at.BLOCK_Y, y), (at.BLOCK_Z, z)):
                away = builder.fsub(plane(axis, part), here)
                square = builder.fadd(square, builder.fmul(away, away))
            less = builder.fcmp_ordered("<", square, most)
            square = builder.select(less, square, most)
            reach = builder.fmul(plane(at.BLOCK_RELIABILITY, part), each)
            reach = builder.fadd(reach, steps)
            within = builder.fcmp_ordered("<=", square, builder.fmul(reach, reach))
            ahead = builder.fcmp_ordered(">=", reach, ir.Constant(_REAL, [0.0] * _ROWS))
            bits = builder.bitcast(builder.and_(within, ahead), ir.IntType(_ROWS))
            near = builder.or_(near, builder.shl(builder.zext(bits, number), number(part)))
        return near

    real = types.float32
    return types.uint64(planes, types.int64, real, real, real, real, real, real), emit


@cast("Callable[..., Any]", intrinsic)
def filled_lanes(_: Any, words: Any, _word: Any) -> Any:
    """Which of the eight words are not 0, one bit each."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses = _registers(context, builder, signature.args[0], *arguments)
        octet, found = ir.IntType(8), ir.IntType(8)(0)
        for part, address in enumerate(addresses):
            read = builder.load(address, align=_BYTES)
            filled = builder.icmp_unsigned("!=", read, _VECTOR(None))
            bits = builder.zext(builder.bitcast(filled, ir.IntType(_WIDTH)), octet)
            found = builder.or_(found, builder.shl(bits, octet(part * _WIDTH)))
        return builder.zext(found, ir.IntType(64))

    return types.uint64(words, types.int64), emit
