"""The shard map in JetStream: which process and region is whose, unless the hash says it.

One key per number of shards, so that a platform grows by starting matchers of another count beside
those that run. Pin by ``nats kv put matcher map.2 '{"pinned": [["machining", "420100", 2]]}'``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
import structlog
from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from services.matching.service.sharding import ShardMap
from services.runtime.bus import Bus, BusUnavailableError

BUCKET: Final = "matcher"

log = structlog.get_logger(__name__)


class _Pins(msgspec.Struct, forbid_unknown_fields=True):
    pinned: list[tuple[str, str, int]] = []


async def read_map(bus: Bus, *, count: int) -> ShardMap:
    """The map for ``count`` shards, made if there is none.

    Raises:
        BusUnavailableError: the broker is away.
    """
    bucket = await bus.bucket(BUCKET)
    with _broker_errors():
        entry = await _entry(bucket, f"map.{count}")
    try:
        pins = msgspec.json.decode(entry.value or b"{}", type=_Pins).pinned
    except msgspec.DecodeError as error:
        log.error("shard map unreadable, nothing is pinned", count=count, cause=str(error))  # noqa: TRY400 - expected
        pins = []
    pinned = {(process, region): one for process, region, one in pins if 1 <= one <= count}
    return ShardMap(count, pinned, entry.revision or 0)


async def _entry(bucket: KeyValue, key: str) -> KeyValue.Entry:
    try:
        return await bucket.get(key)
    except KeyNotFoundError:
        try:
            await bucket.create(key, msgspec.json.encode(_Pins()))
        except KeyWrongLastSequenceError:
            log.debug("another matcher made the shard map", key=key)
        return await bucket.get(key)


@contextmanager
def _broker_errors() -> Iterator[None]:
    try:
        yield
    except (NatsError, TimeoutError, OSError) as error:
        raise BusUnavailableError(f"shard map not read: {error!r}") from error
