"""Holes made on purpose are found: a matrix that finds none would prove nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest
from psycopg import sql

from services.contracts.policies import Action
from services.identity import handlers as identity
from services.identity.store import organisations as store
from services.runtime.database_roles import APP
from services.runtime.db import engine_for, sessions_for
from services.runtime.web import Requirement
from tests.access.conftest import Stage
from tests.access.matrix import Probe, routes_of, things_for
from tests.access.test_sql import reading

PROBES_MAX = 400


def probes_of(stage: Stage, *actions: Action) -> Iterator[Probe]:
    """Some of the matrix, quickly."""
    routes = [route for route in stage.matrix.routes if route.action in actions]
    return islice((it for route in routes for it in stage.matrix.probes_of(route)), PROBES_MAX)


@contextmanager
def policy(stage: Stage, table: str) -> Iterator[None]:
    """A policy that lets everybody read."""
    named = sql.SQL("POLICY breach ON {}").format(sql.Identifier(table))
    execute = stage.world.rows.connection.execute
    everybody = sql.SQL("FOR SELECT TO {} USING (true)").format(sql.Identifier(APP))
    execute(sql.SQL("CREATE {} {}").format(named, everybody))
    try:
        yield
    finally:
        execute(sql.SQL("DROP {}").format(named))


async def test_a_route_without_its_requirement_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    required = Requirement.__call__

    async def forgetful(self: Requirement, request: Any, principal: Any) -> None:
        if self.action is not Action.OFFER_PUBLISH:
            await required(self, request, principal)

    sound = stage.asker()
    await sound.run(probes_of(stage, Action.OFFER_PUBLISH, Action.SITE_CREATE))
    assert sound.wrong == []
    monkeypatch.setattr(Requirement, "__call__", forgetful)
    asker = stage.asker()
    await asker.run(probes_of(stage, Action.OFFER_PUBLISH, Action.SITE_CREATE))
    assert asker.wrong
    assert all(wrong.startswith("POST /offers ") for wrong in asker.wrong)


async def test_a_handler_that_forgets_whose_it_is_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both locks have to be off before anything is betrayed; then it is seen."""

    def of_anybody(*, session: Any, gateway_id: Any, **_: Any) -> object:
        return store.gateway(session, gateway_id)

    monkeypatch.setattr(identity, "get_gateway", of_anybody)
    locked = stage.asker()
    await locked.run(probes_of(stage, Action.GATEWAY_READ))
    assert not any("got 200" in wrong or "betrays" in wrong for wrong in locked.wrong)
    with policy(stage, "gateway"):
        asker = stage.asker()
        await asker.run(probes_of(stage, Action.GATEWAY_READ))
    assert any("got 200" in wrong for wrong in asker.wrong)


@pytest.mark.parametrize("table", ["demand", "invitation", "risk_notice", "document"])
def test_a_policy_for_everybody_is_found(stage: Stage, table: str) -> None:
    engine = engine_for(stage.database_url, pool_max=1, application="breach", role=APP)
    with policy(stage, table):
        _, wrong = reading(stage, sessions_for(engine))
    engine.dispose()
    assert wrong
    assert all(f"reads of {table}:" in one for one in wrong)


def test_a_path_nobody_declared_is_found(stage: Stage) -> None:
    route = routes_of(stage.app)[0]
    unknown = type(route)("GET", "/api/v1/secrets/{secret_id}", route.action, {})
    with pytest.raises(AssertionError, match="secret_id"):
        things_for(unknown, stage.world.things)


def test_every_route_of_the_document_is_probed(stage: Stage) -> None:
    document = stage.app.openapi()
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert {(route.method, route.path) for route in stage.matrix.routes} == described
