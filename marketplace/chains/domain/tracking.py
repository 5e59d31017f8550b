"""One product's records along the chain (产品全生命周期记录), each hashed with the one before.

A record's ``sha256`` is over the canonical JSON (RFC 8785 for the texts, integers and objects used
here) of what it says and of the hash before it: who has the records can tell whether one was
changed, left out or put between.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

SERIAL_MAX: Final = 100
FACTS_MAX: Final = 30
FACT_KEY_PATTERN: Final = r"^[a-z][a-z0-9_]{0,39}$"
FACT_MAX: Final = 500
RECORDS_MAX: Final = 1_000

Facts = Mapping[str, str]


class ProductRetiredError(DomainError):
    code: ClassVar[str] = "tracked-product-retired"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Product {product_id} is retired; nothing is recorded of it any more."
    zh: ClassVar[str] = "产品 {product_id} 已报废；不再记录。"


class NotMadeYetError(DomainError):
    code: ClassVar[str] = "tracked-product-not-made"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The records of product {product_id} begin with one 'made', and only one."
    zh: ClassVar[str] = "产品 {product_id} 的记录须以唯一一条 made 开始。"


class RecordsFullError(DomainError):
    code: ClassVar[str] = "tracked-product-full"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Product {product_id} has {most} records, which is the limit."
    zh: ClassVar[str] = "产品 {product_id} 已有 {most} 条记录，达到上限。"


class RecordKind(StrEnum):
    MADE = "made"
    MEASURED = "measured"
    SHIPPED = "shipped"
    SERVICED = "serviced"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class TrackedProduct:
    """A piece or a batch, as its maker names it."""

    id: UUID
    organisation_id: OrganisationId
    space_id: UUID
    item: Annotated[str, CONFIDENTIAL]
    serial: Annotated[str, CONFIDENTIAL]
    """Of the piece, or of the batch."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Record:
    id: UUID
    organisation_id: OrganisationId
    space_id: UUID
    product_id: UUID
    position: int
    kind: RecordKind
    facts: Annotated[Facts, CONFIDENTIAL]
    created_at: datetime
    prior_sha256: str | None
    sha256: str


def check_next(product_id: UUID, kind: RecordKind, last: Record | None) -> None:
    """Refuse what cannot follow ``last``.

    Raises:
        NotMadeYetError, ProductRetiredError, RecordsFullError: as they say.
    """
    if (last is None) is not (kind is RecordKind.MADE):
        raise NotMadeYetError(product_id=product_id)
    if last is not None and last.kind is RecordKind.RETIRED:
        raise ProductRetiredError(product_id=product_id)
    if last is not None and last.position >= RECORDS_MAX:
        raise RecordsFullError(product_id=product_id, most=RECORDS_MAX)


def record_sha256(
    *,
    product_id: UUID,
    organisation_id: OrganisationId,
    position: int,
    kind: RecordKind,
    facts: Facts,
    created_at: datetime,
    prior_sha256: str | None,
) -> str:
    """The hash a record carries, as 64 hexadecimal digits."""
    said = {
        "product_id": str(product_id),
        "organisation_id": str(organisation_id),
        "position": position,
        "kind": kind.value,
        "facts": dict(facts),
        "created_at": round(created_at.timestamp() * 1_000_000),
        "prior_sha256": prior_sha256,
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def broken_at(records: Iterable[Record]) -> int | None:
    """The first position that does not follow from those before; ``None``: all do."""
    prior: str | None = None
    for place, record in enumerate(records, start=1):
        expected = record_sha256(
            product_id=record.product_id,
            organisation_id=record.organisation_id,
            position=place,
            kind=record.kind,
            facts=record.facts,
            created_at=record.created_at,
            prior_sha256=prior,
        )
        if (record.position, record.prior_sha256, record.sha256) != (place, prior, expected):
            return place
        prior = record.sha256
    return None
