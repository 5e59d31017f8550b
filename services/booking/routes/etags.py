"""Versions of bookings as HTTP carries them: ETag and If-Match."""

from typing import Annotated, ClassVar

from fastapi import Header

from services.contracts.errors import DomainError, ErrorKind


class IfMatchInvalidError(DomainError):
    code: ClassVar[str] = "if-match-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "If-Match {value!r} is not an ETag of a booking; send the one it came with."
    zh: ClassVar[str] = "If-Match {value!r} 不是预订的 ETag；请使用读取时返回的值。"


IfMatch = Annotated[
    str | None, Header(max_length=40, description="ETag of the reading the change is based on")
]


def version_of(if_match: str | None) -> int | None:
    """The version an ``If-Match`` header names; ``*`` and its absence name none."""
    if if_match is None or if_match.strip() == "*":
        return None
    digits = if_match.strip().removeprefix("W/").strip('"')
    if not digits.isascii() or not digits.isdigit():
        raise IfMatchInvalidError(value=if_match)
    return int(digits)
