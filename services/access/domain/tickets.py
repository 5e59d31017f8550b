"""Single-use secrets that somebody presents once, before an end."""

from datetime import timedelta
from enum import StrEnum
from typing import Final


class TicketPurpose(StrEnum):
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a name, no secret
    PASSKEY_REGISTRATION = "passkey_registration"
    PASSKEY_PROOF = "passkey_proof"
    OPENID = "openid"


LASTS: Final = {
    TicketPurpose.PASSWORD_RESET: timedelta(minutes=30),
    TicketPurpose.PASSKEY_REGISTRATION: timedelta(minutes=5),
    TicketPurpose.PASSKEY_PROOF: timedelta(minutes=5),
    TicketPurpose.OPENID: timedelta(minutes=10),
}
