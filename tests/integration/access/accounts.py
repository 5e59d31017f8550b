"""Organisations, members and service accounts to sign in as, written straight into the tables."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.ids import OrganisationId, ServiceAccountId
from services.runtime.db import Sessions, transaction
from tests.support.clock import FrozenClock


class Accounts:
    """Makes rows of identity as the all-powerful owner of the test's database."""

    def __init__(self, sessions: Sessions, clock: FrozenClock) -> None:
        self._sessions = sessions
        self._clock = clock

    def organisation(self, name: str = "Works") -> OrganisationId:
        made = OrganisationId(self._clock.new_id())
        self._run(
            "INSERT INTO organisation (id, name, name_zh, kind) VALUES (:id, :name, :name, 'firm')",
            id=made,
            name=name,
        )
        return made

    def person(self, email: str = "lin.wei@example.com", *, name: str = "Wei Lin") -> UUID:
        made = self._clock.new_id()
        self._run(
            "INSERT INTO person (id, email, name, locale, created_at)"
            " VALUES (:id, :email, :name, 'zh', :now)",
            id=made,
            email=email,
            name=name,
            now=self._clock.now(),
        )
        return made

    def member(
        self, organisation_id: UUID, person_id: UUID, roles: Iterable[Role] = (Role.OWNER,)
    ) -> None:
        self._run(
            "INSERT INTO membership (organisation_id, person_id, roles, created_at)"
            " VALUES (:organisation, :person, :roles, :now)",
            organisation=organisation_id,
            person=person_id,
            roles=sorted(roles),
            now=self._clock.now(),
        )

    def leave(self, organisation_id: UUID, person_id: UUID) -> None:
        self._run(
            "DELETE FROM membership WHERE organisation_id = :organisation AND person_id = :person",
            organisation=organisation_id,
            person=person_id,
        )

    def service_account(
        self, organisation_id: UUID, roles: Iterable[Role] = (Role.SELLER, Role.BUYER)
    ) -> ServiceAccountId:
        made = ServiceAccountId(self._clock.new_id())
        self._run(
            "INSERT INTO service_account (id, organisation_id, name, roles, created_at)"
            " VALUES (:id, :organisation, :name, :roles, :now)",
            id=made,
            organisation=organisation_id,
            name=str(made),
            roles=sorted(roles),
            now=self._clock.now(),
        )
        return made

    def in_park(self, organisation_id: UUID, code: str) -> None:
        self._run(
            "INSERT INTO park (code, organisation_id, name, name_zh)"
            " VALUES (:code, :organisation, :code, :code) ON CONFLICT DO NOTHING",
            code=code,
            organisation=organisation_id,
        )

    def _run(self, statement: str, **values: Any) -> None:
        with transaction(self._sessions) as session:
            session.connection().execute(text(statement), values)


def acting_person(person_id: UUID, organisation_id: UUID | None = None) -> Principal:
    return Principal(
        kind=PrincipalKind.PERSON,
        id=person_id,
        organisation_id=None if organisation_id is None else OrganisationId(organisation_id),
    )
