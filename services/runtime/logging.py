"""Logging of server processes: structlog, the standard library's loggers joined in, no secrets."""

import logging
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from services.contracts.confidentiality import (
    DEPTH_MAX,
    PUBLIC,
    REDACTED,
    TOO_DEEP,
    classified,
    has_fields,
    is_secret_name,
    redact_text,
)
from services.runtime.settings import Settings


def configure_logging(settings: Settings, *, process: str) -> None:
    """Send structlog's and the standard library's records to standard error, one line each.

    Args:
        settings: gives the level, and whether lines are JSON or for a person.
        process: the door's name, on every line.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _ProcessName(process),
        structlog.stdlib.ExtraAdder(),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                structlog.processors.format_exc_info,
                redact,
                _renderer(as_json=settings.log_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())


class _ProcessName:
    """Puts the process's name on a record."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("process", self._process)
        return event


def _renderer(*, as_json: bool) -> Processor:
    if as_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Blank what is not public: by its mark, by a telling key, and passwords inside text."""
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: object, value: Any, depth: int = 0) -> Any:
    if isinstance(key, str) and is_secret_name(key):
        return REDACTED
    if depth > DEPTH_MAX:
        return TOO_DEEP
    if isinstance(value, Mapping):
        return {inner: _clean(inner, held, depth + 1) for inner, held in value.items()}
    if has_fields(value):
        return {
            name: _clean(None, held, depth + 1) if mark is PUBLIC else REDACTED
            for name, mark, held in classified(value)
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(None, held, depth + 1) for held in value]
    return value if isinstance(value, int | float | None) else redact_text(str(value))
