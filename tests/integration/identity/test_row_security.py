"""What the database itself refuses, should a route ever forget to."""

from collections.abc import Iterator

import psycopg.errors
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.ids import OrganisationId
from services.identity.domain.people import invitation_hash
from services.runtime.db import Sessions, transaction
from services.runtime.tenancy import bind
from tests.integration.identity.town import USCC, Town
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration


@pytest.fixture
def app(town: Town) -> Iterator[Sessions]:
    with sessions_as(town.sessions) as app:
        yield app


def owner_of(organisation_id: OrganisationId) -> Principal:
    return Principal(
        PrincipalKind.PERSON,
        organisation_id,
        organisation_id,
        roles=frozenset({Role.OWNER}),
    )


def run(session: Session, statement: str, **values: object) -> int:
    """How many rows a statement touched."""
    return session.connection().execute(text(statement), values).rowcount


def refused(
    app: Sessions,
    principal: Principal,
    statement: str,
    *,
    credential: bytes = b"",
    **values: object,
) -> bool:
    """Whether the statement is refused or touches no row."""
    try:
        with transaction(app) as session:
            bind(session, principal, credential=credential)
            return run(session, statement, **values) == 0
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            return True
        raise


REVIEWER = Principal(PrincipalKind.PERSON, roles=frozenset({Role.SECURITY_ADMIN}))


def test_nobody_verifies_the_own_firm(town: Town, app: Sessions) -> None:
    works = owner_of(town.organisation(uscc=USCC))
    statement = "UPDATE organisation SET verification = :to WHERE id = :id"
    for to in ("verified", "rejected"):
        assert refused(app, works, statement, to=to, id=works.organisation_id)
    assert not refused(app, works, statement, to="pending", id=works.organisation_id)
    assert refused(app, works, statement, to="verified", id=works.organisation_id)
    assert not refused(app, REVIEWER, statement, to="verified", id=works.organisation_id)


def test_a_reviewer_touches_only_what_is_pending(town: Town, app: Sessions) -> None:
    works = town.organisation()
    statement = "UPDATE organisation SET verification = :to WHERE id = :id"
    for to in ("verified", "pending", "unverified"):
        assert refused(app, REVIEWER, statement, to=to, id=works)
    other = Principal(PrincipalKind.PERSON, roles=frozenset({Role.SYSTEM_ADMIN}))
    assert not refused(app, owner_of(works), statement, to="pending", id=works)
    assert refused(app, other, statement, to="verified", id=works)


def test_no_organisation_becomes_the_platform(town: Town, app: Sessions) -> None:
    works = owner_of(town.organisation())
    assert refused(
        app, works, "UPDATE organisation SET kind = 'platform' WHERE id = :id", id=works.id
    )
    made = town.clock.new_id()
    founding = owner_of(OrganisationId(made))
    statement = (
        "INSERT INTO organisation (id, name, name_zh, kind, verification)"
        " VALUES (:id, 'a', 'a', :kind, :verification)"
    )
    for kind, verification in (("platform", "unverified"), ("firm", "verified")):
        assert refused(app, founding, statement, id=made, kind=kind, verification=verification)
    assert not refused(app, founding, statement, id=made, kind="firm", verification="unverified")
    assert refused(app, founding, "DELETE FROM organisation WHERE id = :id", id=made)


def test_requests_are_seen_by_their_firm_and_the_reviewer(town: Town, app: Sessions) -> None:
    works = town.organisation(uscc=USCC)
    town.member(works).post("organisation/verification", {})
    other = owner_of(town.organisation())
    count = "SELECT FROM verification"
    for who, rows in ((owner_of(works), 1), (REVIEWER, 1), (other, 0), (Principal(), 0)):
        with transaction(app, who) as session:
            assert run(session, count) == rows
    decided = "UPDATE verification SET state = 'verified', decided_by = :by, decided_at = now(),"
    decided += " reason = 'x'"
    assert refused(app, owner_of(works), decided, by=works)
    assert refused(app, other, "UPDATE verification SET state = 'withdrawn'")


def test_a_token_is_used_up_and_nothing_else(town: Town, app: Sessions) -> None:
    """Whoever presents a token may not make an invitation with it, nor move one elsewhere."""
    works, owner = town.owner()
    victim = town.organisation()
    token = owner.post("invitations", {"email": "a@example.com", "roles": ["buyer"]})["token"]
    hashed = invitation_hash(token)
    guest = Principal(PrincipalKind.PERSON, town.clock.new_id())
    made = (
        "INSERT INTO invitation (id, organisation_id, email, roles, token_hash, created_at,"
        " expires_at) VALUES (gen_random_uuid(), :victim, 'a@example.com', '{owner}', :hash,"
        " now(), now() + interval '1 day')"
    )
    other = invitation_hash("other")
    assert refused(app, guest, made, credential=other, victim=victim, hash=other)
    for statement in (
        "UPDATE invitation SET organisation_id = :victim",
        "UPDATE invitation SET roles = '{owner}', email = CAST(:victim AS text)",
        "DELETE FROM invitation WHERE organisation_id <> :victim",
    ):
        assert refused(app, guest, statement, credential=hashed, victim=victim)
    with transaction(app) as session:
        bind(session, guest, credential=hashed)
        assert run(session, "UPDATE invitation SET accepted_at = now()") == 1
    assert works


def test_nobody_admits_itself(town: Town, app: Sessions) -> None:
    _, operator = town.owner()
    lead = operator.post("spaces", {"name": "Chain", "name_zh": "链"})["id"]
    own = operator.post("spaces", {"name": "Other", "name_zh": "别"})["id"]
    works = town.organisation()
    operator.put(f"spaces/{own}/members/{works}")
    intruder = owner_of(works)
    joined = (
        "INSERT INTO space_member (space_id, organisation_id, joined_at)"
        " VALUES (:space, :organisation, now())"
    )
    assert refused(app, intruder, joined, space=lead, organisation=works)
    assert refused(app, intruder, "UPDATE space_member SET space_id = :space", space=lead)
    park = town.organisation()
    with transaction(town.sessions) as session:
        run(session, "INSERT INTO park VALUES ('valley', :id, 'Valley', '谷')", id=park)
    admitted = "INSERT INTO park_member VALUES ('valley', :organisation, now())"
    assert refused(app, intruder, admitted, organisation=works)
    assert not refused(app, owner_of(park), admitted, organisation=works)
    left = "DELETE FROM park_member WHERE park = 'valley'"
    assert refused(app, owner_of(town.organisation()), left)
    assert not refused(app, intruder, left)
