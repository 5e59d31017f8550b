"""Use cases of escrow. Who may release or refund is for the caller to know: it owns the subject."""

from dataclasses import replace
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.ledger import EscrowFunded, EscrowRefunded, EscrowReleased
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger import rules
from services.ledger.domain import (
    Account,
    AccountKind,
    Escrow,
    EscrowState,
    EscrowTerms,
    Leg,
    Movement,
    MovementKind,
    ShareMember,
    Subject,
    Transaction,
    TransactionKind,
)
from services.ledger.domain import escrow as domain
from services.ledger.domain.accounts import check_amount
from services.ledger.domain.commission import rule_in_force
from services.ledger.domain.shares import WHOLE
from services.ledger.handlers.posting import post
from services.ledger.handlers.shares import ShareRuleNotFoundError
from services.ledger.store import escrows as store
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit
from services.runtime.tenancy import also_showing

OPENED: Final = "agreed at award"


class EscrowNotFoundError(DomainError):
    code: ClassVar[str] = "escrow-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No escrow has the id {escrow_id}; list /escrows."
    zh: ClassVar[str] = "没有编号为 {escrow_id} 的托管；请查看 /escrows。"


class EscrowExistsError(DomainError):
    code: ClassVar[str] = "escrow-exists"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "There is an escrow for {subject_kind} {subject_id} already."
    zh: ClassVar[str] = "{subject_kind} {subject_id} 已有托管。"


class FactReusedError(DomainError):
    code: ClassVar[str] = "ledger-fact-reused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Fact {fact_id} moved {known} before, not {asked}; a fact stands for one amount."
    )
    zh: ClassVar[str] = "事实 {fact_id} 此前对应 {known}，而非 {asked}；一个事实只对应一个金额。"


def open_escrow(
    *,
    session: Session,
    clock: Clock,
    subject: Subject,
    payer: OrganisationId,
    payee: OrganisationId,
    amount: Money,
    terms: EscrowTerms,
) -> Escrow:
    """Agree what is set aside for ``subject``; by either party. No money moves yet.

    Raises:
        AmountInvalidError, TermsInvalidError, NoCommissionRuleError: no such terms.
        ShareRuleNotFoundError: the payee has no such rule.
        EscrowExistsError: the subject has one.
    """
    check_amount(amount)
    terms.check()
    now = clock.now()
    if payer == payee:
        raise domain.TermsInvalidError(en="payer and payee are one", zh="付款方与收款方相同")
    rule = rule_in_force(
        rules.commission_rules(), terms.commission_rule, currency=amount.currency, day=now.date()
    )
    _members(session, payee, terms.share_rule_id)
    opened = Escrow(
        id=clock.new_id(),
        subject=subject,
        payer_id=payer,
        payee_id=payee,
        amount=amount,
        terms=terms,
        commission_version=rule.version,
        state=EscrowState.OPEN,
        opened_at=now,
        updated_at=now,
    )
    if not store.insert_escrow(session, opened):
        raise EscrowExistsError(subject_kind=subject.kind, subject_id=subject.id)
    _moved(session, clock, None, opened, MovementKind.OPENED, amount, OPENED, opened.id)
    return opened


def find_escrow(*, session: Session, subject: Subject) -> Escrow | None:
    """The escrow of ``subject``, if the caller is a party to it."""
    return store.find_escrow(session, subject)


def get_escrow(*, session: Session, viewer: OrganisationId, escrow_id: UUID) -> Escrow:
    """Read an escrow to which ``viewer`` is a party.

    Raises:
        EscrowNotFoundError: none of that id to which ``viewer`` is a party.
    """
    found = store.escrow_of_party(session, escrow_id, viewer)
    if found is None:
        raise EscrowNotFoundError(escrow_id=escrow_id)
    return found


def list_escrows(
    *, session: Session, viewer: OrganisationId, after: UUID | None, limit: int
) -> list[Escrow]:
    """A page of those it pays into or is paid from, in order of opening."""
    return store.escrows_after(session, party=viewer, after=after, limit=limit)


def list_movements(
    *,
    session: Session,
    viewer: OrganisationId,
    escrow_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Movement]:
    """What happened to an escrow and why, in order.

    Raises:
        EscrowNotFoundError: none of that id to which ``viewer`` is a party.
    """
    get_escrow(session=session, viewer=viewer, escrow_id=escrow_id)
    return store.movements_after(session, escrow_id, after=after, limit=limit)


def fund(
    *,
    session: Session,
    clock: Clock,
    escrow: Escrow,
    source: Account,
    because: str,
    fact_id: UUID,
) -> Escrow:
    """Set the agreed amount aside, from ``source``. ``escrow`` is held under lock.

    Raises:
        EscrowRefusedError: it awaits no money.
        BalanceShortError: ``source`` holds less.
    """
    after = domain.funded(escrow, escrow.amount, now=clock.now())
    legs = (Leg(source, -escrow.amount.minor), Leg(escrow.account, escrow.amount.minor))
    posted = post(
        session=session,
        clock=clock,
        kind=TransactionKind.FUNDING,
        because=because,
        subject=escrow.subject,
        fact_id=fact_id,
        legs=legs,
    )
    _moved(
        session, clock, escrow, after, MovementKind.FUNDED, escrow.amount, because, fact_id,
        posted=posted,
    )  # fmt: skip
    told = EscrowFunded(**_told(clock, after, escrow.amount))
    emit(session, told, now=clock.now())
    return after


def release(
    *,
    session: Session,
    clock: Clock,
    escrow_id: UUID,
    amount: Money,
    because: str,
    fact_id: UUID,
) -> Escrow:
    """Pay ``amount`` to the payee's side, less tax and fee, shared by the rule; once per fact.

    Raises:
        EscrowNotFoundError: the caller is no party to such an escrow.
        EscrowRefusedError: it is frozen, not funded, or holds less.
        FactReusedError: the fact moved another amount before.
    """
    escrow = lock(session, escrow_id)
    if _is_known(session, escrow, MovementKind.RELEASED, amount, fact_id):
        return escrow
    after = domain.released(escrow, amount, now=clock.now())
    parts = domain.breakdown(
        escrow,
        amount,
        rules.rule_of(
            escrow.terms.commission_rule,
            currency=escrow.amount.currency,
            version=escrow.commission_version,
        ),
        _members(session, escrow.payee_id, escrow.terms.share_rule_id),
    )
    posted = post(
        session=session,
        clock=clock,
        kind=TransactionKind.RELEASE,
        because=because,
        subject=escrow.subject,
        fact_id=domain.fact_of(escrow, fact_id),
        legs=domain.release_legs(escrow, parts),
    )
    _moved(
        session, clock, escrow, after, MovementKind.RELEASED, amount, because, fact_id,
        posted=posted, parts=parts,
    )  # fmt: skip
    told = EscrowReleased(
        **_told(clock, after, amount), fact_id=fact_id, left_minor=after.balance.minor
    )
    emit(session, told, now=clock.now())
    return after


def refund(
    *,
    session: Session,
    clock: Clock,
    escrow_id: UUID,
    amount: Money,
    because: str,
    fact_id: UUID,
) -> Escrow:
    """Pay ``amount`` back into the payer's wallet, without fee or tax; raises as ``release``."""
    escrow = lock(session, escrow_id)
    if _is_known(session, escrow, MovementKind.REFUNDED, amount, fact_id):
        return escrow
    after = domain.refunded(escrow, amount, now=clock.now())
    wallet = Account(AccountKind.WALLET, escrow.payer_id, amount.currency)
    posted = post(
        session=session,
        clock=clock,
        kind=TransactionKind.REFUND,
        because=because,
        subject=escrow.subject,
        fact_id=domain.fact_of(escrow, fact_id),
        legs=(Leg(escrow.account, -amount.minor), Leg(wallet, amount.minor)),
    )
    _moved(
        session, clock, escrow, after, MovementKind.REFUNDED, amount, because, fact_id,
        posted=posted,
    )  # fmt: skip
    told = EscrowRefunded(
        **_told(clock, after, amount), fact_id=fact_id, left_minor=after.balance.minor
    )
    emit(session, told, now=clock.now())
    return after


def freeze(*, session: Session, clock: Clock, escrow_id: UUID, because: str) -> Escrow:
    """Let nothing leave until it is unfrozen, e.g. while a dispute is open.

    Raises:
        EscrowNotFoundError, EscrowRefusedError: no such escrow, or nothing to freeze.
    """
    escrow = lock(session, escrow_id)
    after = domain.frozen(escrow, because[: domain.BECAUSE_MAX], now=clock.now())
    _moved(
        session, clock, escrow, after, MovementKind.FROZEN, escrow.balance, because, clock.new_id()
    )
    return after


def unfreeze(*, session: Session, clock: Clock, escrow_id: UUID, because: str) -> Escrow:
    """Let money leave again.

    Raises:
        EscrowNotFoundError, EscrowRefusedError: no such escrow, or it is not frozen.
    """
    escrow = lock(session, escrow_id)
    after = domain.unfrozen(escrow, now=clock.now())
    _moved(
        session, clock, escrow, after, MovementKind.UNFROZEN, escrow.balance, because,
        clock.new_id(),
    )  # fmt: skip
    return after


def cancel_escrow(*, session: Session, clock: Clock, escrow_id: UUID, because: str) -> Escrow:
    """Give up an escrow no money came into. Money that comes later goes to the payer's wallet.

    Raises:
        EscrowNotFoundError, EscrowRefusedError: no such escrow, or it was funded.
    """
    escrow = lock(session, escrow_id)
    if escrow.state is EscrowState.CANCELLED:
        return escrow
    after = domain.cancelled(escrow, now=clock.now())
    _moved(
        session, clock, escrow, after, MovementKind.CANCELLED, escrow.balance, because,
        clock.new_id(),
    )  # fmt: skip
    return after


def lock(session: Session, escrow_id: UUID) -> Escrow:
    """The escrow, changed by nobody else until the transaction ends.

    Raises:
        EscrowNotFoundError: the caller is no party to such an escrow.
    """
    found = store.lock_escrow(session, escrow_id)
    if found is None:
        raise EscrowNotFoundError(escrow_id=escrow_id)
    return found


def _is_known(
    session: Session, escrow: Escrow, kind: MovementKind, amount: Money, fact_id: UUID
) -> bool:
    """Whether the fact moved this amount before."""
    known = store.find_movement(session, escrow.id, kind, fact_id)
    if known is not None and known.minor != amount.minor:
        raise FactReusedError(fact_id=fact_id, known=known.minor, asked=amount.minor)
    return known is not None


def _members(
    session: Session, payee: OrganisationId, share_rule_id: UUID | None
) -> tuple[ShareMember, ...]:
    """Who shares what the payee is paid: by its rule, which the payer is not shown otherwise."""
    if share_rule_id is None:
        return (ShareMember(payee, WHOLE),)
    with also_showing(session, [share_rule_id]):
        rule = store.find_share_rule(session, share_rule_id, payee)
    if rule is None:
        raise ShareRuleNotFoundError(rule_id=share_rule_id)
    return rule.members


def _moved(
    session: Session,
    clock: Clock,
    before: Escrow | None,
    after: Escrow,
    kind: MovementKind,
    amount: Money,
    because: str,
    fact_id: UUID,
    *,
    posted: Transaction | None = None,
    parts: domain.Breakdown | None = None,
) -> None:
    """Save the step and what explains it."""
    if before is not None:
        store.save_escrow(session, after)
    movement = Movement(
        id=clock.new_id(),
        escrow_id=after.id,
        kind=kind,
        minor=amount.minor,
        because=because[: domain.BECAUSE_MAX],
        fact_id=fact_id,
        at=clock.now(),
        transaction_id=None if posted is None else posted.id,
    )
    if parts is not None:
        movement = replace(
            movement,
            vat_minor=parts.vat,
            fee_minor=parts.fee,
            fee_vat_minor=parts.fee_vat,
            net_minor=parts.net,
            trace=parts.trace,
        )
    store.insert_movement(session, after, movement)
    note(session, subject_kind="escrow", subject_id=after.id, before=before, after=after)


def _told(clock: Clock, escrow: Escrow, amount: Money) -> dict[str, object]:
    return {
        "id": clock.new_id(),
        "occurred_at": clock.now(),
        "escrow_id": escrow.id,
        "subject_kind": escrow.subject.kind,
        "subject_id": escrow.subject.id,
        "payer_id": escrow.payer_id,
        "payee_id": escrow.payee_id,
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "audience": Audience(organisation_ids=escrow.parties),
    }
