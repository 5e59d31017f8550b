"""The release: one person approves, another releases, and neither wrote it."""

from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.contracts.access import Acting, Role
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.risk import RiskNoticeReleased
from services.contracts.ids import OrganisationId
from services.risk.domain.notice import (
    Notice,
    NoticeState,
    approved,
    released,
    returned,
    superseded,
    withdrawn,
)
from services.risk.domain.viewing import may_release
from services.risk.handlers.drafting import NoticeNotFoundError, author_of, locked, tell
from services.risk.store import notices as store
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class ReleasedNoticeError(DomainError):
    code: ClassVar[str] = "risk-notice-released"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = (
        "Notice {number} was released; a security administrator or the authority's officer"
        " withdraws it."
    )
    zh: ClassVar[str] = "通报 {number} 已发布；须由安全管理员或主管部门的项目主管撤回。"


def approve(
    *, session: Session, clock: Clock, acting: Acting, notice_id: UUID, version: int
) -> Notice:
    """The first step.

    Raises:
        NoticeNotFoundError: there is none the caller may release.
        NoticeVersionError, NoticeTransitionError, AlreadyApprovedError: as they say.
        SecondPersonRequiredError: the caller wrote it.
    """
    notice = _releasable(session, acting, notice_id, version)
    return _save(session, notice, approved(notice, by=author_of(acting), now=clock.now()))


def send_back(
    *, session: Session, clock: Clock, acting: Acting, notice_id: UUID, version: int
) -> Notice:
    """A draft again, for its authors to change; an approval is void."""
    notice = _releasable(session, acting, notice_id, version)
    return _save(session, notice, returned(notice, now=clock.now()))


def release(
    *, session: Session, clock: Clock, acting: Acting, notice_id: UUID, version: int
) -> Notice:
    """The second step. The worker delivers the notice as soon as its embargo is over.

    Raises:
        NoticeNotFoundError: there is none the caller may release.
        NoticeVersionError, NoticeTransitionError, NotApprovedError: as they say.
        SecondPersonRequiredError: the caller wrote or approved it.
    """
    now = clock.now()
    notice = _releasable(session, acting, notice_id, version)
    changed = _save(session, notice, released(notice, by=author_of(acting), now=now))
    _supersede(session, clock, changed)
    told = RiskNoticeReleased(
        id=clock.new_id(),
        occurred_at=now,
        notice_id=changed.id,
        organisation_id=changed.organisation_id,
        audience=Audience(organisation_ids=(changed.organisation_id,)),
    )
    emit(session, told, now=now)
    return changed


def withdraw(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    notice_id: UUID,
    version: int,
    reason: str,
) -> Notice:
    """Take a notice back: authors before its release, who releases also after it.

    Those it was delivered to go on reading it, as withdrawn.

    Raises:
        NoticeNotFoundError: there is none the caller may withdraw.
        ReleasedNoticeError: it was released and the caller is an author only.
        NoticeVersionError, NoticeTransitionError: as they say.
    """
    notice = locked(session, notice_id, version=version, author=_author_filter(acting))
    if notice.state is NoticeState.RELEASED and not may_release(acting.principal, notice):
        raise ReleasedNoticeError(number=notice.number)
    return _save(session, notice, withdrawn(notice, reason=reason, now=clock.now()))


def _releasable(session: Session, acting: Acting, notice_id: UUID, version: int) -> Notice:
    notice = locked(session, notice_id, version=version, author=_author_filter(acting))
    if not may_release(acting.principal, notice):
        raise NoticeNotFoundError(notice_id=notice_id)
    return notice


def _author_filter(acting: Acting) -> OrganisationId | None:
    """Whose notices the caller acts on; ``None``: anybody's."""
    if acting.principal.platform_role is Role.SECURITY_ADMIN:
        return None
    return acting.organisation_id


def _supersede(session: Session, clock: Clock, newer: Notice) -> None:
    older_id = newer.content.supersedes_id
    if older_id is None:
        return
    older = store.lock_notice(session, older_id, author=newer.organisation_id)
    assert older is not None, "checked when it was named; notices are never deleted"
    if older.state is NoticeState.RELEASED:
        _save(session, older, superseded(older, now=clock.now()))


def _save(session: Session, before: Notice, after: Notice) -> Notice:
    store.save_notice(session, after)
    tell(session, before, after)
    return after
