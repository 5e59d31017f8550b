"""Who a notice goes to: rules looked up when it goes out, across all organisations.

Only the worker may: requests see no more than row security shows their caller.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from sqlmodel import Session

from services.capacity import handlers as capacity
from services.capacity.domain import Resource
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.identity.domain import Verification
from services.risk.domain.addressing import Addressee, Names, Recipient
from services.risk.domain.notice import Notice

PAGE: Final = 1_000


class _HasId(Protocol):
    @property
    def id(self) -> UUID: ...


_ItemT = TypeVar("_ItemT", bound=_HasId)


def recipients(session: Session, notice: Notice) -> list[Recipient]:
    """Each organisation once, without the author's, in order of id."""
    addressing = notice.content.addressing
    persons = _persons(session, addressing.persons)
    found: dict[OrganisationId, Recipient] = {one.organisation_id: one for one in persons}
    named = {
        *addressing.organisations,
        *_in_parks(session, addressing.parks),
        *_in_regions(session, addressing.regions),
        *(_affected(session, notice) if addressing.affected_products else ()),
        *(_verified(session) if addressing.all_verified else ()),
    }
    found |= {organisation_id: Recipient(organisation_id) for organisation_id in named}
    found.pop(notice.organisation_id, None)
    return [found[organisation_id] for organisation_id in sorted(found)]


def _persons(session: Session, addressees: Sequence[Addressee]) -> list[Recipient]:
    """Those who really are members of the organisation they were named with."""
    members: dict[OrganisationId, set[UUID]] = {}
    for one in addressees:
        membership = identity.find_membership(
            session=session, organisation_id=one.organisation_id, person_id=one.person_id
        )
        if membership is not None:
            members.setdefault(one.organisation_id, set()).add(one.person_id)
    return [Recipient(organisation, frozenset(ids)) for organisation, ids in members.items()]


def _in_parks(session: Session, codes: Sequence[str]) -> Iterator[OrganisationId]:
    """Operators, and whoever they admitted."""
    for code, park in identity.parks_by_code(session=session, codes=codes).items():
        yield park.organisation_id
        after: UUID | None = None
        while page := identity.list_park_members(
            session=session, code=code, after=after, limit=PAGE
        ):
            yield from (member.organisation_id for member in page)
            after = page[-1].organisation_id


def _in_regions(session: Session, prefixes: Sequence[str]) -> Iterator[OrganisationId]:
    """Whoever has a site there."""
    if not prefixes:
        return
    starts = tuple(prefixes)
    for site in _every(lambda **page: identity.list_sites(session=session, **page)):
        if site.region_code.startswith(starts):
            yield site.organisation_id


def _affected(session: Session, notice: Notice) -> Iterator[OrganisationId]:
    """Whose resources name vendor and product in their names or attributes."""
    names = Names.of((product.vendor, product.name) for product in notice.content.products)
    for resource in _every(lambda **page: capacity.list_resources(session=session, **page)):
        if names.are_in(_texts(resource)):
            yield resource.organisation_id


def _verified(session: Session) -> Iterator[OrganisationId]:
    every = _every(lambda **page: identity.list_organisations(session=session, **page))
    return (one.id for one in every if one.verification is Verification.VERIFIED)


def _texts(resource: Resource) -> Iterator[str]:
    yield from (resource.name, resource.name_zh)
    for capability in resource.capabilities:
        for name, value in capability.attributes.items():
            yield f"{name} {value}"


def _every(list_page: Callable[..., Sequence[_ItemT]]) -> Iterator[_ItemT]:
    after: Any = None
    while page := list_page(after=after, limit=PAGE):
        yield from page
        after = page[-1].id
