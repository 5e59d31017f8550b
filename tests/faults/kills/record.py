"""What the platform acknowledged to its clients, kept where no kill reaches it."""

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

CREATED: Final = 201


@dataclass(slots=True)
class Acknowledged:
    """A booking whose creation was answered 201.

    ``state`` is the last one an answer told, ``asked`` what was asked for since without one.
    """

    id: UUID
    key: str
    token: str
    asked_body: dict[str, object]
    answer: bytes
    state: str = "held"
    asked: str | None = None
    late_percent: int = 0
    """Of its price, owed by who gives it back confirmed."""
    charge_minor: int = 0
    """Owed, as the answer to its cancellation told."""

    @property
    def told(self) -> Any:
        """The answer to its creation."""
        return json.loads(self.answer)

    @property
    def may_be(self) -> set[str]:
        """The states it can be in if nothing acknowledged was lost."""
        return {self.state} | ({self.asked} if self.asked else set())


@dataclass(frozen=True, slots=True)
class Internal:
    """An internal booking whose creation was answered 201."""

    organisation_id: UUID
    fact_id: UUID
    source: UUID
    target: UUID
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A slot said to be taken; ``missed`` answers to the same request were lost before."""

    key: str
    resource_id: UUID
    start: datetime
    end: datetime
    units: int
    missed: int


@dataclass(slots=True)
class Record:
    """Filled by all writers at once."""

    bookings: dict[UUID, Acknowledged] = field(default_factory=dict)
    internal: list[Internal] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    two_outcomes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    acknowledgements: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def held(self, booking: Acknowledged) -> None:
        with self._lock:
            known = self.bookings.setdefault(booking.id, booking)
            if known is not booking:
                self.two_outcomes.append(f"{known.key} and {booking.key} made {booking.id}")
            self.acknowledgements += 1

    def booked_internally(self, done: Internal) -> None:
        with self._lock:
            self.internal.append(done)
            self.acknowledgements += 1

    def refused(self, refusal: Refusal) -> None:
        with self._lock:
            self.refusals.append(refusal)
            after = " after a lost answer" if refusal.missed else ""
            self.outcomes[f"slot taken{after}"] += 1

    def moved(self, booking: Acknowledged, state: str) -> None:
        with self._lock:
            booking.state, booking.asked = state, None
            self.acknowledgements += 1

    def repeated(self, booking: Acknowledged, status: int, answer: bytes) -> None:
        """The creation was sent once more under its key."""
        with self._lock:
            self.outcomes["repeated"] += 1
            if (status, answer) != (CREATED, booking.answer):
                self.two_outcomes.append(f"{booking.key}: {booking.answer!r}, then {answer!r}")

    def count(self, outcome: str) -> None:
        with self._lock:
            self.outcomes[outcome] += 1

    def fault(self, what: str) -> None:
        """An answer nobody should get, whatever was killed."""
        with self._lock:
            self.faults.append(what)

    def gave_up(self, what: str) -> None:
        with self._lock:
            self.unanswered.append(what)
