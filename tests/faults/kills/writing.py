"""One of the writers: holds slots, confirms most of them, gives some back, repeats itself."""

import threading
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

import httpx

from services.contracts.intervals import Interval
from tests.faults.kills.asking import Client, UnansweredError
from tests.faults.kills.market import Buyer, Listing
from tests.faults.kills.record import CREATED, Acknowledged, Internal, Record, Refusal

SLOT: Final = timedelta(minutes=30)
AHEAD: Final = timedelta(days=1)
SLOTS: Final = 2_500
"""Of half an hour on each machine, within the 60 days it is offered."""
PAUSE_S: Final = (0.0, 0.1)
CONFIRMED: Final = 0.7
CANCELLED: Final = 0.3
REPEATED: Final = 0.2
INTERNAL: Final = 0.3
"""Shares of bookings: confirmed, then or instead cancelled, created twice under one key, charged
from one cost centre to another."""
TAKEN: Final = "slot-taken"
AMOUNT_MAX: Final = 10**6


class Writer(threading.Thread):
    """Writes until ``stop``, then finishes what it has begun."""

    def __init__(
        self,
        *,
        address: str,
        record: Record,
        buyer: Buyer,
        listings: tuple[Listing, ...],
        now: datetime,
        random: Random,
        stop: threading.Event,
    ) -> None:
        super().__init__(daemon=True)
        self._client = Client(address, record, buyer.token)
        self._buyer = buyer
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
        if self._random.random() < INTERNAL:
            self._charge_internally(booking)

    def _hold(self) -> Acknowledged | None:
        listing = self._random.choice(self._listings)
        start = self._first + SLOT * self._random.randrange(SLOTS)
        minutes = 30 * self._random.randint(1, 4)
        body: dict[str, object] = {
            "resource_id": listing.resource_id,
            "offer_id": listing.offer_id,
            "start": start.isoformat(),
            "minutes": minutes,
        }
        key = f"{self._random.getrandbits(128):032x}"
        answer, missed = self._client.ask("POST", "bookings", body, key=key)
        if answer.status_code != CREATED:
            self._refused(
                answer, key, listing, Interval(start, start + timedelta(minutes=minutes)), missed
            )
            return None
        if missed:
            self._record.count("held after trying again")
        booking = Acknowledged(
            id=UUID(answer.json()["id"]),
            key=key,
            token=self._client.token,
            asked_body=body,
            answer=answer.content,
            late_percent=listing.late_percent,
        )
        self._record.held(booking)
        return booking

    def _refused(
        self, answer: httpx.Response, key: str, listing: Listing, slot: Interval, missed: int
    ) -> None:
        if answer.json().get("code") != TAKEN:
            self._record.fault(f"hold: {answer.status_code} {answer.text[:300]}")
            return
        resource_id = UUID(listing.resource_id)
        self._record.refused(Refusal(key, resource_id, slot.start, slot.end, listing.units, missed))

    def _charge_internally(self, booking: Acknowledged) -> None:
        """Charge one cost centre to the other for ``booking``, now and then twice under one key."""
        done = Internal(
            organisation_id=UUID(booking.told["organisation_id"]),
            fact_id=UUID(int=self._random.getrandbits(128)),
            source=UUID(self._buyer.source),
            target=UUID(self._buyer.target),
            amount_minor=self._random.randint(1, AMOUNT_MAX),
        )
        body = {
            "source": self._buyer.source,
            "target": self._buyer.target,
            "amount_minor": done.amount_minor,
            "because": "machine time",
            "subject_id": str(booking.id),
            "fact_id": str(done.fact_id),
        }
        key = str(done.fact_id)
        answers: list[Any] = []
        for _ in range(1 + (self._random.random() < REPEATED)):
            answer, _missed = self._client.ask("POST", "internal-bookings", body, key=key)
            answers.append((answer.status_code, answer.content))
        if answers[0][0] != CREATED or len(set(answers)) > 1:
            self._record.fault(f"internal booking: {answers!r}"[:600])
        else:
            self._record.booked_internally(done)

    def _move(self, booking: Acknowledged, verb: str, state: str) -> None:
        """Confirm or cancel; told again that it cannot be, look what it has become."""
        booking.asked = state
        answer, missed = self._client.ask("POST", f"bookings/{booking.id}/{verb}")
        if not answer.is_success and missed:
            self._record.count("looked up after trying again")
            answer, _ = self._client.ask("GET", f"bookings/{booking.id}")
        if answer.is_success and answer.json()["state"] == state:
            self._owe(booking, answer.json()["charge"])
            self._record.moved(booking, state)
        else:
            self._record.fault(f"{verb} {booking.id}: {answer.status_code} {answer.text[:300]}")

    def _owe(self, booking: Acknowledged, charge: Any) -> None:
        """What is said to be owed must be what the terms say."""
        given_back = booking.asked == "cancelled" and booking.state == "confirmed"
        price = booking.told["price"]["minor"]
        due = price * booking.late_percent // 100 if given_back else 0
        booking.charge_minor = charge["minor"] if charge else 0
        if booking.charge_minor != due:
            self._record.fault(f"{booking.id} owes {booking.charge_minor} instead of {due}")


def repeat(client: Client, record: Record, booking: Acknowledged) -> None:
    """Send the creation of ``booking`` again, as whoever lost the answer would."""
    answer, _ = client.ask("POST", "bookings", booking.asked_body, key=booking.key)
    record.repeated(booking, answer.status_code, answer.content)
