"""Organisations and persons around a risk notice, each asking over HTTP in its own name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import httpx
from sqlmodel import text

from services.access.handlers.sessions import open_session
from services.contracts.access import Role
from services.contracts.ids import OrganisationId, PersonId
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.risk.handlers import delivering
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from tests.support.api import PLAIN, served_app

Document = dict[str, Any]
CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


@dataclass(frozen=True, slots=True)
class Caller:
    """A person, signed in for one organisation."""

    id: UUID
    organisation_id: UUID
    http: httpx.Client
    sign_in: Callable[[], str] = field(compare=False)
    """The token of a session that holds at the moment."""

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.sign_in()}"} | given.pop("headers", {})
        return self.http.request(method, path, headers=headers, **given)

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.ask("GET", path, params=query)

    def post(self, path: str, body: object = None) -> httpx.Response:
        return self.ask("POST", path, json=body)

    def read(self, path: str, **query: Any) -> Document:
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        document: Document = response.json()
        return document

    def make(self, path: str, body: object, *, status: int = 201) -> Document:
        response = self.post(path, body)
        assert response.status_code == status, response.text
        document: Document = response.json()
        return document


class World:
    """What a test arranges directly; everything it examines goes over HTTP."""

    def __init__(self, sessions: Sessions, clock: Clock, http: httpx.Client) -> None:
        self.sessions = sessions
        self.clock = clock
        self.http = http
        self._made = 0

    def organisation(self, kind: str = "firm", *, verified: bool = False) -> UUID:
        self._made += 1
        with transaction(self.sessions) as session:
            made = identity.create_organisation(
                session=session,
                clock=self.clock,
                name=f"Works {self._made}",
                name_zh=f"工厂 {self._made}",
                kind=OrganisationKind(kind),
            )
            if verified:
                session.connection().execute(
                    text("UPDATE organisation SET verification = 'verified' WHERE id = :id"),
                    {"id": made.id},
                )
        return made.id

    def person(self, organisation_id: UUID, *roles: Role, strong: bool = True) -> Caller:
        """A new member of the organisation; its owner if no roles are given."""
        self._made += 1
        person_id = PersonId(self.clock.new_id())
        owner = OrganisationId(organisation_id)
        with transaction(self.sessions) as session:
            identity.create_person(
                session=session,
                clock=self.clock,
                person_id=person_id,
                email=f"person-{self._made}@example.com",
                name=f"Person {self._made}",
                locale="zh",
            )
            identity.add_member(
                session=session,
                clock=self.clock,
                organisation_id=owner,
                person_id=person_id,
                roles=roles or (Role.OWNER,),
            )
        sign_in = self._signing_in(person_id, owner, strong=strong)
        return Caller(person_id, organisation_id, self.http, sign_in)

    def _signing_in(
        self, person_id: PersonId, organisation_id: OrganisationId, *, strong: bool
    ) -> Callable[[], str]:
        """A session for each moment of a clock that jumps over the end of sessions."""

        @cache
        def at(_: datetime) -> str:
            with transaction(self.sessions) as session:
                return open_session(
                    session=session,
                    clock=self.clock,
                    person_id=person_id,
                    organisation_id=organisation_id,
                    client="test",
                    strong=strong,
                )[1]

        return lambda: at(self.clock.now())

    def firm(self, *, verified: bool = False) -> Caller:
        return self.person(self.organisation(verified=verified))

    def administrators(self) -> tuple[Caller, Caller]:
        """Two security administrators of the platform."""
        platform = self.organisation("platform")
        return (
            self.person(platform, Role.SECURITY_ADMIN),
            self.person(platform, Role.SECURITY_ADMIN),
        )

    def park(self, code: str, *members: UUID) -> Caller:
        """A park with its members; somebody of its operator."""
        operator = self.organisation("park_operator")
        with transaction(self.sessions) as session:
            identity.create_park(
                session=session,
                organisation_id=OrganisationId(operator),
                code=code,
                name=code,
                name_zh=code,
            )
            for member in members:
                identity.admit_to_park(
                    session=session,
                    clock=self.clock,
                    operator_id=OrganisationId(operator),
                    code=code,
                    organisation_id=OrganisationId(member),
                )
        return self.person(operator, Role.PARK_OPERATOR)

    def site(
        self, organisation_id: UUID, *, region: str = "420111", park: str | None = None
    ) -> UUID:
        self._made += 1
        with transaction(self.sessions) as session:
            made = identity.create_site(
                session=session,
                clock=self.clock,
                organisation_id=OrganisationId(organisation_id),
                code=f"site-{self._made}",
                name="Works",
                name_zh="工厂",
                region_code=region,
                park=park,
                lat=30.5,
                lon=114.4,
            )
        return made.id

    def gateway(self, organisation_id: UUID, *, park: str | None = None) -> UUID:
        site_id = self.site(organisation_id, park=park)
        self._made += 1
        with transaction(self.sessions) as session:
            made = identity.create_gateway(
                session=session,
                clock=self.clock,
                organisation_id=OrganisationId(organisation_id),
                site_id=site_id,  # type: ignore[arg-type]
                edge_node=f"gw-{self._made}",
            )
        return made.id

    def deliver(self) -> int:
        with transaction(self.sessions) as session:
            return delivering.deliver_due(session=session, clock=self.clock)

    def escalate(self) -> int:
        with transaction(self.sessions) as session:
            return delivering.escalate_overdue(session=session, clock=self.clock)

    def events(self, subject: str) -> list[Document]:
        with transaction(self.sessions) as session:
            found = session.connection().execute(
                text("SELECT payload FROM outbox_event WHERE subject = :subject ORDER BY seq"),
                {"subject": f"events.{subject}"},
            )
            return [row.payload for row in found]

    def told(self, action: str) -> list[Any]:
        """Entries of the audit trail."""
        with transaction(self.sessions) as session:
            found = session.connection().execute(
                text("SELECT * FROM audit_entry WHERE action = :action ORDER BY at, seq"),
                {"action": action},
            )
            return list(found)


def notice_facts(**facts: Any) -> Document:
    """A critical advisory; ``facts`` replace its own."""
    return {
        "title": "Controller accepts unsigned firmware",
        "title_zh": "控制器接受未签名固件",
        "kind": "vulnerability",
        "tlp": "amber",
        "cvss_vector": CRITICAL,
        "products": [
            {
                "vendor": "Example",
                "name": "PLC-900",
                "versions": "< 4.2",
                "cpe": "cpe:2.3:h:example:plc-900:*:*:*:*:*:*:*:*",
            }
        ],
        "identifiers": ["CVE-2026-12345", "CNVD-2026-00001"],
        "description": "Anybody on the network can load firmware.",
        "remediation": "Update to 4.2.",
        "references": [{"url": "https://example.com/advisories/1", "summary": "Vendor"}],
    } | facts


def code(response: httpx.Response) -> str:
    """Of a problem document."""
    return str(response.json()["code"])


def drafted(author: Caller, **facts: Any) -> Document:
    return author.make("risk/notices", notice_facts(**facts))


def stepped(caller: Caller, notice: Document, step: str) -> httpx.Response:
    return caller.post(f"risk/notices/{notice['id']}/{step}", {"version": notice["version"]})


def step(caller: Caller, notice: Document, name: str) -> Document:
    response = stepped(caller, notice, name)
    assert response.status_code == 200, response.text
    document: Document = response.json()
    return document


def released(author: Caller, admins: tuple[Caller, Caller], **facts: Any) -> Document:
    """A notice two administrators released; not delivered yet."""
    notice = step(author, drafted(author, **facts), "submit")
    return step(admins[1], step(admins[0], notice, "approve"), "release")


@contextmanager
def served_world(sessions: Sessions, clock: Clock) -> Iterator[World]:
    with (
        served_app(sessions, clock) as (_, address),
        httpx.Client(
            base_url=f"{address}/api/v1/", trust_env=False, verify=PLAIN, timeout=30
        ) as http,
    ):
        yield World(sessions, clock, http)
