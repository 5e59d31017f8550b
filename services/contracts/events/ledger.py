"""Events of the ledger; amounts are minor units, the audience are the parties.

``subject_kind`` and ``subject_id`` name what money is for, e.g. an order.
"""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class EscrowFunded(Event):
    """The payer's money is set aside."""

    type: ClassVar[str] = "ledger.escrow-funded.v1"

    escrow_id: UUID
    subject_kind: str
    subject_id: UUID
    payer_id: UUID
    payee_id: UUID
    amount_minor: int
    currency: str


class EscrowReleased(Event):
    """Money went to the payee's side; ``left_minor`` are still set aside."""

    type: ClassVar[str] = "ledger.escrow-released.v1"

    escrow_id: UUID
    subject_kind: str
    subject_id: UUID
    payer_id: UUID
    payee_id: UUID
    amount_minor: int
    currency: str
    fact_id: UUID
    left_minor: int


class EscrowRefunded(Event):
    """Money went back to the payer; ``left_minor`` are still set aside."""

    type: ClassVar[str] = "ledger.escrow-refunded.v1"

    escrow_id: UUID
    subject_kind: str
    subject_id: UUID
    payer_id: UUID
    payee_id: UUID
    amount_minor: int
    currency: str
    fact_id: UUID
    left_minor: int


class PaymentFailed(Event):
    """A payment or payout came to nothing: refused, or never answered."""

    type: ClassVar[str] = "ledger.payment-failed.v1"

    payment_id: UUID
    kind: str
    organisation_id: UUID
    subject_kind: str
    subject_id: UUID
    amount_minor: int
    currency: str
    because: str


class PayoutSettled(Event):
    """Money left for its owner's bank account."""

    type: ClassVar[str] = "ledger.payout-settled.v1"

    payment_id: UUID
    organisation_id: UUID
    subject_kind: str
    subject_id: UUID
    amount_minor: int
    currency: str


class ProviderTold(Event):
    """A payment provider told, signed, how a payment stands; for the worker alone."""

    type: ClassVar[str] = "ledger.provider-told.v1"

    payment_id: UUID
    answer_id: str
    verdict: str
    because: str
