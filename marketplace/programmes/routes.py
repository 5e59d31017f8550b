"""``/programmes``, ``/applications``, ``/recommendations``, and the programme of a call."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from marketplace.programmes import handlers
from marketplace.programmes.domain import Programme
from marketplace.programmes.export import FileKind, Sheet, form_sheet, table_sheet, written
from marketplace.programmes.handlers import following
from marketplace.programmes.loader import load_programmes
from marketplace.programmes.schemas import (
    ApplicationIn,
    ApplicationOut,
    PracticeIn,
    PracticeOut,
    ProgrammeOut,
    ProgrammesOut,
    RecommendationIn,
    RecommendationOut,
    ReportIn,
    ReportOut,
    ReviewIn,
    RunIn,
    ScheduleOut,
    StatedIn,
)
from services.contracts.ids import OrganisationId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import (
    ActingDep,
    ClockDep,
    CreationDep,
    PrincipalDep,
    SessionDep,
    requires,
)

programmes = api_router(prefix="/programmes", tags=["programmes"])
runs = api_router(prefix="/calls", tags=["programmes"])
applications = api_router(prefix="/applications", tags=["programmes"])
recommendations = api_router(prefix="/recommendations", tags=["programmes"])
reports = api_router(prefix="/progress-reports", tags=["programmes"])
practices = api_router(prefix="/best-practices", tags=["programmes"])
ROUTERS: Final[tuple[APIRouter, ...]] = (
    programmes, runs, applications, recommendations, reports, practices,
)  # fmt: skip


def _programmes() -> Mapping[str, Programme]:
    return load_programmes()


_FILES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file",
        "content": {
            kind.media_type: {"schema": {"type": "string", "format": "binary"}} for kind in FileKind
        },
    }
}
ProgrammesDep = Annotated[Mapping[str, Programme], Depends(_programmes)]


@programmes.get("", dependencies=[requires(Action.PROGRAMME_READ)])
def list_programmes(known: ProgrammesDep) -> ProgrammesOut:
    """Every programme: its rules by clause, its form, its stages."""
    return ProgrammesOut.of(known)


@programmes.get("/{programme_key}", dependencies=[requires(Action.PROGRAMME_READ)])
def read_programme(programme_key: str, known: ProgrammesDep) -> ProgrammeOut:
    """One programme."""
    return ProgrammeOut.of(handlers.get_programme(known, programme_key))


@runs.get("/{call_id}/programme", dependencies=[requires(Action.PROGRAMME_OF_CALL_READ)])
def read_programme_of_call(
    call_id: UUID, session: SessionDep, acting: ActingDep, known: ProgrammesDep
) -> ProgrammeOut:
    """The programme by whose rules a call selects."""
    del acting
    return ProgrammeOut.of(
        handlers.programme_of(session=session, programmes=known, call_id=call_id)
    )


@runs.put("/{call_id}/programme", status_code=204, dependencies=[requires(Action.PROGRAMME_RUN)])
def run_programme(
    call_id: UUID,
    asked: RunIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    known: ProgrammesDep,
) -> None:
    """Select by a programme's rules in an own call; that is said once."""
    handlers.run_programme(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        call_id=call_id,
        programme=handlers.get_programme(known, asked.programme),
    )


@runs.get(
    "/{call_id}/recommendation-table",
    dependencies=[requires(Action.PROGRAMME_OF_CALL_READ)],
    response_class=Response,
    responses=_FILES,
)
def export_recommendations(
    call_id: UUID,
    session: SessionDep,
    acting: ActingDep,
    known: ProgrammesDep,
    file: FileKind = FileKind.DOCX,
) -> Response:
    """The recommendation table (推荐汇总表) of what one recommends, or receives, in a call."""
    programme = handlers.programme_of(session=session, programmes=known, call_id=call_id)
    rows = handlers.recommended(
        session=session, organisation_id=acting.organisation_id, call_id=call_id
    )
    return _attached(table_sheet(programme, rows), file, f"recommendations-{call_id}")


@runs.post(
    "/{call_id}/applications",
    status_code=201,
    response_model=ApplicationOut,
    dependencies=[requires(Action.APPLICATION_MAKE)],
)
def draft_application(
    call_id: UUID,
    asked: ApplicationIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
    known: ProgrammesDep,
) -> Response:
    """Begin an application; the answer says which clauses it would break."""

    def work() -> ApplicationOut:
        made = handlers.draft(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            programmes=known,
            call_id=call_id,
            recommender_id=OrganisationId(asked.recommender_id),
            title=asked.title,
            directions=asked.directions,
            fields=asked.fields,
        )
        return ApplicationOut.of(made, known)

    return creation.once(asked, work)


@applications.get(
    "", response_model=Page[ApplicationOut], dependencies=[requires(Action.APPLICATION_READ)]
)
def list_applications(
    session: SessionDep, page: PageDep, acting: ActingDep, known: ProgrammesDep
) -> Page[ApplicationOut] | Response:
    """Applications one made, recommends or receives."""
    found = handlers.list_applications(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, lambda one: ApplicationOut.of(one, known), name="applications")


@applications.get("/{application_id}", dependencies=[requires(Action.APPLICATION_READ)])
def read_application(
    application_id: UUID, session: SessionDep, acting: ActingDep, known: ProgrammesDep
) -> ApplicationOut:
    """An application with the platform's figures, what is stated, and every clause."""
    del acting
    found = handlers.get_application(session=session, application_id=application_id)
    return ApplicationOut.of(found, known)


@applications.get(
    "/{application_id}/form",
    dependencies=[requires(Action.APPLICATION_READ)],
    response_class=Response,
    responses=_FILES,
)
def export_application(
    application_id: UUID,
    session: SessionDep,
    acting: ActingDep,
    known: ProgrammesDep,
    file: FileKind = FileKind.DOCX,
) -> Response:
    """The application form (申报书) to print and seal; every figure with whence it comes."""
    del acting
    found = handlers.get_application(session=session, application_id=application_id)
    programme = handlers.get_programme(known, found.programme)
    return _attached(form_sheet(programme, found), file, f"application-{found.id}")


@applications.put("/{application_id}", dependencies=[requires(Action.APPLICATION_CHANGE)])
def edit_application(
    application_id: UUID,
    asked: StatedIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    known: ProgrammesDep,
) -> ApplicationOut:
    """Change an own draft; the platform's figures are read anew."""
    after = handlers.edit(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        programmes=known,
        application_id=application_id,
        title=asked.title,
        directions=asked.directions,
        fields=asked.fields,
    )
    return ApplicationOut.of(after, known)


@applications.post("/{application_id}/apply", dependencies=[requires(Action.APPLICATION_CHANGE)])
def apply(
    application_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    known: ProgrammesDep,
) -> ApplicationOut:
    """Hand an own application to its recommender; what breaks a clause is refused by its name."""
    after = handlers.apply(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        programmes=known,
        application_id=application_id,
    )
    return ApplicationOut.of(after, known)


@applications.post(
    "/{application_id}/recommendation",
    status_code=201,
    response_model=RecommendationOut,
    dependencies=[requires(Action.PROJECT_RECOMMEND)],
)
def recommend_project(
    application_id: UUID,
    asked: RecommendationIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
    known: ProgrammesDep,
) -> Response:
    """Recommend a project that names one as its recommender, within the quota."""

    def work() -> RecommendationOut:
        made = handlers.recommend(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            programmes=known,
            application_id=application_id,
            reason=asked.reason,
        )
        return RecommendationOut.of(made)

    return creation.once(asked, work)


@applications.post("/{application_id}/file", dependencies=[requires(Action.APPLICATION_CHANGE)])
def file_application(
    application_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    known: ProgrammesDep,
) -> ApplicationOut:
    """Enter an own recommended project in its call."""
    after = handlers.file(
        session=session, clock=clock, acting=acting, application_id=application_id
    )
    return ApplicationOut.of(after, known)


@recommendations.get(
    "",
    response_model=Page[RecommendationOut],
    dependencies=[requires(Action.APPLICATION_READ)],
)
def list_recommendations(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[RecommendationOut] | Response:
    """Recommendations one gave, got or receives; as CSV or Excel the table (推荐汇总表)."""
    found = handlers.list_recommendations(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, RecommendationOut.of, name="recommendations")


def _attached(sheet: Sheet, kind: FileKind, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(written(sheet, kind), media_type=kind.media_type, headers=headers)


@applications.get("/{application_id}/reports", dependencies=[requires(Action.APPLICATION_READ)])
def list_progress_reports(
    application_id: UUID, session: SessionDep, acting: ActingDep, known: ProgrammesDep
) -> ScheduleOut:
    """Reports due over the term of an award, and those handed in that one may read."""
    del acting
    found = following.schedule(session=session, programmes=known, application_id=application_id)
    return ScheduleOut.of(found)


@applications.post(
    "/{application_id}/reports",
    status_code=201,
    response_model=ReportOut,
    dependencies=[requires(Action.PROGRESS_REPORT_WRITE)],
)
def hand_in_progress_report(
    application_id: UUID,
    asked: ReportIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
    known: ProgrammesDep,
) -> Response:
    """Hand in the next report of an own awarded project; the platform fills in its figures."""
    return creation.once(
        asked,
        lambda: ReportOut.of(
            following.report(
                session=session,
                clock=clock,
                organisation_id=acting.organisation_id,
                programmes=known,
                application_id=application_id,
                said=asked.said,
            )
        ),
    )


@reports.post(
    "/{progress_report_id}/review", dependencies=[requires(Action.PROGRESS_REPORT_REVIEW)]
)
def review_progress_report(
    progress_report_id: UUID,
    asked: ReviewIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> ReportOut:
    """Accept a report to an own call, or return it with a remark."""
    after = following.review(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        report_id=progress_report_id,
        accepted=asked.accepted,
        remark=asked.remark,
    )
    return ReportOut.of(after)


@practices.post(
    "",
    status_code=201,
    response_model=PracticeOut,
    dependencies=[requires(Action.BEST_PRACTICE_PROPOSE)],
)
def propose_best_practice(
    asked: PracticeIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Propose a page about a project an own call awarded; its applicant decides."""
    return creation.once(
        asked,
        lambda: PracticeOut.of(
            following.propose_practice(
                session=session,
                clock=clock,
                organisation_id=acting.organisation_id,
                **dict(asked),
            ),
            acting.organisation_id,
        ),
    )


@practices.get(
    "", response_model=Page[PracticeOut], dependencies=[requires(Action.BEST_PRACTICE_READ)]
)
def list_best_practices(
    session: SessionDep, page: PageDep, principal: PrincipalDep
) -> Page[PracticeOut] | Response:
    """Published pages, and what one proposed or is asked about."""
    found = following.list_practices(
        session=session, reader=principal.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(
        found,
        lambda one: PracticeOut.of(one, principal.organisation_id),
        name="best-practices",
    )


@practices.get("/{best_practice_id}", dependencies=[requires(Action.BEST_PRACTICE_READ)])
def read_best_practice(
    best_practice_id: UUID, session: SessionDep, principal: PrincipalDep
) -> PracticeOut:
    """One page."""
    found = following.get_practice(
        session=session, reader=principal.organisation_id, practice_id=best_practice_id
    )
    return PracticeOut.of(found, principal.organisation_id)


@practices.post(
    "/{best_practice_id}/consent", dependencies=[requires(Action.BEST_PRACTICE_CONSENT)]
)
def consent_to_best_practice(
    best_practice_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> PracticeOut:
    """Have the page about an own project published, as it stands."""
    after = following.decide_practice(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        practice_id=best_practice_id,
        is_shown=True,
    )
    return PracticeOut.of(after, acting.organisation_id)


@practices.post(
    "/{best_practice_id}/withdrawal", dependencies=[requires(Action.BEST_PRACTICE_CONSENT)]
)
def withdraw_best_practice(
    best_practice_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> PracticeOut:
    """Refuse the page about an own project, or have it taken down."""
    after = following.decide_practice(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        practice_id=best_practice_id,
        is_shown=False,
    )
    return PracticeOut.of(after, acting.organisation_id)
