"""Texts of coded values, marked for translation here because a code cannot be extracted."""

from collections.abc import Mapping
from typing import Final

from services.booking.domain import BookingState
from services.capacity.domain import Provenance
from services.capacity.domain.live import BAD_QUALITY, LINK_LOST, NEVER_REPORTED, UNREADABLE
from services.contracts.telemetry import ResourceState


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "extract, translate later"
    return text


STATES: Final[Mapping[str, str]] = {
    ResourceState.EXECUTING: N_("Executing"),
    ResourceState.IDLE: N_("Idle"),
    ResourceState.SETUP: N_("Setting up"),
    ResourceState.MAINTENANCE: N_("Maintenance"),
    ResourceState.DOWN: N_("Down"),
    ResourceState.OFF: N_("Off"),
    ResourceState.UNKNOWN: N_("Unknown"),
    "declared": N_("Declared"),
}

KINDS: Final[Mapping[str, str]] = {
    "machine": N_("Machine"),
    "lab_method": N_("Laboratory method"),
    "software_seats": N_("Software seats"),
    "expert": N_("Expert"),
    "room": N_("Room"),
}

CAUSES: Final[Mapping[str, str]] = {
    "down": N_("the machine is down"),
    "off": N_("the machine is switched off"),
    "maintenance": N_("the machine is under maintenance"),
    "unknown": N_("the state of the machine is unknown"),
}

BOOKING_STATES: Final[Mapping[str, str]] = {
    BookingState.HELD: N_("Held"),
    BookingState.CONFIRMED: N_("Confirmed"),
    BookingState.STARTED: N_("Started"),
    BookingState.FINISHED: N_("Finished"),
    BookingState.CANCELLED: N_("Cancelled"),
    BookingState.EXPIRED: N_("Expired"),
    BookingState.NO_SHOW: N_("No-show"),
}

PROVENANCES: Final[Mapping[str, str]] = {
    Provenance.DECLARED: N_("declared"),
    Provenance.MEASURED: N_("measured"),
}

LIVE_REASONS: Final[Mapping[str, str]] = {
    LINK_LOST: N_("link lost"),
    NEVER_REPORTED: N_("never reported"),
    BAD_QUALITY: N_("bad quality"),
    UNREADABLE: N_("unreadable state"),
}
