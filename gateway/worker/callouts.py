"""The worker as the broker's guard: says who may connect, and cuts whom it no longer lets in.

Decisions stand in ``services.devices``; this is the connection to the broker's system account.
Nobody else answers, so while no worker runs nobody new gets in.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gateway.worker.metrics import WorkerMetrics
from services.devices import handlers as devices
from services.devices.domain import PAYLOAD_BYTES_MAX, SUBSCRIPTIONS_MAX, Refusal
from services.devices.handlers import Admission
from services.runtime import auth_callout
from services.runtime.auth_callout import CalloutRequest, Grant
from services.runtime.bus import broker_options
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from services.runtime.nkeys import AccountKey, MalformedTokenError

ACCOUNT: Final = "FIELD"
"""Where gateways are let in; as in deploy/nats/base.conf."""
NAMED: Final = "credential:"
"""By such a name the server lists a gateway's connection; tags of a callout's answer it drops."""
WAITING_MAX: Final = 256
"""Requests that wait for a decision; the server gives up on each after two seconds anyway."""
DECIDERS: Final = 4
LATE_S: Final = 1
"""The server writes its deadline in whole seconds."""
SWEEP_INTERVAL_S: Final = 5.0
SWEEP_RETRY_S: Final = 1.0
REPLY_WITHIN_S: Final = 2.0
SERVERS_QUIET_S: Final = 0.3
"""Of a cluster each server answers for itself; after this silence all have."""
PAGE: Final = 1024
PAGES_MAX: Final = 100
_CONNZ: Final = "$SYS.REQ.SERVER.PING.CONNZ"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """A gateway's connection to one of the broker's servers."""

    server_id: str
    cid: int
    credential_id: UUID
    gateway_id: str


class Guard:
    """Answers callouts and cuts revoked gateways until told to stop.

    Args:
        url: the broker, with name and password of its ``guard``.
        key: what the broker believes.
        sessions: of the worker.
        clock: dates what is signed.
        metrics: counts verdicts and cuts.
    """

    def __init__(
        self,
        *,
        url: str,
        key: AccountKey,
        sessions: Sessions,
        clock: Clock,
        metrics: WorkerMetrics,
    ) -> None:
        self._url = url
        self._key = key
        self._sessions = sessions
        self._clock = clock
        self._metrics = metrics
        self._client: Client | None = None
        self._waiting: asyncio.Queue[Msg] = asyncio.Queue(WAITING_MAX)
        self._due = asyncio.Event()
        self._threads = ThreadPoolExecutor(DECIDERS, thread_name_prefix="guard")

    @property
    def is_connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    def look_again(self) -> None:
        """Something was revoked: compare connections with credentials now."""
        self._due.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Guard until ``stop``."""
        guarding = asyncio.create_task(self._guard(), name="guard")
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait([guarding, stopping], return_when=asyncio.FIRST_COMPLETED)
            if guarding.done():
                guarding.result()
        finally:
            guarding.cancel()
            stopping.cancel()
            await asyncio.gather(guarding, stopping, return_exceptions=True)
            if self._client is not None:
                await self._client.close()
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _guard(self) -> None:
        self._client = await nats.connect(
            self._url, **broker_options("guard", on_reconnect=self.look_again)
        )
        await self._client.subscribe(auth_callout.SUBJECT, queue="guard", cb=self._take)
        log.info("guarding the broker")
        async with asyncio.TaskGroup() as tasks:
            for _ in range(DECIDERS):
                tasks.create_task(self._decide())
            tasks.create_task(self._sweep())

    async def _take(self, message: Msg) -> None:
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            self._metrics.callouts.labels("overflow").inc()

    async def _decide(self) -> None:
        while True:
            message = await self._waiting.get()
            try:
                await self._answer(message)
            except NatsError as error:  # the server refuses whom it got no answer for
                log.warning("callout not answered", cause=repr(error))

    async def _answer(self, message: Msg) -> None:
        now = self._clock.now()
        try:
            request = auth_callout.read_request(message.data.decode(errors="replace"))
        except MalformedTokenError as error:
            log.error("callout not understood", cause=str(error))  # noqa: TRY400 - expected
            self._metrics.callouts.labels("malformed").inc()
            return
        if now.timestamp() > request.expires_at_s + LATE_S:
            self._metrics.callouts.labels("late").inc()
            return
        loop = asyncio.get_running_loop()
        verdict = await loop.run_in_executor(self._threads, self._verdict, request)
        self._note(request, verdict)
        if isinstance(verdict, Refusal):
            answer = auth_callout.refusing(self._key, request, verdict.value, now=now)
        else:
            answer = auth_callout.granting(self._key, request, _grant(verdict), now=now)
        await message.respond(answer.encode())

    def _verdict(self, request: CalloutRequest) -> Admission | Refusal:
        try:
            with transaction(self._sessions) as session:
                return devices.admit(
                    session=session,
                    clock=self._clock,
                    connection_type=request.connection_type,
                    client_id=request.client_id,
                    username=request.username,
                    password=request.password,
                )
        except (DBAPIError, PoolTimeoutError) as error:
            log.warning("callout cannot be decided", cause=type(error).__name__)
            return Refusal.UNCHECKED

    def _note(self, request: CalloutRequest, verdict: Admission | Refusal) -> None:
        if isinstance(verdict, Refusal):
            self._metrics.callouts.labels(verdict.name.lower()).inc()
            log.warning(
                "connection refused",
                cause=verdict.value,
                user=request.username[:64],
                client_id=request.client_id[:64],
                kind=request.connection_type,
                host=request.host,
            )
            return
        self._metrics.callouts.labels("admitted").inc()
        log.info("gateway admitted", gateway_id=str(verdict.gateway_id), host=request.host)

    async def _sweep(self) -> None:
        """Cut connections whose credential does not hold: at once when told, else now and then."""
        while True:
            wait_s = SWEEP_INTERVAL_S
            try:
                await self._cut_revoked()
            except (NatsError, TimeoutError, DBAPIError, PoolTimeoutError) as error:
                log.warning("connections not compared", cause=type(error).__name__)
                wait_s = SWEEP_RETRY_S
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), wait_s)
            self._due.clear()

    async def _cut_revoked(self) -> None:
        async with aclosing(self._connections()) as pages:
            async for page in pages:
                await self._cut_of(page)

    async def _cut_of(self, page: Sequence[Connection]) -> None:
        if not page:
            return
        asked = {connection.credential_id for connection in page}
        loop = asyncio.get_running_loop()
        holding = await loop.run_in_executor(self._threads, self._holding, asked)
        for connection in page:
            if connection.credential_id not in holding:
                await self._cut(connection)

    def _holding(self, credential_ids: set[UUID]) -> set[UUID]:
        with transaction(self._sessions) as session:
            return devices.holding(session=session, credential_ids=credential_ids)

    async def _cut(self, connection: Connection) -> None:
        assert self._client is not None
        await self._client.request(
            f"$SYS.REQ.SERVER.{connection.server_id}.KICK",
            json.dumps({"cid": connection.cid}).encode(),
            timeout=REPLY_WITHIN_S,
        )
        self._metrics.callouts.labels("cut").inc()
        log.warning(
            "revoked gateway cut",
            gateway_id=connection.gateway_id,
            credential_id=str(connection.credential_id),
        )

    async def _connections(self) -> AsyncGenerator[list[Connection], None]:
        """Gateways' connections, page by page of each server."""
        for page in range(PAGES_MAX):
            is_last = True
            async with aclosing(self._ask_servers(offset=page * PAGE)) as answers:
                async for answer in answers:
                    data = answer.get("data") or {}
                    found = data.get("connections") or []
                    is_last = is_last and len(found) < PAGE
                    server_id = str(answer.get("server", {}).get("id", ""))
                    yield [one for each in found if (one := _connection(server_id, each))]
            if is_last:
                return

    async def _ask_servers(self, *, offset: int) -> AsyncGenerator[dict[str, Any], None]:
        assert self._client is not None
        options = {"auth": True, "acc": ACCOUNT, "limit": PAGE, "offset": offset}
        inbox = self._client.new_inbox()
        replies = await self._client.subscribe(inbox)
        try:
            await self._client.publish(_CONNZ, json.dumps(options).encode(), reply=inbox)
            wait_s = REPLY_WITHIN_S
            while True:
                try:
                    reply = await replies.next_msg(wait_s)
                except TimeoutError:
                    if wait_s == REPLY_WITHIN_S:
                        raise
                    return
                wait_s = SERVERS_QUIET_S
                yield json.loads(reply.data)
        finally:
            with suppress(NatsError):
                await replies.unsubscribe()


def _grant(admission: Admission) -> Grant:
    return Grant(
        account=ACCOUNT,
        name=f"{NAMED}{admission.credential_id}",
        publish=admission.permissions.publish,
        subscribe=admission.permissions.subscribe,
        connection_types=["MQTT"],
        payload_bytes_max=PAYLOAD_BYTES_MAX,
        subscriptions_max=SUBSCRIPTIONS_MAX,
        expires_at=admission.ends_at,
    )


def _connection(server_id: str, said: dict[str, Any]) -> Connection | None:
    """``None``: not a gateway's, such as the ingest's own."""
    name = str(said.get("authorized_user", ""))
    if not name.startswith(NAMED):
        return None
    credential_id = UUID(name.removeprefix(NAMED))
    return Connection(server_id, int(said["cid"]), credential_id, str(said.get("mqtt_client", "")))
