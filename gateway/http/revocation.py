"""Ends live streams whose token no longer holds, within a second of its revocation.

A request is over before anything changes; a stream is not. One task asks for all streams of the
process at once, and again and again; nothing is asked while nobody signed in listens.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from weakref import WeakSet

import structlog
from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from gateway.http.authentication import presented_token
from gateway.live import Subscription
from services.access.domain.tokens import token_hash
from services.access.handlers.authentication import Authenticator
from services.contracts.access import Principal
from services.contracts.errors import DomainError
from services.contracts.ids import OrganisationId

ASK_EVERY_S: Final = 0.4
RECHECK_EVERY_S: Final = 15.0
"""How often roles and communities are compared; that also counts as use of the session."""
UNKNOWN_MAX_S: Final = 5.0
"""While nobody can say whether tokens hold, streams go on this long."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Followed:
    token: str
    principal: Principal
    streams: WeakSet[Subscription] = field(default_factory=WeakSet)


class RevocationWatch:
    """Knows which streams were opened with which token. Belongs to one event loop."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._followed: dict[bytes, _Followed] = {}

    def follow(self, request: Request, principal: Principal, stream: Subscription) -> None:
        """Close ``stream`` when the token of ``request`` stops to hold; without one, never."""
        token = presented_token(request)
        if token is None or principal.is_anonymous:
            return
        hashed = token_hash(token)
        known = self._followed.setdefault(hashed, _Followed(token, principal))
        known.streams.add(stream)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._work(), name="revocation watch")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _work(self) -> None:
        answered_at = rechecked_at = monotonic()
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            self._followed = {key: one for key, one in self._followed.items() if one.streams}
            if not self._followed:
                answered_at = monotonic()
                continue
            try:
                asked = tuple(self._followed)
                holding = await asyncio.to_thread(self._authenticator.holding, asked)
                answered_at = monotonic()
                self._end_all_but(holding, asked)
                if monotonic() - rechecked_at >= RECHECK_EVERY_S:
                    await self._recheck()
                    rechecked_at = monotonic()
            except SQLAlchemyError as error:
                log.warning("cannot ask which tokens hold", cause=str(error).partition("\n")[0])
                if monotonic() - answered_at > UNKNOWN_MAX_S:
                    self._end_all_but({}, tuple(self._followed))

    def _end_all_but(
        self, holding: Mapping[bytes, OrganisationId | None], asked: Iterable[bytes]
    ) -> None:
        """End what was asked about and does not hold; streams opened meanwhile were not."""
        for hashed in asked:
            acts_for = self._followed[hashed].principal.organisation_id
            # A removed member acts for nobody, whatever their session still names.
            if hashed not in holding or (acts_for is not None and holding[hashed] != acts_for):
                self._end(hashed)

    async def _recheck(self) -> None:
        """End streams whose listener may hear other things by now; their pages reconnect."""
        for hashed, one in tuple(self._followed.items()):
            try:
                now = await asyncio.to_thread(self._authenticator, one.token)
            except DomainError:
                self._end(hashed)
                continue
            if _hears(now) != _hears(one.principal):
                self._end(hashed)

    def _end(self, hashed: bytes) -> None:
        for stream in tuple(self._followed.pop(hashed).streams):
            stream.close()


def _hears(principal: Principal) -> tuple[object, ...]:
    """What ``Audience.admits`` looks at."""
    return principal.organisation_id, principal.manages, principal.parks, principal.spaces
