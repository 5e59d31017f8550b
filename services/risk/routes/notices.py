"""Notices: written, listed, read, taken away."""

import json
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.contracts.access import Acting, Role
from services.contracts.policies import Action
from services.risk.domain.notice import Notice, NoticeKind, NoticeState
from services.risk.domain.rating import Severity
from services.risk.domain.tlp import Tlp
from services.risk.domain.viewing import NoticeFilter
from services.risk.handlers import drafting, reading, viewing
from services.risk.schemas import NoticeCopy, NoticeIn, NoticeLine, NoticeOut, NoticeUpdate
from services.runtime.routing import api_router
from services.runtime.tabular import ListFormat, Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(prefix="/risk", tags=["risk"])


def _filter(
    state: Annotated[list[NoticeState] | None, Query()] = None,
    kind: Annotated[list[NoticeKind] | None, Query()] = None,
    tlp: Annotated[list[Tlp] | None, Query()] = None,
    severity: Annotated[list[Severity] | None, Query()] = None,
) -> NoticeFilter:
    return NoticeFilter(
        tuple(state or ()), tuple(kind or ()), tuple(tlp or ()), tuple(severity or ())
    )


FilterDep = Annotated[NoticeFilter, Depends(_filter)]


@router.post(
    "/notices",
    status_code=201,
    response_model=NoticeOut,
    dependencies=[requires(Action.RISK_NOTICE_WRITE)],
)
def create_risk_notice(
    asked: NoticeIn, session: SessionDep, clock: ClockDep, creation: CreationDep, acting: ActingDep
) -> Response:
    """Write a draft; nobody but your organisation and the security administrators reads it."""

    def work() -> NoticeOut:
        notice = drafting.draft(
            session=session, clock=clock, acting=acting, content=asked.content()
        )
        return NoticeOut.of(notice)

    return creation.once(asked, work)


@router.get(
    "/notices",
    response_model=Page[NoticeLine],
    dependencies=[requires(Action.RISK_NOTICE_READ)],
)
def list_risk_notices(
    session: SessionDep, clock: ClockDep, acting: ActingDep, page: PageDep, wanted: FilterDep
) -> Page[NoticeLine] | Response:
    """What you may read. As a file it carries your name, and counts as read."""
    found = reading.list_notices(
        session=session,
        clock=clock,
        acting=acting,
        after=page.after,
        limit=page.fetch,
        wanted=wanted,
    )
    if page.format is ListFormat.JSON:
        return page.answer(found, NoticeLine.of, name="risk-notices")
    mark = viewing.watermark(session=session, clock=clock, acting=acting)
    copied = found[: page.limit]
    reading.record_copies(
        session=session, clock=clock, acting=acting, copied=copied, how=page.format.value
    )
    answer: Page[NoticeCopy] | Response = page.answer(
        found, lambda notice: NoticeCopy.marked(notice, mark), name="risk-notices"
    )
    assert isinstance(answer, Response), "a file was asked for"
    return answer


@router.get("/notices/{notice_id}", dependencies=[requires(Action.RISK_NOTICE_READ)])
def read_risk_notice(
    notice_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> NoticeOut:
    """One notice; that you read it is on record."""
    notice = reading.read_notice(session=session, clock=clock, acting=acting, notice_id=notice_id)
    return NoticeOut.of(notice, is_insider=_is_insider(acting, notice))


@router.put("/notices/{notice_id}", dependencies=[requires(Action.RISK_NOTICE_WRITE)])
def change_risk_notice(
    notice_id: UUID, asked: NoticeUpdate, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> NoticeOut:
    """Replace a draft; you are one of its authors from then on."""
    notice = drafting.rewrite(
        session=session,
        clock=clock,
        acting=acting,
        notice_id=notice_id,
        content=asked.content(),
        version=asked.version,
    )
    return NoticeOut.of(notice)


@router.get(
    "/notices/{notice_id}/csaf",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
    dependencies=[requires(Action.RISK_NOTICE_READ)],
)
def export_risk_notice(
    notice_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> Response:
    """A released notice as CSAF 2.0 with your name among its notes; it counts as read."""
    document = reading.export_csaf(session=session, clock=clock, acting=acting, notice_id=notice_id)
    name = document["document"]["tracking"]["id"].lower()
    return Response(
        json.dumps(document, ensure_ascii=False, indent=2),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}.json"'},
    )


def _is_insider(acting: Acting, notice: Notice) -> bool:
    return (
        acting.organisation_id == notice.organisation_id
        or acting.principal.platform_role is Role.SECURITY_ADMIN
    )
