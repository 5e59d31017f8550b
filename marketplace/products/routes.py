"""``/products`` and ``/product-orders``: configure, order over several firms, pay by milestone."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from marketplace.products.handlers import ordering, publishing
from marketplace.products.handlers.ordering import Means
from marketplace.products.schemas import (
    ConfigurationIn,
    ConfigurationOut,
    ProductIn,
    ProductOrderIn,
    ProductOrderOut,
    ProductOut,
    ProductPaymentIn,
    ProductReleaseIn,
    ProductSpecificationIn,
)
from marketplace.taxonomy.routes import TaxonomyDep
from services.contracts.policies import Action
from services.runtime.etags import IfMatch, etag, version_named
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

VERSION_MAX = 1_000_000
VersionDep = Annotated[int | None, Query(ge=1, le=VERSION_MAX)]
router = api_router(tags=["products"])


def _means(request: Request, taxonomy: TaxonomyDep) -> Means:
    settings = request.app.state.settings
    return Means(
        vocabulary=taxonomy,
        hold_ttl=timedelta(seconds=settings.hold_ttl_s),
        stale_after=timedelta(seconds=settings.seen_stale_after_s),
        open_max=settings.open_holds_max,
    )


MeansDep = Annotated[Means, Depends(_means)]


@router.post(
    "/products",
    status_code=201,
    response_model=ProductOut,
    dependencies=[requires(Action.PRODUCT_PUBLISH)],
)
def publish_product(
    asked: ProductIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
    taxonomy: TaxonomyDep,
) -> Response:
    """Publish a configurable product: options, constraints, process chain and price as data."""

    def work() -> ProductOut:
        made = publishing.publish(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            specification=asked.specification(),
            visibility=asked.visibility,
            vocabulary=taxonomy,
        )
        return ProductOut.of(made)

    return creation.once(asked, work)


@router.get(
    "/products", response_model=Page[ProductOut], dependencies=[requires(Action.PRODUCT_READ)]
)
def list_products(session: SessionDep, page: PageDep) -> Page[ProductOut] | Response:
    """Published products one may see."""
    found = publishing.list_products(session=session, after=page.after, limit=page.fetch)
    return page.answer(found, ProductOut.of, name="products")


@router.get("/products/{product_id}", dependencies=[requires(Action.PRODUCT_READ)])
def read_product(
    product_id: UUID, session: SessionDep, response: Response, version: VersionDep = None
) -> ProductOut:
    """A product as it is now, or as it was in a version; its ETag is its version."""
    found = publishing.get_product(session=session, product_id=product_id, version=version)
    response.headers["etag"] = etag(found.version)
    return ProductOut.of(found)


@router.put("/products/{product_id}", dependencies=[requires(Action.PRODUCT_EDIT)])
def revise_product(
    product_id: UUID,
    asked: ProductSpecificationIn,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    taxonomy: TaxonomyDep,
    if_match: IfMatch = None,
) -> ProductOut:
    """Publish the next version; orders made from earlier ones stay as they are."""
    revised = publishing.revise(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        product_id=product_id,
        specification=asked.specification(),
        vocabulary=taxonomy,
        expected_version=version_named(if_match),
    )
    response.headers["etag"] = etag(revised.version)
    return ProductOut.of(revised)


@router.delete("/products/{product_id}", dependencies=[requires(Action.PRODUCT_EDIT)])
def withdraw_product(
    product_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ProductOut:
    """Take a product off the market; orders of it are seen through."""
    withdrawn = publishing.withdraw(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        product_id=product_id,
    )
    return ProductOut.of(withdrawn)


@router.post(
    "/products/{product_id}/configurations", dependencies=[requires(Action.PRODUCT_CONFIGURE)]
)
def configure_product(
    product_id: UUID,
    asked: ConfigurationIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    means: MeansDep,
) -> ConfigurationOut:
    """What choices come to: what is broken and what is nearest, or work, price and route."""
    product, found = publishing.configure_product(
        session=session,
        product_id=product_id,
        version=asked.version,
        choices=asked.choices,
        quantity=asked.quantity,
        at=clock.now(),
    )
    planned = None
    if asked.wanted is not None and found.is_valid:
        planned = ordering.plan(
            session=session,
            clock=clock,
            buyer=acting.organisation_id,
            configured=found,
            wanted=asked.wanted.wanted(),
            means=means,
        )
    return ConfigurationOut.of(product, found, planned)


@router.post(
    "/products/{product_id}/orders",
    status_code=201,
    response_model=ProductOrderOut,
    dependencies=[requires(Action.PRODUCT_ORDER)],
)
def order_product(
    product_id: UUID,
    asked: ProductOrderIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
    means: MeansDep,
) -> Response:
    """Route the configured product and hold every leg, or none; an escrow for each party."""

    def work() -> ProductOrderOut:
        made = ordering.order(
            session=session,
            clock=clock,
            buyer=acting.organisation_id,
            product_id=product_id,
            version=asked.version,
            choices=asked.choices,
            quantity=asked.quantity,
            wanted=asked.wanted.wanted(),
            means=means,
        )
        return ProductOrderOut.of(made)

    return creation.once(asked, work)


@router.get(
    "/product-orders",
    response_model=Page[ProductOrderOut],
    dependencies=[requires(Action.PRODUCT_ORDER_READ)],
)
def list_product_orders(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ProductOrderOut] | Response:
    """Orders one made, and those of own products."""
    found = ordering.list_orders(
        session=session, party=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, ProductOrderOut.of, name="product-orders")


@router.get(
    "/product-orders/{product_order_id}", dependencies=[requires(Action.PRODUCT_ORDER_READ)]
)
def read_product_order(
    product_order_id: UUID, session: SessionDep, acting: ActingDep
) -> ProductOrderOut:
    """One order, as its buyer or its maker."""
    found = ordering.get_order(
        session=session, party=acting.organisation_id, order_id=product_order_id
    )
    return ProductOrderOut.of(found)


@router.post(
    "/product-orders/{product_order_id}/confirm",
    dependencies=[requires(Action.PRODUCT_ORDER_DECIDE)],
)
def confirm_product_order(
    product_order_id: UUID,
    asked: ProductPaymentIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> ProductOrderOut:
    """Make every leg firm, or none, and set the money of every milestone aside."""
    confirmed = ordering.confirm(
        session=session,
        clock=clock,
        buyer=acting.organisation_id,
        order_id=product_order_id,
        method=asked.method,
    )
    return ProductOrderOut.of(confirmed)


@router.post(
    "/product-orders/{product_order_id}/fund",
    dependencies=[requires(Action.PRODUCT_ORDER_DECIDE)],
)
def fund_product_order(
    product_order_id: UUID,
    asked: ProductPaymentIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> ProductOrderOut:
    """Ask once more for money that is not there, e.g. after a bank declined it."""
    found = ordering.fund(
        session=session,
        clock=clock,
        buyer=acting.organisation_id,
        order_id=product_order_id,
        method=asked.method,
    )
    return ProductOrderOut.of(found)


@router.post(
    "/product-orders/{product_order_id}/cancel",
    dependencies=[requires(Action.PRODUCT_ORDER_DECIDE)],
)
def cancel_product_order(
    product_order_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ProductOrderOut:
    """Give a held order back with all its slots."""
    cancelled = ordering.cancel(
        session=session,
        clock=clock,
        buyer=acting.organisation_id,
        order_id=product_order_id,
    )
    return ProductOrderOut.of(cancelled)


@router.post(
    "/product-orders/{product_order_id}/releases",
    dependencies=[requires(Action.PRODUCT_ORDER_DECIDE)],
)
def release_product_milestone(
    product_order_id: UUID,
    asked: ProductReleaseIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> ProductOrderOut:
    """Pay a milestone whose work is finished; with the last one the order is completed."""
    paid = ordering.release(
        session=session,
        clock=clock,
        buyer=acting.organisation_id,
        order_id=product_order_id,
        number=asked.milestone,
    )
    return ProductOrderOut.of(paid)
