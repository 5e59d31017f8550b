"""HTTP doors of confidentiality agreements."""

from uuid import UUID

from fastapi import Response

from services.agreements import handlers
from services.agreements.schemas import NdaCreate, NdaRead, NdaSign
from services.contracts.ids import OrganisationId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["agreements"])


@router.post(
    "/agreements",
    status_code=201,
    response_model=NdaRead,
    dependencies=[requires(Action.NDA_PROPOSE)],
)
def propose_agreement(
    asked: NdaCreate,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    creation: CreationDep,
) -> Response:
    """Propose a confidentiality agreement; it is signed by the proposing side at once."""

    def work() -> NdaRead:
        nda = handlers.propose(
            session=session,
            clock=clock,
            acting=acting,
            owner_id=OrganisationId(asked.owner_id),
            counterparty_id=OrganisationId(asked.counterparty_id),
            subject=asked.subject(),
            terms_hash=bytes.fromhex(asked.terms_sha256),
            expires_at=asked.expires_at,
        )
        return NdaRead.of(nda, clock.now())

    return creation.once(asked, work)


@router.get("/agreements", response_model=Page[NdaRead], dependencies=[requires(Action.NDA_READ)])
def list_agreements(
    session: SessionDep, clock: ClockDep, acting: ActingDep, page: PageDep
) -> Page[NdaRead] | Response:
    """Agreements the acting organisation is party to."""
    found = handlers.list_ndas(session=session, acting=acting, after=page.after, limit=page.fetch)
    now = clock.now()
    return page.answer(found, lambda nda: NdaRead.of(nda, now), name="agreements")


@router.get("/agreements/{nda_id}", dependencies=[requires(Action.NDA_READ)])
def get_agreement(nda_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep) -> NdaRead:
    """One agreement."""
    nda = handlers.get_nda(session=session, acting=acting, nda_id=nda_id)
    return NdaRead.of(nda, clock.now())


@router.post("/agreements/{nda_id}/sign", dependencies=[requires(Action.NDA_SIGN)])
def sign_agreement(
    nda_id: UUID, asked: NdaSign, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> NdaRead:
    """Sign for the acting organisation, naming the terms it read."""
    nda = handlers.sign(
        session=session,
        clock=clock,
        acting=acting,
        nda_id=nda_id,
        terms_hash=bytes.fromhex(asked.terms_sha256),
    )
    return NdaRead.of(nda, clock.now())


@router.post("/agreements/{nda_id}/revoke", dependencies=[requires(Action.NDA_REVOKE)])
def revoke_agreement(
    nda_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> NdaRead:
    """End the agreement at once."""
    nda = handlers.revoke(session=session, clock=clock, acting=acting, nda_id=nda_id)
    return NdaRead.of(nda, clock.now())
