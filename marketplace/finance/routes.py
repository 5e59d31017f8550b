"""``/financing-applications`` and consents: ask banks and funds, and show them evidence."""

from uuid import UUID

from fastapi import Response

from marketplace.finance import handlers
from marketplace.finance.domain import Move
from marketplace.finance.schemas import (
    ConsentIn,
    ConsentOut,
    DeclineIn,
    EvidenceOut,
    FinancingIn,
    FinancingOut,
    FinancingsOut,
    OfferIn,
)
from services.contracts.ids import OrganisationId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["finance"])


@router.post(
    "/financing-applications",
    status_code=201,
    response_model=FinancingsOut,
    dependencies=[requires(Action.FINANCING_ASK)],
)
def ask_for_financing(
    asked: FinancingIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Ask each recipient alike: one application for each of them."""

    def work() -> FinancingsOut:
        applications = handlers.ask(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            asked=asked.asked(),
            recipients=[OrganisationId(one) for one in asked.recipients],
        )
        return FinancingsOut.of(applications)

    return creation.once(asked, work)


@router.get(
    "/financing-applications",
    response_model=Page[FinancingOut],
    dependencies=[requires(Action.FINANCING_READ)],
)
def list_financing_applications(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[FinancingOut] | Response:
    """Applications one sent or received, in order of asking."""
    found = handlers.list_applications(
        session=session, party=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, FinancingOut.of, name="financing-applications")


@router.get(
    "/financing-applications/{financing_id}", dependencies=[requires(Action.FINANCING_READ)]
)
def read_financing_application(
    financing_id: UUID, session: SessionDep, acting: ActingDep
) -> FinancingOut:
    """One application, with the offer made for it."""
    found = handlers.get_application(
        session=session, party=acting.organisation_id, application_id=financing_id
    )
    return FinancingOut.of(found)


@router.post(
    "/financing-applications/{financing_id}/review",
    dependencies=[requires(Action.FINANCING_ANSWER)],
)
def review_application(
    financing_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> FinancingOut:
    """Take an application up."""
    answered = handlers.answer(
        session=session,
        clock=clock,
        recipient_id=acting.organisation_id,
        application_id=financing_id,
        move=Move.REVIEW,
    )
    return FinancingOut.of(answered)


@router.post(
    "/financing-applications/{financing_id}/offer",
    dependencies=[requires(Action.FINANCING_ANSWER)],
)
def offer_financing(
    financing_id: UUID, asked: OfferIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> FinancingOut:
    """Offer terms. What is agreed upon them is between the two; no money moves here."""
    answered = handlers.answer(
        session=session,
        clock=clock,
        recipient_id=acting.organisation_id,
        application_id=financing_id,
        move=Move.OFFER,
        offer=asked.terms(),
        remark=asked.remark,
    )
    return FinancingOut.of(answered)


@router.post(
    "/financing-applications/{financing_id}/decline",
    dependencies=[requires(Action.FINANCING_ANSWER)],
)
def decline_financing(
    financing_id: UUID, asked: DeclineIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> FinancingOut:
    """Decline, and say why."""
    answered = handlers.answer(
        session=session,
        clock=clock,
        recipient_id=acting.organisation_id,
        application_id=financing_id,
        move=Move.DECLINE,
        remark=asked.remark,
    )
    return FinancingOut.of(answered)


@router.post(
    "/financing-applications/{financing_id}/accept",
    dependencies=[requires(Action.FINANCING_DECIDE)],
)
def accept_financing(
    financing_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> FinancingOut:
    """Take an offer; the other applications of the request are withdrawn."""
    accepted = handlers.accept(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        application_id=financing_id,
    )
    return FinancingOut.of(accepted)


@router.post(
    "/financing-applications/{financing_id}/withdraw",
    dependencies=[requires(Action.FINANCING_DECIDE)],
)
def withdraw_application(
    financing_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> FinancingOut:
    """Give an application up; other recipients keep theirs."""
    withdrawn = handlers.withdraw(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        application_id=financing_id,
    )
    return FinancingOut.of(withdrawn)


@router.post(
    "/financing-applications/{financing_id}/consents",
    status_code=201,
    response_model=ConsentOut,
    dependencies=[requires(Action.FINANCING_CONSENT)],
)
def give_consent(
    financing_id: UUID,
    asked: ConsentIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Compile the named evidence as of now and show it to the recipient for a time."""

    def work() -> ConsentOut:
        given = handlers.consent(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            application_id=financing_id,
            items=asked.items,
            expires_at=asked.expires_at,
        )
        return ConsentOut.of(given)

    return creation.once(asked, work)


@router.get(
    "/financing-applications/{financing_id}/consents",
    response_model=Page[ConsentOut],
    dependencies=[requires(Action.FINANCING_READ)],
)
def list_consents(
    financing_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ConsentOut] | Response:
    """What was consented to, revoked consents among them."""
    found = handlers.list_consents(
        session=session,
        party=acting.organisation_id,
        application_id=financing_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, ConsentOut.of, name="consents")


@router.delete(
    "/financing-consents/{consent_id}", dependencies=[requires(Action.FINANCING_CONSENT)]
)
def revoke_consent(
    consent_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ConsentOut:
    """Show the evidence to the recipient no longer."""
    revoked = handlers.revoke(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        consent_id=consent_id,
    )
    return ConsentOut.of(revoked)


@router.get(
    "/financing-applications/{financing_id}/evidence",
    response_model=Page[EvidenceOut],
    dependencies=[requires(Action.FINANCING_READ)],
)
def list_evidence(
    financing_id: UUID, session: SessionDep, clock: ClockDep, page: PageDep, acting: ActingDep
) -> Page[EvidenceOut] | Response:
    """The figures: all for the applicant, for the recipient those it may see now."""
    found = handlers.list_evidence(
        session=session,
        clock=clock,
        party=acting.organisation_id,
        application_id=financing_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, EvidenceOut.of, name="evidence")
