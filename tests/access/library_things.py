"""Things of the library: items of each visibility, versions with files, licences, downloads."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from tests.access.making import deleted
from tests.access.markers import Owner, Shown, marker
from tests.access.market_things import placing
from tests.access.rows import START
from tests.access.world import Thing, World

_SHOWN: Final = (
    (Owner.OWN, Shown.ORGANISATION),
    (Owner.OWN, Shown.PRIVATE),
    (Owner.OWN, Shown.PUBLIC),
    (Owner.NEIGHBOUR, Shown.PUBLIC),
    (Owner.NEIGHBOUR, Shown.PARK),
    (Owner.NEIGHBOUR, Shown.NDA),
    (Owner.NEIGHBOUR, Shown.ORGANISATION),
    (Owner.STRANGER, Shown.PUBLIC),
    (Owner.STRANGER, Shown.NDA),
    (Owner.STRANGER, Shown.SPACE),
)
_PAIRS: Final = (
    (Owner.OWN, Owner.NEIGHBOUR),
    (Owner.NEIGHBOUR, Owner.OWN),
    (Owner.NEIGHBOUR, Owner.STRANGER),
)
_TERMS: Final[dict[str, Any]] = {
    "kind": "free", "fee": None, "days": None, "attribution": "x", "nda": False,
}  # fmt: skip


def items(world: World) -> Iterator[Thing]:
    for owner, shown in _SHOWN:
        made = _item(world, owner, shown)
        world.items[owner, shown] = made
        yield Thing(f"{owner} {shown}", owner, shown, {"item_id": str(made)})
    own = world.items[Owner.OWN, Shown.ORGANISATION]
    world.version_file = _document(world, Owner.OWN, Shown.ORGANISATION, own)["id"]
    gone = _item(world, Owner.OWN, Shown.ORGANISATION)
    world.rows.delete("library_item", id=gone)
    yield deleted({"item_id": str(gone)})


def versions(world: World) -> Iterator[Thing]:
    """Seen as the items they are of."""
    for owner, shown in _SHOWN:
        made = _version(world, owner, shown)
        world.versions[owner, shown] = made
        yield Thing(f"{owner} {shown}", owner, shown, {"version_id": str(made)})
    gone = _version(world, Owner.OWN, Shown.ORGANISATION, number=2)
    world.rows.delete("library_version", id=gone)
    yield deleted({"version_id": str(gone)})


def licences(world: World) -> Iterator[Thing]:
    for licensee, owner in _PAIRS:
        made = _licence(world, licensee, owner)
        world.add("library_reuse", *_secret(licensee, owner), **_part(world, licensee, owner, made))
        yield Thing(
            f"{licensee} of {owner}", licensee, Shown.ORGANISATION, {"licence_id": str(made)},
            parties=frozenset({licensee, owner}), taker=licensee, giver=owner,
        )  # fmt: skip
    gone = _licence(world, Owner.OWN, Owner.NEIGHBOUR)
    world.rows.delete("library_licence", id=gone)
    yield deleted({"licence_id": str(gone)})


def files(world: World) -> Iterator[Thing]:
    """Of whoever downloaded them; the owner of an item reads its documents."""
    for licensee, owner in _PAIRS:
        shown = Shown.PUBLIC
        licence_id = _licence(world, licensee, owner)
        document = _document(world, owner, shown, world.items[owner, shown])
        world.owned(
            "library_file",
            owner,
            shown,
            version_id=world.versions[owner, shown],
            document_id=document["id"],
            media_type="text/csv",
            size=document["size"],
            sha256=document["sha256"],
        )
        access = world.add(
            "library_access",
            *_secret(licensee, owner),
            **_part(world, licensee, owner, licence_id),
            version_id=world.versions[owner, shown],
            at=START,
        )
        path = {"access_id": str(access["id"]), "document_id": str(document["id"])}
        yield Thing(f"{licensee} of {owner}", licensee, Shown.ORGANISATION, path)
    unknown = {"access_id": str(world.rows.new_id()), "document_id": str(document["id"])}
    yield deleted(unknown)


def _secret(licensee: Owner, owner: Owner) -> tuple[Owner, Shown]:
    """Of the callers' organisation when it is one of the two, else of the stranger."""
    known = Owner.OWN if Owner.OWN in {licensee, owner} else Owner.STRANGER
    return known, Shown.ORGANISATION


def _part(world: World, licensee: Owner, owner: Owner, licence_id: UUID) -> dict[str, Any]:
    return {
        "organisation_id": world.organisations[licensee],
        "owner_id": world.organisations[owner],
        "item_id": world.items[owner, Shown.PUBLIC],
        "licence_id": licence_id,
    }


def _item(world: World, owner: Owner, shown: Shown) -> UUID:
    made: UUID = world.owned(
        "library_item",
        owner,
        shown,
        **placing(world, owner, shown),
        direction=3,
        kind="model",
        terms=_TERMS,
        state="published",
    )["id"]
    return made


def _version(world: World, owner: Owner, shown: Shown, *, number: int = 1) -> UUID:
    made: UUID = world.owned(
        "library_version", owner, shown, item_id=world.items[owner, shown], number=number
    )["id"]
    return made


def _licence(world: World, licensee: Owner, owner: Owner) -> UUID:
    part = _part(world, licensee, owner, world.rows.new_id())
    del part["licence_id"]
    made: UUID = world.add(
        "library_licence", *_secret(licensee, owner), **part, terms=_TERMS, state="active", used=0
    )["id"]
    return made


def _document(world: World, owner: Owner, shown: Shown, item_id: UUID) -> dict[str, Any]:
    content = f"name\n{marker(owner, shown)}-{world.rows.new_id()}\n".encode()
    sha256 = hashlib.sha256(content).digest()
    draft = world.storage.draft()
    Path(draft).write_bytes(content)
    world.storage.keep(draft, sha256, now=START)
    return world.owned(
        "document",
        owner,
        shown,
        media_type="text/csv",
        size=len(content),
        sha256=sha256,
        confidentiality="confidential",
        subject_kind="library_item",
        subject_id=item_id,
    )
