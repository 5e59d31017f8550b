"""Invoice records (发票记录): what a seller says it invoiced, beside any tax system."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

NUMBER_MAX: Final = 40
DESCRIPTION_MAX: Final = 200
REASON_MAX: Final = 1_000
LINES_MAX: Final = 100
NET_MAX: Final = 10**13
BASIS_POINTS: Final = 10_000


class InvoiceInvalidError(DomainError):
    code: ClassVar[str] = "invoice-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "This invoice cannot be recorded: {en}; change {field}."
    zh: ClassVar[str] = "该发票无法登记：{zh}；请修改 {field}。"


class InvoiceTooMuchError(DomainError):
    code: ClassVar[str] = "invoice-too-much"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "{asked} minor units cannot be recorded: of {whole}, {known} are recorded already."
    )
    zh: ClassVar[str] = "不能登记 {asked}：{whole} 中已登记 {known}。"


class InvoiceDecidedError(DomainError):
    code: ClassVar[str] = "invoice-decided"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Invoice {invoice_id} is {state}, not {wanted}; a credit note corrects what was confirmed."
    )
    zh: ClassVar[str] = "发票 {invoice_id} 当前为 {state}，而非 {wanted}；更正请开具红字发票。"


class InvoiceKind(StrEnum):
    ORDINARY = "ordinary"
    """增值税普通发票."""
    SPECIAL = "special"
    """增值税专用发票."""


class InvoiceState(StrEnum):
    RECORDED = "recorded"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """``vat_minor`` is the tax on ``net_minor`` at ``rate`` basis points, rounded either way."""

    description: str
    net_minor: int
    rate: int
    vat_minor: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """Of an order that ``organisation_id`` buys; never changed but for the buyer's word on it.

    ``credits`` names the invoice that a credit note (红字发票) takes back, in whole or in part.
    """

    id: UUID
    organisation_id: OrganisationId
    supplier_id: OrganisationId
    order_id: UUID
    number: str
    kind: InvoiceKind
    issued_on: date
    currency: str
    lines: Annotated[tuple[InvoiceLine, ...], CONFIDENTIAL]
    net_minor: Annotated[int, CONFIDENTIAL]
    vat_minor: Annotated[int, CONFIDENTIAL]
    total_minor: Annotated[int, CONFIDENTIAL]
    state: InvoiceState
    created_at: datetime
    credits: UUID | None = None
    document_id: UUID | None = None
    reason: str | None = None
    decided_at: datetime | None = None


def check_lines(lines: Sequence[InvoiceLine]) -> tuple[int, int]:
    """What the lines come to, net and tax.

    Raises:
        InvoiceInvalidError: a line's tax is none of its rate.
    """
    for place, line in enumerate(lines, start=1):
        exact, scaled = line.net_minor * line.rate, line.vat_minor * BASIS_POINTS
        if abs(exact - scaled) >= BASIS_POINTS:
            raise InvoiceInvalidError(
                field="lines",
                en=f"the tax of line {place} is not {line.rate} basis points of its net amount",
                zh=f"第 {place} 行的税额与税率不符",
            )
    return sum(line.net_minor for line in lines), sum(line.vat_minor for line in lines)


def recorded_minor(invoices: Sequence[Invoice]) -> int:
    """What counts as invoiced: what was not rejected, less what was credited and confirmed."""
    plain = sum(
        one.total_minor
        for one in invoices
        if one.credits is None and one.state is not InvoiceState.REJECTED
    )
    return plain - sum(
        one.total_minor
        for one in invoices
        if one.credits is not None and one.state is InvoiceState.CONFIRMED
    )


def check_fits(asked: int, *, known: int, whole: int) -> None:
    """Let pass what leaves the sum within ``whole``.

    Raises:
        InvoiceTooMuchError: it would not.
    """
    if known + asked > whole:
        raise InvoiceTooMuchError(asked=asked, known=known, whole=whole)


def decided(
    invoice: Invoice, state: InvoiceState, *, now: datetime, reason: str | None = None
) -> Invoice:
    """With the buyer's word on it, once.

    Raises:
        InvoiceDecidedError: it was given already.
    """
    if invoice.state is not InvoiceState.RECORDED:
        raise InvoiceDecidedError(
            invoice_id=invoice.id, state=invoice.state, wanted=InvoiceState.RECORDED
        )
    return replace(invoice, state=state, reason=reason, decided_at=now)
