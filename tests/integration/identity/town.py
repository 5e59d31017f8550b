"""People and programs who ask the API for organisations, each with a token of its own."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from services.access.handlers.sessions import open_session
from services.contracts.access import Role
from services.contracts.ids import OrganisationId, PersonId
from services.identity import handlers
from services.identity.domain import OrganisationKind
from services.identity.handlers import administration
from services.runtime.db import Sessions, transaction
from tests.support.clock import FrozenClock

Document = dict[str, Any]
USCC = "91110000600037341L"
OTHER_USCC = "91420100177678900K"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody signed in; every method asks and checks the status of the answer."""

    client: httpx.Client
    token: str
    person_id: UUID
    email: str

    def ask(
        self, method: str, path: str, body: object = None, *, status: int = 200, **headers: str
    ) -> httpx.Response:
        sent = {"authorization": f"Bearer {self.token}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        response = self.client.request(method, path, json=body, headers=sent)
        assert response.status_code == status, response.text
        return response

    def get(self, path: str, *, status: int = 200) -> Document:
        return document(self.ask("GET", path, status=status))

    def post(self, path: str, body: object, *, status: int = 201) -> Document:
        return document(self.ask("POST", path, body, status=status))

    def put(self, path: str, body: object = None, *, status: int = 200) -> Document:
        return document(self.ask("PUT", path, body, status=status))

    def patch(self, path: str, body: object, *, status: int = 200, **headers: str) -> Document:
        return document(self.ask("PATCH", path, body, status=status, **headers))

    def delete(self, path: str, *, status: int = 204) -> Document:
        return document(self.ask("DELETE", path, status=status))


def document(response: httpx.Response) -> Document:
    found: Document = response.json() if response.content else {}
    return found


class Town:
    """Founds organisations and signs people in, straight through the handlers."""

    def __init__(self, client: httpx.Client, sessions: Sessions, clock: FrozenClock) -> None:
        self.client = client
        self.sessions = sessions
        self.clock = clock
        self._made = 0

    def organisation(
        self, kind: OrganisationKind = OrganisationKind.FIRM, *, uscc: str | None = None
    ) -> OrganisationId:
        self._made += 1
        with transaction(self.sessions) as session:
            made = handlers.create_organisation(
                session=session,
                clock=self.clock,
                name=f"Works {self._made}",
                name_zh=f"示例工厂 {self._made}",
                kind=kind,
                uscc=uscc,
            )
        return made.id

    def person(self, email: str | None = None) -> Caller:
        """Somebody who acts for nobody."""
        return self._signed_in(self._person(email), None)

    def member(
        self, organisation_id: OrganisationId, *roles: Role, email: str | None = None
    ) -> Caller:
        """A new member who acts for the organisation; an owner if no roles are given."""
        person = self._person(email)
        with transaction(self.sessions) as session:
            handlers.add_member(
                session=session,
                clock=self.clock,
                organisation_id=organisation_id,
                person_id=PersonId(person[0]),
                roles=roles or (Role.OWNER,),
            )
        return self._signed_in(person, organisation_id)

    def owner(
        self, kind: OrganisationKind = OrganisationKind.FIRM
    ) -> tuple[OrganisationId, Caller]:
        """A new organisation and the person who owns it."""
        made = self.organisation(kind)
        return made, self.member(made)

    def administrator(self, role: Role, *, strong: bool = True) -> Caller:
        """One of the platform's administrators."""
        person = self._person(None)
        with transaction(self.sessions) as session:
            try:
                platform_id = administration.create_platform(
                    session=session, clock=self.clock, name="Platform", name_zh="示例平台"
                ).id
            except administration.PlatformExistsError as exists:
                platform_id = OrganisationId(UUID(str(exists.facts["organisation_id"])))
            administration.appoint(session=session, clock=self.clock, email=person[1], role=role)
        return self._signed_in(person, platform_id, strong=strong)

    def _person(self, email: str | None) -> tuple[UUID, str]:
        self._made += 1
        address = email or f"person-{self._made}@example.com"
        person_id = PersonId(self.clock.new_id())
        with transaction(self.sessions) as session:
            handlers.create_person(
                session=session,
                person_id=person_id,
                clock=self.clock,
                email=address,
                name=f"Test person {self._made}",
                locale="en",
            )
        return person_id, address

    def _signed_in(
        self,
        person: tuple[UUID, str],
        organisation_id: OrganisationId | None,
        *,
        strong: bool = False,
    ) -> Caller:
        with transaction(self.sessions) as session:
            _, token = open_session(
                session=session,
                clock=self.clock,
                person_id=person[0],
                organisation_id=organisation_id,
                client="test",
                strong=strong,
            )
        return Caller(self.client, token, *person)
