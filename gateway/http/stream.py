"""``GET /api/v1/stream``: live events as server-sent events, resumable by ``Last-Event-ID``."""

from collections.abc import AsyncIterator
from typing import Annotated, ClassVar, Final

from fastapi import Header, Request
from starlette.responses import StreamingResponse

from gateway.live import LiveHub, Subscription, TooManySubscribersError
from services.contracts.access import Principal
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.web import PrincipalDep, requires

HEARTBEAT_S: Final = 15.0
RETRY_MS: Final = 2_000
HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}

router = api_router(tags=["stream"])


class StreamsExhaustedError(DomainError):
    code: ClassVar[str] = "streams-exhausted"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = "This process serves as many live streams as it may; try again shortly."
    zh: ClassVar[str] = "本进程的实时连接数已满；请稍后重试。"


@router.get(
    "/stream",
    dependencies=[requires(Action.STREAM_READ)],
    summary="Live events",
    description=(
        "Server-sent events: `event` is the event type, `data` its JSON. A client that reconnects"
        " with `Last-Event-ID` gets what it missed, or `event: reset` when that is no longer held:"
        " load what you show again."
    ),
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "An endless stream"}},
)
async def stream_events(
    request: Request,
    principal: PrincipalDep,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamingResponse:
    return event_stream(request, principal, after=last_event_id)


def event_stream(request: Request, principal: Principal, *, after: str | None) -> StreamingResponse:
    """An endless response of those of the hub's events that ``principal`` may hear.

    Raises:
        StreamsExhaustedError: the process is full.
    """
    hub: LiveHub = request.app.state.live
    try:
        subscription = hub.subscribe(after=after, listener=principal)
    except TooManySubscribersError:
        raise StreamsExhaustedError from None
    request.app.state.revocations.follow(request, principal, subscription)
    request.scope["nonagon.stream"] = True
    return StreamingResponse(_frames(subscription), media_type="text/event-stream", headers=HEADERS)


async def _frames(subscription: Subscription) -> AsyncIterator[bytes]:
    with subscription:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while True:
            try:
                events = await subscription.batch(timeout_s=HEARTBEAT_S)
            except StopAsyncIteration:
                return
            yield b"".join(event.frame for event in events) or b": alive\n\n"
