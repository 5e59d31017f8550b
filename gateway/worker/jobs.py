"""Scheduled jobs: what they are, and running each at its interval, one run at a time."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from gateway.importing import import_for_good
from gateway.worker.metrics import WorkerMetrics
from marketplace.calls.moving import advance as move_call
from marketplace.deals.handlers import following as deal_facts
from marketplace.deals.handlers import requests as deals
from marketplace.rounds import handlers as rounds
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
LINKS_INTERVAL: Final = timedelta(seconds=5)
HOLDS_INTERVAL: Final = timedelta(seconds=1)
WAITLISTS_INTERVAL: Final = timedelta(seconds=1)
WAITLISTS_SWEEP_INTERVAL: Final = timedelta(seconds=30)
DEALS_INTERVAL: Final = timedelta(seconds=10)
ROUNDS_INTERVAL: Final = timedelta(seconds=2)
CALLS_INTERVAL: Final = timedelta(seconds=5)
PAYMENTS_INTERVAL: Final = timedelta(seconds=2)
RELIABILITY_INTERVAL: Final = timedelta(minutes=10)
RISK_INTERVAL: Final = timedelta(minutes=1)
NOTICES_INTERVAL: Final = timedelta(seconds=5)
OUTBOX_GAUGE_INTERVAL: Final = timedelta(seconds=5)
PRUNE_INTERVAL: Final = timedelta(minutes=1)
ANCHOR_INTERVAL: Final = timedelta(hours=1)
SWEEP_INTERVAL: Final = timedelta(hours=1)
SANDBOX_FILE: Final = "payment-sandbox.sqlite"
CLOSING: Final = "marketplace.rounds.closing"
"""Imported once a round is due: its solver's compiler takes 80 MB and seconds to start."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Work done again and again. It must be safe to run twice at once: there may be two workers."""

    name: str
    every: timedelta
    run: Callable[[], object]


def scheduled_jobs(
    *, settings: Settings, sessions: Sessions, clock: Clock, metrics: WorkerMetrics
) -> Sequence[Job]:
    def mark_unseen() -> None:
        stale_after = timedelta(seconds=settings.seen_stale_after_s)
        with transaction(sessions) as session:
            capacity.mark_unseen(session=session, clock=clock, stale_after=stale_after)

    def expire_holds() -> None:
        expired = EXPIRE_MAX
        while expired == EXPIRE_MAX:
            with transaction(sessions) as session:
                expired = booking.expire_overdue(session=session, clock=clock, limit=EXPIRE_MAX)

    def flag_at_risk() -> None:
        with transaction(sessions) as session:
            booking.sweep_at_risk(session=session, clock=clock)

    def deliver_notices() -> None:
        delivered = risk.NOTICES_AT_ONCE_MAX
        while delivered == risk.NOTICES_AT_ONCE_MAX:
            with transaction(sessions) as session:
                delivered = risk.deliver_due(session=session, clock=clock)

    def escalate_notices() -> None:
        with transaction(sessions) as session:
            risk.escalate_overdue(session=session, clock=clock)

    def forget_credentials() -> None:
        with transaction(sessions) as session:
            access.forget_ended(session=session, clock=clock)

    def settle_payments() -> None:
        sandbox = Sandbox(settings.state_path / SANDBOX_FILE, clock)
        settle(sessions=sessions, clock=clock, provider=sandbox)

    return (
        Job("mark-unseen", LINKS_INTERVAL, mark_unseen),
        Job("expire-holds", HOLDS_INTERVAL, expire_holds),
        Job(
            "promote-waiting",
            WAITLISTS_INTERVAL,
            lambda: _promote_waiting(settings, sessions, clock),
        ),
        Job("sweep-waitlists", WAITLISTS_SWEEP_INTERVAL, lambda: _sweep_waitlists(sessions, clock)),
        Job("clear-rounds", ROUNDS_INTERVAL, lambda: _clear_rounds(settings, sessions, clock)),
        Job("expire-deals", DEALS_INTERVAL, lambda: _expire_deals(sessions, clock)),
        Job("add-up-scores", PRUNE_INTERVAL, lambda: _add_up_scores(sessions, clock)),
        Job("move-calls", CALLS_INTERVAL, lambda: _move_calls(sessions, clock)),
        Job("flag-at-risk", RISK_INTERVAL, flag_at_risk),
        Job("tell-reliability", RELIABILITY_INTERVAL, lambda: _tell_reliability(sessions, clock)),
        Job("settle-payments", PAYMENTS_INTERVAL, settle_payments),
        Job("deliver-risk-notices", NOTICES_INTERVAL, deliver_notices),
        Job("escalate-risk-notices", RISK_INTERVAL, escalate_notices),
        Job("forget-credentials", PRUNE_INTERVAL, forget_credentials),
        Job(
            "count-outbox",
            OUTBOX_GAUGE_INTERVAL,
            lambda: metrics.outbox.set(relay.unpublished(sessions)),
        ),
        Job(
            "anchor-audit",
            ANCHOR_INTERVAL,
            lambda: audit.anchor(sessions=sessions, settings=settings, clock=clock),
        ),
        Job(
            "sweep-documents",
            SWEEP_INTERVAL,
            lambda: documents.sweep(
                sessions=sessions, storage=FolderStorage(documents_folder(settings)), clock=clock
            ),
        ),
        Job("prune", PRUNE_INTERVAL, lambda: relay.prune(sessions, now=clock.now())),
    )


def _clear_rounds(settings: Settings, sessions: Sessions, clock: Clock) -> None:
    """Take every step that is due, each in a transaction of its own."""
    with transaction(sessions) as session:
        is_left = rounds.is_any_due(session=session, clock=clock)
    if not is_left:
        return
    closing = import_for_good(CLOSING)
    taxonomy, stale_after = load_taxonomy(), timedelta(seconds=settings.seen_stale_after_s)
    while is_left:
        with transaction(sessions) as session:
            is_left = closing.advance(closing.Means(session, clock, taxonomy, stale_after))


def _promote_waiting(settings: Settings, sessions: Sessions, clock: Clock) -> None:
    """Promote whoever can be, each in a transaction of its own."""
    is_left = True
    while is_left:
        with transaction(sessions) as session:
            is_left = booking.promote_next(
                session=session,
                clock=clock,
                hold_ttl=timedelta(seconds=settings.waitlist_ttl_s),
                stale_after=timedelta(seconds=settings.seen_stale_after_s),
                open_max=settings.open_holds_max,
            )


def _sweep_waitlists(sessions: Sessions, clock: Clock) -> None:
    with transaction(sessions) as session:
        booking.sweep_waitlists(session=session, clock=clock)


def _expire_deals(sessions: Sessions, clock: Clock) -> None:
    ended = deals.AT_ONCE
    while ended >= deals.AT_ONCE:
        with transaction(sessions) as session:
            ended = deals.expire_due(session=session, clock=clock)


def _add_up_scores(sessions: Sessions, clock: Clock) -> None:
    done = deal_facts.AT_ONCE
    while done == deal_facts.AT_ONCE:
        with transaction(sessions) as session:
            done = deal_facts.add_up_scores(session=session, clock=clock)


def _move_calls(sessions: Sessions, clock: Clock) -> None:
    """Take every step that is due, each in a transaction of its own."""
    is_left = True
    while is_left:
        with transaction(sessions) as session:
            is_left = move_call(session=session, clock=clock)


def _tell_reliability(sessions: Sessions, clock: Clock) -> None:
    told = capacity.RELIABILITY_AT_ONCE
    while told == capacity.RELIABILITY_AT_ONCE:
        with transaction(sessions) as session:
            told = capacity.tell_reliability(session=session, clock=clock)


async def run_job(job: Job, metrics: WorkerMetrics, stop: asyncio.Event) -> None:
    """Run ``job`` at its interval until ``stop``; a failed run is logged and the next one comes."""
    while not stop.is_set():
        try:
            await asyncio.to_thread(job.run)
        except Exception:
            log.exception("job failed", job=job.name)
            metrics.jobs.labels(job.name, "failed").inc()
        else:
            metrics.jobs.labels(job.name, "done").inc()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), job.every.total_seconds())
