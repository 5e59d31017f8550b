"""Financing told as stories (``finance/*.yaml``): who asks, who answers, and who sees what when.

After every look the rule is the same: a recipient sees exactly what was consented to and is in
force, the applicant sees all of it, anybody else hears that there is no such application.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from sqlalchemy import text

from services.identity.domain import OrganisationKind
from services.runtime.clock import SystemClock
from services.runtime.db import engine_for, sessions_for, transaction
from tests.integration.deals.trade import PIECES, Document, Trade, refused, told, trade_on
from tests.support.clock import FrozenClock
from tests.support.servers import PostgresServer

STORIES: Final = sorted((Path(__file__).parent / "finance").glob("*.yaml"))
APPLICATIONS: Final = "financing-applications"
READINGS: Final = text(
    "SELECT chain FROM audit_entry WHERE subject_kind = 'financing_application'"
    " AND subject_id = :application AND after ->> 'evidence_read_by' = :reader"
)


@pytest.fixture
def trade(postgres_server: PostgresServer) -> Iterator[Trade]:
    """At the time of day: row security asks the database's clock whether a consent is over."""
    url = postgres_server.clone()
    engine = engine_for(url, pool_max=5, application="test")
    with trade_on(sessions_for(engine), FrozenClock(SystemClock().now())) as made:
        yield made
    engine.dispose()
    postgres_server.drop(url)


class Stage:
    """Plays the steps of one story; the supplier ``cheap`` is the applicant."""

    def __init__(self, trade: Trade, story: Document) -> None:
        self.trade = trade
        self.clients: dict[str, httpx.Client] = {
            "applicant": trade.suppliers["cheap"].http,
            "buyer": trade.buyer.http,
            "stranger": trade.suppliers["dear"].http,
        }
        self.banks = {
            name: trade.firms.firm(name, kind=OrganisationKind.INVESTOR)
            for name in ("bank", "fund")
        }
        self.clients |= {name: bank.http for name, bank in self.banks.items()}
        self.applications: dict[str, str] = {}
        self.consents: dict[str, str] = {}
        for state in story["earned"]:
            self._earn(state)
        trade.clock.advance(timedelta(minutes=1))

    def play(self, step: Document) -> None:
        verb = next(iter(step))
        STEPS[verb](self, step[verb], {key: step[key] for key in step if key != verb})

    def ask(self, names: list[str], more: Document) -> None:
        recipients = [str(self.banks[name].id) for name in names]
        body = {"recipients": recipients, "purpose": "Material for two orders", **more}
        made = told(self.clients["applicant"].post(APPLICATIONS, json=body), 201)
        assert [one["recipient_id"] for one in made["items"]] == recipients
        self.applications = {
            name: one["id"] for name, one in zip(names, made["items"], strict=True)
        }

    def consent(self, name: str, more: Document) -> None:
        body = {
            "items": more["items"],
            "expires_at": self.trade.in_days(more.get("minutes", 43_200) / 1_440),
        }
        path = f"{APPLICATIONS}/{self.applications[name]}/consents"
        answer = self.clients["applicant"].post(path, json=body)
        if "refused" in more:
            assert refused(answer, 409) == more["refused"]
        else:
            self.consents[name] = told(answer, 201)["id"]

    def sees(self, name: str, more: Document) -> None:
        path = f"{APPLICATIONS}/{self.applications[name]}/evidence"
        seen = told(self.clients[name].get(path))["items"]
        shown = [
            {key: one[key] for key in wanted}
            for one, wanted in zip(seen, more["figures"], strict=True)
        ]
        assert shown == more["figures"]
        own = told(self.clients["applicant"].get(path))["items"]
        assert [one for one in own if one in seen] == seen
        for one in seen:
            assert (one["rows"] == 0) == (one["rows_sha256"] == hashlib.sha256().hexdigest())
        exported = self.clients[name].get(path, params={"format": "csv"})
        assert len(exported.text.strip("\ufeff\r\n").splitlines()) == (len(seen) + 1 if seen else 0)

    def outsider(self, name: str, _: Document) -> None:
        for application_id in self.applications.values():
            for part in ("", "/consents", "/evidence"):
                answer = self.clients[name].get(f"{APPLICATIONS}/{application_id}{part}")
                assert refused(answer, 404) == "financing-application-not-found"
        assert told(self.clients[name].get(APPLICATIONS))["items"] == []

    def move(self, name: str, more: Document) -> None:
        asker = more["by"]
        first = next(iter(self.applications))
        of = str(more.get("of", first if asker == "applicant" else asker))
        path = f"{APPLICATIONS}/{self.applications[of]}/{name}"
        answer = self.clients[asker].post(path, json=more.get("body"))
        if "refused" in more:
            status = 404 if more["refused"].endswith("not-found") else 409
            assert refused(answer, status) == more["refused"]
        else:
            told(answer)

    def revoke(self, name: str, _: Document) -> None:
        path = f"financing-consents/{self.consents[name]}"
        assert refused(self.clients[name].delete(path), 404) == "financing-consent-not-found"
        assert told(self.clients["applicant"].delete(path))["revoked_at"] is not None

    def wait(self, minutes: int, _: Document) -> None:
        self.trade.clock.advance(timedelta(minutes=minutes))

    def state(self, name: str) -> str:
        """As both parties read it."""
        path = f"{APPLICATIONS}/{self.applications[name]}"
        read = [told(self.clients[one].get(path)) for one in ("applicant", name)]
        assert read[0] == read[1]
        return str(read[0]["state"])

    def trails(self, name: str) -> set[str]:
        """In whose trails it stands that a recipient read evidence."""
        with transaction(self.trade.firms.sessions) as session:
            found = session.connection().execute(
                READINGS,
                {"application": self.applications[name], "reader": str(self.banks[name].id)},
            )
            return {str(row.chain) for row in found}

    def _earn(self, state: str) -> None:
        order = self.trade.started("cheap")
        if state == "settled":
            self.trade.deliver(order, PIECES)
            self.trade.inspect(order, PIECES)
            told(self.trade.buyer.http.post(f"orders/{order['id']}/accept"))


STEPS: Final[Mapping[str, Callable[[Stage, Any, Document], None]]] = {
    "ask": Stage.ask,
    "consent": Stage.consent,
    "sees": Stage.sees,
    "outsider": Stage.outsider,
    "move": Stage.move,
    "revoke": Stage.revoke,
    "wait": Stage.wait,
}


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_financing_shows_what_was_consented_to(trade: Trade, path: Path) -> None:
    story: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert len(story["story"]) > 100
    stage = Stage(trade, story)
    for step in story["steps"]:
        stage.play(step)
    for name in stage.applications:
        applicant, recipient = trade.suppliers["cheap"].id, stage.banks[name].id
        both = {str(applicant), str(recipient)} if name in stage.consents else set()
        assert stage.trails(name) == both, name
    assert {name: stage.state(name) for name in stage.applications} == story["expect"]


def test_there_is_a_story_of_each_way_to_end() -> None:
    assert len(STORIES) == 2
