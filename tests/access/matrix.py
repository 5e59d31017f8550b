"""Every route × every caller × every thing × every credential: what is asked, and what is wrong."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final

from fastapi import FastAPI

from gateway.http.authentication import api_routes, declared_action
from services.access.domain.tokens import SESSION_COOKIE
from services.contracts.policies import POLICIES, Action, Scope
from services.runtime.routing import API_PREFIX
from tests.access.bodies import REFERENCES, Bodies
from tests.access.callers import ALSO_BAD, BAD, VALID, Caller
from tests.access.expectation import Cell, expected, may_show
from tests.access.kinds import KINDS
from tests.access.making import OF_CALLER, garbage
from tests.access.markers import Owner
from tests.access.probing import Answer, Undone, ask, at_once
from tests.access.world import Thing, World

SAFE: Final = frozenset({"GET", "HEAD"})
NOT_THINGS: Final = {
    "grade": "IT7",
    "direction_key": "manufacturing",
    "industry_code": "C34",
    "programme_key": "miit-2017",
    "region_code": "420111",
    "resource_kind": "machine",
}
"""Path parameters that name no thing anybody owns, and what is asked for."""
SHOWN: Final = frozenset({("resource_id",), ("offer_id",)})
"""Kinds with a thing of every visibility."""
FORMATS: Final = ("json", "csv", "xlsx")
ABOUT_WHO_ASKS: Final = frozenset({
    "unauthenticated", "forbidden", "second-factor-required", "organisation-required",
    "other-organisation", "credential-invalid", "credential-expired", "credential-revoked",
    "foreign-origin",
})  # fmt: skip
"""Codes of refusals for who asks; any other refusal is about what was asked."""
NOT_THERE: Final = frozenset({
    "openid-off", "invitation-not-found", "test-report-not-verified",
})  # fmt: skip
"""Of a part of the platform that is not set up, and of a code nobody was given."""
PARAMETER: Final = re.compile(r"{([a-z_]+)}")


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    action: Action
    operation: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path.removeprefix(API_PREFIX)}"

    @property
    def params(self) -> tuple[str, ...]:
        """Those of the path that name a thing."""
        return tuple(name for name in PARAMETER.findall(self.path) if name not in NOT_THINGS)

    @property
    def is_list(self) -> bool:
        return any(it["name"] == "format" for it in self.operation.get("parameters", ()))


@dataclass(frozen=True)
class Probe:
    """One request and the cell it stands for."""

    route: Route
    caller: Caller
    credential: str
    thing: Thing | None
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    cell: Cell = Cell.ALLOWED
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        at = "" if self.thing is None else f" at {self.thing.name}"
        shown = "".join(f" {name}={value}" for name, value in self.query.items())
        return f"{self.route.name}{shown}{at} as {self.caller.name}, {self.credential} token"


def routes_of(app: FastAPI) -> list[Route]:
    """Every route of the API's document, with the action it declares."""
    document = app.openapi()
    found = []
    for route in api_routes(app):
        declared = declared_action(route)
        for method in sorted(route.methods or ()):
            operation = document["paths"][route.path][method.lower()]
            if declared is None:
                raise AssertionError(f"{method} {route.path} declares no action")
            found.append(Route(method, str(route.path), declared.action, operation))
    return found


def things_for(route: Route, things: Mapping[tuple[str, ...], list[Thing]]) -> list[Thing | None]:
    """What the route's path can name; nothing if it names nothing."""
    if not route.params:
        return [None]
    assert route.params in KINDS, f"{route.name}: say in KINDS what {route.params} name"
    made = things[route.params]
    return [*made, garbage(route.params, made[0])]


class Matrix:
    """Makes the probes."""

    def __init__(
        self,
        app: FastAPI,
        world: World,
        callers: list[Caller],
        *,
        every: bool,
    ) -> None:
        self.routes = routes_of(app)
        self.callers = callers
        self._world = world
        self._every = every
        self._bodies = Bodies(app.openapi())

    def probes(self) -> Iterator[Probe]:
        for route in self.routes:
            yield from self.probes_of(route)

    def probes_of(self, route: Route) -> Iterator[Probe]:
        body = self._bodies.body(route.name, route.operation, self._world)
        query = self._bodies.query(route.operation, self._world)
        things = things_for(route, self._world.things)
        # Visibility is for reading; what changes a thing asks only whose it is.
        is_change = route.params in SHOWN and POLICIES[route.action].scope is Scope.OWN
        chosen = _representatives(things) if is_change and not self._every else things
        for thing, caller in product(chosen, self.callers):
            for credential in self._credentials(caller, thing, things):
                cell = expected(route.action, caller, credential, thing)
                if cell is Cell.ALLOWED and not caller.acts and _names_own(body):
                    cell = Cell.REFUSED
                yield Probe(route, caller, credential, thing, query, body, cell)
        if route.method not in SAFE:
            yield from self._from_another_site(route, query, body, things[0])
        yield from self._exports(route, query)
        yield from self._foreign_references(route, query, body)

    def _credentials(
        self, caller: Caller, thing: Thing | None, things: Sequence[Thing | None]
    ) -> Iterator[str]:
        """A good token everywhere; bad ones in turns, or all of them at one thing of each relation.

        In turns every caller still shows every route one, and every thing is tried with each.
        """
        if not caller.tokens:
            yield "none"
            return
        yield VALID
        chosen = _representatives(things)
        if thing not in chosen:
            return
        turn = self.callers.index(caller) + chosen.index(thing)
        rarely = 1 if thing == things[0] else 4
        for place, kind in enumerate((*BAD, *ALSO_BAD)):
            if kind in caller.tokens and (self._every or (turn + place) % (6 * rarely) == 0):
                yield kind

    def _from_another_site(
        self, route: Route, query: Mapping[str, Any], body: Any, thing: Thing | None
    ) -> Iterator[Probe]:
        """A browser's cookie that a page of somebody else makes it send."""
        people = [caller for caller in self.callers if caller.is_person]
        origins: tuple[dict[str, str], ...] = ({"origin": "https://evil.example"}, {})
        for caller, origin in product(people if self._every else people[:1], origins):
            sent = {"cookie": f"{SESSION_COOKIE}={caller.tokens[VALID]}", **origin}
            yield Probe(route, caller, "cookie", thing, query, body, Cell.FORBIDDEN, headers=sent)

    def _exports(self, route: Route, query: Mapping[str, Any]) -> Iterator[Probe]:
        """A list as a file, and a list asked for another organisation's things."""
        if not route.is_list:
            return
        variants: list[dict[str, str]] = [{"format": kind} for kind in FORMATS[1:]]
        if any(it["name"] == "organisation_id" for it in route.operation["parameters"]):
            organisations = self._world.organisations.values()
            variants += [{"organisation_id": str(made)} for made in organisations]
        own = things_for(route, self._world.things)[:1]
        for thing, caller, variant in product(own, self.callers, variants):
            credential = VALID if caller.tokens else "none"
            cell = expected(route.action, caller, credential, thing)
            if cell is Cell.ALLOWED and "organisation_id" in variant:
                cell = Cell.NARROWED
            yield Probe(route, caller, credential, thing, {**query, **variant}, None, cell)

    def _foreign_references(
        self, route: Route, query: Mapping[str, Any], body: Any
    ) -> Iterator[Probe]:
        """A good body that names a thing of another organisation, or one that never was."""
        things = things_for(route, self._world.things)
        own = [thing for thing in things if thing is None or thing.owner is Owner.OWN][:1]
        for name, value in self._foreign(self._bodies.references(route.name, route.operation)):
            changed = {**(body or {}), name: value}
            for thing, caller in product(own, self.callers):
                credential = VALID if caller.tokens else "none"
                cell = expected(route.action, caller, credential, thing)
                refused = Cell.REFUSED if cell is Cell.ALLOWED else cell
                yield Probe(route, caller, credential, thing, query, changed, refused)

    def _foreign(self, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
        for name, owner in product(names, (Owner.NEIGHBOUR, Owner.STRANGER)):
            value = REFERENCES[name](self._world, owner)
            yield name, [str(each) for each in value] if isinstance(value, list) else str(value)


def _names_own(body: Any) -> bool:
    """Whether the body speaks of the callers' organisation, which not every caller acts for."""
    return isinstance(body, dict) and "organisation_id" in body


def _representatives(things: Sequence[Thing | None]) -> list[Thing | None]:
    """The first own thing, the first of each other organisation, what is gone, what is none."""
    first: dict[object, Thing | None] = {}
    for thing in things:
        key = thing and (thing.owner if thing.exists else thing.name)
        first.setdefault(key, thing)
    return list(first.values())


class Asker:
    """Asks the probes and judges the answers."""

    def __init__(self, app: FastAPI, undone: Undone, world: World) -> None:
        self.app = app
        self._undone = undone
        self._sightings = world.sightings
        self.asked = 0
        self.wrong: list[str] = []
        self.allowed: dict[str, set[int]] = {}

    async def run(self, probes: Iterable[Probe]) -> None:
        """Ask them all."""
        with at_once():
            for probe in probes:
                await self.judge(probe)

    async def judge(self, probe: Probe) -> None:
        answer = await self._answer(probe)
        self.asked += 1
        if probe.cell is Cell.ALLOWED:
            self.allowed.setdefault(probe.route.name, set()).add(answer.status)
        complaint = self._complaint(probe, answer)
        if complaint:
            self.wrong.append(f"{probe}: {complaint}")

    async def _answer(self, probe: Probe) -> Answer:
        path = probe.route.path
        for name, value in (probe.thing.path if probe.thing else NOT_THINGS).items():
            path = path.replace(f"{{{name}}}", self._named(value, probe.caller))
        headers = dict(probe.headers)
        token = probe.caller.tokens.get(probe.credential)
        if token is not None:
            headers.setdefault("authorization", f"Bearer {token}")
        body = b""
        if probe.body is not None and probe.route.method not in SAFE:
            is_file = isinstance(probe.body, bytes)
            headers["content-type"] = "text/csv" if is_file else "application/json"
            body = probe.body if is_file else json.dumps(probe.body).encode()
        async with self._undone.probe():
            return await ask(
                self.app, probe.route.method, path, query=probe.query, headers=headers, body=body
            )

    @staticmethod
    def _named(value: str, caller: Caller) -> str:
        if not value.startswith(OF_CALLER):
            return value
        return str(getattr(caller, value.removeprefix(OF_CALLER)) or "no-such-id")

    def _complaint(self, probe: Probe, answer: Answer) -> str | None:
        code = _code(answer)
        is_allowed_so = probe.cell is Cell.ALLOWED and code in NOT_THERE
        if not is_allowed_so and not _is_as_expected(probe.cell, answer.status, code):
            return f"expected {probe.cell}, got {answer.status} {code}"
        said = f"{probe.thing and dict(probe.thing.path)} {dict(probe.query)} {probe.body}"
        caller = probe.caller
        leaks = {
            (owner, shown)
            for owner, shown in self._sightings.of(answer.body, said=said)
            if not may_show(probe.route.action, caller, owner, shown)
        }
        return f"betrays {sorted(leaks)}: {answer.body[:200]!r}" if leaks else None


def _code(answer: Answer) -> str:
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        return str(json.loads(answer.body)["code"])
    return ""


def _is_as_expected(cell: Cell, status: int, code: str) -> bool:
    is_about_who = code in ABOUT_WHO_ASKS
    return {
        Cell.ALLOWED: not is_about_who and status < 500 and status not in {404, 405, 429},
        Cell.NARROWED: status == 200 or code == "other-organisation",
        Cell.UNAUTHENTICATED: status == 401 and is_about_who,
        Cell.FORBIDDEN: status == 403 and is_about_who,
        Cell.ABSENT: status == 404,
        Cell.MALFORMED: status in {404, 422},
        Cell.REFUSED: status in {403, 404, 409, 422} and code != "invalid-request",
    }[cell]
