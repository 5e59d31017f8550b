"""Use cases of agreeing upon a service contract and ending it."""

from dataclasses import replace
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.service_contracts import store
from marketplace.service_contracts.domain import (
    CONTRACT_LIFE,
    Contract,
    Move,
    ServiceContractState,
    ServiceParty,
    Terms,
    check_price,
    moved,
    party_of,
)
from marketplace.service_contracts.handlers.telling import tell_contract
from services.capacity import handlers as capacity
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.runtime.clock import Clock


class ContractNotFoundError(DomainError):
    code: ClassVar[str] = "service-contract-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "Your organisation is no party to a contract {contract_id}; list /service-contracts."
    )
    zh: ClassVar[str] = "贵组织不是合同 {contract_id} 的当事方；请查看 /service-contracts。"


class ProviderUnfitError(DomainError):
    code: ClassVar[str] = "service-provider-unfit"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Organisation {provider_id} cannot serve you; name another that exists."
    zh: ClassVar[str] = "组织 {provider_id} 不能作为服务商；请选择其他组织。"


def propose(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    provider_id: OrganisationId,
    terms: Terms,
) -> Contract:
    """Propose terms to a provider for own machines; in force once it agrees.

    Raises:
        ProviderUnfitError: there is no such organisation, or it is one's own.
        ResourceNotFoundError: a machine is not the organisation's.
        ServicePriceError: the price asks more than how long the work took.
    """
    check_price(terms.price)
    known = identity.organisations_by_id(session=session, organisation_ids={provider_id})
    if provider_id == organisation_id or provider_id not in known:
        raise ProviderUnfitError(provider_id=provider_id)
    terms = replace(terms, resource_ids=tuple(sorted(set(terms.resource_ids))))
    own = capacity.resources_by_id(session=session, resource_ids=terms.resource_ids)
    for resource_id in terms.resource_ids:
        if resource_id not in own or own[resource_id].organisation_id != organisation_id:
            raise capacity.ResourceNotFoundError(resource_id=resource_id)
    now = clock.now()
    made = Contract(
        id=clock.new_id(),
        organisation_id=organisation_id,
        provider_id=provider_id,
        terms=terms,
        state=ServiceContractState.PROPOSED,
        version=1,
        created_at=now,
        updated_at=now,
    )
    store.insert_contract(session, made)
    tell_contract(session, clock, None, made)
    return made


def get_contract(*, session: Session, party: OrganisationId, contract_id: UUID) -> Contract:
    """A contract one is a party to.

    Raises:
        ContractNotFoundError: there is none.
    """
    return found_contract(session, contract_id, party)


def list_contracts(
    *, session: Session, party: OrganisationId, after: UUID | None, limit: int
) -> list[Contract]:
    """A page of the contracts one is a party to, in order of proposal."""
    return store.contracts_after(session, party=party, after=after, limit=limit)


def move_contract(
    *,
    session: Session,
    clock: Clock,
    party: OrganisationId,
    contract_id: UUID,
    move: Move,
    side: ServiceParty | None = None,
) -> Contract:
    """Agree, decline or end. Work orders of an ended contract are still seen through.

    Raises:
        ContractNotFoundError: none of which the caller is ``side``, or either.
        ServiceRefusedError: it is in another state.
    """
    before = found_contract(session, contract_id, party, side=side, lock=True)
    state = ServiceContractState(moved(CONTRACT_LIFE, before, move, party))
    after = replace(before, state=state, version=before.version + 1, updated_at=clock.now())
    store.save_contract(session, after)
    tell_contract(session, clock, before, after)
    return after


def found_contract(
    session: Session,
    contract_id: UUID,
    party: OrganisationId,
    *,
    side: ServiceParty | None = None,
    lock: bool = False,
) -> Contract:
    """Of which ``party`` is ``side``, or either."""
    found = store.find_contract(session, contract_id, party=party, lock=lock)
    if found is None or side not in {None, party_of(found, party)}:
        raise ContractNotFoundError(contract_id=contract_id)
    return found
