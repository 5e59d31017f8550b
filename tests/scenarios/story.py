"""Stories of several parties told as steps in YAML, each one request of the public API.

A step names ``who`` asks and what: ``get``, ``post``, ``put`` or ``delete`` with a path. It may say
``json`` to send, the ``status`` to come, the ``code`` of a refusal, ``keep`` (a name of the story:
where in the answer its value stands), ``expect`` (what the answer must hold) and ``hides`` (names
whose values must stand nowhere in it). ``{name}`` stands for what was kept. A step
``pass: {days: 3}`` lets time go by and the worker work.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import yaml
from prometheus_client import CollectorRegistry

from gateway.worker.metrics import WorkerMetrics
from gateway.worker.schedule import scheduled_jobs
from services.contracts.access import Role
from services.contracts.ids import OrganisationId, PersonId
from services.runtime.db import Sessions
from services.runtime.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.firms import Firms

Document = dict[str, Any]
METHODS = ("get", "post", "put", "delete")


class Story:
    """Plays a story with firms and experts of its own."""

    def __init__(self, told: Document, firms: Firms, worker: Sessions, clock: FrozenClock) -> None:
        self._told = told
        self._firms = firms
        self._clock = clock
        self._begins = clock.now()
        self._known: dict[str, str] = {}
        self._clients: dict[str, httpx.Client] = {}
        metrics = WorkerMetrics(CollectorRegistry())
        jobs = scheduled_jobs(settings=Settings(), sessions=worker, clock=clock, metrics=metrics)
        self._work = next(job.run for job in jobs if job.name == "move-calls")
        for name, roles in told["parties"].items():
            self._join(firms, name, roles or [])

    def _join(self, firms: Firms, name: str, roles: list[str]) -> None:
        """A firm of its own for each; ``roles`` make a colleague who asks for it."""
        firm = firms.firm(f"{name} works")
        self._known[name] = str(firm.id)
        self._clients[name] = firm.http
        if roles:
            held = [Role(role) for role in roles]
            self._clients[name] = firms.colleague(firm.id, f"{name} colleague", *held)
        session = self._clients[name].get("session").json()
        self._known[f"{name} person"] = session["person"]["id"]

    def _sign_in_again(self) -> None:
        """Sessions do not last for the days of a story."""
        for name in self._clients:
            person = PersonId(UUID(self._known[f"{name} person"]))
            firm = OrganisationId(UUID(self._known[name]))
            self._clients[name] = self._firms.client(person, firm)

    def play(self) -> None:
        for number, step in enumerate(self._told["steps"], start=1):
            if "pass" in step:
                self._clock.advance(timedelta(**step["pass"]))
                self._work()
                self._sign_in_again()
            else:
                self._ask(step, f"step {number}: {step.get('so', step)}")

    def _ask(self, step: Document, at: str) -> None:
        method = next(one for one in METHODS if one in step)
        said = {"json": self._filled(step["json"])} if "json" in step else {}
        path = self._filled(step[method])
        answer = self._clients[step["who"]].request(method.upper(), path, **said)
        usual = (200, 201, 204) if "code" not in step else (403, 404, 409, 422)
        assert answer.status_code in step.get("status", usual), f"{at}: {answer.text}"
        document = answer.json() if answer.content else {}
        if "code" in step:
            assert document["code"] == step["code"], f"{at}: {answer.text}"
        for name, place in step.get("keep", {}).items():
            self._known[name] = str(_at(document, place))
        _compare(self._filled(step.get("expect", {})), document, f"{at}: {answer.text}")
        for name in step.get("hides", ()):
            assert self._known[name] not in answer.text, f"{at} betrays {name}: {answer.text}"

    def _filled(self, value: Any) -> Any:
        """``value`` with names replaced; ``+3d`` is three days after the story begins."""
        if isinstance(value, dict):
            return {key: self._filled(held) for key, held in value.items()}
        if isinstance(value, list):
            return [self._filled(held) for held in value]
        if isinstance(value, str) and value.startswith("+") and value.endswith("d"):
            return (self._begins + timedelta(days=int(value[1:-1]))).isoformat()
        return value.format_map(self._known) if isinstance(value, str) else value


def read_story(path: Path) -> Document:
    document: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def _at(document: Any, place: str) -> Any:
    for part in place.split("."):
        document = document[int(part) if part.isdigit() else part]
    return document


def _compare(expected: Any, found: Any, at: str) -> None:
    """Every member said must be there; a list is of as many as said."""
    if isinstance(expected, Mapping):
        assert isinstance(found, dict), at
        for key, held in expected.items():
            assert key in found, f"{key} is missing: {at}"
            _compare(held, found[key], at)
    elif isinstance(expected, list):
        assert isinstance(found, list), at
        assert len(found) == len(expected), at
        for one, other in zip(expected, found, strict=True):
            _compare(one, other, at)
    else:
        assert found == expected, f"{expected!r} is not {found!r}: {at}"
