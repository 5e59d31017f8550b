"""Two firms with a row of their own in every table, and things of one at every visibility.

All is written by plain SQL as the server's administrator, so that nothing but the policies decides
what the tests see.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[TupleRow]

AT: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
PARK: Final = "valley"
OTHER_PARK: Final = "hill"
VISIBILITIES: Final = ("private", "organisation", "nda", "space", "park", "public")
OF_RESOURCE: Final = (
    "capability",
    "working_calendar",
    "maintenance",
    "resource_state",
    "state_change",
    "gap_withdrawal",
    "reservation",
)
"""Tables with rows for every resource of the maker."""
SHARED: Final = ("resource", "offer", "listing")
"""Tables with a visibility."""


@dataclass(frozen=True)
class Firm:
    """An organisation, its person, and one row in each of ``rows``."""

    id: UUID
    person_id: UUID
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """``maker`` offers, ``rival`` trades likewise; the others only stand somewhere."""

    maker: Firm
    rival: Firm
    neighbour_id: UUID
    partner_id: UUID
    operator_id: UUID
    space_id: UUID
    other_space_id: UUID
    resources: Mapping[str, UUID]
    """The maker's, by visibility."""
    offers: Mapping[str, UUID]
    bare_resource_id: UUID
    """The operator's, with nothing that belongs to it."""


class Builder:
    """Inserts rows; ids count up, so that each is known again in a failure."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._made = 0

    def new_id(self) -> UUID:
        self._made += 1
        return UUID(int=(7 << 76) | (2 << 62) | self._made)

    def insert(self, table: str, **values: Any) -> dict[str, Any]:
        """The values, of a row that now exists."""
        insert(self._connection, table, values)
        return values

    def organisation(self, name: str, kind: str = "firm") -> UUID:
        made = self.new_id()
        self.insert("organisation", id=made, name=name, name_zh=name, kind=kind)
        return made

    def firm(self, name: str) -> Firm:
        """With a row in every table a firm has rows in."""
        organisation_id, person_id = self.organisation(name), self.new_id()
        firm = Firm(organisation_id, person_id)
        self.insert(
            "person",
            id=person_id,
            email=f"{name}@example.com",
            name=name,
            locale="en",
            created_at=AT,
        )
        self._place(firm, name)
        self._people(firm, name)
        self._market(firm, name)
        return firm

    def _own(self, firm: Firm, table: str, **values: Any) -> dict[str, Any]:
        firm.rows[table] = self.insert(table, organisation_id=firm.id, **values)
        return values

    def site(self, organisation_id: UUID, name: str) -> dict[str, Any]:
        return self.insert(
            "site",
            id=self.new_id(),
            organisation_id=organisation_id,
            code=name,
            name=name,
            name_zh=name,
            region_code="420106",
            lat=30.5,
            lon=114.3,
        )

    def _place(self, firm: Firm, name: str) -> None:
        site = firm.rows["site"] = self.site(firm.id, name)
        gateway = self._own(
            firm, "gateway", id=self.new_id(), site_id=site["id"], edge_node="edge-1"
        )
        self._own(firm, "gateway_member", gateway_id=gateway["id"], owner_id=firm.id)
        resource_id = self.resource(firm, "private")["id"]
        self._own(
            firm, "twin", resource_id=resource_id, gateway_id=gateway["id"], device=f"{name}-1"
        )
        for table, values in self.children(resource_id, booked_by=firm.id).items():
            self._own(firm, table, **values)
        self._own(
            firm,
            "quarantine",
            id=self.new_id(),
            topic="t",
            payload=b"",
            payload_bytes=0,
            cause="c",
            received_at=AT,
        )

    def resource(self, firm: Firm, visibility: str, space_id: UUID | None = None) -> dict[str, Any]:
        return self._own(
            firm,
            "resource",
            id=self.new_id(),
            site_id=firm.rows["site"]["id"],
            kind="machine",
            name=visibility,
            name_zh=visibility,
            timezone="UTC",
            units=1,
            setup_minutes=0,
            buffer_before_minutes=0,
            buffer_after_minutes=0,
            notice_minutes=0,
            horizon_days=60,
            minimum_hours=1,
            visibility=visibility,
            park=PARK,
            space_id=space_id,
            created_at=AT,
        )

    def children(self, resource_id: UUID, *, booked_by: UUID) -> dict[str, dict[str, Any]]:
        """A row for the resource in each table of ``OF_RESOURCE``."""
        during = "[2026-03-02 10:00Z, 2026-03-02 11:00Z)"
        rows: dict[str, dict[str, Any]] = {
            "capability": {
                "id": self.new_id(),
                "process": "machining.milling",
                "materials": [],
                "certificates": Jsonb([]),
                "attributes": Jsonb({}),
            },
            "working_calendar": {"ics": ""},
            "maintenance": {"id": self.new_id(), "during": during, "reason": "oil"},
            "resource_state": {"state": "down", "since": AT, "quality": 192, "reported": "down"},
            "state_change": {"at": AT, "state": "down", "recorded_at": AT},
            "gap_withdrawal": {
                "id": self.new_id(),
                "during": during,
                "cause": "down",
                "withdrawn_at": AT,
            },
            "reservation": {
                "booking_id": self.new_id(),
                "unit": 0,
                "during": during,
                "booked_by": booked_by,
            },
        }
        return {table: {"resource_id": resource_id, **row} for table, row in rows.items()}

    def _people(self, firm: Firm, name: str) -> None:
        token = name.encode().ljust(32, b".")
        later = AT.replace(year=2099)
        self._own(firm, "membership", person_id=firm.person_id, roles=["owner"], created_at=AT)
        account = self._own(
            firm,
            "service_account",
            id=self.new_id(),
            name=name,
            roles=["owner"],
            created_at=AT,
        )
        self._own(
            firm,
            "invitation",
            id=self.new_id(),
            email=f"new@{name}.example",
            roles=["buyer"],
            token_hash=token,
            created_at=AT,
            expires_at=later,
        )
        self._own(
            firm,
            "api_key",
            id=self.new_id(),
            token_hash=token,
            service_account_id=account["id"],
            name=name,
            roles=["owner"],
            created_at=AT,
            created_by=firm.person_id,
            expires_at=later,
        )
        self._own(
            firm,
            "idempotency_key",
            scope="POST /offers",
            key="k",
            request_hash=b"",
            status=201,
            body=b"",
            created_at=AT,
        )

    def _market(self, firm: Firm, name: str) -> None:
        resource_id = firm.rows["resource"]["id"]
        demand = self._own(
            firm,
            "demand",
            id=self.new_id(),
            title=name,
            process="machining.milling",
            minutes=60,
            start_at=AT,
            end_at=AT.replace(hour=20),
            certificates=Jsonb([]),
            currency="CNY",
            quantity=1,
            units=1,
            measured_only=False,
            state="open",
            created_at=AT,
        )
        self._own(
            firm,
            "match",
            id=self.new_id(),
            demand_id=demand["id"],
            requirement=Jsonb({}),
            result=Jsonb({}),
            state_hash="0" * 64,
            took_ms=1,
            created_at=AT,
        )
        self.offer(firm, "private", resource_id)
        self.booking(firm.id, provider_id=firm.id, resource_id=resource_id, firm=firm)

    def offer(
        self, firm: Firm, visibility: str, resource_id: UUID, space_id: UUID | None = None
    ) -> UUID:
        """An offer of one resource, and its listing."""
        place = {"visibility": visibility, "park": PARK, "space_id": space_id}
        times = {"created_at": AT, "updated_at": AT}
        offer_id = self.new_id()
        self._own(
            firm,
            "offer",
            id=offer_id,
            direction=4,
            title=visibility,
            title_zh=visibility,
            resource_ids=[resource_id],
            price=Jsonb({}),
            state="published",
            version=1,
            **place,
            **times,
        )
        self._own(
            firm,
            "offer_version",
            offer_id=offer_id,
            version=1,
            title=visibility,
            title_zh=visibility,
            price=Jsonb({}),
            attributes=Jsonb({}),
            since=AT,
        )
        self._own(
            firm,
            "listing",
            offer_id=offer_id,
            resource_id=resource_id,
            currency="CNY",
            per_hour_minor=1,
            setup_minor=0,
            minimum_minor=0,
            processes=["machining.milling"],
            active=True,
            **place,
            **times,
        )
        return offer_id

    def booking(
        self, buyer_id: UUID, *, provider_id: UUID, resource_id: UUID, firm: Firm | None = None
    ) -> UUID:
        values: dict[str, Any] = {
            "id": self.new_id(),
            "organisation_id": buyer_id,
            "provider_id": provider_id,
            "resource_id": resource_id,
            "during": "[2026-03-02 12:00Z, 2026-03-02 13:00Z)",
            "units": 1,
            "state": "confirmed",
            "at_risk": False,
            "created_at": AT,
            "updated_at": AT,
            "version": 1,
        }
        self.insert("booking", **values)
        if firm is not None:
            firm.rows["booking"] = values
        return UUID(str(values["id"]))


def build(connection: Connection) -> World:
    """The rows, committed if ``connection`` commits."""
    builder = Builder(connection)
    operator = builder.organisation("operator", "park_operator")
    for code in (PARK, OTHER_PARK):
        builder.insert("park", code=code, organisation_id=operator, name=code, name_zh=code)
    space_id, other_space_id = builder.new_id(), builder.new_id()
    for space in (space_id, other_space_id):
        builder.insert(
            "space", id=space, organisation_id=operator, name="s", name_zh="s", created_at=AT
        )
    bare = Firm(operator, operator, {"site": builder.site(operator, "operator")})
    rival, maker = builder.firm("rival"), builder.firm("maker")
    neighbour, partner = builder.organisation("neighbour"), builder.organisation("partner")
    builder.insert("park_member", park=PARK, organisation_id=neighbour, admitted_at=AT)
    builder.insert("space_member", space_id=space_id, organisation_id=partner, joined_at=AT)
    first = maker.rows["resource"]["id"], maker.rows["offer"]["id"]
    resources, offers = {"private": first[0]}, {"private": first[1]}
    for visibility in VISIBILITIES[1:]:
        shown_in = space_id if visibility == "space" else None
        resource_id = builder.resource(maker, visibility, shown_in)["id"]
        for table, values in builder.children(resource_id, booked_by=maker.id).items():
            builder.insert(table, organisation_id=maker.id, **values)
        resources[visibility] = resource_id
        offers[visibility] = builder.offer(maker, visibility, resource_id, shown_in)
    builder.booking(rival.id, provider_id=maker.id, resource_id=resources["public"])
    return World(
        maker=maker,
        rival=rival,
        neighbour_id=neighbour,
        partner_id=partner,
        operator_id=operator,
        space_id=space_id,
        other_space_id=other_space_id,
        resources=resources,
        offers=offers,
        bare_resource_id=builder.resource(bare, "public")["id"],
    )


def insert(connection: Connection, table: str, values: Mapping[str, Any]) -> None:
    """Add a row by plain SQL."""
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    connection.execute(statement, list(values.values()))


@contextmanager
def context(connection: Connection, **settings: Any) -> Iterator[Connection]:
    """A transaction that works for whom ``settings`` name, and is rolled back."""
    with connection.transaction(force_rollback=True):
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, true)", [f"app.{name}", str(value)])
        yield connection
