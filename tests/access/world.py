"""Three organisations and, for every kind of thing a path names, one thing of each to reach for.

The callers are all of ``Owner.OWN``. A kind is declared once, in ``kinds.py``; every route whose
path names it is probed with all its things.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.runtime.files.storage import Storage
from tests.access.markers import Owner, Shown, Sightings, marker
from tests.access.rows import START, Rows

YEAR = timedelta(days=365)
CREDIT_CODES = {
    Owner.OWN: "91420100MA4KXX0013",
    Owner.NEIGHBOUR: "91420100MA4KXX002X",
    Owner.STRANGER: "91420100MA4KXX0030",
}
"""Made up; nothing checks them once they are stored."""
PROCESS = "machining.milling.5axis"


@dataclass(frozen=True)
class Thing:
    """Something a path can name: ``path`` fills the path's parameters."""

    name: str
    owner: Owner
    shown: Shown
    path: Mapping[str, str]
    parties: frozenset[Owner] = frozenset()
    """Whose own it is, when more than its owner's."""
    taker: Owner | None = None
    """Who booked it, or to whom it was delivered."""
    giver: Owner | None = None
    """Whose resource was booked."""
    of_caller: bool | None = None
    """For things of one person: whether they are the caller's."""
    exists: bool = True
    is_garbage: bool = False

    @property
    def owners(self) -> frozenset[Owner]:
        return self.parties or frozenset({self.owner})


@dataclass(repr=False)
class World:
    """Ids by owner, and whatever makers of things leave for one another."""

    rows: Rows
    storage: Storage
    sightings: Sightings = field(default_factory=Sightings)
    organisations: dict[Owner, UUID] = field(default_factory=dict)
    landlord: UUID | None = None
    investor: UUID | None = None
    test_booking: UUID | None = None
    park: str = "shared-park"
    space: UUID | None = None
    sites: dict[Owner, UUID] = field(default_factory=dict)
    gateways: dict[Owner, UUID] = field(default_factory=dict)
    resources: dict[tuple[Owner, Shown], UUID] = field(default_factory=dict)
    offers: dict[tuple[Owner, Shown], UUID] = field(default_factory=dict)
    demands: dict[Owner, UUID] = field(default_factory=dict)
    rounds: dict[tuple[Owner, Shown], UUID] = field(default_factory=dict)
    cost_centres: dict[Owner, tuple[UUID, UUID]] = field(default_factory=dict)
    escrows: dict[Owner, UUID] = field(default_factory=dict)
    accounts: dict[Owner, UUID] = field(default_factory=dict)
    named: dict[str, UUID] = field(default_factory=dict)
    idea_boxes: dict[Owner, UUID] = field(default_factory=dict)
    items: dict[tuple[Owner, Shown], UUID] = field(default_factory=dict)
    """Of the library."""
    versions: dict[tuple[Owner, Shown], UUID] = field(default_factory=dict)
    version_file: UUID | None = None
    """A document of the callers' organisation, for a next version."""
    things: dict[tuple[str, ...], list[Thing]] = field(default_factory=dict)

    def add(
        self, table: str, owner: Owner, shown: Shown = Shown.ORGANISATION, **known: Any
    ) -> dict[str, Any]:
        """A row whose id and unsaid texts betray its owner."""
        row = self.rows.insert(table, marker(owner, shown), **known)
        if isinstance(row.get("id"), UUID):
            self.sightings.know(row["id"], owner, shown)
        return row

    def owned(
        self, table: str, owner: Owner, shown: Shown = Shown.ORGANISATION, **known: Any
    ) -> dict[str, Any]:
        """A row of one of the organisations."""
        return self.add(table, owner, shown, organisation_id=self.organisations[owner], **known)

    def person(self, owner: Owner, roles: Collection[str], name: str) -> UUID:
        """Somebody; a member of the organisation if there are roles."""
        made: UUID = self.add(
            "person", owner, email=f"{marker(owner, Shown.ORGANISATION)}-{name}@example.com",
            locale="en",
        )["id"]  # fmt: skip
        if roles:
            self.owned("membership", owner, person_id=made, roles=sorted(roles))
        return made


def found_organisations(world: World) -> None:
    """The three, the park two of them stand in, and the chain space these two share."""
    landlord = world.rows.insert(
        "organisation", marker(Owner.STRANGER, Shown.PUBLIC), kind="park_operator"
    )
    world.landlord = landlord["id"]
    for owner in Owner:
        verification = "unverified" if owner is Owner.OWN else "pending"
        row = world.add(
            "organisation",
            owner,
            Shown.PUBLIC,
            kind="authority" if owner is Owner.OWN else "firm",
            uscc=CREDIT_CODES[owner],
            verification=verification,
        )
        world.organisations[owner] = row["id"]
    world.rows.insert("park", "park", code=world.park, organisation_id=world.landlord)
    world.space = world.owned("space", Owner.NEIGHBOUR, Shown.SPACE)["id"]
    for owner in (Owner.OWN, Owner.NEIGHBOUR):
        world.rows.insert(
            "park_member", "", park=world.park, organisation_id=world.organisations[owner]
        )
        world.rows.insert(
            "space_member", "", space_id=world.space, organisation_id=world.organisations[owner]
        )
    if world.rows.has_table("nda"):
        _sign_agreement(world)


def _sign_agreement(world: World) -> None:
    """The neighbour entrusts the callers' organisation; the stranger nobody."""
    neighbour = world.organisations[Owner.NEIGHBOUR]
    world.rows.insert(
        "nda",
        "",
        organisation_id=neighbour,
        counterparty_id=world.organisations[Owner.OWN],
        proposed_by=neighbour,
        expires_at=START + YEAR,
        owner_signed_at=START,
        owner_signed_by=world.rows.new_id(),
        counterparty_signed_at=START,
        counterparty_signed_by=world.rows.new_id(),
    )
