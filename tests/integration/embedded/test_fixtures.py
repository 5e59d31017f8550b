"""The shared fixtures keep their promises."""

import nats
import psycopg
import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select, text

from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.tables import InboxEntry
from tests.support.clock import FrozenClock
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.integration


def an_entry(clock: Clock) -> InboxEntry:
    return InboxEntry(consumer="test", event_id=clock.new_id(), handled_at=clock.now())


class TestSession:
    @pytest.mark.parametrize("attempt", [1, 2])
    def test_leaves_nothing_even_after_a_commit(
        self, session: Session, clock: FrozenClock, attempt: int
    ) -> None:
        assert session.exec(select(InboxEntry)).all() == [], f"attempt {attempt}"
        session.add(an_entry(clock))
        session.commit()
        assert len(session.exec(select(InboxEntry)).all()) == 1

    def test_goes_on_after_a_refused_savepoint(self, session: Session, clock: FrozenClock) -> None:
        entry = an_entry(clock)
        session.add(InboxEntry.model_validate(entry))
        session.flush()
        with pytest.raises(IntegrityError), session.begin_nested():
            session.connection().execute(text("INSERT INTO inbox_entry SELECT * FROM inbox_entry"))
        assert len(session.exec(select(InboxEntry)).all()) == 1


class TestDatabase:
    @pytest.mark.parametrize("attempt", [1, 2])
    def test_is_fresh_for_every_test(
        self, sessions: Sessions, clock: FrozenClock, attempt: int
    ) -> None:
        with transaction(sessions) as session:
            assert session.exec(select(InboxEntry)).all() == [], f"attempt {attempt}"
            session.add(an_entry(clock))

    def test_is_dropped_under_its_users(self, postgres_server: PostgresServer) -> None:
        url = postgres_server.clone()
        with psycopg.connect(url) as left_open:
            postgres_server.drop(url)
            with pytest.raises(psycopg.OperationalError):
                left_open.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(url)


class TestNats:
    async def test_keeps_its_address_and_streams_through_a_crash(
        self, nats_server: EmbeddedNats
    ) -> None:
        address = nats_server.nats_url
        client = await nats.connect(address)
        await client.jetstream().add_stream(name="kept", subjects=["kept.>"])
        await client.jetstream().publish("kept.one", b"1")
        await client.close()

        nats_server.kill()
        nats_server.restart()  # in this thread: the server lives as long as its starter

        assert nats_server.nats_url == address
        client = await nats.connect(address)
        assert (await client.jetstream().stream_info("kept")).state.messages == 1
        await client.jetstream().delete_stream("kept")
        await client.close()
