"""The live board of one process: reads the park once for all browsers and sends what changed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import ClassVar, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.live import (
    RESET_TOPIC,
    LiveEvent,
    LiveHub,
    Subscription,
    TooManySubscribersError,
)
from gateway.portal.cells import Cell, Cells, changed, panel_versions, park_cells
from gateway.portal.live import deltas, event_of, rereads
from gateway.portal.model import Park
from gateway.portal.rendering import Renderer
from services.contracts.access import Principal, PrincipalKind
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Event
from services.runtime.web import Language

LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
REREAD_S: Final = 15.0
"""Read again even when nothing was told, so that timelines move on."""
REREAD_PAUSE_S: Final = 0.3
"""Between two readings; what happens meanwhile is read at once."""
FAILURE_PAUSE_S: Final = 2.0
READINGS_MAX: Final = 3
BOARDS_MAX: Final = 256
"""Different views of the park that are watched at the same time."""
HEARTBEAT_S: Final = 15.0
RETRY_MS: Final = 2_000

log = structlog.get_logger(__name__)


class LiveStreamsFullError(DomainError):
    code: ClassVar[str] = "live-streams-full"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = "This process serves as many live pages as it may; try again shortly."
    zh: ClassVar[str] = "本进程的实时页面数已满；请稍后重试。"


class Board:
    """Belongs to one event loop; works only while a browser is connected.

    Args:
        read: the park as it is now; called in a thread.
        listener: whose events it follows.
        source: the events of the bus.
        boot: unlike that of any earlier process, for resuming by id.
    """

    def __init__(
        self,
        *,
        read: Callable[[], Park],
        listener: Principal,
        source: LiveHub,
        renderer: Renderer,
        boot: str,
    ) -> None:
        self._read = read
        self._listener = listener
        self._source = source
        self._renderer = renderer
        self._hubs = {language: LiveHub(boot=f"{boot}{language}") for language in LANGUAGES}
        self._cells: dict[Language, Cells] = {language: {} for language in LANGUAGES}
        self._panels: dict[str, str] = {}
        self._timezones: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._stale = asyncio.Event()
        self.park: Park | None = None
        """The newest reading while somebody watches."""

    def connect(self, language: Language, *, after: str | None) -> Subscription:
        """A browser's stream; the first one sets the board to work.

        Raises:
            LiveStreamsFullError: the process is full.
        """
        try:
            subscription = self._hubs[language].subscribe(after=after or "none")
        except TooManySubscribersError:
            raise LiveStreamsFullError from None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return subscription

    async def frames(self, subscription: Subscription, language: Language) -> AsyncIterator[bytes]:
        """What a browser reads until it leaves: first all cells or what it missed."""
        with subscription:
            yield f"retry: {RETRY_MS}\n\n".encode()
            while True:
                try:
                    events = await subscription.batch(timeout_s=HEARTBEAT_S)
                except StopAsyncIteration:
                    return
                frames = (
                    self._snapshot(language, event) if event.topic == RESET_TOPIC else event.frame
                    for event in events
                )
                yield b"".join(frames) or b"event: alive\ndata:\n\n"

    def close(self) -> None:
        for hub in self._hubs.values():
            hub.close()

    async def _work(self) -> None:
        with self._source.subscribe(listener=self._listener) as events:
            following = asyncio.create_task(self._follow(events))
            try:
                while self.is_watched:
                    await self._reread()
                    await asyncio.sleep(REREAD_PAUSE_S)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._stale.wait(), REREAD_S)
            finally:
                following.cancel()
        self._forget()

    async def _follow(self, events: Subscription) -> None:
        async for received in events:
            event = event_of(received)
            if event:
                self._tell(event)
            if rereads(event):
                self._stale.set()
        self.close()

    def _tell(self, event: Event) -> None:
        for language in LANGUAGES:
            told = deltas(
                event,
                self._renderer.words(language),
                timezones=self._timezones,
                icons_url=self._renderer.assets.url("icons.svg"),
            )
            self._send(language, told)

    async def _reread(self) -> None:
        try:
            park = await self._read_undisturbed()
        except SQLAlchemyError as error:
            log.warning("live board cannot read the park", cause=str(error))
            await asyncio.sleep(FAILURE_PAUSE_S)
            self._stale.set()
            return
        self.park = park
        self._timezones = {resource.id: resource.timezone for resource in park.resources}
        icons = self._renderer.assets.url("icons.svg")
        for language in LANGUAGES:
            self._send(language, park_cells(park, self._renderer.words(language), icons))
        self._announce(panel_versions(park))

    async def _read_undisturbed(self) -> Park:
        """A reading during which nothing was told, so that it takes back no newer cell."""
        for _ in range(READINGS_MAX):
            self._stale.clear()
            park = await asyncio.to_thread(self._read)
            if not self._stale.is_set():
                break
        return park

    def _send(self, language: Language, cells: Cells) -> None:
        news = changed(self._cells[language], cells)
        self._cells[language] |= news
        for key, cell in news.items():
            self._hubs[language].publish_json("cell", key, json.dumps(_wire(key, cell)).encode())

    def _announce(self, panels: dict[str, str]) -> None:
        news = {name: v for name, v in panels.items() if self._panels.get(name) != v}
        self._panels |= news
        for name, panel_version in news.items():
            data = json.dumps({"panel": name, "version": panel_version}).encode()
            for hub in self._hubs.values():
                hub.publish_json("panel", name, data)

    def _snapshot(self, language: Language, event: LiveEvent) -> bytes:
        cells = [_wire(key, cell) for key, cell in self._cells[language].items()]
        data = json.dumps({"cells": cells, "panels": self._panels}).encode()
        return event._replace(topic="snapshot", data=data).frame

    @property
    def is_watched(self) -> bool:
        return any(hub.subscriber_count for hub in self._hubs.values())

    def _forget(self) -> None:
        """The first reading for the next browser then tells everything."""
        self.park = None
        self._cells = {language: {} for language in LANGUAGES}
        self._panels = {}


def _wire(key: str, cell: Cell) -> dict[str, object]:
    return {"key": key, "text": cell.text, "attributes": dict(cell.attributes)}


class Boards:
    """A board for each view of the park: who may see the same things shares one.

    Args:
        read: the park as a principal may see it.
        source: the events of the bus.
        renderer: texts and assets.
        boot: unlike that of any earlier process.
    """

    def __init__(
        self,
        *,
        read: Callable[[Principal], Park],
        source: LiveHub,
        renderer: Renderer,
        boot: str,
    ) -> None:
        self._read = read
        self._source = source
        self._renderer = renderer
        self._boot = boot
        self._boards: dict[Principal, Board] = {}
        self._numbers = count()

    def of(self, viewer: Principal) -> Board:
        """The board that shows what ``viewer`` may see.

        Raises:
            LiveStreamsFullError: too many different views are watched.
        """
        view = replace(viewer, kind=PrincipalKind.ANONYMOUS, id=None, credential_id=None)
        found = self._boards.get(view)
        if found is None:
            if len(self._boards) >= BOARDS_MAX:
                self._boards = {one: b for one, b in self._boards.items() if b.is_watched}
            if len(self._boards) >= BOARDS_MAX:
                raise LiveStreamsFullError
            found = self._boards[view] = Board(
                read=lambda: self._read(view),
                listener=view,
                source=self._source,
                renderer=self._renderer,
                boot=f"{self._boot}{next(self._numbers):x}",
            )
        return found
