"""What is published can be found, and what is withdrawn can not: from the outbox to the route."""

import httpx
import pytest
from sqlalchemy import text

from gateway.commands.search import rebuilt
from marketplace.taxonomy.loader import load_taxonomy
from search.backend import index_for
from search.consumers import consumers
from search.indexing import rebuild
from search.postgres import PostgresIndex
from services.runtime.bus import EVENT_TYPES
from services.runtime.consumers import handle_once
from services.runtime.db import Sessions, transaction
from services.runtime.settings import Settings
from tests.support.api import Market
from tests.support.clock import FrozenClock

TAXONOMY = load_taxonomy()


@pytest.fixture
def follow(sessions: Sessions, clock: FrozenClock) -> "Follow":
    return Follow(sessions, clock)


class Follow:
    """Hands the events of the outbox to the consumers, as the worker does."""

    def __init__(self, sessions: Sessions, clock: FrozenClock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._consumers = consumers(index_for(Settings(meili_url=None)), TAXONOMY)

    def __call__(self, *, newest_first: bool = False) -> None:
        order = "DESC" if newest_first else "ASC"
        with transaction(self._sessions) as session:
            rows = session.connection().execute(
                text(f"SELECT subject, payload FROM outbox_event ORDER BY seq {order}")  # noqa: S608 - a constant
            )
            events = [EVENT_TYPES[row.subject].model_validate(row.payload) for row in rows]
        for event in events:
            for consumer in self._consumers:
                if isinstance(event, consumer.event):
                    handle_once(self._sessions, self._clock, consumer, event)


def titles(client: httpx.Client, **query: object) -> list[str]:
    response = client.get("search", params=query)  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    return [hit["title"] for hit in response.json()["items"]]


def test_finds_an_offer_by_its_process_in_chinese(
    market: Market, client: httpx.Client, follow: Follow
) -> None:
    market.listed_mill()
    follow()

    assert titles(client, q="五轴联动") == ["Milling"]
    assert titles(client, q="5-axis") == ["Milling"]
    assert titles(client, process="machining") == ["Milling"]
    assert titles(client, q="车削") == []


@pytest.mark.parametrize("newest_first", [False, True])
def test_loses_a_withdrawn_offer_in_whatever_order_it_hears(
    market: Market, client: httpx.Client, follow: Follow, *, newest_first: bool
) -> None:
    _, _, offer = market.listed_mill()
    market.post(f"offers/{offer['id']}/withdraw", status=200)

    follow(newest_first=newest_first)

    assert titles(client) == []


def test_never_shows_a_private_offer(market: Market, client: httpx.Client, follow: Follow) -> None:
    owner = market.organisation()
    market.offer(owner, [market.resource(owner, market.site(owner))], visibility="private")

    follow()

    assert titles(client) == []


def test_is_the_same_after_a_rebuild(
    market: Market, client: httpx.Client, sessions: Sessions
) -> None:
    for name in ("One", "Two", "Three"):
        market.listed_mill(name)

    with transaction(sessions) as session:
        count = rebuild(session=session, index=PostgresIndex(session), taxonomy=TAXONOMY)

    assert count == 3
    assert titles(client, q="铣") == ["Milling"] * 3


def test_the_command_fills_an_index_anew(
    market: Market, client: httpx.Client, database_url: str
) -> None:
    market.listed_mill()
    assert titles(client) == []

    assert rebuilt(Settings(database_url=database_url, meili_url=None)) == 1
    assert titles(client, q="milling") == ["Milling"]
