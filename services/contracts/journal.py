"""The receipt protocol between an edge journal and the platform.

Sparkplug data is QoS 0 and an MQTT PUBACK proves nothing (nats-server acknowledges what it drops),
so an edge keeps every observation in its journal until the platform says, after its PostgreSQL
commit, that it has it:

* DDATA carries ``Journal/Epoch`` (UInt64, drawn when the journal file is created) and
  ``Journal/Offsets`` (UInt64Array: the journal offsets of the observation metrics of this
  message, in their order). Offsets start at 1 and have no gaps.
* The platform answers with NCMD ``Journal/Receipt`` (UInt64Array: epoch, then pairs first, last of
  committed offsets). Receipts may be lost or repeated; the edge sends again what has no receipt
  and the platform stores ``(gateway, epoch, offset)`` once.
* A DDATA without these two metrics is a live sign (``Health/SeenAt``) and is not journalled.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from services.contracts.sparkplug import (
    DataType,
    MalformedPayloadError,
    Metric,
    pack_uint64_array,
    unpack_uint64_array,
)

EPOCH_METRIC: Final = "Journal/Epoch"
OFFSETS_METRIC: Final = "Journal/Offsets"
RECEIPT_METRIC: Final = "Journal/Receipt"
SEEN_AT_METRIC: Final = "Health/SeenAt"
EPOCH_BITS: Final = 63
"""Epochs fit PostgreSQL's bigint."""
RANGES_PER_RECEIPT_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class Receipt:
    """What of one journal is committed: inclusive, sorted, disjoint ranges of offsets."""

    epoch: int
    ranges: Sequence[tuple[int, int]]

    def covers(self, offset: int) -> bool:
        return any(first <= offset <= last for first, last in self.ranges)


def offset_ranges(offsets: Iterable[int]) -> list[tuple[int, int]]:
    """Inclusive ranges covering exactly ``offsets``."""
    ranges: list[tuple[int, int]] = []
    for offset in sorted(set(offsets)):
        if ranges and ranges[-1][1] == offset - 1:
            ranges[-1] = (ranges[-1][0], offset)
        else:
            ranges.append((offset, offset))
    return ranges


def receipt_metric(receipt: Receipt) -> Metric:
    words = [receipt.epoch, *(word for bounds in receipt.ranges for word in bounds)]
    return Metric(pack_uint64_array(words), DataType.UINT64_ARRAY, name=RECEIPT_METRIC)


def read_receipt(metric: Metric) -> Receipt:
    """Inverse of :func:`receipt_metric`.

    Raises:
        MalformedPayloadError: not a byte value, no epoch, or a range without its end.
    """
    if not isinstance(metric.value, bytes):
        raise MalformedPayloadError(f"{RECEIPT_METRIC} holds {type(metric.value).__name__}")
    words = unpack_uint64_array(metric.value)
    if len(words) % 2 == 0 or len(words) > 1 + 2 * RANGES_PER_RECEIPT_MAX:
        raise MalformedPayloadError(f"{RECEIPT_METRIC} of {len(words)} words")
    return Receipt(words[0], list(zip(words[1::2], words[2::2], strict=True)))


def offsets_metrics(*, epoch: int, offsets: Sequence[int]) -> list[Metric]:
    """The two metrics that make a DDATA journalled; they follow the observations."""
    return [
        Metric(epoch, DataType.UINT64, name=EPOCH_METRIC),
        Metric(pack_uint64_array(offsets), DataType.UINT64_ARRAY, name=OFFSETS_METRIC),
    ]
