"""Firms that sign up, machines they offer and firms that book them, all through the public API."""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.kills.asking import Client
from tests.faults.kills.record import Record

PROVIDERS: Final = 4
MACHINES_EACH: Final = 4
UNITS: Final = (1, 1, 1, 3)
"""Of each provider's machines; those of one unit are booked by the durable writer."""
LATE_PERCENT: Final = (20, 0, 50, 0)
"""Of the price, for giving a confirmed booking of each provider's machines back."""
ALWAYS_MINUTES: Final = 400 * 24 * 60
"""Before the start; whoever cancels after this, as everybody does, is late."""
PROCESS: Final = "machining.milling"


@dataclass(frozen=True, slots=True)
class Listing:
    """A machine and the offer it is booked by."""

    resource_id: str
    offer_id: str
    units: int
    late_percent: int


@dataclass(frozen=True, slots=True)
class Buyer:
    """A firm that books: the session of its owner, and two cost centres."""

    token: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Market:
    """What writers book, and who does it."""

    listings: tuple[Listing, ...]
    buyers: tuple[Buyer, ...]


def founded(address: str, record: Record, *, buyers: int) -> Market:
    """A market on an empty platform."""
    anybody = Client(address, record)
    try:
        listings = [
            listing
            for number in range(PROVIDERS)
            for listing in _provider(address, record, anybody, f"provider-{number}")
        ]
        firms = [_buyer(address, record, anybody, f"buyer-{number}") for number in range(buyers)]
    finally:
        anybody.close()
    return Market(tuple(listings), tuple(firms))


def _signed_up(anybody: Client, name: str) -> str:
    """The session of the owner of a new firm."""
    person = {
        "email": f"{name}@example.com",
        "password": secrets.token_urlsafe(15),
        "name": "Owner",
        "locale": "en",
        "organisation": {"name": name, "name_zh": "企业", "kind": "firm"},
    }
    return str(anybody.made("sign-up", person)["token"])


def _buyer(address: str, record: Record, anybody: Client, name: str) -> Buyer:
    token = _signed_up(anybody, name)
    own = Client(address, record, token)
    try:
        source, target = (
            str(own.made("cost-centres", {"code": code, "name": code})["id"])
            for code in ("works", "laboratory")
        )
    finally:
        own.close()
    return Buyer(token, source, target)


def _provider(address: str, record: Record, anybody: Client, name: str) -> list[Listing]:
    own = Client(address, record, _signed_up(anybody, name))
    try:
        place = {"code": name, "name": "Works", "name_zh": "工厂", "region_code": "420111"}
        site = own.made("sites", place | {"lat": 30.5, "lon": 114.4})["id"]
        return [
            _listing(own, site, units=UNITS[number], late_percent=LATE_PERCENT[number])
            for number in range(MACHINES_EACH)
        ]
    finally:
        own.close()


def _listing(own: Client, site: Any, *, units: int, late_percent: int) -> Listing:
    machine = {
        "site_id": site,
        "kind": "machine",
        "name": "Mill",
        "name_zh": "铣床",
        "capabilities": [{"process": PROCESS}],
        "units": units,
    }
    resource = own.made("resources", machine)["id"]
    terms = {"free_minutes": ALWAYS_MINUTES, "late_percent": late_percent}
    own.put(f"resources/{resource}/cancellation-policy", terms)
    offer = {
        "direction": 4,
        "title": "Milling",
        "title_zh": "铣削",
        "visibility": "public",
        "resource_ids": [resource],
        "price": {"price_minor": 30000},
    }
    return Listing(resource, own.made("offers", offer)["id"], units, late_percent)
