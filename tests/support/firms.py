"""Firms with people of their own: each request signed by a person who acts for the firm."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from services.access.handlers.sessions import open_session
from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.ids import OrganisationId, PersonId
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from tests.support.api import PLAIN, served_app


@dataclass(frozen=True, slots=True)
class Firm:
    """``http`` asks as its owner."""

    id: OrganisationId
    owner_id: PersonId
    http: httpx.Client


class Firms:
    """Makes firms on a served API."""

    def __init__(self, sessions: Sessions, clock: Clock, address: str, closing: ExitStack) -> None:
        self.sessions = sessions
        self.clock = clock
        self._address = address
        self._closing = closing
        self._platform: OrganisationId | None = None

    def firm(self, name: str, *, kind: OrganisationKind = OrganisationKind.FIRM) -> Firm:
        person_id = self._person(name)
        principal = Principal(kind=PrincipalKind.PERSON, id=person_id)
        with transaction(self.sessions, principal) as session:
            organisation = identity.found_organisation(
                session=session,
                clock=self.clock,
                principal=principal,
                name=name,
                name_zh=name,
                kind=kind,
            )
        return Firm(organisation.id, person_id, self.client(person_id, organisation.id))

    def administrator(self, role: Role) -> httpx.Client:
        """A client of somebody who runs the platform."""
        if self._platform is None:
            with transaction(self.sessions) as session:
                self._platform = identity.create_organisation(
                    session=session,
                    clock=self.clock,
                    name="Platform",
                    name_zh="平台",
                    kind=OrganisationKind.PLATFORM,
                ).id
        return self.colleague(self._platform, f"Administrator {role}", role)

    def colleague(self, organisation_id: OrganisationId, name: str, *roles: Role) -> httpx.Client:
        """A client of a further member."""
        person_id = self._person(name)
        with transaction(self.sessions) as session:
            identity.add_member(
                session=session,
                clock=self.clock,
                organisation_id=organisation_id,
                person_id=person_id,
                roles=frozenset(roles),
            )
        return self.client(person_id, organisation_id)

    def client(
        self, person_id: PersonId, organisation_id: OrganisationId, *, strong: bool = False
    ) -> httpx.Client:
        """A new session of the person; ``strong``: a second factor proven."""
        with transaction(self.sessions) as session:
            _, token = open_session(
                session=session,
                clock=self.clock,
                person_id=person_id,
                organisation_id=organisation_id,
                client="test",
                strong=strong,
            )
        client = httpx.Client(
            base_url=f"{self._address}/api/v1/",
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
            verify=PLAIN,
            timeout=30,
        )
        return self._closing.enter_context(client)

    def _person(self, name: str) -> PersonId:
        person_id = PersonId(self.clock.new_id())
        with transaction(self.sessions) as session:
            identity.create_person(
                session=session,
                clock=self.clock,
                person_id=person_id,
                email=f"{person_id}@example.org",
                name=name,
                locale="en",
            )
        return person_id


@contextmanager
def firms_on(sessions: Sessions, clock: Clock, **settings: Any) -> Iterator[Firms]:
    """Firms on an API of the test's own, which works as its own database role."""
    with ExitStack() as closing, served_app(sessions, clock, **settings) as (_, address):
        yield Firms(sessions, clock, address, closing)
