"""Use cases of product records: name a product, add to its records, read them."""

from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.chains.domain.tracking import (
    Facts,
    Record,
    RecordKind,
    TrackedProduct,
    check_next,
    record_sha256,
)
from marketplace.chains.store import tracking as store
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.chains import ProductRecorded
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class TrackedProductNotFoundError(DomainError):
    code: ClassVar[str] = "tracked-product-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "No product {product_id} is tracked in a chain space of yours;"
        " list the tracked products of the space."
    )
    zh: ClassVar[str] = "贵组织的产业链空间中没有产品 {product_id}；请查看该空间的产品列表。"


class SerialTakenError(DomainError):
    code: ClassVar[str] = "serial-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Your organisation tracks {item} {serial} in this space already."
    zh: ClassVar[str] = "贵组织已在该空间登记编号为 {serial} 的 {item}。"


def track(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    space_id: UUID,
    item: str,
    serial: str,
    facts: Facts,
) -> TrackedProduct:
    """Name a piece or batch the organisation made; its first record is that it was made.

    Raises:
        SpaceNotFoundError: not a space of the organisation.
        SerialTakenError: it is named already.
    """
    identity.get_space(session=session, organisation_id=organisation_id, space_id=space_id)
    product = TrackedProduct(
        id=clock.new_id(),
        organisation_id=organisation_id,
        space_id=space_id,
        item=item,
        serial=serial,
        created_at=clock.now(),
    )
    if not store.insert_product(session, product):
        raise SerialTakenError(item=item, serial=serial)
    note(session, subject_kind="chain_product", subject_id=product.id, after=product)
    _add(session, clock, product, organisation_id, RecordKind.MADE, facts)
    return product


def record(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    product_id: UUID,
    kind: RecordKind,
    facts: Facts,
) -> Record:
    """Add what the organisation did to a product of one of its spaces.

    Raises:
        TrackedProductNotFoundError: there is none.
        NotMadeYetError, ProductRetiredError, RecordsFullError: as they say.
    """
    product = get_product(session=session, organisation_id=organisation_id, product_id=product_id)
    return _add(session, clock, product, organisation_id, kind, facts)


def get_product(
    *, session: Session, organisation_id: OrganisationId, product_id: UUID
) -> TrackedProduct:
    """A product of one of the organisation's spaces.

    Raises:
        TrackedProductNotFoundError: there is none.
    """
    found = store.find_product(session, product_id)
    if found is None:
        raise TrackedProductNotFoundError(product_id=product_id)
    try:
        identity.get_space(
            session=session, organisation_id=organisation_id, space_id=found.space_id
        )
    except identity.SpaceNotFoundError:
        raise TrackedProductNotFoundError(product_id=product_id) from None
    return found


def list_products(
    *,
    session: Session,
    organisation_id: OrganisationId,
    space_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[TrackedProduct]:
    """A page of products tracked in the space.

    Raises:
        SpaceNotFoundError: not a space of the organisation.
    """
    identity.get_space(session=session, organisation_id=organisation_id, space_id=space_id)
    return store.products_after(session, space_id, after=after, limit=limit)


def list_records(
    *, session: Session, organisation_id: OrganisationId, product_id: UUID
) -> list[Record]:
    """All records of a product, oldest first.

    Raises:
        TrackedProductNotFoundError: there is no such product.
    """
    get_product(session=session, organisation_id=organisation_id, product_id=product_id)
    return store.records_of(session, product_id)


def _add(
    session: Session,
    clock: Clock,
    product: TrackedProduct,
    organisation_id: OrganisationId,
    kind: RecordKind,
    facts: Facts,
) -> Record:
    last = store.lock_last_record(session, product.id)
    check_next(product.id, kind, last)
    position = 1 if last is None else last.position + 1
    prior, now = None if last is None else last.sha256, clock.now()
    added = Record(
        id=clock.new_id(),
        organisation_id=organisation_id,
        space_id=product.space_id,
        product_id=product.id,
        position=position,
        kind=kind,
        facts=facts,
        created_at=now,
        prior_sha256=prior,
        sha256=record_sha256(
            product_id=product.id,
            organisation_id=organisation_id,
            position=position,
            kind=kind,
            facts=facts,
            created_at=now,
            prior_sha256=prior,
        ),
    )
    store.insert_record(session, added)
    note(session, subject_kind="chain_record", subject_id=added.id, after=added)
    event = ProductRecorded(
        id=clock.new_id(),
        occurred_at=now,
        space_id=product.space_id,
        product_id=product.id,
        organisation_id=organisation_id,
        kind=kind,
        position=position,
        audience=Audience(visibility="space", space_id=product.space_id),
    )
    emit(session, event, now=now)
    return added
