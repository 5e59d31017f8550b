"""Stories of several parties told as steps in YAML, each one request of the public API.

A step names ``who`` asks (one party or several, each in turn) and what: ``get``, ``post``, ``put``,
``patch`` or ``delete`` with a path. It may send ``json``, or a ``file`` (``{type: text/csv, text:
...}``, or ``hex`` instead of ``text``) as its body, a ``query`` and ``headers``; say the ``status``
to come, the ``code`` of a refusal, ``keep`` (a name of the story: where in the answer its value
stands), ``etag`` (a name for the answer's ETag), ``expect`` (what the answer must hold), ``hides``
(names whose values must stand nowhere in it) and ``hides_text``. ``{name}`` stands for what was
kept; ``+3d``, ``+2d4h`` and ``+30m`` for an instant so long after the story begins, ``+3d date``
for its date. After each step events reach their consumers.

``pass: {days: 3}`` lets time go by and every job of the worker run; ``work: [move-calls]`` runs the
jobs named, ``work: all`` all, and ``settle: true`` none but delivers events; ``machine: {gateway:
jobs named, ``work: all`` all, and ``settle: true`` none but delivers events. ``machine: {gateway:
..., resource: ..., state: down}`` is what a machine's telemetry says. ``parties`` and
``communities`` say who takes part, ``given`` which resources and offers they begin with.
"""

import re
from datetime import timedelta
from typing import Any, Final

import httpx

from services.runtime.clock import SystemClock
from tests.scenarios.comparing import compare, value_at
from tests.scenarios.reading import METHODS, Document, parties_of
from tests.scenarios.stage import REGION, Stage

SUCCESS: Final = (200, 201, 202, 204)
REFUSALS: Final = (400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 429)
_LATER: Final = re.compile(r"\+(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?( date)?")
_WHOLE: Final = re.compile(r"\{([^{}]+)\}")


class Story:
    """Plays a story with parties of its own."""

    def __init__(self, told: Document, stage: Stage) -> None:
        self._told = told
        self._stage = stage
        self._troupe = stage.troupe
        if told.get("begins") == "now":  # where the database reads its own clock
            stage.clock.set(SystemClock().now().replace(second=0, microsecond=0))
        self._begins = stage.clock.now()
        self._known: dict[str, Any] = {}
        self._sites: dict[str, str] = {}

    def play(self) -> None:
        for name, said in self._told["parties"].items():
            self._troupe.join(name, said)
        self._known |= self._troupe.known
        for name, said in self._told.get("communities", {}).items():
            self._found(name, said)
        for given in self._told.get("given", ()):
            self._give(given)
        self._stage.backstage.settle()
        for number, step in enumerate(self._told["steps"], start=1):
            self._take(step, f"step {number}: {step.get('so', step)}")

    def _take(self, step: Document, at: str) -> None:
        if "pass" in step:
            self._stage.clock.advance(timedelta(**step["pass"]))
            self._stage.backstage.work()
            self._troupe.sign_in_again()
        elif "work" in step:
            self._stage.backstage.work(None if step["work"] == "all" else step["work"])
        elif "machine" in step:
            self._stage.backstage.report(self._filled(step["machine"]))
        elif "settle" not in step:
            for party in parties_of(step):
                self._ask(step, party, f"{at} ({party})")
        self._stage.backstage.settle()

    def _found(self, name: str, said: Document) -> None:
        """A park or a chain space, and who is in it."""
        kind, lead = next((kind, said[kind]) for kind in ("park", "space") if kind in said)
        body = {"name": name, "name_zh": name} | ({"code": name} if kind == "park" else {})
        made = self._send(lead, "post", f"{kind}s", json=body)
        self._known[name] = name if kind == "park" else made["id"]
        for member in said.get("members", ()):
            path = f"{kind}s/{self._known[name]}/members/{self._known[member]}"
            self._send(lead, "put", path)
        self._troupe.sign_in_again()

    def _give(self, given: Document) -> None:
        """A resource, and an offer of it, as its owner would register them."""
        who, name = given["who"], given["as"]
        resource = {
            "site_id": self._site(who, given.get("site")),
            "kind": "machine",
            "name": name,
            "name_zh": name,
            "visibility": "public",
        }
        made = self._send(who, "post", "resources", json=resource | given["resource"])
        self._known[name] = made["id"]
        if "offer" in given:
            offer = {"title": name, "title_zh": name, "visibility": "public"}
            body = offer | {"resource_ids": [made["id"]]} | given["offer"]
            offered = self._send(who, "post", "offers", json=body)
            self._known[f"{name} offer"] = offered["id"]

    def _site(self, who: str, said: Document | None) -> str:
        """The one site of a party, or another as ``said``."""
        if said is None and who in self._sites:
            return self._sites[who]
        region = (self._told["parties"][who] or {}) if said is None else {}
        facts = {
            "code": f"story-site-{len(self._known)}",
            "name": f"{who} site",
            "name_zh": f"{who} site",
            "region_code": region.get("region", REGION) if isinstance(region, dict) else REGION,
            "lat": 30.5,
            "lon": 114.4,
        }
        site = str(self._send(who, "post", "sites", json=facts | (said or {}))["id"])
        if said is None:
            self._sites[who] = site
        return site

    def _send(self, who: str, method: str, path: str, **said: Any) -> Document:
        filled = self._filled(said)
        answer = self._troupe.client(who).request(method.upper(), path, **filled)
        assert answer.is_success, f"{who}: {method} {path} {filled}: {answer.text}"
        document: Document = answer.json() if answer.content else {}
        return document

    def _ask(self, step: Document, who: str, at: str) -> None:
        answer = self._requested(step, who)
        usual = REFUSALS if "code" in step else SUCCESS
        awaited = (step["status"],) if "status" in step else usual
        assert answer.status_code in awaited, f"{at}: {answer.status_code} {answer.text}"
        is_json = "json" in answer.headers.get("content-type", "")
        document = answer.json() if answer.content and is_json else {}
        if "code" in step:
            assert document["code"] == step["code"], f"{at}: {answer.text}"
        self._keep(step, answer, document, at)
        compare(self._filled(step.get("expect", {})), document, f"{at}: {answer.text}")
        for name in _listed(step.get("hides", ())):
            hidden = str(self._known[name])
            assert hidden not in answer.text, f"{at} betrays {name}: {answer.text}"
        for hidden in _listed(step.get("hides_text", ())):
            assert hidden not in answer.text, f"{at} betrays {hidden}: {answer.text}"

    def _requested(self, step: Document, who: str) -> httpx.Response:
        method = next(one for one in METHODS if one in step)
        said: Document = {
            word: self._filled(step[key])
            for key, word in (("json", "json"), ("query", "params"), ("headers", "headers"))
            if key in step
        }
        if "file" in step:
            file = self._filled(step["file"])
            said["content"] = bytes.fromhex(file["hex"]) if "hex" in file else file["text"].encode()
            said["headers"] = {"content-type": file["type"]} | said.get("headers", {})
        return self._troupe.client(who).request(method.upper(), self._filled(step[method]), **said)

    def _keep(self, step: Document, answer: httpx.Response, document: Any, at: str) -> None:
        for name, place in step.get("keep", {}).items():
            try:
                self._known[name] = value_at(document, place)
            except (LookupError, TypeError, StopIteration) as error:
                raise AssertionError(f"{at}: no {place} in {answer.text}") from error
        if "etag" in step:
            self._known[step["etag"]] = answer.headers["etag"]

    def _filled(self, value: Any) -> Any:
        """``value`` with names and times replaced; a name by itself keeps its type."""
        if isinstance(value, dict):
            return {key: self._filled(held) for key, held in value.items()}
        if isinstance(value, list):
            return [self._filled(held) for held in value]
        if not isinstance(value, str):
            return value
        if (later := _LATER.fullmatch(value)) and value != "+":
            return self._later(*later.groups())
        if whole := _WHOLE.fullmatch(value):
            return self._known[whole[1]]
        return value.format_map(self._known)

    def _later(self, days: str | None, hours: str | None, minutes: str | None, date: str) -> str:
        at = self._begins + timedelta(
            days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0)
        )
        return at.date().isoformat() if date else at.isoformat()


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
