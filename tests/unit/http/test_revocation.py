"""Which streams the watch ends, and which it leaves alone."""

import asyncio
import threading
from collections.abc import Collection
from typing import Any, cast
from uuid import UUID

import pytest
from fastapi import Request

from gateway.http import revocation
from gateway.http.revocation import RevocationWatch
from gateway.live import LiveHub, Subscription
from services.access.domain.tokens import token_hash
from services.access.handlers.authentication import Authenticator
from services.contracts.access import Principal, PrincipalKind
from services.contracts.ids import OrganisationId

FIRM = OrganisationId(UUID(int=1))


class Holding:
    """Says of each token what the test wrote down, once it may answer."""

    def __init__(self) -> None:
        self.answers: dict[bytes, OrganisationId | None] = {}
        self.asked = threading.Event()
        self.may_answer = threading.Event()

    def holding(self, hashes: Collection[bytes]) -> dict[bytes, OrganisationId | None]:
        self.asked.set()
        self.may_answer.wait(5)
        return {hashed: self.answers[hashed] for hashed in hashes if hashed in self.answers}


@pytest.fixture
def authenticator(monkeypatch: pytest.MonkeyPatch) -> Holding:
    monkeypatch.setattr(revocation, "ASK_EVERY_S", 0.01)
    return Holding()


def listening(
    watch: RevocationWatch, hub: LiveHub, token: str, organisation_id: OrganisationId | None
) -> Subscription:
    principal = Principal(
        kind=PrincipalKind.PERSON, id=UUID(int=2), organisation_id=organisation_id
    )
    stream = hub.subscribe(listener=principal)
    headers = [(b"authorization", f"Bearer {token}".encode())]
    watch.follow(Request({"type": "http", "headers": headers}), principal, stream)
    return stream


async def test_a_stream_opened_while_tokens_are_asked_about_goes_on(
    authenticator: Holding,
) -> None:
    watch = RevocationWatch(cast("Authenticator", cast("Any", authenticator)))
    hub = LiveHub(boot="test")
    authenticator.answers = {token_hash("ns_late"): FIRM}
    async with watch.running():
        listening(watch, hub, "ns_revoked", FIRM)
        await asyncio.to_thread(authenticator.asked.wait, 5)
        listening(watch, hub, "ns_late", FIRM)
        authenticator.may_answer.set()
        await asyncio.sleep(0.2)
        assert hub.subscriber_count == 1


async def test_a_removed_member_hears_on_what_is_public(authenticator: Holding) -> None:
    watch = RevocationWatch(cast("Authenticator", cast("Any", authenticator)))
    hub = LiveHub(boot="test")
    authenticator.answers = {token_hash("ns_removed"): FIRM, token_hash("ns_moved"): None}
    authenticator.may_answer.set()
    async with watch.running():
        listening(watch, hub, "ns_removed", None)
        listening(watch, hub, "ns_moved", FIRM)
        await asyncio.sleep(0.2)
        assert hub.subscriber_count == 1
