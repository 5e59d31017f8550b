"""A link opens one seat of a confirmed booking in its time, and says so in a way one can verify."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jwt

from services.booking.domain import Booking, BookingState
from services.booking.domain.launching import (
    LAUNCHABLE,
    LINK_LASTS,
    LaunchTarget,
    NotLaunchableError,
    launched,
)
from services.booking.launcher.sandbox import ALGORITHM, SandboxLauncher
from services.contracts.ids import BookingId, OrganisationId, ResourceId
from services.contracts.intervals import Interval

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
END = START + timedelta(hours=4)
BOOKING = Booking(
    id=BookingId(UUID(int=1)),
    organisation_id=OrganisationId(UUID(int=2)),
    provider_id=OrganisationId(UUID(int=3)),
    resource_id=ResourceId(UUID(int=4)),
    offer_id=None,
    demand_id=None,
    interval=Interval(START, END),
    units=2,
    state=BookingState.CONFIRMED,
    hold_until=None,
    price=None,
    at_risk_reason=None,
    created_at=START,
    updated_at=START,
)


@given(
    minutes=st.integers(-60, 300),
    seat=st.integers(-1, 4),
    state=st.sampled_from(BookingState),
)
def test_a_seat_opens_if_and_only_if_it_is_booked_confirmed_and_its_time(
    minutes: int, seat: int, state: BookingState
) -> None:
    booking, now = replace(BOOKING, state=state), START + timedelta(minutes=minutes)
    if state in LAUNCHABLE and 0 <= minutes < 240 and seat in {1, 2}:
        opened = launched(booking, launch_id=UUID(int=9), seat=seat, actor_id=None, now=now)
        assert now < opened.expires_at <= min(now + LINK_LASTS, END)
        assert opened.until == END
    else:
        with pytest.raises(NotLaunchableError):
            launched(booking, launch_id=UUID(int=9), seat=seat, actor_id=None, now=now)


def test_a_link_carries_a_token_bound_to_booking_time_and_seat(tmp_path: Path) -> None:
    launcher = SandboxLauncher(tmp_path / "launch.pem")
    target = LaunchTarget(
        BOOKING.resource_id, BOOKING.provider_id, "https://solver.example.com/?t={token}", START
    )
    late = END - timedelta(minutes=1)
    opened = launched(BOOKING, launch_id=UUID(int=9), seat=2, actor_id=None, now=late)

    url = urlsplit(launcher.link(opened, target))
    token = parse_qs(url.query)["t"][0]

    assert url.hostname == "solver.example.com"
    published = jwk.KeySet.import_key_set(launcher.keys())  # type: ignore[arg-type]
    claims = jwt.decode(token, published, algorithms=[ALGORITHM]).claims
    assert claims["jti"] == str(opened.id)
    assert (claims["sub"], claims["aud"]) == (str(BOOKING.id), str(BOOKING.resource_id))
    assert (claims["seat"], claims["nbf"]) == (2, int(late.timestamp()))
    assert claims["exp"] == claims["until"] == int(END.timestamp())


def test_only_public_keys_are_published(tmp_path: Path) -> None:
    (key,) = SandboxLauncher(tmp_path / "launch.pem").keys()["keys"]

    assert "d" not in key
    assert key["crv"] == "Ed25519"


def test_a_new_process_signs_with_the_same_key(tmp_path: Path) -> None:
    path = tmp_path / "launch.pem"

    assert SandboxLauncher(path).keys() == SandboxLauncher(path).keys()
