"""Writing notices: by the members of the organisation that stands behind them."""

from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import Session

from services.contracts.access import Acting
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.risk.domain.notice import (
    SERIAL_MAX,
    Notice,
    NoticeContent,
    NoticeSource,
    NoticeState,
    check_version,
    rewritten,
    submitted,
)
from services.risk.domain.wellformed import InvalidNoticeError, check_content
from services.risk.store import notices as store
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class NoticeNotFoundError(DomainError):
    code: ClassVar[str] = "risk-notice-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no notice {notice_id} for you; list /risk/notices."
    zh: ClassVar[str] = "没有您可查看的通报 {notice_id}；请查看 /risk/notices。"


class YearFullError(DomainError):
    code: ClassVar[str] = "risk-numbers-exhausted"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "All {most} numbers of {year} are used; write the notice next year."
    zh: ClassVar[str] = "{year} 年的 {most} 个编号已用完；请明年再编写。"


def draft(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    content: NoticeContent,
    source: NoticeSource = NoticeSource.WRITTEN,
) -> Notice:
    """A new draft under the next number of the year.

    Raises:
        InvalidNoticeError: the content is not well formed, or names what is not there.
        YearFullError: no number is left.
    """
    _check(session, acting.organisation_id, content)
    now = clock.now()
    if (serial := store.next_serial(session, now.year)) > SERIAL_MAX:
        raise YearFullError(most=SERIAL_MAX, year=now.year)
    notice = Notice(
        id=clock.new_id(),
        year=now.year,
        serial=serial,
        organisation_id=acting.organisation_id,
        content=content,
        state=NoticeState.DRAFT,
        source=source,
        authors=frozenset({author_of(acting)}),
        created_at=now,
        updated_at=now,
    )
    store.insert_notice(session, notice)
    tell(session, None, notice)
    return notice


def rewrite(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    notice_id: UUID,
    content: NoticeContent,
    version: int,
) -> Notice:
    """Replace a draft's content; whoever does is an author from then on.

    Raises:
        NoticeNotFoundError, NoticeVersionError, NoticeTransitionError, InvalidNoticeError: as they
            say.
    """
    notice = locked(session, notice_id, version=version, author=acting.organisation_id)
    changed = rewritten(notice, content, by=author_of(acting), now=clock.now())
    _check(session, acting.organisation_id, content, own_id=notice_id)
    store.save_notice(session, changed)
    tell(session, notice, changed)
    return changed


def submit(
    *, session: Session, clock: Clock, acting: Acting, notice_id: UUID, version: int
) -> Notice:
    """Hand a draft over to the two who release it.

    Raises:
        NoticeNotFoundError, NoticeVersionError, NoticeTransitionError, AddresseesMissingError: as
            they say.
    """
    notice = locked(session, notice_id, version=version, author=acting.organisation_id)
    changed = submitted(notice, by=author_of(acting), now=clock.now())
    store.save_notice(session, changed)
    tell(session, notice, changed)
    return changed


def locked(
    session: Session, notice_id: UUID, *, version: int, author: OrganisationId | None
) -> Notice:
    """The notice under lock, if it is of ``author`` or anybody's to take.

    Raises:
        NoticeNotFoundError: it is none.
        NoticeVersionError: it has moved on.
    """
    notice = store.lock_notice(session, notice_id, author=author)
    if notice is None:
        raise NoticeNotFoundError(notice_id=notice_id)
    check_version(notice, version)
    return notice


def author_of(acting: Acting) -> UUID:
    assert acting.principal.id is not None, "who acts for an organisation is somebody"
    return acting.principal.id


def tell(session: Session, before: Notice | None, after: Notice) -> None:
    """Have the audit trail tell the step, never the content."""
    note(
        session,
        subject_kind="risk_notice",
        subject_id=after.id,
        before=None if before is None else _facts(before),
        after=_facts(after),
    )


def _facts(notice: Notice) -> dict[str, Any]:
    return {
        "number": notice.number,
        "state": notice.state,
        "tlp": notice.content.tlp,
        "approved_by": notice.approved_by,
        "released_by": notice.released_by,
        "version": notice.version,
    }


def _check(
    session: Session,
    organisation_id: OrganisationId,
    content: NoticeContent,
    *,
    own_id: UUID | None = None,
) -> None:
    check_content(content)
    addressing = content.addressing
    named = {
        *addressing.organisations,
        *(addressee.organisation_id for addressee in addressing.persons),
    }
    known = identity.organisations_by_id(session=session, organisation_ids=named)
    for missing in sorted(named - known.keys()):
        _refuse(
            "addressing/organisations", f"there is no organisation {missing}", f"没有组织 {missing}"
        )
    parks = identity.parks_by_code(session=session, codes=addressing.parks)
    for park in addressing.parks:
        if park not in parks:
            _refuse("addressing/parks", f"there is no park {park}", f"没有园区 {park}")
    _check_superseded(session, organisation_id, content.supersedes_id, own_id)


def _check_superseded(
    session: Session, author: OrganisationId, superseded_id: UUID | None, own_id: UUID | None
) -> None:
    if superseded_id is None:
        return
    older = store.lock_notice(session, superseded_id, author=author)
    if older is None or older.id == own_id or older.state is not NoticeState.RELEASED:
        _refuse(
            "supersedes_id",
            f"{superseded_id} is no released notice of yours",
            f"{superseded_id} 不是贵组织已发布的通报",
        )


def _refuse(field: str, en: str, zh: str) -> None:
    raise InvalidNoticeError(field=field, en=en, zh=zh)
