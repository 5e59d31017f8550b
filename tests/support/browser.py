"""A headless Chromium for tests, and a server of pages that a test can feed with events."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from time import monotonic, sleep
from uuid import UUID

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http import problems
from gateway.http.middleware import SecurityHeaders
from gateway.live import EVERYBODY, LiveHub
from gateway.portal.model import Park
from gateway.portal.mount import mount
from marketplace.taxonomy.loader import load_taxonomy
from services.contracts.access import ANONYMOUS
from services.contracts.events.envelope import Event
from services.contracts.ids import uuid7

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_S = 10.0
DESKTOP = ViewportSize(width=1440, height=900)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, one for a module: while it is open its event loop bars all others."""
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(CHROMIUM_ARGUMENTS), headless=True
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page in English; the test fails on any script error or refused resource."""
    context = browser.new_context(locale="en-GB", viewport=DESKTOP)
    opened = context.new_page()
    complaints = watch(opened)
    yield opened
    context.close()
    assert complaints == []


def watch(page: Page) -> list[str]:
    """What the page complains about, as it happens: script errors and broken policy."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and "net::ERR" not in message.text
            else None
        ),
    )
    return complaints


class SteadyClock:
    """Real time; ids in the order they are drawn."""

    def __init__(self) -> None:
        self._drawn = 0

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - browsers run on wall time

    def new_id(self) -> UUID:
        self._drawn += 1
        stamp = round(self.now().timestamp() * 1000)
        return uuid7(unix_ms=stamp, random_bytes=self._drawn.to_bytes(10, "big"))


class PageServer:
    """The portal over a park that the test holds and may change, on a real socket.

    ``park`` is what the next reading sees; ``tell`` publishes an event as the bus would.
    """

    def __init__(self, park: Park) -> None:
        self.park = park
        self.clock = SteadyClock()
        self.streams_opened = 0
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def live(self) -> LiveHub:
        hub: LiveHub = self._app.state.live
        return hub

    def tell(self, *events: Event) -> None:
        for event in events:
            open_event = event.model_copy(update={"audience": EVERYBODY})
            self._server.call(partial(self.live.publish, open_event))

    def stop(self) -> None:
        self._server.call(self.live.close)
        self._server.stop()

    def start(self) -> None:
        """Serve on the same port as before, as a new process would."""
        self._app = self._application()
        self._server = ServerThread(self._app, self.port)

    def _application(self) -> FastAPI:
        app = FastAPI()
        app.state.clock = self.clock
        app.state.catalogue = load_taxonomy()
        app.state.authenticate = lambda _: ANONYMOUS
        app.state.live = LiveHub(boot=self.clock.new_id().hex[-12:])
        app.add_middleware(SecurityHeaders)
        problems.install(app)
        app.add_middleware(CountStreams, server=self)
        mount(app, read=lambda _: self.park)
        return app


class CountStreams:
    """Counts event streams on ``server`` as browsers open them."""

    def __init__(self, app: ASGIApp, *, server: PageServer) -> None:
        self._app = app
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == "/portal/stream":
            self._server.streams_opened += 1
        await self._app(scope, receive, send)


class ServerThread:
    """uvicorn in a thread, ended within the test."""

    def __init__(self, app: FastAPI, port: int) -> None:
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=1,
            lifespan="off",
        )
        self._server = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        deadline = monotonic() + START_S
        while not self._server.started:
            assert monotonic() < deadline, "the page server did not start"
            sleep(0.01)

    def call(self, function: Callable[[], None]) -> None:
        """Run ``function`` in the server's loop, where its hubs live."""
        self._loop.call_soon_threadsafe(function)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(START_S)
        assert not self._thread.is_alive(), "the page server did not stop"

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._server.serve())


def free_port() -> int:
    with socket(AF_INET, SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
