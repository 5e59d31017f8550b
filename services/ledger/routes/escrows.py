"""``/escrows``: what is set aside for whom, and every step of it, explained."""

from uuid import UUID

from fastapi import Response

from services.contracts.policies import Action
from services.ledger import handlers
from services.ledger.schemas import EscrowOut, MovementOut
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, SessionDep, requires

router = api_router(prefix="/escrows", tags=["ledger"])


@router.get("", response_model=Page[EscrowOut], dependencies=[requires(Action.ESCROW_READ)])
def list_escrows(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[EscrowOut] | Response:
    """Escrows one pays into or is paid from, in order of opening."""
    found = handlers.list_escrows(
        session=session, viewer=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, EscrowOut.of, name="escrows")


@router.get("/{escrow_id}", dependencies=[requires(Action.ESCROW_READ)])
def read_escrow(escrow_id: UUID, session: SessionDep, acting: ActingDep) -> EscrowOut:
    """One escrow with what is left in it."""
    found = handlers.get_escrow(session=session, viewer=acting.organisation_id, escrow_id=escrow_id)
    return EscrowOut.of(found)


@router.get(
    "/{escrow_id}/movements",
    response_model=Page[MovementOut],
    dependencies=[requires(Action.ESCROW_READ)],
)
def list_movements(
    escrow_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[MovementOut] | Response:
    """What happened to it, why, and how each release was reckoned."""
    found = handlers.list_movements(
        session=session,
        viewer=acting.organisation_id,
        escrow_id=escrow_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, MovementOut.of, name="movements")
