"""Use cases of publishing a product, its next version, and reading it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Protocol
from uuid import UUID

from sqlmodel import Session

from marketplace.products import store
from marketplace.products.domain.options import Choices
from marketplace.products.domain.product import (
    Configured,
    Product,
    ProductState,
    ProductVisibility,
    Specification,
    check_specification,
    configure,
)
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.products import ProductChanged
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class ProductNotFoundError(DomainError):
    code: ClassVar[str] = "product-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No product has the id {product_id}, in this version; list /products."
    zh: ClassVar[str] = "没有编号为 {product_id} 的产品或该版本；请查看 /products。"


class ProductWithdrawnError(DomainError):
    code: ClassVar[str] = "product-withdrawn"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Product {product_id} was withdrawn; it is ordered no more."
    zh: ClassVar[str] = "产品 {product_id} 已下架，不能再订购。"


class ProductVersionMismatchError(DomainError):
    code: ClassVar[str] = "product-version-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.STALE
    en: ClassVar[str] = (
        "Product {product_id} is at version {version}, not {expected}; read it again."
    )
    zh: ClassVar[str] = "产品 {product_id} 的版本为 {version}，而非 {expected}；请重新读取。"


class Vocabulary(Protocol):
    """What codes are checked against; the taxonomy implements it."""

    def expand_process(self, code: str) -> frozenset[str]: ...

    def expand_material(self, code: str) -> frozenset[str]: ...


def publish(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    specification: Specification,
    visibility: ProductVisibility,
    vocabulary: Vocabulary,
) -> Product:
    """Publish the first version of a product.

    Raises:
        OptionInvalidError: nobody could order it.
        UnknownTermError: a process or material the taxonomy does not have.
    """
    _check(specification, vocabulary)
    now = clock.now()
    made = Product(
        id=clock.new_id(),
        organisation_id=organisation_id,
        visibility=visibility,
        state=ProductState.PUBLISHED,
        version=1,
        specification=specification,
        created_at=now,
        updated_at=now,
    )
    store.insert_product(session, made)
    _tell(session, clock, None, made)
    return made


def revise(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    product_id: UUID,
    specification: Specification,
    vocabulary: Vocabulary,
    expected_version: int | None,
) -> Product:
    """Publish the next version; orders made from earlier ones stay as they are.

    Raises:
        ProductNotFoundError: the organisation has none such.
        ProductVersionMismatchError, ProductWithdrawnError: as they say.
        OptionInvalidError, UnknownTermError: as for the first version.
    """
    before = _own(session, organisation_id, product_id)
    if expected_version not in {None, before.version}:
        raise ProductVersionMismatchError(
            product_id=product_id, version=before.version, expected=expected_version
        )
    check_orderable(before)
    _check(specification, vocabulary)
    after = replace(
        before,
        specification=specification,
        version=before.version + 1,
        updated_at=clock.now(),
    )
    store.save_product(session, after)
    store.insert_version(session, after)
    _tell(session, clock, before, after)
    return after


def withdraw(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, product_id: UUID
) -> Product:
    """Take a product off the market; orders of it are seen through. Done twice, it stays so.

    Raises:
        ProductNotFoundError: the organisation has none such.
    """
    before = _own(session, organisation_id, product_id)
    after = replace(before, state=ProductState.WITHDRAWN)
    if after != before:
        store.save_product(session, after)
        _tell(session, clock, before, after)
    return after


def get_product(*, session: Session, product_id: UUID, version: int | None = None) -> Product:
    """A product one may see, as it is now or as it was in ``version``.

    Raises:
        ProductNotFoundError: there is none such.
    """
    found = store.find_product(session, product_id, version=version)
    if found is None:
        raise ProductNotFoundError(product_id=product_id)
    return found


def list_products(*, session: Session, after: UUID | None, limit: int) -> list[Product]:
    """A page of the published products one may see."""
    return store.products_after(session, after=after, limit=limit)


def configure_product(
    *,
    session: Session,
    product_id: UUID,
    version: int | None,
    choices: Choices,
    quantity: int,
    at: datetime,
) -> tuple[Product, Configured]:
    """What choices come to; nothing is kept.

    Raises:
        ProductNotFoundError, ChoiceInvalidError, StepTooLongError, PriceNegativeError,
        PriceNotValidError, PricePartUnknownError: as they say.
    """
    product = get_product(session=session, product_id=product_id, version=version)
    found = configure(product.specification, choices, quantity=quantity, day=at.date())
    return product, found


def check_orderable(product: Product) -> None:
    """Refuse a product that was withdrawn.

    Raises:
        ProductWithdrawnError: it was.
    """
    if product.state is ProductState.WITHDRAWN:
        raise ProductWithdrawnError(product_id=product.id)


def _check(specification: Specification, vocabulary: Vocabulary) -> None:
    check_specification(specification)
    for step in specification.steps:
        vocabulary.expand_process(step.process)
        _check_materials(step.material.codes.values() if step.material else (), vocabulary)


def _check_materials(codes: Iterable[str], vocabulary: Vocabulary) -> None:
    for code in codes:
        vocabulary.expand_material(code)


def _own(session: Session, organisation_id: OrganisationId, product_id: UUID) -> Product:
    found = store.find_product(session, product_id)
    if found is None or found.organisation_id != organisation_id:
        raise ProductNotFoundError(product_id=product_id)
    locked = store.find_product(session, product_id, lock=True)
    assert locked is not None, "products are not removed"
    return locked


def _tell(session: Session, clock: Clock, before: Product | None, after: Product) -> None:
    note(session, subject_kind="product", subject_id=after.id, before=before, after=after)
    now = clock.now()
    event = ProductChanged(
        id=clock.new_id(),
        occurred_at=now,
        product_id=after.id,
        organisation_id=after.organisation_id,
        state=after.state,
        version=after.version,
        audience=after.audience,
    )
    emit(session, event, now=now)
