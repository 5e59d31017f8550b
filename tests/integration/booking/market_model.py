"""A slot market kept in lists and counted by looking at everything: what the real one must equal.

Time is whole minutes since the start of the test. A hold that ran
out is over at once: whoever cleans it up only catches up with that.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hypothesis import strategies as st
from sqlalchemy import text

TTL = 15
CAP = 3
OCCUPYING = ("held", "confirmed", "started")
PER_MINUTE = 100


@dataclass(frozen=True)
class Spec:
    """A resource: its units, its buffers, what each unit needs beside it, its terms."""

    units: int
    before: int = 0
    after: int = 0
    needs: str | None = None
    free: int = 0
    late: int = 0
    least: int = 0
    missed: int = 0
    grace: int = 0


SPECS = {
    "mill": Spec(1, before=10, after=20, free=60, late=50, least=2_000, missed=80, grace=20),
    "seats": Spec(4, free=30, late=25, missed=100),
    "cell": Spec(1, after=10, needs="operator"),
    "rig": Spec(2, before=10, needs="operator", free=45, late=10),
    "operator": Spec(2, before=10),
}
BOOKABLE = ("mill", "seats", "cell", "rig")
"""In the order they are registered, which is that of their ids; all after the operator."""

Place = tuple[str, int, int, int]
"""Resource, unit, and from when to when it is taken, buffers included."""


@dataclass
class Slot:
    resource: str
    start: int
    minutes: int
    units: int

    @property
    def end(self) -> int:
        return self.start + self.minutes


@dataclass
class Life:
    """One booking."""

    buyer: int
    slot: Slot
    places: list[Place]
    hold_until: int
    joint: Any = None
    state: str = "held"
    price: int = 0
    charge: int | None = None
    at_risk: bool = False
    ran_to_its_end: bool = False

    @property
    def cost(self) -> tuple[int, int | None]:
        """Its price, and what its buyer came to owe."""
        return self.price, self.charge


@dataclass
class Wish:
    """One entry of a waiting list."""

    buyer: int
    slot: Slot
    until: int
    """End of the window; ``slot`` is the earliest wanted."""
    state: str = "waiting"
    booking: Any = None


@dataclass
class Model:
    now: int = 0
    mill_is_down: bool = False
    lives: dict[Any, Life] = field(default_factory=dict)
    wishes: dict[Any, Wish] = field(default_factory=dict)

    # Time and risk

    def pass_time(self, minutes: int) -> None:
        self.now += minutes
        for life in self.lives.values():
            if life.state == "held" and life.hold_until <= self.now:
                self.end(life, "expired")

    def set_mill(self, *, is_down: bool) -> None:
        self.mill_is_down = is_down
        for life in self.lives.values():
            concerned = life.state in OCCUPYING and life.slot.resource == "mill"
            if concerned and (not is_down or life.slot.end > self.now):
                life.at_risk = is_down

    def end(self, life: Life, state: str, charge: int | None = None) -> None:
        life.state, life.charge, life.at_risk = state, charge, False

    def edge(self, life: Life, name: str) -> int:
        """A moment at which something changes for ``life``."""
        spec, slot = SPECS[life.slot.resource], life.slot
        return {
            "hold_until": life.hold_until,
            "free_until": slot.start - spec.free,
            "start": slot.start,
            "no_show_from": slot.start + spec.grace,
            "end": slot.end,
        }[name]

    # What is free

    def taken(self) -> list[tuple[Any, Place]]:
        return [
            (key, place)
            for key, life in self.lives.items()
            if life.state in OCCUPYING or life.ran_to_its_end
            for place in life.places
        ]

    def places(self, slot: Slot, *, but: Any = None) -> list[Place] | None:
        """The lowest free units of all that ``slot`` takes; ``None`` if there are too few."""
        if slot.resource == "mill" and self.mill_is_down:
            return None
        needed = [slot.resource, *filter(None, [SPECS[slot.resource].needs])]
        found: list[Place] = []
        for name in needed:
            spec = SPECS[name]
            start, end = slot.start - spec.before, slot.end + spec.after
            busy = {
                unit
                for key, (other, unit, begins, ends) in self.taken()
                if key != but and other == name and begins < end and start < ends
            }
            free = [unit for unit in range(spec.units) if unit not in busy]
            if len(free) < slot.units:
                return None
            found += [(name, unit, start, end) for unit in free[: slot.units]]
        return found

    def open_holds(self, buyer: int) -> int:
        return sum(life.state == "held" and life.buyer == buyer for life in self.lives.values())

    # Holding

    def held(self, buyer: int, slot: Slot, *, joint: Any = None, ttl: int = TTL) -> Life | str:
        """A new life, not yet in the market, or the word for why there is none."""
        if self.open_holds(buyer) >= CAP:
            return "cap"
        if slot.units > SPECS[slot.resource].units:
            return "invalid"
        places = self.places(slot)
        if places is None:
            return "taken"
        return Life(buyer, slot, places, self.now + ttl, joint, price=self.quote(slot))

    def quote(self, slot: Slot) -> int:
        return slot.minutes * slot.units * PER_MINUTE

    def chained(self, buyer: int, legs: list[Slot]) -> list[Life] | str:
        """Lives of all legs, or why one of them there is none."""
        trial = replace(self, lives=dict(self.lives))
        lives: dict[int, Life] = {}
        order = sorted(range(len(legs)), key=lambda i: (_rank(legs[i]), legs[i].start, i))
        for number in order:
            life = trial.held(buyer, legs[number], joint="this")
            if isinstance(life, str):
                return life
            trial.lives["leg", number] = lives[number] = life
        return [lives[number] for number in range(len(legs))]

    # Fees

    def late_fee(self, life: Life) -> int:
        """What cancelling costs its buyer now."""
        spec = SPECS[life.slot.resource]
        if life.state != "confirmed" or life.at_risk or self.now < life.slot.start - spec.free:
            return 0
        late = min(life.price, max(_percent(life.price, spec.late), spec.least))
        missed = _percent(life.price, spec.missed) if self.now >= life.slot.start else 0
        return max(late, missed)

    def missed_fee(self, life: Life) -> int:
        return 0 if life.at_risk else _percent(life.price, SPECS[life.slot.resource].missed)

    def price_of_fewer(self, life: Life, units: int) -> int:
        rest = min(life.price, self.quote(replace(life.slot, units=life.slot.units - units)))
        if not self.late_fee(life):
            return rest
        spec, given = SPECS[life.slot.resource], life.price - rest
        return rest + min(given, max(_percent(given, spec.late), spec.least))

    def with_fewer(self, life: Life, units: int) -> list[Place]:
        """Of each resource the lowest units stay."""
        kept = life.slot.units - units
        names = dict.fromkeys(name for name, *_ in life.places)
        return [
            place
            for name in names
            for place in sorted(one for one in life.places if one[0] == name)[:kept]
        ]

    # Waiting

    def promotions(self) -> Iterable[tuple[Any, Life]]:
        """Which wishes are fulfilled now, in which order; each is to be entered before the next."""
        due = {key for key, wish in self.wishes.items() if wish.state == "waiting"}
        while due:
            resource = self.wishes[min(due)].slot.resource
            found = self._first_fitting(resource)
            if found is None:
                due = {key for key in due if self.wishes[key].slot.resource != resource}
            else:
                due.discard(found[0])
                yield found

    def _first_fitting(self, resource: str) -> tuple[Any, Life] | None:
        for key in sorted(self.wishes):
            wish = self.wishes[key]
            if wish.state != "waiting" or wish.slot.resource != resource:
                continue
            start = self._earliest(wish)
            if start is not None:
                ttl = min(TTL, max(1, start - self.now))
                life = self.held(wish.buyer, replace(wish.slot, start=start), ttl=ttl)
                if isinstance(life, Life):
                    return key, life
        return None

    def _earliest(self, wish: Wish) -> int | None:
        for start in range(max(self.now, wish.slot.start), wish.until - wish.slot.minutes + 1):
            slot = replace(wish.slot, start=start)
            if self.places(slot) is not None:
                return start
        return None

    def stop_waiting(self) -> None:
        """Whose work would fit no more waits no more."""
        for wish in self.wishes.values():
            if wish.state == "waiting" and wish.until - wish.slot.minutes <= self.now:
                wish.state = "expired"


def _rank(slot: Slot) -> int:
    return BOOKABLE.index(slot.resource)


def _percent(amount: int, percent: int) -> int:
    return (amount * percent + 50) // 100


REFUSALS: Final = {
    "cap": {"too-many-holds"},
    "invalid": {"slot-invalid", "leg-invalid"},
    "taken": {"slot-taken", "companion-taken", "slot-not-offered", "leg-taken"},
}


def _slot(name: str, start: int, minutes: int, units: int) -> Slot:
    most = SPECS[name].units
    return Slot(name, start, minutes, most + 1 if units == TOO_MANY else min(units, most))


TOO_MANY: Final = 9
SLOTS = st.builds(
    _slot,
    st.sampled_from(("mill", "seats", "cell", "rig", "mill", "seats")),
    st.sampled_from((0, 14, 15, 30, 31, 60, 75, 90)),
    st.sampled_from((30, 45, 60)),
    st.sampled_from((1, 2, 2, 3, TOO_MANY)),
)
"""``start`` counts from now. Few, so that they meet often."""
NEARLY = st.integers(-1, 1)
BUYERS = st.integers(0, 1)
RESERVED: Final = text(
    "SELECT r.booking_id, r.resource_id, r.unit, lower(r.during) AS start,"
    " upper(r.during) AS until FROM reservation r JOIN booking b ON b.id = r.booking_id"
    " WHERE b.state <> 'held' OR b.hold_until > :now"
)
"""What is taken, but for holds that ran out."""
OVERLAPS: Final = text(
    "SELECT count(*) FILTER (WHERE a.booking_id <> b.booking_id) AS overlaps,"
    " count(*) FILTER (WHERE a.unit >= r.units) AS strange"
    " FROM reservation a JOIN reservation b USING (resource_id, unit)"
    " JOIN resource r ON r.id = resource_id WHERE a.during && b.during"
)
