"""What the durable writer does without a database: free time, prices, documents, arrays."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.booking.domain import LIMITS, NO_TERMS, Booking, BookingState, Terms
from services.booking.schemas.bookings import BookingOut
from services.booking.writing import documents
from services.booking.writing.deciding import quoted
from services.booking.writing.spare_time import SpareTime
from services.contracts.events.booking import BookingChanged
from services.contracts.events.envelope import Audience
from services.contracts.ids import BookingId, DemandId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.matching.domain import Rate

DAY = 40
MINUTE = timedelta(minutes=1)
uuids = st.uuids(version=4)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware
bounds = st.tuples(st.integers(0, DAY), st.integers(1, 12))


@given(
    gaps=st.lists(bounds, max_size=4),
    slots=st.lists(bounds, max_size=8),
    apart=st.integers(0, 3),
)
def test_spare_time_is_what_a_naive_day_of_minutes_says(
    gaps: list[tuple[int, int]], slots: list[tuple[int, int]], apart: int
) -> None:
    spans = _disjoint(gaps)
    free = {minute for start, end in spans for minute in range(start, end)}
    edges = {end for _, end in spans}
    spare = SpareTime(spans, apart=apart)
    for start, length in slots:
        end = start + length
        whole = free.issuperset(range(start, end)) and not edges & set(range(start + 1, end))
        assert spare.has_room(start, end) == whole
        if whole:
            spare.take(start, end)
            free -= set(range(start - apart, end + apart))
        assert {m for one in zip(*spare.gaps, strict=True) for m in range(*one)} == free
    for length in (1, 5):
        fitting = [
            start
            for start in range(DAY + 20)
            if spare.has_room(start, start + length) and start >= 3 and start + length <= DAY
        ]
        found = spare.earliest(length, opens=3, closes=DAY)
        assert found == min(fitting, default=None)


def _disjoint(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Some of the gaps, none touching another."""
    kept: list[tuple[int, int]] = []
    for start, length in sorted(gaps):
        if not kept or kept[-1][1] < start:
            kept.append((start, start + length))
    return kept


@given(
    st.builds(
        Rate,
        per_hour_minor=st.integers(0, 10**9),
        setup_minor=st.integers(0, 10**6),
        minimum_minor=st.integers(0, 10**6),
    ),
    st.integers(1, 100_000),
)
def test_prices_are_those_of_the_rate(rate: Rate, minutes: int) -> None:
    assert quoted(rate, minutes) == rate.quote(minutes=minutes, units=1).minor


@given(
    ids=st.lists(uuids, min_size=6, max_size=6, unique=True),
    demand=st.none() | uuids,
    whose=st.sampled_from(["own", "another's"]),
    start=st.integers(28_000_000, 30_000_000),
    minutes=st.integers(1, 10_000),
    now=moments,
    terms=st.just(NO_TERMS) | st.builds(Terms, *(st.integers(0, most) for most in LIMITS.values())),
)
def test_documents_are_those_of_the_models(
    ids: list[UUID],
    demand: UUID | None,
    whose: str,
    start: int,
    minutes: int,
    now: datetime,
    terms: Terms,
) -> None:
    booking_id, event_id, buyer, provider, resource, offer = ids
    provider = buyer if whose == "own" else provider
    interval = Interval(
        documents.EPOCH + start * MINUTE, documents.EPOCH + (start + minutes) * MINUTE
    )
    booking = Booking(
        id=BookingId(booking_id),
        organisation_id=OrganisationId(buyer),
        provider_id=OrganisationId(provider),
        resource_id=ResourceId(resource),
        offer_id=OfferId(offer),
        demand_id=DemandId(demand) if demand else None,
        interval=interval,
        units=1,
        state=BookingState.HELD,
        hold_until=now + timedelta(minutes=15),
        price=Money(1_234, "CNY"),
        at_risk_reason=None,
        created_at=now,
        updated_at=now,
        setup_minutes=7,
        terms=terms,
    )
    shared = {
        "booking_id": str(booking_id),
        "organisation_id": str(buyer),
        "provider_id": str(provider),
        "resource_id": str(resource),
        "start": documents.minute_text(start),
        "end": documents.minute_text(start + minutes),
        "now": documents.instant_text(now),
    }
    answer = documents.answer(
        **shared,
        offer_id=str(offer),
        demand_id=demand,
        setup_minutes=7,
        hold_until=documents.instant_text(now + timedelta(minutes=15)),
        price_minor=1_234,
        currency="CNY",
    )
    written = BookingOut.of(booking).model_dump_json().encode()
    assert documents.under(terms, answer, start=start) == written
    assert terms != NO_TERMS or answer == written
    event = BookingChanged(
        id=event_id,
        occurred_at=now,
        booking_id=booking_id,
        resource_id=resource,
        organisation_id=buyer,
        state="held",
        at_risk=False,
        at_risk_reason=None,
        start=interval.start,
        end=interval.end,
        units=1,
        audience=Audience(organisation_ids=tuple(sorted(booking.parties))),
    )
    told = documents.event(event_id=event_id, **shared)
    assert json.loads(told) == event.model_dump(mode="json")
