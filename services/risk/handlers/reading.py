"""Reading what one may: each reading of a notice, and each copy of it, is on record."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import Session

from services.contracts.access import Acting, Role
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.risk import RiskNoticeAcknowledged
from services.identity import handlers as identity
from services.risk.domain.csaf_writing import write_csaf
from services.risk.domain.delivery import Delivery, acknowledged
from services.risk.domain.notice import TOLD, Notice
from services.risk.domain.viewing import NoticeFilter
from services.risk.handlers.delivering import audience
from services.risk.handlers.drafting import NoticeNotFoundError, author_of
from services.risk.handlers.viewing import viewer_of, watermark
from services.risk.store import deliveries, notices
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class NotReleasedError(DomainError):
    code: ClassVar[str] = "risk-notice-not-released"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Notice {number} is {state}; only what was released leaves as CSAF."
    zh: ClassVar[str] = "通报 {number} 当前为 {state}；仅已发布的通报可导出为 CSAF。"


class NotDeliveredError(DomainError):
    code: ClassVar[str] = "risk-notice-not-delivered-to-you"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Notice {notice_id} was not delivered to you; list /risk/deliveries."
    zh: ClassVar[str] = "通报 {notice_id} 未送达您；请查看 /risk/deliveries。"


def list_notices(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    after: UUID | None,
    limit: int,
    wanted: NoticeFilter,
) -> list[Notice]:
    """A page of what the caller may read, by id. Taking it away as a file is ``record_copies``."""
    viewer = viewer_of(session, acting)
    return notices.notices_after(
        session, viewer, now=clock.now(), after=after, limit=limit, wanted=wanted
    )


def read_notice(*, session: Session, clock: Clock, acting: Acting, notice_id: UUID) -> Notice:
    """One notice, and the record that it was read.

    Raises:
        NoticeNotFoundError: there is none, or it is not for the caller, or not yet.
    """
    notice = _visible(session, clock, acting, notice_id)
    _record(session, clock, acting, [notice], how="page")
    return notice


def record_copies(
    *, session: Session, clock: Clock, acting: Acting, copied: Sequence[Notice], how: str
) -> None:
    """Note that notices were taken away in a file; that is reading them."""
    _record(session, clock, acting, copied, how=how)


def export_csaf(
    *, session: Session, clock: Clock, acting: Acting, notice_id: UUID
) -> dict[str, Any]:
    """A released notice as CSAF 2.0, watermarked; taking it is reading it.

    Raises:
        NoticeNotFoundError: there is none for the caller.
        NotReleasedError: it was not released.
    """
    notice = _visible(session, clock, acting, notice_id)
    if notice.state not in TOLD or notice.released_at is None:
        raise NotReleasedError(number=notice.number, state=notice.state)
    publisher = identity.get_organisation(session=session, organisation_id=notice.organisation_id)
    mark = watermark(session=session, clock=clock, acting=acting)
    document = write_csaf(notice, publisher=publisher.name, mark=mark)
    _record(session, clock, acting, [notice], how="csaf")
    return document


def acknowledge(*, session: Session, clock: Clock, acting: Acting, notice_id: UUID) -> Delivery:
    """Say for the organisation that it knows; its clock stops.

    Raises:
        NotDeliveredError: nothing was delivered to the caller.
        AlreadyAcknowledgedError: somebody of the organisation has.
    """
    now = clock.now()
    viewer = viewer_of(session, acting)
    found = deliveries.lock_received(session, notice_id, viewer, now=now)
    if found is None:
        raise NotDeliveredError(notice_id=notice_id)
    done = acknowledged(found, by=author_of(acting), now=now)
    deliveries.save_acknowledged(session, done)
    event = RiskNoticeAcknowledged(
        id=clock.new_id(),
        occurred_at=now,
        notice_id=notice_id,
        organisation_id=done.organisation_id,
        audience=audience(done),
    )
    emit(session, event, now=now)
    note(session, subject_kind="risk_notice", subject_id=notice_id, after={"acknowledged": True})
    return done


def list_received(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    after: UUID | None,
    limit: int,
    open_only: bool,
) -> list[Delivery]:
    """What was delivered to the caller, by id."""
    viewer = viewer_of(session, acting)
    return deliveries.deliveries_received(
        session, viewer, now=clock.now(), after=after, limit=limit, open_only=open_only
    )


def list_deliveries(
    *, session: Session, acting: Acting, notice_id: UUID, after: UUID | None, limit: int
) -> list[Delivery]:
    """Who received a notice, read it, acknowledged it: for its author and the security admins.

    Raises:
        NoticeNotFoundError: it is neither's.
    """
    is_security_admin = acting.principal.platform_role is Role.SECURITY_ADMIN
    author = None if is_security_admin else acting.organisation_id
    if not notices.is_there(session, notice_id, author=author):
        raise NoticeNotFoundError(notice_id=notice_id)
    return deliveries.deliveries_of_notice(session, notice_id, after=after, limit=limit)


def _visible(session: Session, clock: Clock, acting: Acting, notice_id: UUID) -> Notice:
    viewer = viewer_of(session, acting)
    notice = notices.find_visible(session, notice_id, viewer, now=clock.now())
    if notice is None:
        raise NoticeNotFoundError(notice_id=notice_id)
    return notice


def _record(
    session: Session, clock: Clock, acting: Acting, read: Sequence[Notice], *, how: str
) -> None:
    ids = [notice.id for notice in read]
    if not ids:
        return
    deliveries.mark_read(session, ids, viewer_of(session, acting), now=clock.now())
    for notice in read:
        note(
            session,
            action="risk_notice.read",
            subject_kind="risk_notice",
            subject_id=notice.id,
            after={"number": notice.number, "tlp": notice.content.tlp, "how": how},
        )
