"""Which gateway and resources a node's messages concern: a brief memory of capacity's answer."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from gateway.ingest.batch import NodeKey
from services.capacity.domain import GatewayTwins

REMEMBERED_FOR: Final = timedelta(seconds=5)
"""How long a newly bound device may still count as unknown; its edge keeps what it reports."""
REMEMBERED_MAX: Final = 20_000


class TwinDirectory:
    """Remembers the twins of nodes, and that a node is nobody's."""

    def __init__(self) -> None:
        self._known: OrderedDict[NodeKey, tuple[datetime, GatewayTwins | None]] = OrderedDict()

    def resolve(
        self,
        nodes: Iterable[NodeKey],
        look_up: Callable[[NodeKey], GatewayTwins | None],
        *,
        now: datetime,
    ) -> Mapping[NodeKey, GatewayTwins]:
        """The gateways behind ``nodes``; unregistered nodes are left out."""
        found: dict[NodeKey, GatewayTwins] = {}
        for node in nodes:
            twins = self._one(node, look_up, now)
            if twins is not None:
                found[node] = twins
        return found

    def forget(self) -> None:
        """Ask anew about everybody."""
        self._known.clear()

    def _one(
        self, node: NodeKey, look_up: Callable[[NodeKey], GatewayTwins | None], now: datetime
    ) -> GatewayTwins | None:
        known = self._known.get(node)
        if known is not None and now - known[0] < REMEMBERED_FOR:
            return known[1]
        twins = look_up(node)
        self._known[node] = now, twins
        self._known.move_to_end(node)
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)
        return twins
