"""``/service-contracts``: propose, agree, end; ask for work."""

from uuid import UUID

from fastapi import Response

from marketplace.service_contracts.domain import Move, ServiceParty
from marketplace.service_contracts.handlers import contracts, orders
from marketplace.service_contracts.schemas import (
    ServiceContractIn,
    ServiceContractOut,
    WorkOrderOut,
    WorkRequestIn,
)
from services.contracts.ids import OrganisationId, ResourceId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["service contracts"])


@router.post(
    "/service-contracts",
    status_code=201,
    response_model=ServiceContractOut,
    dependencies=[requires(Action.SERVICE_PROPOSE)],
)
def propose_service_contract(
    asked: ServiceContractIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Propose terms for own machines; in force once the provider agrees."""

    def work() -> ServiceContractOut:
        made = contracts.propose(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            provider_id=OrganisationId(asked.provider_id),
            terms=asked.terms(),
        )
        return ServiceContractOut.of(made)

    return creation.once(asked, work)


@router.get(
    "/service-contracts",
    response_model=Page[ServiceContractOut],
    dependencies=[requires(Action.SERVICE_READ)],
)
def list_service_contracts(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ServiceContractOut] | Response:
    """Contracts one is a party to, in order of proposal."""
    found = contracts.list_contracts(
        session=session, party=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, ServiceContractOut.of, name="service-contracts")


@router.get("/service-contracts/{contract_id}", dependencies=[requires(Action.SERVICE_READ)])
def read_service_contract(
    contract_id: UUID, session: SessionDep, acting: ActingDep
) -> ServiceContractOut:
    """One contract, with its terms."""
    return ServiceContractOut.of(
        contracts.get_contract(
            session=session, party=acting.organisation_id, contract_id=contract_id
        )
    )


@router.post(
    "/service-contracts/{contract_id}/agree", dependencies=[requires(Action.SERVICE_ANSWER)]
)
def agree_service_contract(
    contract_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ServiceContractOut:
    """Agree: from now on warnings open work orders."""
    done = contracts.move_contract(
        session=session,
        clock=clock,
        party=acting.organisation_id,
        contract_id=contract_id,
        move=Move.AGREE,
        side=ServiceParty.PROVIDER,
    )
    return ServiceContractOut.of(done)


@router.post(
    "/service-contracts/{contract_id}/decline", dependencies=[requires(Action.SERVICE_ANSWER)]
)
def decline_service_contract(
    contract_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ServiceContractOut:
    """Decline the terms."""
    done = contracts.move_contract(
        session=session,
        clock=clock,
        party=acting.organisation_id,
        contract_id=contract_id,
        move=Move.DECLINE,
        side=ServiceParty.PROVIDER,
    )
    return ServiceContractOut.of(done)


@router.post("/service-contracts/{contract_id}/end", dependencies=[requires(Action.SERVICE_END)])
def end_service_contract(
    contract_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ServiceContractOut:
    """End a contract, by either party; unfinished work is seen through."""
    done = contracts.move_contract(
        session=session,
        clock=clock,
        party=acting.organisation_id,
        contract_id=contract_id,
        move=Move.END,
    )
    return ServiceContractOut.of(done)


@router.post(
    "/service-contracts/{contract_id}/work-orders",
    status_code=201,
    response_model=WorkOrderOut,
    dependencies=[requires(Action.WORK_REQUEST)],
)
def request_work(
    contract_id: UUID,
    asked: WorkRequestIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Ask for work on a machine without a warning, e.g. to tune a process."""

    def work() -> WorkOrderOut:
        made = orders.request_work(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            contract_id=contract_id,
            resource_id=ResourceId(asked.resource_id),
            reason=asked.reason,
        )
        return WorkOrderOut.of(made)

    return creation.once(asked, work)
