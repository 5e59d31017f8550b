"""The compiled explanation: every listing of the asked processes with the constraints it fails.

Slower than the search, and needed only for a short answer. The bits of a mask are the constraints
in their order of :class:`services.matching.domain.Constraint`.
"""

from typing import Any, Final

import numpy as np

from services.matching.domain import Constraint
from services.matching.engine import layout as at
from services.matching.engine.arrays import arrays_at
from services.matching.engine.compiled import compiled, trailing_zeros
from services.matching.engine.kernel import (
    Array,
    certified,
    distance_to,
    earliest,
    invited,
    precise,
    priced,
    roomy,
)

_BIT: Final = {constraint: 1 << index for index, constraint in enumerate(Constraint)}
_MATERIAL, _ENVELOPE = _BIT[Constraint.MATERIAL], _BIT[Constraint.ENVELOPE]
_TOLERANCE, _CERTIFICATES = _BIT[Constraint.TOLERANCE], _BIT[Constraint.CERTIFICATES]
_UNITS, _LOT = _BIT[Constraint.UNITS], _BIT[Constraint.LOT]
_HOURS, _PLACE = _BIT[Constraint.HOURS], _BIT[Constraint.PLACE]
_PROVENANCE, _BUDGET = _BIT[Constraint.PROVENANCE], _BIT[Constraint.BUDGET]
_WINDOW, _LIVE = _BIT[Constraint.WINDOW], _BIT[Constraint.LIVE]
_ONE = np.uint64(1)

J_MASK, J_CAUSES, J_ORDINAL, J_PRICE, J_DISTANCE, J_KEY = range(6)
J_LISTING: Final = J_KEY + at.KEY_FIELDS
JUDGED_FIELDS: Final = J_LISTING + 1


@compiled
def _time_causes(resources: Array, resource: int, gaps: Array, query: Array) -> tuple[int, int]:
    """What fails of window and live state, and the last minute certificates are asked for."""
    lower = max(query[at.Q_START], query[at.Q_NOW_UP] + resources[resource, at.S_NOTICE])
    end = min(query[at.Q_END], query[at.Q_NOW_DOWN] + resources[resource, at.S_HORIZON])
    live = lower
    if resources[resource, at.S_WITHDRAWN]:
        live = max(lower, query[at.Q_NOW_UP] + at.WITHDRAWN_MINUTES)
    first, count = resources[resource, at.S_GAPS], resources[resource, at.S_GAP_COUNT]
    units, minutes = query[at.Q_UNITS], resources[resource, at.S_SETUP] + query[at.Q_MINUTES]
    start = earliest(gaps, first, count, units, minutes, live, end)
    if start != at.NONE:
        return 0, start + minutes - 1
    in_service = earliest(gaps, first, count, units, minutes, lower, end)
    last = lower if in_service == at.NONE else in_service + minutes - 1
    if live != lower:
        return _LIVE, last
    return _WINDOW, last


@compiled
def _thing_causes(rows: Array, row: int, resources: Array, resource: int, query: Array) -> int:
    mask = 0
    if not roomy(rows, row, query):
        mask |= _ENVELOPE
    if not precise(rows, row, query):
        mask |= _TOLERANCE
    if resources[resource, at.S_UNITS] < query[at.Q_UNITS]:
        mask |= _UNITS
    if resources[resource, at.S_LOT] > query[at.Q_QUANTITY]:
        mask |= _LOT
    if resources[resource, at.S_SHORTEST] > query[at.Q_MINUTES]:
        mask |= _HOURS
    if query[at.Q_MEASURED] and not resources[resource, at.S_MEASURED]:
        mask |= _PROVENANCE
    return mask


@compiled
def _has_material(bits: Array, base: int, stride: int, word: int, bit: Any, query: Array) -> bool:
    if not query[at.Q_ANY]:
        return True
    first = at.Q_LISTS + query[at.Q_PARTITIONS] + query[at.Q_FOREIGN] + query[at.Q_ALL]
    for index in range(first, first + query[at.Q_ANY]):
        if bits[base + query[index] * stride + word] & bit:
            return True
    return False


@compiled
def _judge_row(columns: Any, query: Array, index: int, part: int, judged: Array) -> None:
    """Write all but the listing and the material's cause to ``judged``, one row."""
    rows, resources = columns.rows, columns.resources
    resource = rows[index, at.R_RESOURCE]
    price = priced(rows, index, at.R_RATE, query[at.Q_UNIT_MINUTES])
    distance = distance_to(columns, index, query)
    mask, last = _time_causes(resources, resource, columns.gaps, query)
    mask |= _thing_causes(rows, index, resources, resource, query)
    day = last // at.DAY_MINUTES
    if query[at.Q_CERTIFICATES] and not certified(columns.certificates, rows, index, query, day):
        mask |= _CERTIFICATES
    if query[at.Q_RADIUS_M] != at.NONE and distance > query[at.Q_RADIUS_M]:
        mask |= _PLACE
    foreign = part >= at.Q_LISTS + query[at.Q_PARTITIONS]
    if foreign or price > query[at.Q_BUDGET]:
        mask |= _BUDGET
    judged[J_MASK], judged[J_ORDINAL] = mask, rows[index, at.R_ORDINAL]
    judged[J_PRICE], judged[J_DISTANCE] = price, distance
    for field in range(at.KEY_FIELDS):
        judged[J_KEY + field] = rows[index, at.R_KEY + field]
    judged[J_LISTING] = rows[index, at.R_LISTING]


@compiled
def _ones(mask: int) -> int:
    count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count


@compiled
def _merge(judged: Array, count: int, seen: Array) -> int:
    """Keep the better capability of a listing; how many listings there are then."""
    fresh = judged[count]
    fresh[J_CAUSES] = _ones(fresh[J_MASK])
    known = seen[fresh[J_LISTING]]
    if known == at.NONE:
        seen[fresh[J_LISTING]] = count
        return count + 1
    kept = judged[known]
    if fresh[J_CAUSES] < kept[J_CAUSES] or (
        fresh[J_CAUSES] == kept[J_CAUSES] and fresh[J_ORDINAL] < kept[J_ORDINAL]
    ):
        kept[:] = fresh
    return count


@compiled
def count_listings(addresses: Array, query: Array, seen: Array) -> int:
    """How many listings of the asked processes the viewer sees.

    Args:
        addresses: of :func:`services.matching.engine.arrays.addresses_of`.
        query: int64, as :mod:`services.matching.engine.layout` lays it out.
        seen: bool ``(listings,)``, all false, written.
    """
    columns, count = arrays_at(addresses), 0
    own = at.Q_LISTS + query[at.Q_PARTITIONS]
    for part in range(at.Q_LISTS, own + query[at.Q_FOREIGN]):
        first, words, base = columns.partitions[query[part]]
        for word in range(words):
            left = columns.bits[base + at.ALIVE * words + word]
            while left:
                index = first + word * at.WORD + trailing_zeros(left)
                left &= left - _ONE
                listing = columns.rows[index, at.R_LISTING]
                if not seen[listing] and invited(columns.rows, index, query):
                    seen[listing] = True
                    count += 1
    return count


@compiled
def judge(addresses: Array, query: Array, judged: Array, seen: Array) -> int:
    """Judge every listing of the asked processes; how many rows of ``judged`` are filled.

    Args:
        addresses: of :func:`services.matching.engine.arrays.addresses_of`.
        query: int64, as :mod:`services.matching.engine.layout` lays it out.
        judged: int64 ``(listings + 1, JUDGED_FIELDS)``, written.
        seen: int64 ``(listings,)``, all ``NONE``, written.
    """
    columns, count = arrays_at(addresses), 0
    own = at.Q_LISTS + query[at.Q_PARTITIONS]
    for part in range(at.Q_LISTS, own + query[at.Q_FOREIGN]):
        partition = columns.partitions[query[part]]
        stride, base = partition[at.P_WORDS], partition[at.P_BITS]
        for word in range(stride):
            left = columns.bits[base + at.ALIVE * stride + word]
            while left:
                bit = left & (~left + _ONE)
                index = partition[at.P_ROWS] + word * at.WORD + trailing_zeros(left)
                left &= left - _ONE
                if not invited(columns.rows, index, query):
                    continue
                _judge_row(columns, query, index, part, judged[count])
                if not _has_material(columns.bits, base, stride, word, bit, query):
                    judged[count, J_MASK] |= _MATERIAL
                count = _merge(judged, count, seen)
    return count
