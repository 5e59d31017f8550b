"""The worker's part: sending notices out when they may go, and noticing who stays silent."""

from collections.abc import Iterable
from typing import Final

from sqlmodel import Session

from services.contracts.events.envelope import Audience
from services.contracts.events.risk import RiskNoticeDelivered, RiskNoticeOverdue
from services.risk.domain.delivery import Delivery, delivered
from services.risk.domain.notice import Notice
from services.risk.handlers.addressing import recipients
from services.risk.store import deliveries as store
from services.risk.store import notices
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit_all

NOTICES_AT_ONCE_MAX: Final = 20
OVERDUE_AT_ONCE_MAX: Final = 500


def deliver_due(*, session: Session, clock: Clock, limit: int = NOTICES_AT_ONCE_MAX) -> int:
    """Deliver released notices whose embargo is over, at most ``limit``; returns how many.

    Rules are looked up now, so whoever joined meanwhile is reached. Safe to run twice at once.
    """
    now = clock.now()
    due = notices.lock_undelivered(session, now=now, limit=limit)
    for notice in due:
        notices.save_delivered(session, notice.id, now=now)
        made = [
            delivered(notice, recipient, delivery_id=clock.new_id(), now=now)
            for recipient in recipients(session, notice)
        ]
        store.insert_deliveries(session, made)
        _tell(session, clock, notice, made)
    return len(due)


def escalate_overdue(*, session: Session, clock: Clock, limit: int = OVERDUE_AT_ONCE_MAX) -> int:
    """Flag deliveries nobody acknowledged in time, once each; returns how many."""
    now = clock.now()
    overdue = store.lock_overdue(session, now=now, limit=limit)
    store.save_escalated(session, [one.id for one in overdue], now=now)
    emit_all(
        session,
        [
            RiskNoticeOverdue(
                id=clock.new_id(),
                occurred_at=now,
                notice_id=one.notice_id,
                organisation_id=one.organisation_id,
                due_at=one.due_at,
                audience=audience(one),
            )
            for one in overdue
        ],
        now=now,
    )
    return len(overdue)


def audience(delivery: Delivery) -> Audience:
    """Author and recipient; of what only named persons may know, the author alone."""
    if delivery.person_ids:
        return Audience(organisation_ids=(delivery.author_id,))
    return Audience(organisation_ids=(delivery.organisation_id, delivery.author_id))


def _tell(session: Session, clock: Clock, notice: Notice, made: Iterable[Delivery]) -> None:
    now = clock.now()
    made = list(made)
    emit_all(
        session,
        [
            RiskNoticeDelivered(
                id=clock.new_id(),
                occurred_at=now,
                notice_id=one.notice_id,
                organisation_id=one.organisation_id,
                due_at=one.due_at,
                audience=audience(one),
            )
            for one in made
        ],
        now=now,
    )
    note(
        session,
        action="risk_notice.deliver",
        subject_kind="risk_notice",
        subject_id=notice.id,
        after={"number": notice.number, "recipients": len(made)},
        organisation_id=notice.organisation_id,
    )
