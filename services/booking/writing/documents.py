"""The answer and the event of a held booking as JSON, written as pydantic writes them, quicker.

A batch of a thousand would spend more on building models than PostgreSQL on storing them; a test
holds both to the same octets. Ids are texts here: those of firms and machines come again and again.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

from services.booking.domain import LIMITS, NO_TERMS, Terms
from services.contracts.events.booking import BookingChanged

SUBJECT: Final = BookingChanged.subject()
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)
MINUTES_REMEMBERED_MAX: Final = 65_536
PARTIES_REMEMBERED_MAX: Final = 65_536
_TERMS: Final = ""","terms":"""


@lru_cache(MINUTES_REMEMBERED_MAX)
def minute_text(minute: int) -> str:
    """RFC 3339 of a whole minute since the epoch."""
    return (EPOCH + minute * _MINUTE).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant_text(instant: datetime) -> str:
    """RFC 3339 as pydantic writes an instant in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def answer(
    *,
    booking_id: str,
    organisation_id: str,
    provider_id: str,
    resource_id: str,
    offer_id: str,
    demand_id: UUID | None,
    start: str,
    end: str,
    setup_minutes: int,
    hold_until: str,
    price_minor: int,
    currency: str,
    now: str,
) -> bytes:
    """``BookingOut`` of a booking just held, one unit of it, under no terms."""
    demand = "null" if demand_id is None else f'"{demand_id}"'
    return (
        f'{{"id":"{booking_id}","organisation_id":"{organisation_id}","provider_id":"{provider_id}"'
        f',"resource_id":"{resource_id}","offer_id":"{offer_id}","demand_id":{demand}'
        f',"start":"{start}","end":"{end}","units":1,"setup_minutes":{setup_minutes}'
        f',"state":"held","hold_until":"{hold_until}"'
        f',"price":{{"minor":{price_minor},"currency":"{currency}"}},"at_risk":false'
        f',"at_risk_reason":null,"at_risk_resource_id":null,"created_at":"{now}"'
        f',"updated_at":"{now}","version":1,"joint_id":null,"leg":null,"replaces_id":null'
        f'{_TERMS}{_NO_TERMS},"free_until":"{start}","charge":null}}'
    ).encode()


def under(terms: Terms, body: bytes, *, start: int) -> bytes:
    """``body`` of :func:`answer` for a booking agreed under ``terms``."""
    head, _, _ = body.partition(_TERMS.encode())
    until = minute_text(start - terms.free_minutes)
    rest = f'{_TERMS}{_terms(terms)},"free_until":"{until}","charge":null}}'
    return head + rest.encode()


def _terms(terms: Terms) -> str:
    return "{" + ",".join(f'"{name}":{getattr(terms, name)}' for name in LIMITS) + "}"


_NO_TERMS: Final = _terms(NO_TERMS)


def event(
    *,
    event_id: UUID,
    booking_id: str,
    organisation_id: str,
    provider_id: str,
    resource_id: str,
    start: str,
    end: str,
    now: str,
) -> bytes:
    """``BookingChanged`` of a booking just held, one unit of it."""
    parties = _parties(organisation_id, provider_id)
    return (
        f'{{"id":"{event_id}","occurred_at":"{now}","audience":{{"organisation_ids":[{parties}]'
        f',"visibility":"organisation","park":null,"space_id":null}},"booking_id":"{booking_id}"'
        f',"resource_id":"{resource_id}","organisation_id":"{organisation_id}","state":"held"'
        f',"at_risk":false,"at_risk_reason":null,"start":"{start}","end":"{end}","units":1}}'
    ).encode()


@lru_cache(PARTIES_REMEMBERED_MAX)
def _parties(*organisation_ids: str) -> str:
    return ",".join(f'"{one}"' for one in sorted(set(organisation_ids)))
