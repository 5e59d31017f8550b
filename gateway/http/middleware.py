"""Pure-ASGI middleware: request id, metrics and last-resort errors, headers, hosts, body size."""

import re
from collections.abc import Collection, Mapping
from time import perf_counter
from types import MappingProxyType
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.problems import UNEXPECTED, Problem, problem_response
from services.runtime.clock import Clock
from services.runtime.routing import loggable_path

BODY_BYTES_MAX: Final = 1024 * 1024
REQUEST_ID_KEY: Final = "nonagon.request_id"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SLOW_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

SECURITY_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

log = structlog.get_logger(__name__)


class AccessMetrics:
    """Requests by route template, never by path, so that ids do not become labels."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "nonagon_http_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "nonagon_http_request_seconds",
            "Time to the last byte of the answer",
            ["route"],
            buckets=_SLOW_S,
            registry=registry,
        )

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self.requests.labels(scope["method"], route, status).inc()
        if not scope.get("nonagon.stream"):
            self.seconds.labels(route).observe(seconds)


class RequestBoundary:
    """Outermost: names the request, counts it, and answers 500 for what nobody expected."""

    def __init__(self, app: ASGIApp, *, clock: Clock, metrics: AccessMetrics) -> None:
        self._app = app
        self._clock = clock
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._request_id(scope)
        scope[REQUEST_ID_KEY] = request_id
        status = 0
        started = perf_counter()

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_named)
            except Exception:
                log.exception(
                    "unexpected error", method=scope["method"], path=loggable_path(scope["path"])
                )
                if status:
                    raise
                await _refuse(UNEXPECTED, scope, receive, send_named)
        self._metrics.count(scope, status, perf_counter() - started)

    def _request_id(self, scope: Scope) -> str:
        offered = Headers(scope=scope).get("x-request-id", "")
        return offered if _REQUEST_ID.fullmatch(offered) else self._clock.new_id().hex


class SecurityHeaders:
    """Adds the headers of OWASP ASVS 5 §3.4 unless the route set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_secured)


class AllowedHosts:
    """Refuses a Host nobody configured: the defence against DNS rebinding on loopback."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = _hostname(Headers(scope=scope).get("host", ""))
            if host not in self._hosts:
                await _refuse(_host_problem(host), scope, receive, send)
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses bodies over the limit: by their declared length, or while they arrive.

    Args:
        app: what follows.
        bytes_max: the limit.
        uploads: the higher limits of paths that stream what is posted to disk.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        bytes_max: int = BODY_BYTES_MAX,
        uploads: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._app = app
        self._bytes_max = bytes_max
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bytes_max = self._limit(scope)
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdecimal() or int(declared) > bytes_max:
            await _refuse(_body_problem(bytes_max), scope, receive, send)
            return
        arrived = 0

        async def receive_counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > bytes_max:
                # Closing tells a client that streams without end, or it would go on for nothing.
                headers = {"connection": "close"}
                raise HTTPException(413, detail=_body_problem(bytes_max).en, headers=headers)
            return message

        await self._app(scope, receive_counted, send)

    def _limit(self, scope: Scope) -> int:
        """JSON keeps to the lower limit everywhere: it is read into memory to be checked."""
        if scope["method"] != "POST" or "json" in Headers(scope=scope).get("content-type", ""):
            return self._bytes_max
        return max(self._bytes_max, self._uploads.get(scope["path"], 0))


def _hostname(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0].lstrip("[").lower()
    return host.partition(":")[0].lower()


def _host_problem(host: str) -> Problem:
    return Problem(
        status=421,
        code="unknown-host",
        en=f"This server does not answer for host {host[:200]!r}; see NONAGON_HTTP_ALLOWED_HOSTS.",
        zh=f"本服务器不为主机 {host[:200]!r} 应答；见 NONAGON_HTTP_ALLOWED_HOSTS。",
    )


def _body_problem(bytes_max: int) -> Problem:
    return Problem(
        status=413,
        code="body-too-large",
        en=f"The body exceeds {bytes_max} bytes; send less at once.",
        zh=f"请求体超过 {bytes_max} 字节；请分批发送。",
    )


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    response = problem_response(
        problem,
        accept_language=Headers(scope=scope).get("accept-language"),
        request_id=scope.get(REQUEST_ID_KEY, "-"),
    )
    await response(scope, receive, send)
