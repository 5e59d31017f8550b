"""The pages of the portal on an application: ``mount(app)``."""

import asyncio
import gzip
from collections.abc import Callable
from typing import Annotated, Final, Literal

from fastapi import APIRouter, FastAPI, Header, Query, Request
from starlette.responses import FileResponse, HTMLResponse, StreamingResponse

from gateway.portal import sign_in
from gateway.portal.assets import URL_PREFIX, Assets, accepted_encodings
from gateway.portal.board import Boards
from gateway.portal.model import Park
from gateway.portal.preferences import language_of, remember, theme_of
from gateway.portal.rendering import Renderer
from gateway.portal.views import read_park
from services.contracts.access import ANONYMOUS, Principal
from services.contracts.errors import DomainError, ErrorKind

GZIP_LEVEL: Final = 5
STREAM_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}

Panel = Literal["board", "demands", "bookings", "withdrawals"]
ReadPark = Callable[[Principal], Park]


def mount(app: FastAPI, *, read: ReadPark | None = None) -> None:
    """Add the pages to ``app``.

    Args:
        app: its state holds ``sessions``, ``clock``, ``settings``, ``live``, ``catalogue`` and
            ``authenticate``.
        read: where the page's content comes from; the database of ``app`` if not given.
    """
    state = app.state
    reading = read or (
        lambda viewer: read_park(state.sessions, state.clock, state.settings, viewer)
    )
    renderer = Renderer(Assets(), state.catalogue.namer, state.catalogue.grade_of)
    boot = state.clock.new_id().hex[-12:]
    boards = Boards(read=reading, source=state.live, renderer=renderer, boot=boot)
    app.include_router(_router(reading, boards, renderer), include_in_schema=False)
    pages = sign_in.router_of(renderer, _viewer)
    app.include_router(pages, include_in_schema=False)


def _router(read: ReadPark, boards: Boards, renderer: Renderer) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    def page(request: Request) -> HTMLResponse:
        return _html(request, "park.html", read(_viewer(request)), renderer)

    @router.get("/portal/panels/{panel}")
    def panel(request: Request, panel: Panel) -> HTMLResponse:
        viewer = _viewer(request)
        park = boards.of(viewer).park or read(viewer)
        return _html(request, f"panels/{panel}.html", park, renderer)

    @router.get("/portal/stream")
    async def stream(
        request: Request,
        after: Annotated[str | None, Query(max_length=100)] = None,
        last_event_id: Annotated[str | None, Header(max_length=100)] = None,
    ) -> StreamingResponse:
        language = language_of(request)
        viewer = await asyncio.to_thread(_viewer, request)
        board = boards.of(viewer)
        subscription = board.connect(language, after=last_event_id or after)
        revocations = getattr(request.app.state, "revocations", None)
        if revocations is not None:
            revocations.follow(request, viewer, subscription)
        request.scope["nonagon.stream"] = True
        frames = board.frames(subscription, language)
        return StreamingResponse(frames, media_type="text/event-stream", headers=STREAM_HEADERS)

    @router.get(URL_PREFIX + "/{name}")
    def asset(request: Request, name: str) -> FileResponse:
        return renderer.assets.response(name, request.headers)

    return router


def _html(request: Request, template: str, park: Park, renderer: Renderer) -> HTMLResponse:
    """The page in the reader's language and theme; a choice made in the address is remembered."""
    language, theme = language_of(request), theme_of(request)
    html = renderer.html(template, park, language, theme=theme).encode()
    headers = {"cache-control": "no-store", "vary": "accept-encoding, accept-language, cookie"}
    if "gzip" in accepted_encodings(request.headers.get("accept-encoding", "")):
        html = gzip.compress(html, GZIP_LEVEL)
        headers["content-encoding"] = "gzip"
    response = HTMLResponse(html, headers=headers)
    remember(request, response)
    return response


def _viewer(request: Request) -> Principal:
    """Who looks; a session that is over looks as anybody does."""
    try:
        viewer: Principal = request.app.state.authenticate(request)
    except DomainError as error:
        if error.kind is not ErrorKind.UNAUTHENTICATED:
            raise
        return ANONYMOUS
    return viewer
