"""Texts of coded values, marked for translation here because a code cannot be extracted."""

from collections.abc import Mapping
from typing import Final

from services.booking.domain import BookingState
from services.contracts.telemetry import ResourceState
from services.matching.domain import Constraint, Provenance, Reason


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

CONSTRAINTS: Final[Mapping[str, str]] = {
    Constraint.PROCESS: N_("Process"),
    Constraint.MATERIAL: N_("Material"),
    Constraint.ENVELOPE: N_("Size"),
    Constraint.TOLERANCE: N_("Tolerance"),
    Constraint.CERTIFICATES: N_("Certificates"),
    Constraint.UNITS: N_("Units"),
    Constraint.HOURS: N_("Hours"),
    Constraint.PLACE: N_("Distance"),
    Constraint.PROVENANCE: N_("Measured"),
    Constraint.BUDGET: N_("Budget"),
    Constraint.WINDOW: N_("Window"),
    Constraint.LIVE: N_("Running state"),
}

REASONS: Final[Mapping[str, str]] = {
    Reason.NOT_ASKED: N_("not asked"),
    Reason.MET: N_("met"),
    Reason.TOO_SMALL: N_("too small"),
    Reason.TOO_COARSE: N_("too coarse"),
    Reason.TOO_FEW: N_("too few"),
    Reason.TOO_SHORT: N_("too short"),
    Reason.TOO_FAR: N_("too far"),
    Reason.TOO_DEAR: N_("too expensive"),
    Reason.UNDECLARED: N_("not declared"),
    Reason.OTHER_CURRENCY: N_("another currency"),
    Reason.NOT_HELD: N_("not held"),
    Reason.EXPIRED: N_("expired"),
    Reason.NOT_MEASURED: N_("not measured"),
    Reason.NO_FREE_TIME: N_("no free time"),
    Reason.OUT_OF_SERVICE: N_("out of service"),
    Reason.UNOBSERVED: N_("not observed now"),
}
