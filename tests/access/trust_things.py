"""Things of trust: accounts, keys, sessions, members, communities, agreements, documents."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from tests.access.making import OF_CALLER, Maker, deleted, each
from tests.access.markers import Owner, Shown, marker
from tests.access.rows import START
from tests.access.world import CREDIT_CODES, YEAR, Thing, World

TERMS: Final = hashlib.sha256(b"terms").digest()
DAY: Final = timedelta(days=1)


def service_accounts(world: World) -> Iterator[Thing]:
    roles = {"roles": ["seller", "buyer"]}
    for thing in each("service_account_id", "service_account", lambda *_: roles)(world):
        if thing.exists:
            world.accounts[thing.owner] = UUID(thing.path["service_account_id"])
        yield thing


def api_key(world: World, owner: Owner) -> UUID:
    made: UUID = world.owned(
        "api_key",
        owner,
        service_account_id=world.accounts[owner],
        roles=["seller"],
        expires_at=START + YEAR,
    )["id"]
    return made


def gateway_credential(world: World, owner: Owner) -> UUID:
    made: UUID = world.owned("gateway_credential", owner, gateway_id=world.gateways[owner])["id"]
    return made


def sessions(world: World) -> Iterator[Thing]:
    """The caller's own, and a colleague's."""
    own = {"session_id": f"{OF_CALLER}credential_id"}
    yield Thing("the caller's", Owner.OWN, Shown.PRIVATE, own, of_caller=True)
    colleague = world.person(Owner.OWN, ["seller"], "colleague")
    row = world.rows.insert(
        "session",
        marker(Owner.STRANGER, Shown.PRIVATE),
        person_id=colleague,
        organisation_id=world.organisations[Owner.OWN],
        expires_at=START + YEAR,
        token_hash=hashlib.sha256(b"colleague").digest(),
    )
    path = {"session_id": str(row["id"])}
    yield Thing("a colleague's", Owner.OWN, Shown.PRIVATE, path, of_caller=False)
    row = world.rows.insert("session", "gone", person_id=colleague, expires_at=START + YEAR)
    world.rows.delete("session", id=row["id"])
    yield deleted({"session_id": str(row["id"])})


def gateway_members(world: World) -> Iterator[Thing]:
    """Whose gateway it is decides; the organisation let in is public."""
    for owner in Owner:
        path = {
            "gateway_id": str(world.gateways[owner]),
            "organisation_id": str(world.organisations[Owner.STRANGER]),
        }
        yield Thing(owner, owner, Shown.ORGANISATION, path)


def passkeys(world: World) -> Iterator[Thing]:
    """The caller's own, and a colleague's."""
    own = {"passkey_id": f"{OF_CALLER}passkey_id"}
    yield Thing("the caller's", Owner.OWN, Shown.PRIVATE, own, of_caller=True)
    colleague = world.person(Owner.OWN, ["seller"], "passkey")
    path = {"passkey_id": str(world.rows.insert("passkey", "probe", person_id=colleague)["id"])}
    yield Thing("a colleague's", Owner.OWN, Shown.PRIVATE, path, of_caller=False)
    row = world.rows.insert("passkey", "gone", person_id=colleague)
    world.rows.delete("passkey", id=row["id"])
    yield deleted({"passkey_id": str(row["id"])})


def members(world: World) -> Iterator[Thing]:
    for owner in Owner:
        path = {"person_id": str(world.person(owner, ["seller"], f"of-{owner}"))}
        yield Thing(owner, owner, Shown.ORGANISATION, path)
    gone = world.person(Owner.OWN, ["seller"], "gone")
    world.rows.delete("membership", person_id=gone)
    yield deleted({"person_id": str(gone)})


def invitations(world: World) -> Iterator[Thing]:
    def facts(_: World, owner: Owner) -> dict[str, Any]:
        name = f"{marker(owner, Shown.ORGANISATION)}-{world.rows.new_id().hex}@example.com"
        return {"email": name, "roles": ["seller"], "expires_at": START + YEAR}

    yield from each("invitation_id", "invitation", facts)(world)


def parks(world: World) -> Iterator[Thing]:
    """Each organisation runs one; that there are parks is public."""
    for owner in Owner:
        code = f"park-of-{owner}"
        world.owned("park", owner, Shown.PUBLIC, code=code)
        world.rows.insert("park_member", "", park=code, organisation_id=world.landlord)
        yield Thing(owner, owner, Shown.PUBLIC, {"code": code})
    world.owned("park", Owner.OWN, Shown.PUBLIC, code="park-gone")
    world.rows.delete("park", code="park-gone")
    yield deleted({"code": "park-gone"})


def spaces(world: World) -> Iterator[Thing]:
    """One the callers' organisation leads, one it is a member of, one it knows nothing of."""
    led = _space(world, Owner.OWN)
    yield Thing("led", Owner.OWN, Shown.ORGANISATION, {"space_id": str(led)})
    yield Thing(
        "joined", Owner.NEIGHBOUR, Shown.SPACE, {"space_id": str(world.space)},
        parties=frozenset({Owner.OWN, Owner.NEIGHBOUR}),
    )  # fmt: skip
    other = _space(world, Owner.STRANGER)
    yield Thing("a stranger's", Owner.STRANGER, Shown.SPACE, {"space_id": str(other)})
    gone = _space(world, Owner.OWN)
    world.rows.delete("space_member", space_id=gone)
    world.rows.delete("space", id=gone)
    yield deleted({"space_id": str(gone)})


def _space(world: World, owner: Owner) -> UUID:
    made: UUID = world.owned("space", owner)["id"]
    world.rows.insert("space_member", "", space_id=made, organisation_id=world.organisations[owner])
    world.rows.insert("space_member", "", space_id=made, organisation_id=world.landlord)
    return made


def agreements(world: World) -> Iterator[Thing]:
    """Not yet signed by the counterparty."""
    for owner, other in ((Owner.NEIGHBOUR, Owner.OWN), (Owner.NEIGHBOUR, Owner.STRANGER)):
        known = {"nda_id": str(_agreement(world, owner, other)["id"])}
        parties = frozenset({owner, other})
        yield Thing(f"with {other}", owner, Shown.ORGANISATION, known, parties=parties)
    gone = _agreement(world, Owner.NEIGHBOUR, Owner.OWN)["id"]
    world.rows.delete("nda", id=gone)
    yield deleted({"nda_id": str(gone)})


def _agreement(world: World, owner: Owner, other: Owner) -> dict[str, Any]:
    betrayed = other if other is Owner.OWN else Owner.STRANGER
    return world.add(
        "nda",
        betrayed,
        organisation_id=world.organisations[owner],
        counterparty_id=world.organisations[other],
        proposed_by=world.organisations[owner],
        subject_kind="offer",
        subject_id=world.rows.new_id(),
        terms_hash=TERMS,
        expires_at=START + YEAR,
        owner_signed_at=START,
        owner_signed_by=world.rows.new_id(),
    )


def documents(world: World) -> Iterator[Thing]:
    """The neighbour confides everything to the callers' organisation; the stranger nothing."""
    confided = {Owner.OWN: Shown.ORGANISATION, Owner.NEIGHBOUR: Shown.NDA}
    for owner in Owner:
        shown = confided.get(owner, Shown.ORGANISATION)
        for level in (shown, Shown.PUBLIC):
            path = {"document_id": str(_document(world, owner, level))}
            yield Thing(f"{owner} {level}", owner, level, path)
    gone = _document(world, Owner.OWN, Shown.ORGANISATION)
    world.rows.delete("document", id=gone)
    yield deleted({"document_id": str(gone)})


def _document(world: World, owner: Owner, shown: Shown) -> UUID:
    """Its bytes betray it too."""
    content = f"name\n{marker(owner, shown)}-{world.rows.new_id()}\n".encode()
    sha256 = hashlib.sha256(content).digest()
    level = "public" if shown is Shown.PUBLIC else "confidential"
    draft = world.storage.draft()
    Path(draft).write_bytes(content)
    world.storage.keep(draft, sha256, now=START)
    row = world.owned(
        "document",
        owner,
        shown,
        media_type="text/csv",
        size=len(content),
        sha256=sha256,
        confidentiality=level,
    )
    made: UUID = row["id"]
    return made


def community_members(param: str) -> Maker:
    """Whose community it is decides; who is let in or out is public."""

    def made(world: World) -> Iterator[Thing]:
        for whole in world.things[(param,)]:
            path = {**whole.path, "organisation_id": str(world.landlord)}
            yield replace(whole, path=path)

    return made


def left_about(world: World) -> None:
    """What no path names but lists show: requests of firms, messages not understood, audit."""
    world.rows.insert("audit_head", "", chain=UUID(int=0))
    for owner in Owner:
        asked: dict[str, Any] = {"document_ids": [], "uscc": CREDIT_CODES[owner]}
        if owner is Owner.OWN:
            decided: dict[str, Any] = {
                "decided_at": START,
                "decided_by": world.rows.new_id(),
                "reason": "probe",
            }
            world.owned("verification", owner, **asked, **decided, state="rejected")
        else:
            world.owned("verification", owner, **asked, state="pending")
        world.owned("quarantine", owner, payload=b"?", payload_bytes=1)
        chain: dict[str, Any] = {"chain": world.organisations[owner], "seq": 1}
        world.owned("audit_entry", owner, **chain, actor_kind="platform")
        world.owned("audit_head", owner, **chain)
