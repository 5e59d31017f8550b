"""The arrays of the columns, by name for whoever changes them, by address for whoever searches.

Handing ten arrays from Python to compiled code takes longer than an answer; one array of their
addresses does not. Whoever holds the addresses holds the arrays as well.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

import numpy as np
from numba import carray  # type: ignore[attr-defined]  # exported at run time
from numba.core import types
from numba.extending import intrinsic

from services.matching.engine import layout as at
from services.matching.engine.compiled import inlined

Array = np.ndarray[Any, Any]
LINE: Final = 64
"""Octets of a line of the cache, and of the registers bit sets are read into."""


class Arrays(NamedTuple):
    """What compiled functions read; see :mod:`services.matching.engine.layout`."""

    rows: Array
    compact: Array
    geo: Array
    bits: Array
    blocks: Array
    partitions: Array
    resources: Array
    gaps: Array
    certificates: Array
    links: Array
    places: Array


_NUMBERS: Final = {
    "rows": at.ROW_FIELDS,
    "blocks": at.BLOCK_FIELDS,
    "partitions": at.PARTITION_FIELDS,
    "resources": at.RESOURCE_FIELDS,
    "gaps": at.GAP_FIELDS,
    "certificates": at.CERTIFICATE_FIELDS,
    "links": at.LINK_FIELDS,
}


def zeros(shape: tuple[int, ...], kind: Any) -> Array:
    """As numpy's, from the beginning of a line of the cache on: a compact row is just one line."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    octets = np.zeros(size + LINE, np.uint8)
    first = -octets.ctypes.data % LINE
    found: Array = octets[first : first + size].view(kind).reshape(shape)
    return found


def empty_arrays() -> Arrays:
    return Arrays(
        compact=np.zeros(0, at.COMPACT),
        geo=np.zeros((0, at.PLACE_FIELDS), np.float64),
        bits=np.zeros(0, np.uint64),
        places=np.zeros(0, np.int16),
        **{name: np.zeros((0, fields), np.int64) for name, fields in _NUMBERS.items()},
    )


def addresses_of(arrays: Arrays) -> Array:
    """Address and length of each, uint64 ``(fields, 2)``; true while ``arrays`` is held."""
    return np.array([[one.ctypes.data, len(one)] for one in arrays], np.uint64)


@cast("Callable[..., Any]", intrinsic)
def _pointer(_: Any, address: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.voidptr(address), emit


@inlined
def unowned(array: Array, kind: Any) -> Array:
    """``array``, contiguous and of ``kind``, as compiled code may use it while it is held."""
    return carray(_pointer(np.uint64(array.ctypes.data)), array.shape, kind)


@inlined
def numbers_at(address: Any, rows: int, fields: int) -> Array:
    """The int64 ``(rows, fields)`` at ``address``, as compiled code may use it while it is held."""
    return carray(_pointer(address), (rows, fields), np.int64)


@inlined
def _numbers(addresses: Array, index: int, fields: int) -> Array:
    return numbers_at(addresses[index, 0], int(addresses[index, 1]), fields)


@inlined
def arrays_at(addresses: Array) -> Arrays:
    """The arrays whose addresses these are."""
    return Arrays(
        _numbers(addresses, 0, at.ROW_FIELDS),
        carray(_pointer(addresses[1, 0]), int(addresses[1, 1]), at.COMPACT),
        carray(_pointer(addresses[2, 0]), (int(addresses[2, 1]), at.PLACE_FIELDS), np.float64),
        carray(_pointer(addresses[3, 0]), int(addresses[3, 1]), np.uint64),
        _numbers(addresses, 4, at.BLOCK_FIELDS),
        _numbers(addresses, 5, at.PARTITION_FIELDS),
        _numbers(addresses, 6, at.RESOURCE_FIELDS),
        _numbers(addresses, 7, at.GAP_FIELDS),
        _numbers(addresses, 8, at.CERTIFICATE_FIELDS),
        _numbers(addresses, 9, at.LINK_FIELDS),
        carray(_pointer(addresses[10, 0]), int(addresses[10, 1]), np.int16),
    )
