"""SQL of products, their versions, orders and milestones."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlmodel import Session, col, or_, select

from marketplace.offers.pricing import Price, PriceLine
from marketplace.products.domain.order import Milestone, ProductOrder, ProductOrderState
from marketplace.products.domain.product import (
    Product,
    ProductState,
    ProductVisibility,
    Specification,
)
from marketplace.products.tables import (
    MilestoneRow,
    ProductOrderRow,
    ProductRow,
    ProductVersionRow,
)
from services.contracts.ids import BookingId, JointId, OrganisationId
from services.contracts.money import Money

_SPECIFICATIONS: Final = TypeAdapter(Specification)
_FRESH: Final = {"populate_existing": True}


def insert_product(session: Session, product: Product) -> None:
    session.add(
        ProductRow(
            id=product.id,
            organisation_id=product.organisation_id,
            visibility=product.visibility.value,
            state=product.state.value,
            version=product.version,
            created_at=product.created_at,
            updated_at=product.updated_at,
        )
    )
    session.flush()
    insert_version(session, product)


def insert_version(session: Session, product: Product) -> None:
    said = product.specification
    session.add(
        ProductVersionRow(
            product_id=product.id,
            version=product.version,
            organisation_id=product.organisation_id,
            title=said.title,
            title_zh=said.title_zh,
            specification=_SPECIFICATIONS.dump_python(said, mode="json"),
            created_at=product.updated_at,
        )
    )
    session.flush()


def save_product(session: Session, product: Product) -> None:
    row = session.get_one(ProductRow, product.id)
    row.state, row.version = product.state.value, product.version
    row.updated_at = product.updated_at
    session.flush()


def find_product(
    session: Session, product_id: UUID, *, version: int | None = None, lock: bool = False
) -> Product | None:
    """A product one may see, as it is now or as it was in ``version``."""
    query = select(ProductRow).where(col(ProductRow.id) == product_id)
    row = session.exec(
        query.with_for_update() if lock else query, execution_options=_FRESH
    ).one_or_none()
    if row is None:
        return None
    told = session.get(ProductVersionRow, (product_id, version or row.version))
    return None if told is None else _product(row, told)


def products_after(session: Session, *, after: UUID | None, limit: int) -> list[Product]:
    """Published ones one may see, in order of id."""
    query = (
        select(ProductRow, ProductVersionRow)
        .join(ProductVersionRow, col(ProductVersionRow.product_id) == col(ProductRow.id))
        .where(
            col(ProductVersionRow.version) == col(ProductRow.version),
            col(ProductRow.state) == ProductState.PUBLISHED.value,
        )
    )
    if after is not None:
        query = query.where(col(ProductRow.id) > after)
    rows = session.exec(query.order_by(col(ProductRow.id)).limit(limit))
    return [_product(row, told) for row, told in rows]


def insert_order(session: Session, order: ProductOrder) -> None:
    session.add(
        ProductOrderRow(
            id=order.id,
            organisation_id=order.organisation_id,
            maker_id=order.maker_id,
            product_id=order.product_id,
            product_version=order.product_version,
            choices=dict(order.choices),
            quantity=order.quantity,
            total_minor=order.price.total.minor,
            currency=order.price.total.currency,
            lines=[
                {"rule": line.rule, "amount_minor": line.amount_minor} for line in order.price.lines
            ],
            joint_id=order.joint_id,
            state=order.state.value,
            delivered_by=order.delivered_by,
            version=order.version,
            created_at=order.created_at,
            updated_at=order.updated_at,
        )
    )
    session.flush()
    session.add_all(
        MilestoneRow(
            order_id=order.id,
            number=one.number,
            organisation_id=order.organisation_id,
            payee_id=one.payee_id,
            title=one.title,
            amount_minor=one.amount_minor,
            booking_id=one.booking_id,
            escrow_id=one.escrow_id,
        )
        for one in order.milestones
    )
    session.flush()


def save_order(session: Session, order: ProductOrder) -> None:
    row = session.get_one(ProductOrderRow, order.id)
    row.state, row.version, row.updated_at = order.state.value, order.version, order.updated_at
    session.flush()


def save_milestones(session: Session, order_id: UUID, milestones: Iterable[Milestone]) -> None:
    for one in milestones:
        row = session.get_one(MilestoneRow, (order_id, one.number))
        row.done_at, row.released_at = one.done_at, one.released_at
    session.flush()


def find_order(
    session: Session, order_id: UUID, *, party: OrganisationId, lock: bool = False
) -> ProductOrder | None:
    """As its buyer or its maker; the maker sees its own milestone alone."""
    query = select(ProductOrderRow).where(col(ProductOrderRow.id) == order_id, _party(party))
    row = session.exec(
        query.with_for_update() if lock else query, execution_options=_FRESH
    ).one_or_none()
    return None if row is None else _orders(session, [row], party)[0]


def order_of_booking(session: Session, booking_id: UUID) -> ProductOrder | None:
    """The order a booking is a leg of, locked, whole: for the worker."""
    query = (
        select(ProductOrderRow)
        .join(MilestoneRow, col(MilestoneRow.order_id) == col(ProductOrderRow.id))
        .where(col(MilestoneRow.booking_id) == booking_id)
        .with_for_update(of=ProductOrderRow)
    )
    row = session.exec(query, execution_options=_FRESH).one_or_none()
    return None if row is None else _orders(session, [row], None)[0]


def orders_after(
    session: Session, *, party: OrganisationId, after: UUID | None, limit: int
) -> list[ProductOrder]:
    query = select(ProductOrderRow).where(_party(party))
    if after is not None:
        query = query.where(col(ProductOrderRow.id) > after)
    rows = session.exec(query.order_by(col(ProductOrderRow.id)).limit(limit)).all()
    return _orders(session, rows, party)


def _party(party: OrganisationId) -> Any:
    return or_(
        col(ProductOrderRow.organisation_id) == party, col(ProductOrderRow.maker_id) == party
    )


def _orders(
    session: Session, rows: Sequence[ProductOrderRow], viewer: OrganisationId | None
) -> list[ProductOrder]:
    query = select(MilestoneRow).where(col(MilestoneRow.order_id).in_([row.id for row in rows]))
    if viewer is not None:
        query = query.where(
            or_(col(MilestoneRow.organisation_id) == viewer, col(MilestoneRow.payee_id) == viewer)
        )
    ordered = query.order_by(col(MilestoneRow.order_id), col(MilestoneRow.number))
    found = session.exec(ordered, execution_options=_FRESH).all() if rows else []
    return [_order(row, [one for one in found if one.order_id == row.id]) for row in rows]


def _product(row: ProductRow, told: ProductVersionRow) -> Product:
    return Product(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        visibility=ProductVisibility(row.visibility),
        state=ProductState(row.state),
        version=told.version,
        specification=_SPECIFICATIONS.validate_python(told.specification),
        created_at=row.created_at,
        updated_at=told.created_at,
    )


def _order(row: ProductOrderRow, milestones: Sequence[MilestoneRow]) -> ProductOrder:
    lines = tuple(PriceLine(one["rule"], one["amount_minor"]) for one in row.lines)
    return ProductOrder(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        maker_id=OrganisationId(row.maker_id),
        product_id=row.product_id,
        product_version=row.product_version,
        choices=row.choices,
        quantity=row.quantity,
        price=Price(Money(row.total_minor, row.currency), lines),
        joint_id=JointId(row.joint_id),
        state=ProductOrderState(row.state),
        milestones=tuple(_milestone(one) for one in milestones),
        delivered_by=row.delivered_by,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _milestone(row: MilestoneRow) -> Milestone:
    return Milestone(
        number=row.number,
        payee_id=OrganisationId(row.payee_id),
        title=row.title,
        amount_minor=row.amount_minor,
        booking_id=None if row.booking_id is None else BookingId(row.booking_id),
        escrow_id=row.escrow_id,
        done_at=row.done_at,
        released_at=row.released_at,
    )
