"""What the host tells edge nodes: receipts and rebirth requests, and how often. Pure."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway.ingest.batch import NodeKey
from services.contracts.intervals import ms_from_utc
from services.contracts.journal import (
    RANGES_PER_RECEIPT_MAX,
    Receipt,
    offset_ranges,
    receipt_metric,
)
from services.contracts.sparkplug import (
    REBIRTH_METRIC,
    DataType,
    MessageType,
    Metric,
    Payload,
    Topic,
    encode,
)

REBIRTH_INTERVAL: Final = timedelta(seconds=10)
NODES_MAX: Final = 10_000

Command = tuple[str, bytes]
"""Topic and payload of an NCMD."""


def receipts(
    node: NodeKey, epoch: int, offsets: Sequence[int], *, now: datetime
) -> Iterator[Command]:
    """The receipts covering exactly ``offsets``, each within the protocol's limit."""
    ranges = offset_ranges(offsets)
    for start in range(0, len(ranges), RANGES_PER_RECEIPT_MAX):
        part = ranges[start : start + RANGES_PER_RECEIPT_MAX]
        yield _command(node, receipt_metric(Receipt(epoch, part)), now)


def rebirth(node: NodeKey, *, now: datetime) -> Command:
    return _command(node, Metric(value=True, datatype=DataType.BOOLEAN, name=REBIRTH_METRIC), now)


class RebirthLimit:
    """Lets a node be asked once in a while: its births may simply be on their way."""

    def __init__(self) -> None:
        self._asked_at: OrderedDict[NodeKey, datetime] = OrderedDict()

    def allows(self, node: NodeKey, now: datetime) -> bool:
        """Whether ``node`` may be asked now; a yes counts as asking."""
        asked_at = self._asked_at.get(node)
        if asked_at is not None and now - asked_at < REBIRTH_INTERVAL:
            return False
        self._asked_at[node] = now
        self._asked_at.move_to_end(node)
        if len(self._asked_at) > NODES_MAX:
            self._asked_at.popitem(last=False)
        return True


def _command(node: NodeKey, metric: Metric, now: datetime) -> Command:
    topic = Topic(node.group, MessageType.NCMD, node.node)
    return str(topic), encode(Payload([metric], timestamp_ms=ms_from_utc(now)))
