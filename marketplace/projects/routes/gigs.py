"""``/gigs`` and ``/rankings``: pieces of work for pay held in escrow, and who does them well."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from marketplace.projects.handlers import earnings
from marketplace.projects.handlers import gigs as handlers
from marketplace.projects.schemas import (
    AssignIn,
    GigApplicationIn,
    GigApplicationOut,
    GigIn,
    GigOut,
    HandInIn,
    SendBackIn,
    StandingOut,
    StandingsOut,
)
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

RANKED_MAX = 100

router = api_router(tags=["gigs"])


class Ranked(StrEnum):
    TEAM = "team"
    WORKER = "worker"


@router.post(
    "/projects/{project_id}/gigs",
    status_code=201,
    response_model=GigOut,
    dependencies=[requires(Action.GIG_PUBLISH)],
)
def publish_gig(
    project_id: UUID,
    asked: GigIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Offer a piece of an own project's work to whoever sees the project."""

    def work() -> GigOut:
        published = handlers.publish(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            project_id=project_id,
            title=asked.title,
            about=asked.about,
            pay=Money(asked.pay_minor, asked.currency),
            due_at=asked.due_at,
        )
        return GigOut.of(published)

    return creation.once(asked, work)


@router.get("/gigs", response_model=Page[GigOut], dependencies=[requires(Action.GIG_READ)])
def list_gigs(session: SessionDep, page: PageDep, acting: ActingDep) -> Page[GigOut] | Response:
    """Gigs one sees, in order of publishing."""
    found = handlers.list_gigs(session=session, after=page.after, limit=page.fetch)
    return page.answer(
        found, lambda one: GigOut.for_viewer(one, acting.organisation_id), name="gigs"
    )


@router.get("/gigs/{gig_id}", dependencies=[requires(Action.GIG_READ)])
def read_gig(gig_id: UUID, session: SessionDep, acting: ActingDep) -> GigOut:
    """One gig; what was handed in is shown to publisher and worker."""
    found = handlers.get_gig(session=session, gig_id=gig_id)
    return GigOut.for_viewer(found, acting.organisation_id)


@router.post(
    "/gigs/{gig_id}/applications",
    status_code=201,
    response_model=GigApplicationOut,
    dependencies=[requires(Action.GIG_APPLY)],
)
def apply_for_gig(
    gig_id: UUID,
    asked: GigApplicationIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Apply, perhaps with an own team whose members share the pay by their stakes of now."""

    def work() -> GigApplicationOut:
        applied = handlers.apply(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            gig_id=gig_id,
            text=asked.text,
            team_id=asked.team_id,
        )
        return GigApplicationOut.of(applied)

    return creation.once(asked, work)


@router.get(
    "/gigs/{gig_id}/applications",
    response_model=Page[GigApplicationOut],
    dependencies=[requires(Action.GIG_APPLY)],
)
def list_gig_applications(
    gig_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[GigApplicationOut] | Response:
    """All for an own gig; the own one for another's."""
    found = handlers.list_applications(
        session=session,
        organisation_id=acting.organisation_id,
        gig_id=gig_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, GigApplicationOut.of, name="applications")


@router.post("/gigs/{gig_id}/assign", dependencies=[requires(Action.GIG_MANAGE)])
def assign_gig(
    gig_id: UUID, asked: AssignIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> GigOut:
    """Give an own gig to an applicant; its escrow is then to be funded by a payment."""
    assigned = handlers.assign(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        gig_id=gig_id,
        worker_id=OrganisationId(asked.worker_id),
    )
    return GigOut.of(assigned)


@router.post("/gigs/{gig_id}/hand-in", dependencies=[requires(Action.GIG_WORK)])
def hand_in_gig(
    gig_id: UUID, asked: HandInIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> GigOut:
    """Hand in what was done."""
    handed = handlers.hand_in(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        gig_id=gig_id,
        work=asked.work,
    )
    return GigOut.of(handed)


@router.post("/gigs/{gig_id}/accept", dependencies=[requires(Action.GIG_MANAGE)])
def accept_gig(gig_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep) -> GigOut:
    """Accept what was handed in: its pay leaves the escrow."""
    accepted = handlers.accept(
        session=session, clock=clock, organisation_id=acting.organisation_id, gig_id=gig_id
    )
    return GigOut.of(accepted)


@router.post("/gigs/{gig_id}/send-back", dependencies=[requires(Action.GIG_MANAGE)])
def send_gig_back(
    gig_id: UUID, asked: SendBackIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> GigOut:
    """Send back what was handed in, and say why."""
    sent = handlers.send_back(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        gig_id=gig_id,
        reason=asked.reason,
    )
    return GigOut.of(sent)


@router.post("/gigs/{gig_id}/cancel", dependencies=[requires(Action.GIG_MANAGE)])
def cancel_gig(gig_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep) -> GigOut:
    """Take back an own gig nobody was given."""
    cancelled = handlers.cancel(
        session=session, clock=clock, organisation_id=acting.organisation_id, gig_id=gig_id
    )
    return GigOut.of(cancelled)


@router.get("/work-rankings", dependencies=[requires(Action.RANKING_READ)])
def read_work_rankings(
    session: SessionDep,
    acting: ActingDep,
    of: Ranked = Ranked.TEAM,
    currency: Annotated[str, Query(pattern=r"^[A-Z]{3}$")] = "CNY",
    limit: Annotated[int, Query(ge=1, le=RANKED_MAX)] = RANKED_MAX,
) -> StandingsOut:
    """Teams or workers by settled value, punctuality, acceptance at the first time."""
    del acting
    found = earnings.rank(session=session, kind=of, currency=currency, limit=limit)
    return StandingsOut(items=[StandingOut.of(one) for one in found])
