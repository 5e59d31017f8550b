"""RFC 9457 problem details: the one place where errors become HTTP answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.http.validation import field_errors
from services.contracts.errors import DomainError, ErrorKind
from services.runtime.routing import loggable_path
from services.runtime.web import Language, preferred_language

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2
CHALLENGE: Final = 'Bearer realm="nonagon"'
LOCK_NOT_AVAILABLE: Final = "55P03"
OUT_OF_RANGE: Final = frozenset({"22003", "22008", "22009"})
"""Numbers, instants and offsets from UTC that no column can hold; only a request brings them."""

STATUS: Final[Mapping[ErrorKind, int]] = {
    ErrorKind.INVALID: 422,
    ErrorKind.UNAUTHENTICATED: 401,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.STALE: 412,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.TOO_MANY: 429,
    ErrorKind.UNAVAILABLE: 503,
}
_TITLES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("Bad request", "请求有误"),
    401: ("Sign in first", "请先登录"),
    403: ("Forbidden", "禁止访问"),
    404: ("Not found", "未找到"),
    405: ("Method not allowed", "不支持该方法"),
    409: ("Conflict", "冲突"),
    412: ("Precondition failed", "前置条件不满足"),
    413: ("Request too large", "请求过大"),
    421: ("Misdirected request", "请求主机不符"),
    422: ("Invalid request", "请求无效"),
    429: ("Too many requests", "请求过于频繁"),
    500: ("Internal error", "内部错误"),
    503: ("Temporarily unavailable", "暂时不可用"),
}
_UNKNOWN_TITLE: Final = ("Error", "错误")
_HTTP_CAUSES: Final[Mapping[int, tuple[str, str, str]]] = {
    404: (
        "unknown-route",
        "Nothing is at {path}; see /api/v1/openapi.json for what is.",
        "{path} 不存在；可用接口见 /api/v1/openapi.json。",
    ),
    405: (
        "method-not-allowed",
        "{path} does not take {method}; the Allow header lists what it takes.",
        "{path} 不支持 {method}；可用方法见 Allow 响应头。",
    ),
    413: (
        "body-too-large",
        "The body of {method} {path} is too large; send less at once.",
        "{method} {path} 的请求体过大；请分批发送。",
    ),
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """What an answer that is not a success says."""

    status: int
    code: str
    en: str
    zh: str
    extensions: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, language: Language, *, request_id: str) -> bytes:
        titles = _TITLES.get(self.status, _UNKNOWN_TITLE)
        document = {
            "type": f"urn:nonagon:problem:{self.code}",
            "title": titles[1] if language == "zh" else titles[0],
            "status": self.status,
            "detail": self.zh if language == "zh" else self.en,
            "instance": f"urn:nonagon:request:{request_id}",
            "code": self.code,
            **self.extensions,
        }
        return json.dumps(document, ensure_ascii=False, default=str).encode()


def problem_response(problem: Problem, *, accept_language: str | None, request_id: str) -> Response:
    language = preferred_language(accept_language)
    headers = {**problem.headers, "content-language": language, "cache-control": "no-store"}
    if problem.status == STATUS[ErrorKind.UNAVAILABLE]:
        headers.setdefault("retry-after", str(RETRY_AFTER_S))
    return Response(
        problem.body(language, request_id=request_id),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def database_problem(error: Exception) -> Problem | None:
    """The problem of a database out of reach, busy or asked too much; ``None``: a fault of ours."""
    if isinstance(error, PoolTimeoutError):
        return _BUSY
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, psycopg.DataError) and original.sqlstate in OUT_OF_RANGE:
        return _OUT_OF_RANGE
    if not isinstance(original, psycopg.OperationalError):
        return None
    if isinstance(error, DBAPIError) and error.connection_invalidated and error.statement is None:
        return _LOST_AT_COMMIT
    return _BUSY if original.sqlstate == LOCK_NOT_AVAILABLE else _UNREACHABLE


_BUSY: Final = Problem(
    status=503,
    code="database-busy",
    en="The database did not answer in time because it is busy; nothing was changed. Try again.",
    zh="数据库繁忙，未能及时响应；未作任何更改。请稍后重试。",
)
_OUT_OF_RANGE: Final = Problem(
    status=422,
    code="value-out-of-range",
    en="A number or an instant is too large or too small to be stored; nothing was changed.",
    zh="请求中的数字或时间超出可存储的范围；未作任何更改。",
)
_UNREACHABLE: Final = Problem(
    status=503,
    code="database-unreachable",
    en="The database cannot be reached; nothing was changed. Try again shortly.",
    zh="无法连接数据库；未作任何更改。请稍后重试。",
)
_LOST_AT_COMMIT: Final = Problem(
    status=503,
    code="database-lost-at-commit",
    en="The database was lost while it committed; whether anything was changed is not known. Send"
    " the same request with the same Idempotency-Key, or read again what it was about.",
    zh="提交时与数据库的连接中断，无法确定更改是否已生效。请以相同的 Idempotency-Key 重发同一请求，"
    "或重新读取相关内容。",
)
UNEXPECTED: Final = Problem(
    status=500,
    code="internal-error",
    en="Something failed on our side. Quote the instance of this answer when you report it.",
    zh="服务器内部出错。报告问题时请附上本响应中的 instance。",
)


def install(app: FastAPI) -> None:
    """Make every expected error of ``app`` a problem document."""
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    for kind in (DBAPIError, PoolTimeoutError, psycopg.OperationalError):
        app.add_exception_handler(kind, _database_error)
    app.add_exception_handler(OverflowError, _overflow)


def answer(request: Request, problem: Problem) -> Response:
    return problem_response(
        problem,
        accept_language=request.headers.get("accept-language"),
        request_id=request.scope.get("nonagon.request_id", "-"),
    )


def _domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    return answer(request, problem_of(error))


def problem_of(error: DomainError) -> Problem:
    """The problem a domain error stands for; its list-valued facts become members of their own."""
    lists = {name: value for name, value in error.facts.items() if _is_list(value)}
    return Problem(
        status=STATUS[error.kind],
        code=error.code,
        en=error.text("en"),
        zh=error.text("zh"),
        extensions=lists,
        headers=_headers_of(error),
    )


def _headers_of(error: DomainError) -> dict[str, str]:
    """How to sign in (RFC 9110 §11.6.1), and when to ask again (§10.2.3)."""
    headers = {}
    if error.kind is ErrorKind.UNAUTHENTICATED:
        headers["www-authenticate"] = CHALLENGE
    if "retry_after_s" in error.facts:
        headers["retry-after"] = str(error.facts["retry_after_s"])
    return headers


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    raw = error.errors()
    if any(entry["type"] == "json_invalid" for entry in raw):
        return answer(request, _MALFORMED_JSON)
    language = preferred_language(request.headers.get("accept-language"))
    errors = field_errors(raw, language)
    names = ", ".join(dict.fromkeys(entry["pointer"] or "/" for entry in errors))
    return answer(
        request,
        Problem(
            status=422,
            code="invalid-request",
            en=f"The request does not have the expected form at {names}; see errors.",
            zh=f"请求在 {names} 处不符合要求；详见 errors。",
            extensions={"errors": errors},
        ),
    )


_MALFORMED_JSON: Final = Problem(
    status=400,
    code="malformed-json",
    en="The body is not JSON. Send a JSON document with Content-Type: application/json.",
    zh="请求体不是有效的 JSON。请以 Content-Type: application/json 发送 JSON 文档。",
)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    facts = {"path": request.scope["path"], "method": request.method}
    detail = str(error.detail)
    code, en, zh = _HTTP_CAUSES.get(error.status_code, (f"http-{error.status_code}", "", ""))
    problem = Problem(
        status=error.status_code,
        code=code,
        en=en.format(**facts) or detail,
        zh=zh.format(**facts) or detail,
        headers=error.headers or {},
    )
    return answer(request, problem)


def _database_error(request: Request, error: Exception) -> Response:
    problem = database_problem(error)
    if problem is None:
        raise error
    log.warning("database refused", code=problem.code, cause=str(error).partition("\n")[0])
    return answer(request, problem)


def _overflow(request: Request, error: Exception) -> Response:
    """Arithmetic on an instant near the ends of the calendar, which only a request brings."""
    log.warning("value out of range", path=loggable_path(request.scope["path"]), cause=str(error))
    return answer(request, _OUT_OF_RANGE)
