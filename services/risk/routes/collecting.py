"""Findings, reports and files."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.contracts.access import Acting, Role
from services.contracts.findings import FindingKind, ReportedFinding
from services.contracts.ids import GatewayId
from services.contracts.policies import Action
from services.risk.domain.collected import ReportState
from services.risk.domain.imported import ImportFormat
from services.risk.handlers import collecting, importing
from services.risk.schemas import (
    DecisionIn,
    FindingOut,
    FindingsIn,
    FindingsOut,
    ImportOut,
    ReportIn,
    ReportOut,
)
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(prefix="/risk", tags=["risk"])


async def _body(request: Request) -> bytes:
    return await request.body()


BodyDep = Annotated[bytes, Depends(_body)]
_FILE = {
    "requestBody": {
        "required": True,
        "description": (
            "The file, byte for byte: whatever it holds and however it is labelled, `format` says"
            " what it is read as, and what is wrong in it is told in `problems`."
        ),
        "content": {"text/csv": {}, "application/json": {}},
    }
}


@router.post("/findings", dependencies=[requires(Action.RISK_FINDING_REPORT)])
def report_risk_findings(
    asked: FindingsIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> FindingsOut:
    """What your gateways found; the same thing again only moves its last sighting."""
    now = clock.now()
    kept = [
        collecting.report_finding(
            session=session,
            clock=clock,
            sighting=ReportedFinding(
                organisation_id=acting.organisation_id,
                gateway_id=GatewayId(one.gateway_id),
                kind=one.kind,
                subject=one.subject,
                detail=one.detail,
                observed_at=min(one.observed_at or now, now),
            ),
        )
        for one in asked.findings
    ]
    return FindingsOut(items=[FindingOut.of(finding) for finding in kept])


@router.get(
    "/findings",
    response_model=Page[FindingOut],
    dependencies=[requires(Action.RISK_FINDING_READ)],
)
def list_risk_findings(
    session: SessionDep,
    acting: ActingDep,
    page: PageDep,
    kind: Annotated[list[FindingKind] | None, Query()] = None,
) -> Page[FindingOut] | Response:
    """Findings of your gateways; of those in your park if you operate one."""
    found = collecting.list_findings(
        session=session, acting=acting, after=page.after, limit=page.fetch, kinds=kind or ()
    )
    return page.answer(found, FindingOut.of, name="risk-findings")


@router.post(
    "/reports",
    status_code=201,
    response_model=ReportOut,
    dependencies=[requires(Action.RISK_REPORT_FILE)],
)
def file_risk_report(
    asked: ReportIn, session: SessionDep, clock: ClockDep, creation: CreationDep, acting: ActingDep
) -> Response:
    """Tell the security administrators what you noticed; only you and they read it."""

    def work() -> ReportOut:
        report = collecting.file_report(
            session=session,
            clock=clock,
            acting=acting,
            title=asked.title,
            text=asked.text,
            kind=asked.kind,
            severity=asked.severity,
            products=[product.product() for product in asked.products],
        )
        return ReportOut.of(report, is_insider=False)

    return creation.once(asked, work)


@router.get(
    "/reports", response_model=Page[ReportOut], dependencies=[requires(Action.RISK_REPORT_READ)]
)
def list_risk_reports(
    session: SessionDep,
    acting: ActingDep,
    page: PageDep,
    state: Annotated[list[ReportState] | None, Query()] = None,
) -> Page[ReportOut] | Response:
    """Your reports and what became of them; everybody's for the security administrators."""
    found = collecting.list_reports(
        session=session, acting=acting, after=page.after, limit=page.fetch, states=state or ()
    )
    is_insider = _is_security_admin(acting)
    return page.answer(
        found, lambda one: ReportOut.of(one, is_insider=is_insider), name="risk-reports"
    )


@router.get("/reports/{report_id}", dependencies=[requires(Action.RISK_REPORT_READ)])
def read_risk_report(report_id: UUID, session: SessionDep, acting: ActingDep) -> ReportOut:
    """One report."""
    report = collecting.read_report(session=session, acting=acting, report_id=report_id)
    return ReportOut.of(report, is_insider=_is_security_admin(acting))


@router.post("/reports/{report_id}/decision", dependencies=[requires(Action.RISK_REPORT_DECIDE)])
def decide_risk_report(
    report_id: UUID, asked: DecisionIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ReportOut:
    """Make a report the draft of a notice, or say why not."""
    if asked.accept:
        report, _ = collecting.accept_report(
            session=session, clock=clock, acting=acting, report_id=report_id, reply=asked.reply
        )
    else:
        report = collecting.reject_report(
            session=session, clock=clock, acting=acting, report_id=report_id, reply=asked.reply
        )
    return ReportOut.of(report, is_insider=True)


@router.post(
    "/imports",
    status_code=201,
    dependencies=[requires(Action.RISK_FILE_IMPORT)],
    openapi_extra=_FILE,
)
def import_risk_file(
    data: BodyDep,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    kind: Annotated[ImportFormat, Query(alias="format")],
) -> ImportOut:
    """Make drafts of a CSV or CSAF 2.0 file; ``state`` tells if it was taken or quarantined."""
    made = importing.import_file(session=session, clock=clock, acting=acting, data=data, kind=kind)
    return ImportOut.of(made)


@router.get(
    "/imports", response_model=Page[ImportOut], dependencies=[requires(Action.RISK_FILE_IMPORT)]
)
def list_risk_imports(
    session: SessionDep, acting: ActingDep, page: PageDep
) -> Page[ImportOut] | Response:
    """Files your organisation sent, with what was wrong in them."""
    found = importing.list_imports(
        session=session, acting=acting, after=page.after, limit=page.fetch
    )
    return page.answer(found, ImportOut.of, name="risk-imports")


def _is_security_admin(acting: Acting) -> bool:
    return acting.principal.platform_role is Role.SECURITY_ADMIN
