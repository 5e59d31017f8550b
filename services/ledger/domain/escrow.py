"""Escrow (托管): opened at award, funded once, released or refunded until nothing is left."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID, uuid5

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.contracts.money import CurrencyMismatchError, Money
from services.ledger.domain.accounts import Account, AccountKind, Leg, check_amount
from services.ledger.domain.commission import BASIS, CommissionRule, commission, included_vat
from services.ledger.domain.shares import ShareMember, split
from services.ledger.domain.subject import Subject

BECAUSE_MAX: Final = 500


class EscrowState(StrEnum):
    OPEN = "open"
    """Awaits the payer's money."""
    FUNDED = "funded"
    SETTLED = "settled"
    """All of it was released or refunded."""
    CANCELLED = "cancelled"
    """Given up before any money came."""


class MovementKind(StrEnum):
    OPENED = "opened"
    FUNDED = "funded"
    RELEASED = "released"
    REFUNDED = "refunded"
    FROZEN = "frozen"
    UNFROZEN = "unfrozen"
    CANCELLED = "cancelled"


class EscrowRefusedError(DomainError):
    code: ClassVar[str] = "escrow-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Escrow {escrow_id} cannot be {wanted}: {en}."
    zh: ClassVar[str] = "托管 {escrow_id} 无法执行该操作：{zh}。"


class TermsInvalidError(DomainError):
    code: ClassVar[str] = "escrow-terms-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "An escrow on these terms cannot be opened: {en}."
    zh: ClassVar[str] = "无法按此条款开立托管：{zh}。"


@dataclass(frozen=True, slots=True)
class EscrowTerms:
    """What is taken off a release, agreed at award.

    Args:
        vat_rate: basis points of the tax contained in the amount.
        commission_rule: key of the rule; the version in force at award stays.
        share_rule_id: by which the payee's part is shared; all of it goes to the payee if ``None``.
    """

    vat_rate: int = 1_300
    commission_rule: str = "standard"
    share_rule_id: UUID | None = None

    def check(self) -> None:
        """Let terms pass that can be kept.

        Raises:
            TermsInvalidError: no tax has such a rate.
        """
        if not 0 <= self.vat_rate <= BASIS:
            raise TermsInvalidError(
                en=f"a tax rate is 0 to {BASIS} basis points", zh=f"税率须为 0 至 {BASIS} 个基点"
            )


@dataclass(frozen=True, slots=True)
class Escrow:
    """``amount`` that ``payer_id`` sets aside for ``payee_id``, tax included.

    ``frozen_because``: a dispute keeps it as it is. Amounts are minor units of the one currency.
    """

    id: UUID
    subject: Subject
    payer_id: OrganisationId
    payee_id: OrganisationId
    amount: Money
    terms: EscrowTerms
    commission_version: int
    state: EscrowState
    opened_at: datetime
    updated_at: datetime
    funded_minor: int = 0
    released_minor: int = 0
    refunded_minor: int = 0
    frozen_because: str | None = None

    @property
    def balance(self) -> Money:
        """What is still set aside."""
        left = self.funded_minor - self.released_minor - self.refunded_minor
        return Money(left, self.amount.currency)

    @property
    def parties(self) -> tuple[OrganisationId, OrganisationId]:
        return self.payer_id, self.payee_id

    @property
    def account(self) -> Account:
        return Account(AccountKind.ESCROW, self.payer_id, self.amount.currency, self.id)


@dataclass(frozen=True, slots=True)
class Movement:
    """One step of an escrow, explained to both parties; amounts in minor units."""

    id: UUID
    escrow_id: UUID
    kind: MovementKind
    minor: int
    because: str
    fact_id: UUID
    at: datetime
    transaction_id: UUID | None = None
    vat_minor: int = 0
    fee_minor: int = 0
    fee_vat_minor: int = 0
    net_minor: int = 0
    trace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What a release is made of; ``vat + fee + net`` is the amount, ``fee_vat`` is within the fee.

    ``shares`` add up to ``net``.
    """

    minor: int
    vat: int
    fee: int
    fee_vat: int
    net: int
    shares: tuple[tuple[OrganisationId, int], ...]
    trace: tuple[str, ...]


def funded(escrow: Escrow, amount: Money, *, now: datetime) -> Escrow:
    """With the payer's money in it; a freeze does not keep money out.

    Raises:
        EscrowRefusedError: it is not open, or the money is not what was agreed.
    """
    if escrow.state is not EscrowState.OPEN:
        raise _refused(escrow, "funded", f"it is {escrow.state}", f"其状态为 {escrow.state}")
    if amount != escrow.amount:
        raise _refused(
            escrow, "funded", f"{amount.minor} is not the agreed {escrow.amount.minor}",
            f"{amount.minor} 与约定金额 {escrow.amount.minor} 不符",
        )  # fmt: skip
    return replace(escrow, state=EscrowState.FUNDED, funded_minor=amount.minor, updated_at=now)


def released(escrow: Escrow, amount: Money, *, now: datetime) -> Escrow:
    """Less what goes to the payee's side.

    Raises:
        EscrowRefusedError: it holds less, is frozen or not funded.
        AmountInvalidError, CurrencyMismatchError: no such amount.
    """
    _check_leaves(escrow, amount, "released")
    return _left(replace(escrow, released_minor=escrow.released_minor + amount.minor), now)


def refunded(escrow: Escrow, amount: Money, *, now: datetime) -> Escrow:
    """Less what goes back to the payer; raises as :func:`released` does."""
    _check_leaves(escrow, amount, "refunded")
    return _left(replace(escrow, refunded_minor=escrow.refunded_minor + amount.minor), now)


def frozen(escrow: Escrow, because: str, *, now: datetime) -> Escrow:
    """Kept as it is until it is unfrozen.

    Raises:
        EscrowRefusedError: there is nothing left to keep, or it is frozen for another reason.
    """
    if escrow.state not in {EscrowState.OPEN, EscrowState.FUNDED}:
        raise _refused(escrow, "frozen", f"it is {escrow.state}", f"其状态为 {escrow.state}")
    if escrow.frozen_because is not None:
        raise _refused(escrow, "frozen", "it is frozen already", "其已被冻结")
    return replace(escrow, frozen_because=because, updated_at=now)


def unfrozen(escrow: Escrow, *, now: datetime) -> Escrow:
    """Open to movement again.

    Raises:
        EscrowRefusedError: it is not frozen.
    """
    if escrow.frozen_because is None:
        raise _refused(escrow, "unfrozen", "it is not frozen", "其未被冻结")
    return replace(escrow, frozen_because=None, updated_at=now)


def cancelled(escrow: Escrow, *, now: datetime) -> Escrow:
    """Given up before money came.

    Raises:
        EscrowRefusedError: it is not open.
    """
    if escrow.state is not EscrowState.OPEN:
        raise _refused(escrow, "cancelled", f"it is {escrow.state}", f"其状态为 {escrow.state}")
    return replace(escrow, state=EscrowState.CANCELLED, frozen_because=None, updated_at=now)


def breakdown(
    escrow: Escrow, amount: Money, rule: CommissionRule, members: Sequence[ShareMember]
) -> Breakdown:
    """What releasing ``amount`` from ``escrow``, as it was before, is made of.

    Tax and fee are those of everything released so far less those of what was released before, so
    milestones together cost what one release would, to the last minor unit.
    """
    before, after = escrow.released_minor, escrow.released_minor + amount.minor
    rate = escrow.terms.vat_rate
    vat = included_vat(after, rate) - included_vat(before, rate)
    earlier = commission(rule, before - included_vat(before, rate)).minor if before else 0
    together = commission(rule, after - included_vat(after, rate))
    fee = together.minor - earlier
    fee_vat = included_vat(together.minor, rule.vat_rate) - included_vat(earlier, rule.vat_rate)
    net = amount.minor - vat - fee
    shares = split(net, [member.stake for member in members])
    trace = (
        f"VAT {rate} bp within {amount.minor} = {vat}",
        *together.trace,
        f"less {earlier} for what was released before = {fee}",
        f"VAT {rule.vat_rate} bp within the fee = {fee_vat}",
        f"left for the payee's side {net}",
    )
    paid = tuple(
        (member.organisation_id, part) for member, part in zip(members, shares, strict=True)
    )
    return Breakdown(amount.minor, vat, fee, fee_vat, net, paid, trace)


def release_legs(escrow: Escrow, parts: Breakdown) -> tuple[Leg, ...]:
    """From the escrow to the payee's tax, the platform, and the wallets of who shares."""
    currency = escrow.amount.currency
    return (
        Leg(escrow.account, -parts.minor),
        Leg(Account(AccountKind.TAX, escrow.payee_id, currency), parts.vat),
        Leg(Account(AccountKind.FEE, None, currency), parts.fee - parts.fee_vat),
        Leg(Account(AccountKind.TAX, None, currency), parts.fee_vat),
        *(
            Leg(Account(AccountKind.WALLET, organisation_id, currency), part)
            for organisation_id, part in parts.shares
        ),
    )


def fact_of(escrow: Escrow, fact_id: UUID) -> UUID:
    """The fact as it concerns this escrow: one fact may move money of several, each once."""
    return uuid5(escrow.id, str(fact_id))


def _check_leaves(escrow: Escrow, amount: Money, wanted: str) -> None:
    if amount.currency != escrow.amount.currency:
        raise CurrencyMismatchError(f"{amount.currency} leaves no {escrow.amount.currency} escrow")
    check_amount(amount)
    if escrow.state is not EscrowState.FUNDED:
        raise _refused(escrow, wanted, f"it is {escrow.state}", f"其状态为 {escrow.state}")
    if escrow.frozen_because is not None:
        raise _refused(
            escrow, wanted, f"it is frozen: {escrow.frozen_because}",
            f"已冻结：{escrow.frozen_because}",
        )  # fmt: skip
    if amount.minor > escrow.balance.minor:
        raise _refused(
            escrow, wanted, f"it holds {escrow.balance.minor}, not {amount.minor}",
            f"余额为 {escrow.balance.minor}，不足 {amount.minor}",
        )  # fmt: skip


def _left(escrow: Escrow, now: datetime) -> Escrow:
    state = EscrowState.FUNDED if escrow.balance.minor else EscrowState.SETTLED
    return replace(escrow, state=state, updated_at=now)


def _refused(escrow: Escrow, wanted: str, en: str, zh: str) -> EscrowRefusedError:
    return EscrowRefusedError(escrow_id=escrow.id, wanted=wanted, en=en, zh=zh)
