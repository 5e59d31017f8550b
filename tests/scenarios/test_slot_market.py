"""Stories of the slot market (``slot_market/*.yaml``), played step by step through the public API.

A step tells who acts, what it does and to which booking or waiting, by a name of the story's own,
and what comes of it: facts of the answer, or the code of the refusal. ``worker`` does what the
worker does by itself within seconds.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from services.booking import handlers as booking
from services.runtime.db import Sessions, transaction
from tests.support.api import Document, Market
from tests.support.clock import START, FrozenClock

STORIES = sorted((Path(__file__).parent / "slot_market").glob("*.yaml"))
HOUR = timedelta(hours=1)
ROUTES = {"confirm": "confirm", "cancel": "cancel", "miss": "no-show"}


class Told:
    """A story under way."""

    def __init__(self, market: Market, sessions: Sessions, clock: FrozenClock) -> None:
        self._market = market
        self._sessions = sessions
        self._clock = clock
        self._firms: dict[str, str] = {}
        self._things: dict[str, str] = {}
        self._waiting: dict[str, str] = {}
        self._resource = self._offer = ""

    def begin(self, story: Document) -> None:
        owner = self._firm("Owner")
        site = self._market.site(owner)
        self._resource = self._market.resource(owner, site, **story["resource"])
        offer = self._market.offer(owner, [self._resource], **story["offer"])
        self._offer = str(offer["id"])
        self._act({"as": "Owner", "terms": story["terms"]})

    def go_on(self, step: Document) -> None:
        if "at" in step:
            self._clock.set(START + step["at"] * HOUR)
        if "worker" in step:
            self._work()
            return
        answer = self._act(step)
        document = answer.json()
        if "refused" in step:
            assert (answer.is_error, document["code"]) == (True, step["refused"]), step
            return
        assert answer.is_success, (step, answer.text)
        expected = step.get("expect", {})
        assert {name: document[name] for name in expected} == expected, step
        for verb in {"hold", "wait"} & step.keys():
            (self._things if verb == "hold" else self._waiting)[step[verb]] = document["id"]
        if document.get("booking_id"):
            self._things[step["look"]] = document["booking_id"]

    def _act(self, step: Document) -> httpx.Response:
        method, path, body = self._request(step)
        header = self._market.keyring.header(self._firm(step["as"]))
        return self._market.client.request(method, path, json=body, headers=header)

    def _request(self, step: Document) -> tuple[str, str, Any]:
        match step:
            case {"terms": terms}:
                asked = "PUT", f"resources/{self._resource}/cancellation-policy", terms
            case {"hold": _}:
                asked = "POST", "bookings", self._slot(step)
            case {"wait": _}:
                asked = "POST", "waitlist", self._window(step)
            case {"look": name}:
                asked = "GET", f"waitlist/{self._waiting[name]}", None
            case {"read": name}:
                asked = "GET", f"bookings/{self._things[name]}", None
            case {"move": name}:
                moved = {"start": self._hour(step["hour"]), "minutes": step["minutes"]}
                asked = "POST", f"bookings/{self._things[name]}/reschedule", moved
            case _:
                verb = next(one for one in ROUTES if one in step)
                asked = "POST", f"bookings/{self._things[step[verb]]}/{ROUTES[verb]}", None
        return asked

    def _firm(self, name: str) -> str:
        if name not in self._firms:
            self._firms[name] = self._market.organisation(name)
        return self._firms[name]

    def _hour(self, hour: int) -> str:
        return (START + hour * HOUR).isoformat()

    def _slot(self, step: Document) -> Document:
        return {
            "resource_id": self._resource,
            "offer_id": self._offer,
            "start": self._hour(step["hour"]),
            "minutes": step["minutes"],
        }

    def _window(self, step: Document) -> Document:
        return {
            "resource_id": self._resource,
            "offer_id": self._offer,
            "start": self._hour(step["from"]),
            "end": self._hour(step["until"]),
            "minutes": step["minutes"],
        }

    def _work(self) -> None:
        with transaction(self._sessions) as session:
            booking.expire_overdue(session=session, clock=self._clock, limit=100)
            booking.sweep_waitlists(session=session, clock=self._clock)
        is_left = True
        while is_left:
            with transaction(self._sessions) as session:
                is_left = booking.promote_next(
                    session=session,
                    clock=self._clock,
                    hold_ttl=HOUR,
                    stale_after=timedelta(seconds=30),
                )


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_goes_as_it_is_told(
    market: Market, sessions: Sessions, clock: FrozenClock, path: Path
) -> None:
    story = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert len(story["story"]) > 100
    told = Told(market, sessions, clock)
    told.begin(story)
    for step in story["steps"]:
        told.go_on(step)
