"""Projects, what belongs to them, and gigs in the states that what is done needs."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tests.access.ledger_things import escrow_between
from tests.access.making import Maker, deleted
from tests.access.markers import Owner, Shown, amount
from tests.access.rows import START
from tests.access.world import Thing, World

DUE: Final = START + timedelta(days=1)
WHOLE: Final = 10_000


def projects(world: World) -> Iterator[Thing]:
    """Each organisation's, one only its members see and one for everybody."""
    for owner in Owner:
        for shown in (Shown.ORGANISATION, Shown.PUBLIC):
            path = {"project_id": str(_project(world, owner, shown))}
            yield Thing(f"{owner} {shown}", owner, shown, path)
    gone = _project(world, Owner.OWN, Shown.ORGANISATION)
    world.rows.delete("project", id=gone)
    yield deleted({"project_id": str(gone)})


def _project(world: World, owner: Owner, shown: Shown) -> UUID:
    """Whoever leads it holds the whole of it."""
    organisation_id = world.organisations[owner]
    made: UUID = world.owned(
        "project", owner, shown, kind="rd_project", state="active", visibility=shown.value,
        joined=[organisation_id], invited=[],
    )["id"]  # fmt: skip
    world.owned(
        "project_member", owner, project_id=made, stake=WHOLE, state="joined",
    )  # fmt: skip
    return made


def parts(param: str, table: str, **known: Any) -> Maker:
    """Something of a project of each organisation that only its members see."""

    def make(world: World) -> Iterator[Thing]:
        for owner in Owner:
            made = _part(world, owner, table, known)
            yield Thing(owner, owner, Shown.ORGANISATION, {param: str(made)})
        gone = _part(world, Owner.OWN, table, known)
        world.rows.delete(table, id=gone)
        yield deleted({param: str(gone)})

    return make


def _part(world: World, owner: Owner, table: str, known: Mapping[str, Any]) -> UUID:
    organisation_id = world.organisations[owner]
    project_id = _project(world, owner, Shown.ORGANISATION)
    held = {str(organisation_id): WHOLE}
    by_member = {name: held for name in ("parts", "weights") if name in known}
    facts = {**known, **by_member, "project_id": project_id}
    if "lead_id" in facts:
        facts["lead_id"] = organisation_id
    made: UUID = world.owned(table, owner, **facts)["id"]
    return made


def files(world: World) -> Iterator[Thing]:
    """Each of a document that is in storage."""
    for owner in Owner:
        yield Thing(owner, owner, Shown.ORGANISATION, {"file_version_id": str(_file(world, owner))})
    gone = _file(world, Owner.OWN)
    world.rows.delete("project_file", id=gone)
    yield deleted({"file_version_id": str(gone)})


def _file(world: World, owner: Owner) -> UUID:
    document_id, size, sha256 = _document(world, owner)
    facts = {"document_id": document_id, "media_type": "text/csv", "size": size}
    return _part(world, owner, "project_file", facts | {"sha256": sha256})


def _document(world: World, owner: Owner) -> tuple[UUID, int, str]:
    found = world.rows.connection.execute(
        "SELECT id, size, encode(sha256, 'hex') FROM document"
        " WHERE organisation_id = %s AND confidentiality = 'confidential' LIMIT 1",
        [world.organisations[owner]],
    ).fetchone()
    assert found is not None, "documents are made before"
    return found[0], found[1], found[2]


def document_of_own(world: World) -> str:
    return str(_document(world, Owner.OWN)[0])


def gigs(world: World) -> Iterator[Thing]:
    """Published to everybody and to members; some the neighbour applied for, some handed in."""
    for owner in Owner:
        for shown in (Shown.ORGANISATION, Shown.PUBLIC):
            made = _gig(world, owner, shown)
            yield Thing(f"{owner} {shown}", owner, shown, {"gig_id": str(made)})
    wanted = _gig(world, Owner.OWN, Shown.ORGANISATION)
    world.add(
        "gig_application", Owner.OWN, gig_id=wanted,
        organisation_id=world.organisations[Owner.NEIGHBOUR],
        owner_id=world.organisations[Owner.OWN],
    )  # fmt: skip
    yield Thing("applied for", Owner.OWN, Shown.ORGANISATION, {"gig_id": str(wanted)})
    for publisher, worker, state in (
        (Owner.OWN, Owner.NEIGHBOUR, "handed_in"),
        (Owner.NEIGHBOUR, Owner.OWN, "assigned"),
    ):
        made = _gig(world, publisher, Shown.ORGANISATION, worker=worker, state=state)
        yield Thing(
            f"{worker} for {publisher}, {state}", publisher, Shown.ORGANISATION,
            {"gig_id": str(made)}, parties=frozenset({publisher, worker}), taker=publisher,
            giver=worker,
        )  # fmt: skip
    gone = _gig(world, Owner.OWN, Shown.ORGANISATION)
    world.rows.delete("gig", id=gone)
    yield deleted({"gig_id": str(gone)})


def _gig(
    world: World,
    owner: Owner,
    shown: Shown,
    *,
    worker: Owner | None = None,
    state: str = "published",
) -> UUID:
    secret = owner if worker is None else Owner.OWN
    facts: dict[str, Any] = {"state": state, "due_at": DUE, "hand_ins": 0, "currency": "CNY"}
    if worker is not None:
        facts["worker_id"] = world.organisations[worker]
        facts["escrow_id"] = escrow_between(world, owner, worker)
    made: UUID = world.add(
        "gig", secret, shown, organisation_id=world.organisations[owner],
        project_id=_project(world, owner, shown if worker is None else Shown.PUBLIC),
        pay_minor=amount(secret, shown), **facts,
    )["id"]  # fmt: skip
    return made


def pools(world: World) -> Iterator[Thing]:
    """Everybody sees every pool."""
    for owner in Owner:
        made = _pool(world, owner)
        yield Thing(owner, owner, Shown.PUBLIC, {"pool_id": str(made)})
    gone = _pool(world, Owner.OWN)
    world.rows.delete("lot_pool", id=gone)
    yield deleted({"pool_id": str(gone)})


def _pool(world: World, owner: Owner) -> UUID:
    made: UUID = world.owned(
        "lot_pool", owner, Shown.PUBLIC, state="open", currency="CNY", closes_at=DUE
    )["id"]
    return made


def pooled_demands(world: World) -> Iterator[Thing]:
    """What each asked of another's pool; the maker of the pool is a party to it."""
    for by, of in (
        (Owner.OWN, Owner.NEIGHBOUR),
        (Owner.NEIGHBOUR, Owner.OWN),
        (Owner.NEIGHBOUR, Owner.STRANGER),
    ):
        made = _pooled(world, by, of)
        yield Thing(
            f"{by} of {of}", by, Shown.ORGANISATION, {"pooled_demand_id": str(made)},
            parties=frozenset({by, of}), taker=by, giver=of,
        )  # fmt: skip
    gone = _pooled(world, Owner.OWN, Owner.NEIGHBOUR)
    world.rows.delete("lot_pool_demand", id=gone)
    yield deleted({"pooled_demand_id": str(gone)})


def _pooled(world: World, by: Owner, of: Owner) -> UUID:
    secret = Owner.OWN if Owner.OWN in {by, of} else Owner.STRANGER
    made: UUID = world.add(
        "lot_pool_demand", secret, organisation_id=world.organisations[by],
        owner_id=world.organisations[of], pool_id=_pool(world, of), state="waiting",
    )["id"]  # fmt: skip
    return made
