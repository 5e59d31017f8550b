"""ETags of what is changed by several: the version, as ``If-Match`` sends it back."""

from typing import Annotated, ClassVar

from fastapi import Header, Response

from services.contracts.errors import DomainError, ErrorKind

IfMatch = Annotated[
    str | None, Header(max_length=40, description="ETag of the reading the change is based on")
]


class IfMatchUnreadableError(DomainError):
    code: ClassVar[str] = "if-match-unreadable"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "If-Match {value!r} is no ETag of ours; send the one it came with."
    zh: ClassVar[str] = "If-Match {value!r} 不是本系统的 ETag；请使用读取时返回的值。"


def expected_version(if_match: str | None) -> int | None:
    """The version a change is based on; ``None``: it does not say.

    Raises:
        IfMatchUnreadableError: it is no ETag of ours.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    stripped = if_match.strip().removeprefix("W/").strip('"')
    if not (stripped.isascii() and stripped.isdigit()):
        raise IfMatchUnreadableError(value=if_match)
    return int(stripped)


def tag(response: Response, version: int) -> None:
    response.headers["ETag"] = f'"{version}"'
