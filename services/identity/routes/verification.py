"""The acting organisation's own facts, and the verified-firm flow (企业认证)."""

from typing import Annotated
from uuid import UUID

from fastapi import Header, Response

from services.contracts.ids import OrganisationId
from services.contracts.policies import Action
from services.identity import handlers
from services.identity.domain import RequestState
from services.identity.routes.organisations import etag
from services.identity.routes.persons import PersonIdDep
from services.identity.schemas.organisations import OrganisationChange, OrganisationRead
from services.identity.schemas.verification import (
    DecisionCreate,
    Verdict,
    VerificationCreate,
    VerificationRead,
)
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

IF_MATCH_MAX = 200

router = api_router(tags=["identity"])


@router.patch("/organisation", dependencies=[requires(Action.ORGANISATION_CHANGE)])
def change_organisation(
    asked: OrganisationChange,
    response: Response,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    if_match: Annotated[str | None, Header(max_length=IF_MATCH_MAX)] = None,
) -> OrganisationRead:
    """Change the own names or credit code; a verification made for other ones ends."""
    changed = handlers.change_organisation(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        changes=asked.changes(),
        version=None if if_match in {None, "*"} else str(if_match).strip().strip('"'),
    )
    response.headers["etag"] = etag(changed)
    return OrganisationRead.of(changed)


@router.post(
    "/organisation/verification",
    status_code=201,
    response_model=VerificationRead,
    dependencies=[requires(Action.VERIFICATION_REQUEST)],
)
def request_verification(
    asked: VerificationCreate,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
    person_id: PersonIdDep,
) -> Response:
    """Ask for the organisation's name and credit code to be vouched for."""
    return creation.once(
        asked,
        lambda: VerificationRead.of(
            handlers.request_verification(
                session=session,
                clock=clock,
                organisation_id=acting.organisation_id,
                person_id=person_id,
                document_ids=asked.document_ids,
            )
        ),
    )


@router.get("/organisation/verification", dependencies=[requires(Action.VERIFICATION_READ)])
def get_verification(session: SessionDep, acting: ActingDep) -> VerificationRead:
    """The newest request of the organisation, decided or not."""
    return VerificationRead.of(
        handlers.latest_verification(session=session, organisation_id=acting.organisation_id)
    )


@router.get(
    "/verifications",
    response_model=Page[VerificationRead],
    dependencies=[requires(Action.VERIFICATION_REVIEW)],
)
def list_verifications(
    session: SessionDep, page: PageDep, state: RequestState = RequestState.PENDING
) -> Page[VerificationRead] | Response:
    """Everybody's requests by id, the oldest first."""
    found = handlers.list_verifications(
        session=session, after=page.after, limit=page.fetch, state=state
    )
    return page.answer(found, VerificationRead.of, name="verifications")


@router.post(
    "/verifications/{organisation_id}/decision",
    dependencies=[requires(Action.VERIFICATION_DECIDE)],
)
def decide_verification(
    organisation_id: UUID,
    asked: DecisionCreate,
    session: SessionDep,
    clock: ClockDep,
    person_id: PersonIdDep,
) -> VerificationRead:
    """Approve or reject the organisation's pending request; nobody decides on their own firm."""
    return VerificationRead.of(
        handlers.decide_verification(
            session=session,
            clock=clock,
            organisation_id=OrganisationId(organisation_id),
            person_id=person_id,
            approve=asked.decision is Verdict.APPROVE,
            reason=asked.reason,
        )
    )
