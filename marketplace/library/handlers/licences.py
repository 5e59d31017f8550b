"""Use cases of licences: ask, pay through an escrow, give up."""

from dataclasses import replace
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from marketplace.library.domain import (
    ITEM,
    LICENCE,
    Item,
    Licence,
    LicenceState,
    TermsKind,
    activated,
    ended,
    granted,
)
from marketplace.library.handlers.items import get_item
from marketplace.library.store import licences as store
from services.agreements import handlers as agreements
from services.agreements.domain import Subject as NdaSubject
from services.capacity.domain import Visibility
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.library import LicenceChanged
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger import handlers as ledger
from services.ledger.domain import EscrowState, EscrowTerms, Subject
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit

TERMS: Final = EscrowTerms()
PAID: Final = "licence paid"
GIVEN_UP: Final = "licence given up"


class LicenceNotFoundError(DomainError):
    code: ClassVar[str] = "licence-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "There is no licence {licence_id} that you hold or granted; list /library-licences."
    )
    zh: ClassVar[str] = "没有您持有或授予的许可 {licence_id}；请查看 /library-licences。"


class OwnItemError(DomainError):
    code: ClassVar[str] = "library-item-own"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Library item {item_id} is your organisation's own; it needs no licence, read its documents"
        " at /documents."
    )
    zh: ClassVar[str] = "条目 {item_id} 属于贵组织，无需许可；请直接在 /documents 读取文档。"


class NdaRequiredError(DomainError):
    code: ClassVar[str] = "licence-needs-nda"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Item {item_id} is licensed under a confidentiality agreement only; agree one with"
        " {owner_id} by POST /agreements, about subject_kind library_item or everything."
    )
    zh: ClassVar[str] = (
        "条目 {item_id} 须先签订保密协议方可许可；请通过 POST /agreements 与 {owner_id} 签订，"
        "subject_kind 为 library_item 或涵盖全部。"
    )


def ask(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    item_id: UUID,
    downloads: int | None = None,
) -> Licence:
    """License an item as its terms are now; what is to be paid waits for its escrow's money.

    Raises:
        ItemNotFoundError: none is open to the organisation.
        OwnItemError, ItemStateError, DownloadsInvalidError, NdaRequiredError: as they say.
        NoCommissionRuleError, AmountInvalidError: the ledger cannot take such a fee.
    """
    item = get_item(session=session, item_id=item_id)
    if item.organisation_id == organisation_id:
        raise OwnItemError(item_id=item_id)
    check_nda(session, clock, item, organisation_id)
    licence = granted(
        item,
        licence_id=clock.new_id(),
        organisation_id=organisation_id,
        downloads=downloads,
        now=clock.now(),
    )
    if licence.price is not None:
        escrow = ledger.open_escrow(
            session=session,
            clock=clock,
            subject=Subject(LICENCE, licence.id),
            payer=organisation_id,
            payee=item.organisation_id,
            amount=licence.price,
            terms=TERMS,
        )
        licence = replace(licence, escrow_id=escrow.id)
    store.insert_licence(session, licence)
    _tell(session, clock, None, licence)
    return licence


def follow_funding(*, session: Session, clock: Clock, licence_id: UUID, amount: Money) -> None:
    """The escrow of a licence holds its money: it opens now, and a term is paid for at once.

    Each download that is paid by itself is released when it is made.
    """
    found = store.find_licence(session, licence_id, party=None, lock=True)
    if found is None or found.state is not LicenceState.UNPAID or found.price != amount:
        return
    active = activated(found, now=clock.now())
    store.save_licence(session, active)
    if active.terms.kind is TermsKind.PER_TERM:
        assert active.escrow_id is not None, "what is paid for has an escrow"
        ledger.release(
            session=session,
            clock=clock,
            escrow_id=active.escrow_id,
            amount=amount,
            because=PAID,
            fact_id=active.id,
        )
    _tell(session, clock, found, active)


def end(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, licence_id: UUID
) -> Licence:
    """Give an own licence up; downloads paid for and not made are refunded. Twice is as once.

    Raises:
        LicenceNotFoundError: the organisation holds none such.
        EscrowRefusedError: its escrow is frozen.
    """
    found = store.find_licence(session, licence_id, party=organisation_id, lock=True)
    if found is None or found.organisation_id != organisation_id:
        raise LicenceNotFoundError(licence_id=licence_id)
    if found.state is LicenceState.ENDED:
        return found
    licence = ended(found, now=clock.now())
    _settle(session, clock, found)
    store.save_licence(session, licence)
    _tell(session, clock, found, licence)
    return licence


def get_licence(*, session: Session, party: OrganisationId, licence_id: UUID) -> Licence:
    """A licence one holds or granted.

    Raises:
        LicenceNotFoundError: there is none.
    """
    found = store.find_licence(session, licence_id, party=party)
    if found is None:
        raise LicenceNotFoundError(licence_id=licence_id)
    return found


def list_licences(
    *,
    session: Session,
    party: OrganisationId,
    after: UUID | None,
    limit: int,
    item_id: UUID | None = None,
) -> list[Licence]:
    """A page of the licences one holds or granted, in order of asking."""
    return store.licences_after(session, party=party, after=after, limit=limit, item_id=item_id)


def check_nda(session: Session, clock: Clock, item: Item, organisation_id: OrganisationId) -> None:
    """Refuse an item that takes an agreement to somebody who has none in force.

    Raises:
        NdaRequiredError: as it says.
    """
    if not (item.terms.nda or item.visibility is Visibility.NDA):
        return
    if not agreements.has_nda(
        session=session,
        clock=clock,
        owner_id=item.organisation_id,
        counterparty_id=organisation_id,
        subjects=[NdaSubject(ITEM, item.id)],
    ):
        raise NdaRequiredError(item_id=item.id, owner_id=item.organisation_id)


def _settle(session: Session, clock: Clock, licence: Licence) -> None:
    """Give back what its escrow holds, or close it before money comes."""
    if licence.escrow_id is None:
        return
    escrow = ledger.find_escrow(session=session, subject=Subject(LICENCE, licence.id))
    assert escrow is not None, "a party sees its escrow"
    if escrow.state is EscrowState.OPEN:
        ledger.cancel_escrow(session=session, clock=clock, escrow_id=escrow.id, because=GIVEN_UP)
    elif escrow.balance.minor:
        ledger.refund(
            session=session,
            clock=clock,
            escrow_id=escrow.id,
            amount=escrow.balance,
            because=GIVEN_UP,
            fact_id=licence.id,
        )


def _tell(session: Session, clock: Clock, before: Licence | None, after: Licence) -> None:
    note(session, subject_kind=LICENCE, subject_id=after.id, before=before, after=after)
    now = clock.now()
    event = LicenceChanged(
        id=clock.new_id(),
        occurred_at=now,
        licence_id=after.id,
        item_id=after.item_id,
        organisation_id=after.organisation_id,
        owner_id=after.owner_id,
        state=after.state,
        audience=Audience(organisation_ids=after.parties),
    )
    emit(session, event, now=now)
