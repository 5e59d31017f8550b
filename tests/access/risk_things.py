"""Risk notices in each stage and under each label, and reports that lead to them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.access.making import OF_CALLER, deleted
from tests.access.markers import Owner, Shown
from tests.access.rows import START
from tests.access.world import Thing, World

DAY = timedelta(days=1)
NOBODY: dict[str, Any] = {
    **dict[str, Any].fromkeys(("organisations", "persons", "parks", "regions"), []),
    **dict.fromkeys(("affected_products", "all_verified"), False),
}


def notices(world: World) -> Iterator[Thing]:
    """Drafts, what was released to everybody, and what was delivered to the callers or others."""
    for owner in Owner:
        draft = _notice(world, owner, Shown.ORGANISATION, state="draft", tlp="amber")
        yield Thing(f"{owner} draft", owner, Shown.ORGANISATION, draft)
    waiting = _notice(world, Owner.OWN, Shown.ORGANISATION, state="submitted", tlp="amber")
    yield Thing("waiting here", Owner.OWN, Shown.ORGANISATION, waiting)
    approved = _notice(
        world,
        Owner.OWN,
        Shown.ORGANISATION,
        state="submitted",
        tlp="amber",
        approved_by=world.rows.new_id(),
        approved_at=START - DAY,
    )
    yield Thing("approved here", Owner.OWN, Shown.ORGANISATION, approved)
    told = _released(world, Owner.STRANGER, Shown.PUBLIC, "clear")
    yield Thing("told everybody", Owner.STRANGER, Shown.PUBLIC, told)
    sent = _released(world, Owner.NEIGHBOUR, Shown.NDA, "amber")
    _deliver(world, sent, Owner.NEIGHBOUR, Owner.OWN)
    yield Thing("sent here", Owner.NEIGHBOUR, Shown.NDA, sent, taker=Owner.OWN)
    other = _released(world, Owner.STRANGER, Shown.ORGANISATION, "amber")
    _deliver(world, other, Owner.STRANGER, Owner.NEIGHBOUR)
    yield Thing("sent elsewhere", Owner.STRANGER, Shown.ORGANISATION, other)
    gone = _notice(world, Owner.OWN, Shown.ORGANISATION, state="draft", tlp="amber")
    world.rows.delete("risk_notice", id=UUID(gone["notice_id"]))
    yield deleted(gone)


def _released(world: World, owner: Owner, shown: Shown, tlp: str) -> dict[str, str]:
    return _notice(
        world,
        owner,
        shown,
        state="released",
        tlp=tlp,
        approved_by=world.rows.new_id(),
        approved_at=START - DAY,
        released_by=world.rows.new_id(),
        released_at=START - DAY,
        delivered_at=START - DAY,
    )


def _notice(world: World, owner: Owner, shown: Shown, **stage: Any) -> dict[str, str]:
    row = world.owned(
        "risk_notice",
        owner,
        shown,
        **stage,
        year=2026,
        serial=world.rows.new_id().int % 90_000 + 1,
        kind="advisory",
        severity="high",
        source="written",
        authors=[world.rows.new_id()],
        products=[],
        identifiers=[],
        cited=[],
        addressing=NOBODY | {"organisations": [str(world.landlord)]},
    )
    return {"notice_id": str(row["id"])}


def _deliver(world: World, notice: dict[str, str], author: Owner, to: Owner) -> None:
    world.rows.insert(
        "risk_delivery",
        "",
        notice_id=UUID(notice["notice_id"]),
        author_id=world.organisations[author],
        organisation_id=world.organisations[to],
        person_ids=[],
        delivered_at=START - DAY,
        due_at=START + DAY,
    )


def reports(world: World) -> Iterator[Thing]:
    """The caller's own, and others'."""
    own = {"report_id": f"{OF_CALLER}report_id"}
    yield Thing("the caller's", Owner.OWN, Shown.PRIVATE, own, of_caller=True)
    for owner in Owner:
        path = {"report_id": str(report(world, owner, world.rows.new_id()))}
        yield Thing(f"of {owner}", owner, Shown.PRIVATE, path, of_caller=False)
    gone = report(world, Owner.OWN, world.rows.new_id())
    world.rows.delete("risk_report", id=gone)
    yield deleted({"report_id": str(gone)})


def report(world: World, owner: Owner, person_id: UUID) -> UUID:
    """A report that waits for a decision."""
    row = world.rows.insert(
        "risk_report",
        "probe",
        organisation_id=world.organisations[owner],
        reported_by=person_id,
        kind="advisory",
        severity="high",
        products=[],
        state="received",
        decide_by=START + DAY,
    )
    made: UUID = row["id"]
    return made
