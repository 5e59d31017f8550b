"""What no handler does, tried by SQL as the HTTP door's role."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlmodel import Session, text

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.ids import OrganisationId
from services.runtime.clock import SystemClock
from services.runtime.db import engine_for, sessions_for, transaction
from services.runtime.tenancy import bind
from tests.access.rows import Rows
from tests.support.servers import PostgresServer
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

NOW: Final = SystemClock().now()
DAY: Final = timedelta(days=1)
READ_ITEMS: Final = text("SELECT id FROM introduction_item")
READ_DOCUMENTS: Final = text("SELECT id FROM document")


class Town:
    """An incubator, its team, an investor it vouches for, and a stranger."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.incubator, self.team, self.investor, self.stranger = (
            self._organisation(kind) for kind in ("incubator", "firm", "investor", "investor")
        )
        call = self._insert(
            "call", organisation_id=self.incubator, kind="cohort", stage="awarded",
            visibility="public", blind=False, reviewers=1, awards=1, conflicts=[],
            criteria=[{"key": "team", "name": "T", "name_zh": "T", "weight": 1, "most": 10}],
            opens_at=NOW - 9 * DAY, submit_until=NOW - 8 * DAY, screen_until=NOW - 7 * DAY,
            review_until=NOW - 6 * DAY, notice_days=1, stage_until=NOW,
        )  # fmt: skip
        paper = self._insert(
            "call_submission", organisation_id=self.team, owner_id=self.incubator, call_id=call,
            state="submitted", version=1, document_ids=[],
        )  # fmt: skip
        of_call = {"organisation_id": self.incubator, "call_id": call}
        self._insert("call_paper", **of_call, id=paper, code="T", screening="admitted", trace=[])
        award = self._insert(
            "call_award", **of_call, winner_id=self.team, paper_id=paper, rank=1,
            certificate="T", prize_minor=None, currency=None, escrow_id=None,
        )  # fmt: skip
        space = self._insert("space", organisation_id=self.incubator)
        programme = self._insert("incubation_programme", **of_call, space_id=space)
        self.incubated = self._insert(
            "incubated_team", organisation_id=self.incubator, team_id=self.team,
            programme_id=programme, award_id=award, state="incubating",
        )  # fmt: skip
        self.approval = self._insert(
            "investor_approval", organisation_id=self.incubator, investor_id=self.investor
        )
        self.document = self._insert(
            "document", organisation_id=self.team, confidentiality="confidential", size=1,
            sha256=b"0" * 32, media_type="text/csv", subject_kind=None, subject_id=None,
        )  # fmt: skip

    def introduction(self, state: str = "consented", **facts: Any) -> UUID:
        """Shows the document; for a day unless ``facts`` say otherwise."""
        consented = state == "consented"
        known: dict[str, Any] = {
            "organisation_id": self.team, "investor_id": self.investor,
            "incubator_id": self.incubator, "incubated_id": self.incubated,
            "approval_id": self.approval, "asked_by": "team", "state": state,
            "consented_at": NOW - 9 * DAY if consented else None,
            "expires_at": NOW + DAY if consented else None,
        }  # fmt: skip
        made = self._insert("introduction", **known | facts)
        self._insert(
            "introduction_item", organisation_id=self.team, investor_id=self.investor,
            introduction_id=made, document_id=self.document,
        )  # fmt: skip
        return made

    def forget(self) -> None:
        for table in ("introduction_item", "introduction"):
            self.rows.connection.execute(f"DELETE FROM {table}")  # noqa: S608 - own names
        self.rows.connection.execute("UPDATE investor_approval SET withdrawn_at = NULL")

    def _organisation(self, kind: str) -> UUID:
        return self._insert("organisation", kind=kind)

    def _insert(self, table: str, **known: Any) -> UUID:
        made: UUID = self.rows.insert(table, "probe", **known)["id"]
        return made


@pytest.fixture(scope="module")
def town_and_sessions(postgres_server: PostgresServer) -> Iterator[tuple[Town, Any]]:
    url = postgres_server.clone()
    engine = engine_for(url, pool_max=2, application="test")
    rows = Rows(url)
    with sessions_as(sessions_for(engine)) as sessions:
        yield Town(rows), sessions
    rows.close()
    engine.dispose()
    postgres_server.drop(url)


@pytest.fixture
def town(town_and_sessions: tuple[Town, Any]) -> Town:
    town_and_sessions[0].forget()
    return town_and_sessions[0]


@pytest.fixture
def acting(town_and_sessions: tuple[Town, Any]) -> Any:
    @contextmanager
    def act(organisation_id: UUID) -> Iterator[Session]:
        principal = Principal(
            kind=PrincipalKind.PERSON,
            id=organisation_id,
            organisation_id=OrganisationId(organisation_id),
            roles=frozenset({Role.OWNER}),
        )
        with transaction(town_and_sessions[1]) as session:
            bind(session, principal)
            yield session

    return act


def seen(session: Session) -> tuple[int, int]:
    """Items and documents the session's organisation reads."""
    connection = session.connection()
    return len(connection.execute(READ_ITEMS).all()), len(connection.execute(READ_DOCUMENTS).all())


def test_an_investor_reads_what_is_consented_to_and_others_nothing(town: Town, acting: Any) -> None:
    town.introduction()
    for organisation, sees in (
        (town.investor, (1, 1)),
        (town.team, (1, 1)),
        (town.incubator, (0, 0)),
        (town.stranger, (0, 0)),
    ):
        with acting(organisation) as session:
            assert seen(session) == sees, organisation


@pytest.mark.parametrize(
    "facts",
    [
        {"state": "asked"},
        {"expires_at": NOW - DAY},
        {"state": "revoked", "consented_at": NOW - 9 * DAY, "expires_at": NOW + DAY},
    ],
    ids=["asked", "expired", "revoked"],
)
def test_without_a_consent_in_force_an_investor_reads_nothing(
    town: Town, acting: Any, facts: dict[str, Any]
) -> None:
    town.introduction(**facts)
    with acting(town.investor) as session:
        assert seen(session) == (0, 0)


def test_an_investor_vouched_for_no_more_reads_nothing(town: Town, acting: Any) -> None:
    town.introduction()
    town.rows.connection.execute("UPDATE investor_approval SET withdrawn_at = now()")
    with acting(town.investor) as session:
        assert seen(session) == (0, 0)


def test_an_investor_cannot_consent_for_the_team(town: Town, acting: Any) -> None:
    town.introduction("asked")
    consent = text(
        "UPDATE introduction SET state = 'consented', consented_at = now(),"
        " expires_at = now() + interval '1 day'"
    )
    with pytest.raises(IntegrityError), acting(town.investor) as session:
        session.connection().execute(consent)


@pytest.mark.parametrize("party", ["investor", "team"])
def test_nobody_lengthens_a_consent(town: Town, acting: Any, party: str) -> None:
    town.introduction()
    lengthen = text("UPDATE introduction SET expires_at = now() + interval '1 year'")
    with pytest.raises(IntegrityError), acting(getattr(town, party)) as session:
        session.connection().execute(lengthen)


def test_an_investor_cannot_add_to_what_it_is_shown(town: Town, acting: Any) -> None:
    made = town.introduction()
    add = text(
        "INSERT INTO introduction_item (id, organisation_id, investor_id, introduction_id,"
        " document_id) VALUES (gen_random_uuid(), :team, :investor, :made, gen_random_uuid())"
    )
    asked = {"team": town.team, "investor": town.investor, "made": made}
    with pytest.raises(ProgrammingError), acting(town.investor) as session:
        session.connection().execute(add, asked)


def test_others_change_no_consent_and_nobody_a_fact(town: Town, acting: Any) -> None:
    town.introduction()
    for organisation in (town.incubator, town.stranger):
        with acting(organisation) as session:
            changed = session.connection().execute(
                text("UPDATE introduction SET expires_at = now() + interval '1 year'")
            )
            assert changed.rowcount == 0
    with pytest.raises(DBAPIError), acting(town.incubator) as session:
        session.connection().execute(text("UPDATE incubation_fact SET kind = 'ceased'"))
