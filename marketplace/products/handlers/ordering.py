"""Use cases of ordering a configured product: routed and held over several firms, all or none."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from marketplace.demands import handlers as demands
from marketplace.demands.domain import ChainFacts, DemandFacts
from marketplace.demands.domain import Vocabulary as Codes
from marketplace.offers.pricing import Price, PriceLine
from marketplace.products import store
from marketplace.products.domain.options import Choices
from marketplace.products.domain.order import (
    Milestone,
    ProductOrder,
    ProductOrderState,
    moved,
    payable,
)
from marketplace.products.domain.product import Configured, Product, Work
from marketplace.products.handlers.publishing import check_orderable, configure_product
from services.booking import handlers as booking
from services.booking.domain import Booking, Joint, LegAsked
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.products import ProductOrderChanged
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger import handlers as ledger
from services.ledger.domain import EscrowState, EscrowTerms, Subject
from services.matching.domain import Place
from services.matching.routing import ChainAnswer, Objective, Route
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit

SUBJECT: Final = "product_milestone"
TERMS: Final = EscrowTerms()
GIVEN_UP: Final = "the order was given up"


class ProductOrderNotFoundError(DomainError):
    code: ClassVar[str] = "product-order-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no product order {order_id} of yours; list /product-orders."
    zh: ClassVar[str] = "没有属于贵组织的定制订单 {order_id}；请查看 /product-orders。"


class ConfigurationBrokenError(DomainError):
    code: ClassVar[str] = "configuration-broken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "These choices do not hold together: {en} Ask /configurations for others."
    zh: ClassVar[str] = "所选配置不成立：{zh}请用 /configurations 查看可行配置。"


class NoRouteError(DomainError):
    """``steps`` are those nobody can do in the window; none where only the whole cannot be."""

    code: ClassVar[str] = "product-not-routable"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "No firms can do all steps in the window ({en}); widen it."
    zh: ClassVar[str] = "时间窗内没有企业能完成全部工序（{zh}）；请放宽时间窗。"


@dataclass(frozen=True, slots=True)
class Wanted:
    """When and where the work is wanted, and what a route is best by."""

    start: datetime
    end: datetime
    destination: Place | None = None
    objective: Objective = Objective.EARLIEST


@dataclass(frozen=True, slots=True)
class Means:
    """What ordering works with: the taxonomy, and the limits of the platform's settings."""

    vocabulary: Codes
    hold_ttl: timedelta
    stale_after: timedelta
    open_max: int
    candidates: int = 20


@dataclass(frozen=True, slots=True)
class Planned:
    """A configuration with the best way to make it; ``price`` is the product's and the legs'."""

    configured: Configured
    route: Route
    price: Price


def plan(
    *,
    session: Session,
    clock: Clock,
    buyer: OrganisationId,
    configured: Configured,
    wanted: Wanted,
    means: Means,
) -> Planned:
    """The best route for a valid configuration, as the buyer sees the market; nothing is held.

    Raises:
        ConfigurationBrokenError: the choices break a constraint.
        NoRouteError: nobody can make it in the window.
        StepInvalidError, ChainInvalidError: nothing could ever meet a step.
    """
    if not configured.is_valid or configured.price is None:
        raise ConfigurationBrokenError(
            en=" ".join(one.reason for one in configured.broken),
            zh="".join(one.reason_zh for one in configured.broken),
            constraints=[one.key for one in configured.broken],
        )
    facts = tuple(_facts(buyer, work, configured, wanted) for work in configured.work)
    answer = demands.route_chain(
        session=session,
        clock=clock,
        organisation_id=buyer,
        facts=ChainFacts(facts, wanted.objective, destination=wanted.destination),
        vocabulary=means.vocabulary,
        limit=means.candidates,
        stale_after=means.stale_after,
    )
    route = answer.routing.best
    if route is None:
        raise _no_route(answer, configured)
    return Planned(configured, route, _priced(configured, configured.price, route))


def order(
    *,
    session: Session,
    clock: Clock,
    buyer: OrganisationId,
    product_id: UUID,
    version: int | None,
    choices: Choices,
    quantity: int,
    wanted: Wanted,
    means: Means,
) -> ProductOrder:
    """Hold every leg of the best route, or none, and open an escrow for each party's part.

    Raises:
        ProductNotFoundError, ProductWithdrawnError, ChoiceInvalidError: as they say.
        ConfigurationBrokenError, NoRouteError: as in ``plan``.
        LegTakenError, TooManyHoldsError: a slot is gone meanwhile, or too many are held.
    """
    product, configured = configure_product(
        session=session,
        product_id=product_id,
        version=version,
        choices=choices,
        quantity=quantity,
        at=clock.now(),
    )
    check_orderable(product)
    planned = plan(
        session=session,
        clock=clock,
        buyer=buyer,
        configured=configured,
        wanted=wanted,
        means=means,
    )
    joint = booking.hold_jointly(
        session=session,
        clock=clock,
        organisation_id=buyer,
        legs=_legs(planned),
        demand_id=None,
        hold_ttl=means.hold_ttl,
        stale_after=means.stale_after,
        open_max=means.open_max,
    )
    made = _made(session, clock, product, planned, joint)
    store.insert_order(session, made)
    _tell(session, clock, None, made)
    return made


def get_order(*, session: Session, party: OrganisationId, order_id: UUID) -> ProductOrder:
    """An order one made, or of an own product; the maker sees its own milestone alone.

    Raises:
        ProductOrderNotFoundError: there is none.
    """
    found = store.find_order(session, order_id, party=party)
    if found is None:
        raise ProductOrderNotFoundError(order_id=order_id)
    return found


def list_orders(
    *, session: Session, party: OrganisationId, after: UUID | None, limit: int
) -> list[ProductOrder]:
    """A page of the orders one made, and of those of own products."""
    return store.orders_after(session, party=party, after=after, limit=limit)


def confirm(
    *, session: Session, clock: Clock, buyer: OrganisationId, order_id: UUID, method: str
) -> ProductOrder:
    """Make every leg firm, or none, and ask the buyer's money for every escrow.

    Raises:
        ProductOrderNotFoundError, ProductOrderRefusedError: as they say.
        JointNotConfirmableError: a leg expired or was given back.
        BalanceShortError: paid from the wallet, and it holds less.
    """
    before = _own(session, buyer, order_id)
    after = moved(
        before, "confirm", ProductOrderState.CONFIRMED, ProductOrderState.HELD, now=clock.now()
    )
    booking.confirm_joint(
        session=session, clock=clock, organisation_id=buyer, joint_id=before.joint_id
    )
    _ask_money(session, clock, before, method)
    return _save(session, clock, before, after)


def fund(
    *, session: Session, clock: Clock, buyer: OrganisationId, order_id: UUID, method: str
) -> ProductOrder:
    """Ask once more for the money of those escrows that still lack it, e.g. after a refusal.

    Raises:
        ProductOrderNotFoundError, ProductOrderRefusedError: as they say.
        PaymentUnderWayError: it is asked for already.
        BalanceShortError: paid from the wallet, and it holds less.
    """
    found = _own(session, buyer, order_id)
    moved(found, "fund", ProductOrderState.CONFIRMED, ProductOrderState.CONFIRMED, now=clock.now())
    _ask_money(session, clock, found, method)
    return found


def cancel(
    *, session: Session, clock: Clock, buyer: OrganisationId, order_id: UUID
) -> ProductOrder:
    """Give a held order back, with all its slots.

    Raises:
        ProductOrderNotFoundError, ProductOrderRefusedError: as they say.
    """
    before = _own(session, buyer, order_id)
    after = moved(
        before, "cancel", ProductOrderState.CANCELLED, ProductOrderState.HELD, now=clock.now()
    )
    booking.cancel_joint(
        session=session, clock=clock, organisation_id=buyer, joint_id=before.joint_id
    )
    _drop_escrows(session, clock, before)
    return _save(session, clock, before, after)


def release(
    *, session: Session, clock: Clock, buyer: OrganisationId, order_id: UUID, number: int
) -> ProductOrder:
    """Pay a milestone whose work is finished; with the last one the order is completed.

    Raises:
        ProductOrderNotFoundError, ProductOrderRefusedError, MilestoneRefusedError: as they say.
        EscrowRefusedError: its money is not there yet.
    """
    before = _own(session, buyer, order_id)
    due = payable(before, number)
    if due.escrow_id is not None:
        ledger.release(
            session=session,
            clock=clock,
            escrow_id=due.escrow_id,
            amount=Money(due.amount_minor, before.price.total.currency),
            because=f"milestone {number}",
            fact_id=due.escrow_id,
        )
    paid = replace(due, released_at=clock.now())
    store.save_milestones(session, order_id, [paid])
    milestones = tuple(paid if one.number == number else one for one in before.milestones)
    is_over = all(one.released_at is not None for one in milestones)
    to = ProductOrderState.COMPLETED if is_over else ProductOrderState.CONFIRMED
    after = moved(before, "release", to, ProductOrderState.CONFIRMED, now=clock.now())
    return _save(session, clock, before, replace(after, milestones=milestones))


def give_up(session: Session, clock: Clock, before: ProductOrder) -> ProductOrder:
    """A held order whose slots are gone."""
    after = moved(
        before, "give up", ProductOrderState.CANCELLED, ProductOrderState.HELD, now=clock.now()
    )
    _drop_escrows(session, clock, before)
    return _save(session, clock, before, after)


def _facts(
    buyer: OrganisationId, work: Work, configured: Configured, wanted: Wanted
) -> DemandFacts:
    assert configured.price is not None
    return DemandFacts(
        organisation_id=buyer,
        title=work.name,
        process=work.process,
        minutes=work.minutes,
        start=wanted.start,
        end=wanted.end,
        material=work.material,
        currency=configured.price.total.currency,
        quantity=configured.quantity,
    )


def _no_route(answer: ChainAnswer, configured: Configured) -> NoRouteError:
    missing = [number for number, one in enumerate(answer.matches, 1) if not one.candidates]
    names = [configured.work[number - 1] for number in missing]
    later = "" if answer.possible_by is None else answer.possible_by.isoformat(timespec="minutes")
    return NoRouteError(
        en=", ".join(f"nobody for {one.name}" for one in names) or f"possible by {later or 'none'}",
        zh="，".join(f"{one.name_zh} 无人可做" for one in names) or f"最早 {later or '无'}",
        steps=missing,
        possible_by=later or None,
    )


def _priced(configured: Configured, own: Price, route: Route) -> Price:
    legs = (
        PriceLine(f"step {number}: {work.name}", leg.price.minor)
        for number, (work, leg) in enumerate(zip(configured.work, route.legs, strict=True), 1)
    )
    lines = (*own.lines, *legs)
    total = sum(line.amount_minor for line in lines)
    return Price(Money(total, own.total.currency), lines)


def _legs(planned: Planned) -> list[LegAsked]:
    return [
        LegAsked(leg.resource_id, leg.offer_id, leg.start, work.minutes, 1)
        for work, leg in zip(planned.configured.work, planned.route.legs, strict=True)
    ]


def _made(
    session: Session, clock: Clock, product: Product, planned: Planned, joint: Joint
) -> ProductOrder:
    now, configured = clock.now(), planned.configured
    own = configured.price
    assert own is not None
    made = ProductOrder(
        id=clock.new_id(),
        organisation_id=joint.organisation_id,
        maker_id=product.organisation_id,
        product_id=product.id,
        product_version=product.version,
        choices=configured.choices,
        quantity=configured.quantity,
        price=planned.price,
        joint_id=joint.id,
        state=ProductOrderState.HELD,
        milestones=(),
        delivered_by=planned.route.delivered,
        version=1,
        created_at=now,
        updated_at=now,
    )
    parts = [
        *_leg_parts(configured, joint.legs),
        Milestone(
            len(joint.legs) + 1, product.organisation_id, "product", own.total.minor, None, None
        ),
    ]
    return replace(made, milestones=tuple(_escrowed(session, clock, made, parts)))


def _leg_parts(configured: Configured, legs: tuple[Booking, ...]) -> Iterator[Milestone]:
    for number, (work, leg) in enumerate(zip(configured.work, legs, strict=True), 1):
        minor = 0 if leg.price is None else leg.price.minor
        yield Milestone(number, leg.provider_id, work.name, minor, leg.id, None)


def _escrowed(
    session: Session, clock: Clock, made: ProductOrder, parts: list[Milestone]
) -> Iterator[Milestone]:
    """The parts, each with an escrow of its own where somebody else is to be paid."""
    for part in parts:
        if not part.amount_minor or part.payee_id == made.organisation_id:
            yield part
            continue
        opened = ledger.open_escrow(
            session=session,
            clock=clock,
            subject=Subject(SUBJECT, clock.new_id()),
            payer=made.organisation_id,
            payee=part.payee_id,
            amount=Money(part.amount_minor, made.price.total.currency),
            terms=TERMS,
        )
        yield replace(part, escrow_id=opened.id)


def _escrows(of: ProductOrder) -> list[UUID]:
    """In the order of their ids, so that nobody waits in a circle."""
    return sorted(one.escrow_id for one in of.milestones if one.escrow_id is not None)


def _ask_money(session: Session, clock: Clock, of: ProductOrder, method: str) -> None:
    payer = of.organisation_id
    for escrow_id in _escrows(of):
        escrow = ledger.get_escrow(session=session, viewer=payer, escrow_id=escrow_id)
        if escrow.state is EscrowState.OPEN:
            ledger.request_funding(
                session=session, clock=clock, escrow_id=escrow_id, method=method, payer=payer
            )


def _drop_escrows(session: Session, clock: Clock, of: ProductOrder) -> None:
    for escrow_id in _escrows(of):
        ledger.cancel_escrow(session=session, clock=clock, escrow_id=escrow_id, because=GIVEN_UP)


def _own(session: Session, buyer: OrganisationId, order_id: UUID) -> ProductOrder:
    """The order under lock, as its buyer; its maker changes nothing."""
    found = store.find_order(session, order_id, party=buyer)
    if found is None or found.organisation_id != buyer:
        raise ProductOrderNotFoundError(order_id=order_id)
    locked = store.find_order(session, order_id, party=buyer, lock=True)
    assert locked is not None, "orders are not removed"
    return locked


def _save(
    session: Session, clock: Clock, before: ProductOrder, after: ProductOrder
) -> ProductOrder:
    store.save_order(session, after)
    _tell(session, clock, before, after)
    return after


def _tell(session: Session, clock: Clock, before: ProductOrder | None, after: ProductOrder) -> None:
    note(session, subject_kind="product_order", subject_id=after.id, before=before, after=after)
    now = clock.now()
    event = ProductOrderChanged(
        id=clock.new_id(),
        occurred_at=now,
        order_id=after.id,
        product_id=after.product_id,
        organisation_id=after.organisation_id,
        maker_id=after.maker_id,
        state=after.state,
        audience=Audience(organisation_ids=(after.organisation_id, after.maker_id)),
    )
    emit(session, event, now=now)
