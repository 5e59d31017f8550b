"""``/livez``: it turns. ``/readyz``: it can serve, or which part keeps it. ``/metrics``."""

from typing import Final, Protocol

import psycopg
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import text
from starlette.responses import JSONResponse, Response

from services.runtime.db import Sessions

CAUSE_MAX: Final = 300
READY, UNREADY = 200, 503

router = APIRouter(tags=["health"], include_in_schema=False)


class BusHealth(Protocol):
    """What readiness asks of the bus connection."""

    @property
    def is_connected(self) -> bool: ...


class Check(BaseModel):
    ok: bool
    cause: str | None = None


class Readiness(BaseModel):
    ready: bool
    checks: dict[str, Check]


@router.get("/livez")
async def livez() -> dict[str, bool]:
    return {"alive": True}


@router.get("/readyz")
def readyz(request: Request) -> Response:
    state = request.app.state
    checks = {"database": _database(state.sessions), "bus": _bus(state.bus)}
    ready = all(check.ok for check in checks.values())
    return JSONResponse(
        Readiness(ready=ready, checks=checks).model_dump(exclude_none=True),
        status_code=READY if ready else UNREADY,
    )


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    registry: CollectorRegistry = request.app.state.metrics_registry
    exposition = generate_latest(REGISTRY) + generate_latest(registry)
    return Response(exposition, media_type=CONTENT_TYPE_LATEST)


def _database(sessions: Sessions) -> Check:
    try:
        with sessions() as session:
            session.connection().execute(text("SELECT 1"))
    except (DBAPIError, PoolTimeoutError, psycopg.OperationalError) as error:
        return Check(ok=False, cause=str(error).partition("\n")[0][:CAUSE_MAX])
    return Check(ok=True)


def _bus(bus: BusHealth | None) -> Check:
    if bus is None:
        return Check(ok=True, cause="not configured: live events of this process only")
    return Check(ok=True) if bus.is_connected else Check(ok=False, cause="not connected to NATS")
