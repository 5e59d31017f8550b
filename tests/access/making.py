"""What makers of things share: one thing of each organisation, a deleted one, one that is none."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from tests.access.markers import Owner, Shown
from tests.access.world import Thing, World

GARBAGE: Final = "no-such-id"
OF_CALLER: Final = "@"
"""Begins a path value that is an attribute of the caller."""

Maker = Callable[[World], Iterator[Thing]]


def garbage(params: tuple[str, ...], like: Thing) -> Thing:
    """A thing whose last name is none."""
    path = {**like.path, params[-1]: GARBAGE}
    return Thing("garbage", Owner.OWN, Shown.ORGANISATION, path, exists=False, is_garbage=True)


def each(
    param: str, table: str, facts: Callable[[World, Owner], Mapping[str, Any]] | None = None
) -> Maker:
    """One thing of each organisation that only its members see, and a deleted one."""

    def make(world: World) -> Iterator[Thing]:
        for owner in Owner:
            known = facts(world, owner) if facts else {}
            row = world.owned(table, owner, **known)
            yield Thing(owner, owner, Shown.ORGANISATION, {param: str(row["id"])})
        known = facts(world, Owner.OWN) if facts else {}
        row = world.owned(table, Owner.OWN, **known)
        world.rows.delete(table, id=row["id"])
        yield deleted({param: str(row["id"])})

    return make


def deleted(path: Mapping[str, str]) -> Thing:
    return Thing("deleted", Owner.OWN, Shown.ORGANISATION, path, exists=False)


def parts(
    whole: str, part: str, make: Callable[[World, Owner], UUID], wholes: str, table: str
) -> Maker:
    """Parts of things: each organisation's, another's under an own whole, a deleted one."""

    def made(world: World) -> Iterator[Thing]:
        owners: Mapping[Owner, UUID] = getattr(world, wholes)
        for owner in Owner:
            path = {whole: str(owners[owner]), part: str(make(world, owner))}
            yield Thing(owner, owner, Shown.ORGANISATION, path)
            if owner is not Owner.OWN:
                path = {**path, whole: str(owners[Owner.OWN])}
                yield Thing(f"{owner} under own", owner, Shown.ORGANISATION, path)
        gone = make(world, Owner.OWN)
        world.rows.delete(table, id=gone)
        yield deleted({whole: str(owners[Owner.OWN]), part: str(gone)})

    return made
