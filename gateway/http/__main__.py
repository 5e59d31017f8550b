"""``python -m gateway.http``: composes the HTTP door and serves it until it is told to stop."""

import socket
import sys
from typing import ClassVar, Final

import structlog
import uvicorn
from fastapi import FastAPI

from gateway.http.app import create_app
from gateway.portal.mount import mount
from marketplace.taxonomy.loader import load_taxonomy
from services.contracts.errors import DomainError, ErrorKind
from services.runtime.audit.handlers import digest_confidential_values
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from services.runtime.database_roles import APP
from services.runtime.db import engine_for, sessions_for
from services.runtime.embedded.ports import PortBook, PortInUseError
from services.runtime.logging import configure_logging
from services.runtime.settings import Settings

BACKLOG: Final = 2_048
GRACE_S: Final = 2
KEEP_ALIVE_S: Final = 30

log = structlog.get_logger(__name__)


class DatabaseNotConfiguredError(DomainError):
    code: ClassVar[str] = "database-not-configured"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "NONAGON_DATABASE_URL is not set: name a PostgreSQL, or start everything by `nonagon up`."
    )
    zh: ClassVar[str] = (
        "未设置 NONAGON_DATABASE_URL：请指定 PostgreSQL，或用 `nonagon up` 启动全部服务。"
    )


class Server(uvicorn.Server):
    """Ends the endless streams first, so that stopping does not wait for them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        assert isinstance(app, FastAPI)
        app.state.live.close()
        await super().shutdown(sockets)


def main() -> None:
    settings = Settings()
    configure_logging(settings, process="http")
    try:
        serve(settings)
    except DomainError as error:
        log.error("cannot start", code=error.code, cause=str(error))  # noqa: TRY400 - expected
        sys.exit(1)


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        DatabaseNotConfiguredError: no database is named.
        PortInUseError: somebody listens on the port.
    """
    listener = listen(settings)
    app = compose(settings)
    host, port = listener.getsockname()[:2]
    log.info("listening", url=f"http://{host}:{port}")
    with listener:
        Server(_config(app)).run(sockets=[listener])


def compose(settings: Settings) -> FastAPI:
    """The application with everything it needs, built in this one place.

    Raises:
        DatabaseNotConfiguredError: no database is named.
    """
    if settings.database_url is None:
        raise DatabaseNotConfiguredError
    engine = engine_for(
        settings.database_url,
        pool_max=settings.database_pool_max,
        application="http",
        role=APP,
    )
    sessions = sessions_for(engine)
    digest_confidential_values(sessions, settings)
    nats_url = settings.nats_url
    app = create_app(
        settings=settings,
        sessions=sessions,
        clock=SystemClock(),
        catalogue=load_taxonomy(),
        connect_bus=None if nats_url is None else lambda: Bus.connect(nats_url, name="http"),
    )
    mount(app)
    return app


def listen(settings: Settings) -> socket.socket:
    """A listening socket on the configured address.

    Raises:
        PortInUseError: somebody listens there already.
    """
    port = settings.http_port or PortBook(settings.state_path).port("http")
    family = socket.AF_INET6 if ":" in settings.http_host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.http_host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortInUseError(port=port, server="http") from error
    return listener


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
    )


if __name__ == "__main__":
    main()
