"""What the worker does by the clock: keeping capacity true, moving the market on, tidying up."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from sqlmodel import Session

from gateway.importing import import_for_good
from gateway.worker.jobs import Job
from gateway.worker.metrics import WorkerMetrics
from marketplace.calls.moving import advance as move_call
from marketplace.deals.handlers import following as deal_facts
from marketplace.deals.handlers import requests as deals
from marketplace.projects.handlers import decisions, earnings, pools
from marketplace.purchasing.handlers import settling as purchasing
from marketplace.rounds import handlers as rounds
from marketplace.service_contracts.handlers import orders as work_orders
from marketplace.taxonomy.loader import load_taxonomy
from services.access.handlers import sweeping as access
from services.booking import handlers as booking
from services.capacity import handlers as capacity
from services.ledger.provider.sandbox import Sandbox
from services.ledger.settling import settle
from services.risk.handlers import delivering as risk
from services.runtime import relay
from services.runtime.audit import handlers as audit
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from services.runtime.files import handlers as documents
from services.runtime.files.storage import FolderStorage, documents_folder
from services.runtime.settings import Settings

EXPIRE_MAX: Final = 500
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
SANDBOX_FILE: Final = "payment-sandbox.sqlite"
CLOSING: Final = "marketplace.rounds.closing"
"""Imported once a round is due: its solver's compiler takes 80 MB and seconds to start."""


def scheduled_jobs(
    *, settings: Settings, sessions: Sessions, clock: Clock, metrics: WorkerMetrics
) -> Sequence[Job]:
    """Every job of a worker."""
    return (
        *_capacity_jobs(settings, sessions, clock),
        *_booking_jobs(settings, sessions, clock),
        *_market_jobs(settings, sessions, clock),
        *_project_jobs(sessions, clock),
        *_notice_jobs(sessions, clock),
        *_keeping_jobs(settings, sessions, clock, metrics),
    )


def _capacity_jobs(settings: Settings, sessions: Sessions, clock: Clock) -> Iterator[Job]:
    stale_after = timedelta(seconds=settings.seen_stale_after_s)

    def mark_unseen() -> None:
        with transaction(sessions) as session:
            capacity.mark_unseen(session=session, clock=clock, stale_after=stale_after)

    def tell_reliability(session: Session) -> bool:
        told = capacity.tell_reliability(session=session, clock=clock)
        return told == capacity.RELIABILITY_AT_ONCE

    yield Job("mark-unseen", 5 * SECOND, mark_unseen)
    yield Job("tell-reliability", 10 * MINUTE, lambda: _until_done(sessions, tell_reliability))


def _booking_jobs(settings: Settings, sessions: Sessions, clock: Clock) -> Iterator[Job]:
    def expire_holds(session: Session) -> bool:
        expired = booking.expire_overdue(session=session, clock=clock, limit=EXPIRE_MAX)
        return expired == EXPIRE_MAX

    def promote_waiting(session: Session) -> bool:
        return booking.promote_next(
            session=session,
            clock=clock,
            hold_ttl=timedelta(seconds=settings.waitlist_ttl_s),
            stale_after=timedelta(seconds=settings.seen_stale_after_s),
            open_max=settings.open_holds_max,
        )

    def sweep_waitlists() -> None:
        with transaction(sessions) as session:
            booking.sweep_waitlists(session=session, clock=clock)

    def flag_at_risk() -> None:
        with transaction(sessions) as session:
            booking.sweep_at_risk(session=session, clock=clock)

    yield Job("expire-holds", SECOND, lambda: _until_done(sessions, expire_holds))
    yield Job("promote-waiting", SECOND, lambda: _until_done(sessions, promote_waiting))
    yield Job("sweep-waitlists", 30 * SECOND, sweep_waitlists)
    yield Job("flag-at-risk", MINUTE, flag_at_risk)


def _market_jobs(settings: Settings, sessions: Sessions, clock: Clock) -> Iterator[Job]:
    def expire_deals(session: Session) -> bool:
        return deals.expire_due(session=session, clock=clock) >= deals.AT_ONCE

    def add_up_scores(session: Session) -> bool:
        return deal_facts.add_up_scores(session=session, clock=clock) == deal_facts.AT_ONCE

    def move_calls(session: Session) -> bool:
        return move_call(session=session, clock=clock)

    def settle_purchases(session: Session) -> bool:
        return purchasing.settle_next(session=session, clock=clock)

    def escalate_work(session: Session) -> bool:
        return work_orders.escalate_overdue(session=session, clock=clock) == work_orders.AT_ONCE

    def settle_payments() -> None:
        sandbox = Sandbox(settings.state_path / SANDBOX_FILE, clock)
        settle(sessions=sessions, clock=clock, provider=sandbox)

    yield Job("clear-rounds", 2 * SECOND, lambda: _clear_rounds(settings, sessions, clock))
    yield Job("expire-deals", 10 * SECOND, lambda: _until_done(sessions, expire_deals))
    yield Job("add-up-scores", MINUTE, lambda: _until_done(sessions, add_up_scores))
    yield Job("move-calls", 5 * SECOND, lambda: _until_done(sessions, move_calls))
    yield Job("settle-purchases", 5 * SECOND, lambda: _until_done(sessions, settle_purchases))
    if settings.payment_provider == "sandbox":
        yield Job("settle-payments", 2 * SECOND, settle_payments)
    yield Job("escalate-work-orders", 10 * SECOND, lambda: _until_done(sessions, escalate_work))


def _project_jobs(sessions: Sessions, clock: Clock) -> Iterator[Job]:
    def close_decisions() -> None:
        decisions.close_due_decisions(sessions=sessions, clock=clock)

    def count_standings() -> None:
        earnings.count_standings(sessions=sessions, clock=clock)

    yield Job("close-decisions", 10 * SECOND, close_decisions)

    def close_pools() -> None:
        pools.close_due_pools(sessions=sessions, clock=clock)

    yield Job("close-pools", 10 * SECOND, close_pools)
    yield Job("count-standings", MINUTE, count_standings)


def _notice_jobs(sessions: Sessions, clock: Clock) -> Iterator[Job]:
    def deliver_notices(session: Session) -> bool:
        return risk.deliver_due(session=session, clock=clock) == risk.NOTICES_AT_ONCE_MAX

    def escalate_notices() -> None:
        with transaction(sessions) as session:
            risk.escalate_overdue(session=session, clock=clock)

    yield Job("deliver-risk-notices", 5 * SECOND, lambda: _until_done(sessions, deliver_notices))
    yield Job("escalate-risk-notices", MINUTE, escalate_notices)


def _keeping_jobs(
    settings: Settings, sessions: Sessions, clock: Clock, metrics: WorkerMetrics
) -> Iterator[Job]:
    def forget_credentials() -> None:
        with transaction(sessions) as session:
            access.forget_ended(session=session, clock=clock)

    def count_outbox() -> None:
        metrics.outbox.set(relay.unpublished(sessions))

    def anchor_audit() -> None:
        audit.anchor(sessions=sessions, settings=settings, clock=clock)

    def sweep_documents() -> None:
        storage = FolderStorage(documents_folder(settings))
        documents.sweep(sessions=sessions, storage=storage, clock=clock)

    yield Job("forget-credentials", MINUTE, forget_credentials)
    yield Job("count-outbox", 5 * SECOND, count_outbox)
    yield Job("anchor-audit", HOUR, anchor_audit)
    yield Job("sweep-documents", HOUR, sweep_documents)
    yield Job("prune", MINUTE, lambda: relay.prune(sessions, now=clock.now()))


def _until_done(sessions: Sessions, step: Callable[[Session], bool]) -> None:
    """Take ``step`` as long as it says that something is left, each in a transaction of its own."""
    is_left = True
    while is_left:
        with transaction(sessions) as session:
            is_left = step(session)


def _clear_rounds(settings: Settings, sessions: Sessions, clock: Clock) -> None:
    with transaction(sessions) as session:
        is_left = rounds.is_any_due(session=session, clock=clock)
    if not is_left:
        return
    closing = import_for_good(CLOSING)
    taxonomy, stale_after = load_taxonomy(), timedelta(seconds=settings.seen_stale_after_s)

    def advance(session: Session) -> bool:
        is_left: bool = closing.advance(closing.Means(session, clock, taxonomy, stale_after))
        return is_left

    _until_done(sessions, advance)
