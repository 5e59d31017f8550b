"""The base class of expected errors: what happened, to which thing, what to do; en and zh.

Each error is declared beside the function that raises it. ``gateway.http`` maps ``kind`` to a
status and writes RFC 9457 problem details; nothing else knows HTTP.
"""

from enum import StrEnum
from typing import ClassVar


class ErrorKind(StrEnum):
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    STALE = "stale"
    """It changed since the caller read it (If-Match)."""
    FORBIDDEN = "forbidden"
    TOO_MANY = "too-many"
    """Asked too often; a fact ``retry_after_s`` says when to ask again."""
    UNAVAILABLE = "unavailable"


class DomainError(Exception):
    """An expected refusal.

    Subclasses set ``code`` (kebab-case, stable), ``kind`` and the two texts, which are
    ``str.format`` templates over the keyword arguments given at the raise.
    """

    code: ClassVar[str]
    kind: ClassVar[ErrorKind]
    en: ClassVar[str]
    zh: ClassVar[str]

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.en.format(**facts))

    def text(self, language: str) -> str:
        """The message in ``language`` (``zh…`` or anything else for English)."""
        return (self.zh if language.startswith("zh") else self.en).format(**self.facts)
