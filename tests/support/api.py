"""The HTTP API served for real on a free port, and a small market built through it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from gateway.http.app import create_app
from marketplace.taxonomy.loader import load_taxonomy
from services.runtime.clock import Clock
from services.runtime.db import Sessions
from services.runtime.settings import Settings
from tests.support.waiting import eventually

Document = dict[str, Any]


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of ``app`` while it is served from a thread of its own."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="served app", daemon=True)
    thread.start()
    eventually(lambda: server.started, what="the app is served")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        app.state.live.close()
        server.should_exit = True
        thread.join(timeout=10)


@contextmanager
def api_client(sessions: Sessions, clock: Clock, **settings: Any) -> Iterator[httpx.Client]:
    """A client of the whole API on ``sessions``; paths are relative to ``/api/v1``."""
    app = create_app(
        settings=Settings(**settings), sessions=sessions, clock=clock, catalogue=load_taxonomy()
    )
    with (
        served(app) as url,
        httpx.Client(base_url=f"{url}/api/v1/", trust_env=False, timeout=30) as client,
    ):
        yield client


class Market:
    """Registers firms, resources, offers and demands; every answer is checked to be a success."""

    def __init__(self, client: httpx.Client, clock: Clock) -> None:
        self.client = client
        self.clock = clock
        self._made = 0

    def get(self, path: str, **query: Any) -> Document:
        response = self.client.get(path, params=query)
        assert response.status_code == 200, response.text
        document: Document = response.json()
        return document

    def post(self, path: str, body: object = None, *, status: int = 201) -> Document:
        response = self.client.post(path, json=body)
        assert response.status_code == status, response.text
        document: Document = response.json()
        return document

    def organisation(self, name: str = "Test works", *, kind: str = "firm") -> str:
        body = {"name": name, "name_zh": f"示例·{name}", "kind": kind}
        return str(self.post("organisations", body)["id"])

    def site(self, organisation_id: str, *, lat: float = 30.5, lon: float = 114.4) -> str:
        self._made += 1
        body = {
            "organisation_id": organisation_id,
            "code": f"site-{self._made}",
            "name": "Works",
            "name_zh": "工厂",
            "region_code": "420111",
            "lat": lat,
            "lon": lon,
        }
        return str(self.post("sites", body)["id"])

    def resource(self, organisation_id: str, site_id: str, **facts: Any) -> str:
        body = {
            "organisation_id": organisation_id,
            "site_id": site_id,
            "kind": "machine",
            "name": "Mill",
            "name_zh": "铣床",
            "capabilities": [{"process": "machining.milling.5axis"}],
        }
        return str(self.post("resources", body | facts)["id"])

    def offer(self, organisation_id: str, resource_ids: list[str], **facts: Any) -> Document:
        body = {
            "organisation_id": organisation_id,
            "direction": 4,
            "title": "Milling",
            "title_zh": "铣削",
            "resource_ids": resource_ids,
            "price": {"price_minor": 30000},
        }
        return self.post("offers", body | facts)

    def demand_facts(self, organisation_id: str, **facts: Any) -> Document:
        """A demand anything of the default resource fits; ``facts`` replace its own."""
        body = {
            "organisation_id": organisation_id,
            "title": "Gripper bodies",
            "process": "machining.milling",
            "hours": 4,
            "window": self.window(),
        }
        return body | facts

    def window(
        self, *, starts_in: timedelta = timedelta(hours=1), lasts: timedelta = timedelta(days=4)
    ) -> dict[str, str]:
        start: datetime = self.clock.now() + starts_in
        return {"start": start.isoformat(), "end": (start + lasts).isoformat()}

    def demand(self, organisation_id: str, **facts: Any) -> Document:
        return self.post("demands", self.demand_facts(organisation_id, **facts))

    def match(self, demand_id: str, **query: Any) -> Document:
        response = self.client.post(f"demands/{demand_id}/matches", params=query)
        assert response.status_code == 201, response.text
        document: Document = response.json()
        return document

    def listed_mill(self, name: str = "Test works", **facts: Any) -> tuple[str, str, Document]:
        """A firm with one offered resource: organisation id, resource id, offer."""
        organisation_id = self.organisation(name)
        resource_id = self.resource(organisation_id, self.site(organisation_id), **facts)
        return organisation_id, resource_id, self.offer(organisation_id, [resource_id])
