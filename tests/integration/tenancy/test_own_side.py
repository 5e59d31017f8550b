"""What no handler does, tried by SQL as the HTTP door's role: signing for the other side."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError
from sqlmodel import Session, text

from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.runtime.clock import SystemClock
from services.runtime.database_roles import APP
from services.runtime.db import Sessions, transaction

pytestmark = pytest.mark.integration

INSERT = """
INSERT INTO nda (id, organisation_id, counterparty_id, proposed_by, terms_hash, created_at,
    expires_at, owner_signed_at, owner_signed_by, counterparty_signed_at, counterparty_signed_by)
VALUES (:id, :owner, :counterparty, :by, :terms, :now, :ends, :owner_at, :owner_by,
    :counterparty_at, :counterparty_by)
"""


@pytest.fixture
def parties(sessions: Sessions) -> tuple[OrganisationId, OrganisationId]:
    with transaction(sessions) as session:
        owner, reader = (
            identity.create_organisation(
                session=session,
                clock=SystemClock(),
                name=name,
                name_zh=name,
                kind=OrganisationKind.FIRM,
            ).id
            for name in ("Owner", "Reader")
        )
    return owner, reader


@contextmanager
def acting(sessions: Sessions, organisation_id: UUID) -> Iterator[Session]:
    with transaction(sessions) as session:
        session.connection().execute(text(f"SET LOCAL ROLE {APP}"))
        session.connection().execute(
            text("SELECT set_config('app.org', :org, true)"), {"org": str(organisation_id)}
        )
        yield session


def propose(
    sessions: Sessions,
    by: UUID,
    parties: tuple[OrganisationId, OrganisationId],
    *,
    owner_signs: bool = False,
    counterparty_signs: bool = False,
) -> UUID:
    clock = SystemClock()
    now, nda_id = clock.now(), clock.new_id()
    owner, counterparty = parties
    facts = {"id": nda_id, "owner": owner, "counterparty": counterparty, "by": by, "now": now}
    facts |= {"terms": b"t" * 32, "ends": now + timedelta(days=1)}
    facts |= {
        "owner_at": now if owner_signs else None,
        "owner_by": owner if owner_signs else None,
        "counterparty_at": now if counterparty_signs else None,
        "counterparty_by": counterparty if counterparty_signs else None,
    }
    with acting(sessions, by) as session:
        session.connection().execute(text(INSERT), facts)
    return nda_id


def change(sessions: Sessions, by: UUID, nda_id: UUID, assignment: str) -> None:
    statement = text(f"UPDATE nda SET {assignment} WHERE id = :id")  # noqa: S608 - named in tests
    with acting(sessions, by) as session:
        session.connection().execute(statement, {"id": nda_id, "by": by})


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(ProgrammingError) as caught:
        yield
    assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)


def test_no_side_proposes_with_the_others_signature(
    sessions: Sessions, parties: tuple[OrganisationId, OrganisationId]
) -> None:
    owner, reader = parties
    with refused():
        propose(sessions, reader, parties, owner_signs=True, counterparty_signs=True)
    with refused():
        propose(sessions, reader, parties, owner_signs=True)
    with refused():
        propose(sessions, owner, parties, counterparty_signs=True)
    propose(sessions, owner, parties, owner_signs=True)


def test_each_side_signs_once_and_for_itself(
    sessions: Sessions, parties: tuple[OrganisationId, OrganisationId]
) -> None:
    owner, reader = parties
    nda_id = propose(sessions, reader, parties, counterparty_signs=True)
    with refused():
        change(sessions, reader, nda_id, "owner_signed_at = now(), owner_signed_by = :by")
    with refused():
        change(sessions, owner, nda_id, "counterparty_signed_at = now()")
    with refused():
        change(sessions, owner, nda_id, "expires_at = now() + interval '9 years'")
    change(sessions, owner, nda_id, "owner_signed_at = now(), owner_signed_by = :by")
    with refused():
        change(sessions, owner, nda_id, "owner_signed_at = NULL, owner_signed_by = NULL")
    change(sessions, owner, nda_id, "revoked_at = now(), revoked_by = :by")
    with refused():
        change(sessions, reader, nda_id, "revoked_at = NULL, revoked_by = NULL")
