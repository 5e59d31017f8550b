"""Versions as HTTP tells them: an ``ETag`` with each reading, ``If-Match`` with each change."""

from typing import Annotated, ClassVar

from fastapi import Header

from services.contracts.errors import DomainError, ErrorKind


class IfMatchInvalidError(DomainError):
    code: ClassVar[str] = "if-match-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "If-Match {value!r} is no ETag of this thing; send the one it came with."
    zh: ClassVar[str] = "If-Match {value!r} 不是该对象的 ETag；请使用读取时返回的值。"


IfMatch = Annotated[
    str | None, Header(max_length=40, description="ETag of the reading the change is based on")
]


def etag(version: int) -> str:
    """The ETag of ``version``."""
    return f'"{version}"'


def version_named(if_match: str | None) -> int | None:
    """The version an ``If-Match`` header names; ``*`` and its absence name none.

    Raises:
        IfMatchInvalidError: it names something else.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    digits = if_match.strip().removeprefix("W/").strip('"')
    if not digits.isascii() or not digits.isdigit():
        raise IfMatchInvalidError(value=if_match)
    return int(digits)
