"""Notices: numbering, writing, and reading what the caller may see."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlmodel import Session, and_, col, exists, func, or_, select, text, update
from sqlmodel.sql.expression import SelectOfScalar

from services.contracts.ids import OrganisationId, PersonId
from services.risk.domain.addressing import Addressee, Addressing
from services.risk.domain.notice import (
    TOLD,
    Notice,
    NoticeContent,
    NoticeKind,
    NoticeSource,
    NoticeState,
    Product,
    Reference,
)
from services.risk.domain.rating import Rating, Severity
from services.risk.domain.tlp import Tlp
from services.risk.domain.viewing import NoticeFilter, Viewer
from services.risk.store.deliveries import received
from services.risk.tables import DeliveryRow, NoticeRow

_NEXT: Final = text(
    "INSERT INTO risk_counter AS counter (year, last) VALUES (:year, 1)"
    " ON CONFLICT (year) DO UPDATE SET last = counter.last + 1 RETURNING last"
)
_TOLD: Final = sorted(TOLD)


def next_serial(session: Session, year: int) -> int:
    """The next number of ``year``; others wait for it until this transaction ends."""
    return int(session.connection().execute(_NEXT, {"year": year}).scalar_one())


def insert_notice(session: Session, notice: Notice) -> None:
    session.add(
        NoticeRow(
            id=notice.id,
            year=notice.year,
            serial=notice.serial,
            organisation_id=notice.organisation_id,
            source=notice.source.value,
            created_at=notice.created_at,
            **_columns(notice),
        )
    )
    session.flush()


def save_notice(session: Session, notice: Notice) -> None:
    """Write a notice read under lock in this transaction."""
    session.exec(update(NoticeRow).where(col(NoticeRow.id) == notice.id).values(**_columns(notice)))


def save_delivered(session: Session, notice_id: UUID, *, now: datetime) -> None:
    session.exec(update(NoticeRow).where(col(NoticeRow.id) == notice_id).values(delivered_at=now))


def find_visible(
    session: Session, notice_id: UUID, viewer: Viewer, *, now: datetime
) -> Notice | None:
    found = _found(
        session, select(NoticeRow).where(NoticeRow.id == notice_id, visible(viewer, now))
    )
    return found[0] if found else None


def lock_notice(
    session: Session, notice_id: UUID, *, author: OrganisationId | None
) -> Notice | None:
    """A notice of ``author``, or of anybody if ``None``, changed by nobody else meanwhile."""
    query = select(NoticeRow).where(col(NoticeRow.id) == notice_id).with_for_update()
    if author is not None:
        query = query.where(col(NoticeRow.organisation_id) == author)
    found = _found(session, query)
    return found[0] if found else None


def is_there(session: Session, notice_id: UUID, *, author: OrganisationId | None) -> bool:
    """Whether there is such a notice of ``author``, or of anybody if ``None``."""
    query = select(NoticeRow.id).where(col(NoticeRow.id) == notice_id)
    if author is not None:
        query = query.where(col(NoticeRow.organisation_id) == author)
    return session.exec(query).one_or_none() is not None


def notices_after(
    session: Session,
    viewer: Viewer,
    *,
    now: datetime,
    after: UUID | None,
    limit: int,
    wanted: NoticeFilter,
) -> list[Notice]:
    """A page in order of id."""
    conditions: list[Any] = [visible(viewer, now)]
    if after is not None:
        conditions.append(col(NoticeRow.id) > after)
    for column, values in (
        (NoticeRow.state, wanted.states),
        (NoticeRow.kind, wanted.kinds),
        (NoticeRow.tlp, wanted.tlps),
        (NoticeRow.severity, wanted.severities),
    ):
        if values:
            conditions.append(col(column).in_([value.value for value in values]))
    query = select(NoticeRow).where(*conditions).order_by(col(NoticeRow.id)).limit(limit)
    return _found(session, query)


def lock_undelivered(session: Session, *, now: datetime, limit: int) -> list[Notice]:
    """Released notices that may go out now and that nobody else is delivering."""
    due = func.greatest(NoticeRow.released_at, NoticeRow.embargo_until)
    query = (
        select(NoticeRow)
        .where(
            col(NoticeRow.state) == NoticeState.RELEASED,
            col(NoticeRow.delivered_at).is_(None),
            due <= now,
        )
        .order_by(col(NoticeRow.released_at), col(NoticeRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return _found(session, query)


def visible(viewer: Viewer, now: datetime) -> Any:
    """What ``viewer`` may read; row security says the same."""
    if viewer.is_security_admin:
        return text("true")
    addressed = exists().where(
        col(DeliveryRow.notice_id) == col(NoticeRow.id), *received(viewer, now)
    )
    reach = [col(NoticeRow.tlp) == Tlp.CLEAR, addressed]
    if viewer.is_verified:
        reach.append(col(NoticeRow.tlp) == Tlp.GREEN)
    told = and_(
        col(NoticeRow.state).in_(_TOLD),
        col(NoticeRow.released_at).is_not(None),
        col(NoticeRow.delivered_at) <= now,
        or_(col(NoticeRow.embargo_until).is_(None), col(NoticeRow.embargo_until) <= now),
        or_(*reach),
    )
    return or_(col(NoticeRow.organisation_id) == viewer.organisation_id, told)


def _found(session: Session, query: SelectOfScalar[NoticeRow]) -> list[Notice]:
    # A row this session has read before may have changed since: always take what the server says.
    rows = session.exec(query, execution_options={"populate_existing": True})
    return [_notice(row) for row in rows]


def _columns(notice: Notice) -> dict[str, Any]:
    content = notice.content
    return {
        "title": content.title,
        "title_zh": content.title_zh,
        "kind": content.kind.value,
        "severity": content.rating.severity.value,
        "cvss_vector": content.rating.vector,
        "cvss_score": content.rating.score,
        "tlp": content.tlp.value,
        "embargo_until": content.embargo_until,
        "products": [asdict(product) for product in content.products],
        "identifiers": list(content.identifiers),
        "description": content.description,
        "remediation": content.remediation,
        "cited": [asdict(reference) for reference in content.references],
        "addressing": _addressing_json(content.addressing),
        "supersedes_id": content.supersedes_id,
        "state": notice.state.value,
        "authors": sorted(notice.authors),
        "approved_by": notice.approved_by,
        "approved_at": notice.approved_at,
        "released_by": notice.released_by,
        "released_at": notice.released_at,
        "withdrawn_reason": notice.withdrawn_reason,
        "updated_at": notice.updated_at,
        "version": notice.version,
    }


def _notice(row: NoticeRow) -> Notice:
    return Notice(
        id=row.id,
        year=row.year,
        serial=row.serial,
        organisation_id=OrganisationId(row.organisation_id),
        content=_content(row),
        state=NoticeState(row.state),
        source=NoticeSource(row.source),
        authors=frozenset(row.authors),
        created_at=row.created_at,
        updated_at=row.updated_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        released_by=row.released_by,
        released_at=row.released_at,
        delivered_at=row.delivered_at,
        withdrawn_reason=row.withdrawn_reason,
        version=row.version,
    )


def _content(row: NoticeRow) -> NoticeContent:
    return NoticeContent(
        title=row.title,
        title_zh=row.title_zh,
        kind=NoticeKind(row.kind),
        rating=Rating(Severity(row.severity), row.cvss_vector, row.cvss_score),
        tlp=Tlp(row.tlp),
        products=tuple(Product(**product) for product in row.products),
        identifiers=tuple(row.identifiers),
        embargo_until=row.embargo_until,
        description=row.description,
        remediation=row.remediation,
        references=tuple(Reference(**reference) for reference in row.cited),
        addressing=_addressing(row.addressing),
        supersedes_id=row.supersedes_id,
    )


def _addressing_json(addressing: Addressing) -> dict[str, Any]:
    return {
        "organisations": [str(one) for one in addressing.organisations],
        "persons": [[str(one.organisation_id), str(one.person_id)] for one in addressing.persons],
        "parks": list(addressing.parks),
        "regions": list(addressing.regions),
        "affected_products": addressing.affected_products,
        "all_verified": addressing.all_verified,
    }


def _addressing(stored: dict[str, Any]) -> Addressing:
    return Addressing(
        organisations=tuple(OrganisationId(UUID(one)) for one in stored["organisations"]),
        persons=tuple(
            Addressee(OrganisationId(UUID(organisation)), PersonId(UUID(person)))
            for organisation, person in stored["persons"]
        ),
        parks=tuple(stored["parks"]),
        regions=tuple(stored["regions"]),
        affected_products=stored["affected_products"],
        all_verified=stored["all_verified"],
    )
