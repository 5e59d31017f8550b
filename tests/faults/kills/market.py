"""Firms that sign up, machines they offer and firms that book them, all through the public API."""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.kills.asking import Client
from tests.faults.kills.record import Record

PROVIDERS: Final = 4
MACHINES_EACH: Final = 4
UNITS: Final = (1, 1, 2, 3)
"""Of each provider's machines."""
PROCESS: Final = "machining.milling"


@dataclass(frozen=True, slots=True)
class Listing:
    """A machine and the offer it is booked by."""

    resource_id: str
    offer_id: str


@dataclass(frozen=True, slots=True)
class Market:
    """What writers book, and the tokens they do it with."""

    listings: tuple[Listing, ...]
    buyers: tuple[str, ...]


def founded(address: str, record: Record, *, buyers: int) -> Market:
    """A market on an empty platform."""
    anybody = Client(address, record)
    try:
        listings = [
            listing
            for number in range(PROVIDERS)
            for listing in _provider(address, record, anybody, f"provider-{number}")
        ]
        tokens = [_signed_up(anybody, f"buyer-{number}") for number in range(buyers)]
    finally:
        anybody.close()
    return Market(tuple(listings), tuple(tokens))


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


def _provider(address: str, record: Record, anybody: Client, name: str) -> list[Listing]:
    own = Client(address, record, _signed_up(anybody, name))
    try:
        place = {"code": name, "name": "Works", "name_zh": "工厂", "region_code": "420111"}
        site = own.made("sites", place | {"lat": 30.5, "lon": 114.4})["id"]
        return [_listing(own, site, units=UNITS[number]) for number in range(MACHINES_EACH)]
    finally:
        own.close()


def _listing(own: Client, site: Any, *, units: int) -> Listing:
    machine = {
        "site_id": site,
        "kind": "machine",
        "name": "Mill",
        "name_zh": "铣床",
        "capabilities": [{"process": PROCESS}],
        "units": units,
    }
    resource = own.made("resources", machine)["id"]
    offer = {
        "direction": 4,
        "title": "Milling",
        "title_zh": "铣削",
        "visibility": "public",
        "resource_ids": [resource],
        "price": {"price_minor": 30000},
    }
    return Listing(resource, own.made("offers", offer)["id"])
