"""What opens booked software must do; ``tests/unit/booking/test_launching.py`` holds to it.

A link opens one seat of one booking, once its own short time and never after the booking's end. The
software behind it trusts what it can verify with ``keys``, and nothing else.
"""

from typing import Any, Protocol

from services.booking.domain.launching import Launch, LaunchTarget


class Launcher(Protocol):
    def link(self, launch: Launch, target: LaunchTarget) -> str:
        """The address that opens the seat."""

    def keys(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
