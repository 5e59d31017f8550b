"""One of the writers: holds slots, confirms most of them, gives some back, repeats itself."""

import threading
from datetime import datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

from tests.faults.kills.asking import Client, UnansweredError
from tests.faults.kills.market import Listing
from tests.faults.kills.record import CREATED, Acknowledged, Record

SLOT: Final = timedelta(minutes=30)
AHEAD: Final = timedelta(days=1)
SLOTS: Final = 2_500
"""Of half an hour on each machine, within the 60 days it is offered."""
PAUSE_S: Final = (0.0, 0.1)
CONFIRMED: Final = 0.7
CANCELLED: Final = 0.3
REPEATED: Final = 0.2
"""Shares of bookings: confirmed, then or instead cancelled, created twice under one key."""
GONE: Final = 409


class Writer(threading.Thread):
    """Writes until ``stop``, then finishes what it has begun."""

    def __init__(
        self,
        *,
        address: str,
        record: Record,
        token: str,
        listings: tuple[Listing, ...],
        now: datetime,
        random: Random,
        stop: threading.Event,
    ) -> None:
        super().__init__(daemon=True)
        self._client = Client(address, record, token)
        self._record = record
        self._listings = listings
        self._first = now.replace(minute=0, second=0, microsecond=0) + AHEAD
        self._random = random
        self._stopped = stop

    def run(self) -> None:
        try:
            while not self._stopped.wait(self._random.uniform(*PAUSE_S)):
                self._live()
        except UnansweredError as error:
            self._record.gave_up(str(error))
        except Exception as error:  # noqa: BLE001 - a writer that ends early has found something
            self._record.fault(f"{self.name}: {error!r}")
        finally:
            self._client.close()

    def _live(self) -> None:
        """One booking's life."""
        booking = self._hold()
        if booking is None:
            return
        if self._random.random() < REPEATED:
            repeat(self._client, self._record, booking)
        if self._random.random() < CONFIRMED:
            self._move(booking, "confirm", "confirmed")
        if self._random.random() < CANCELLED:
            self._move(booking, "cancel", "cancelled")

    def _hold(self) -> Acknowledged | None:
        listing = self._random.choice(self._listings)
        start = self._first + SLOT * self._random.randrange(SLOTS)
        body: dict[str, object] = {
            "resource_id": listing.resource_id,
            "offer_id": listing.offer_id,
            "start": start.isoformat(),
            "minutes": 30 * self._random.randint(1, 4),
        }
        key = f"{self._random.getrandbits(128):032x}"
        answer, missed = self._client.ask("POST", "bookings", body, key=key)
        if answer.status_code != CREATED:
            self._refused(answer.status_code, answer.text)
            return None
        if missed:
            self._record.count("held after trying again")
        booking = Acknowledged(
            id=UUID(answer.json()["id"]),
            key=key,
            token=self._client.token,
            asked_body=body,
            answer=answer.content,
        )
        self._record.held(booking)
        return booking

    def _refused(self, status: int, said: str) -> None:
        if status == GONE:
            self._record.count("slot taken")
        else:
            self._record.fault(f"hold: {status} {said[:300]}")

    def _move(self, booking: Acknowledged, verb: str, state: str) -> None:
        """Confirm or cancel; told again that it cannot be, look what it has become."""
        booking.asked = state
        answer, missed = self._client.ask("POST", f"bookings/{booking.id}/{verb}")
        if not answer.is_success and missed:
            self._record.count("looked up after trying again")
            answer, _ = self._client.ask("GET", f"bookings/{booking.id}")
        if answer.is_success and answer.json()["state"] == state:
            self._record.moved(booking, state)
        else:
            self._record.fault(f"{verb} {booking.id}: {answer.status_code} {answer.text[:300]}")


def repeat(client: Client, record: Record, booking: Acknowledged) -> None:
    """Send the creation of ``booking`` again, as whoever lost the answer would."""
    answer, _ = client.ask("POST", "bookings", booking.asked_body, key=booking.key)
    record.repeated(booking, answer.status_code, answer.content)
