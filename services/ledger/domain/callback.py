"""Signed callbacks of a payment provider (支付回调): whose they are, and how old they may be."""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from services.contracts.errors import DomainError, ErrorKind

TOLERANCE: Final = timedelta(minutes=5)
"""How far the time of signing may be from now: older ones are replays."""
SECRET_MIN: Final = 32
"""Bytes of a secret at least: as many as its hash has."""
_HEADER: Final = re.compile(r"t=(?P<at>[0-9]{1,12}),v1=(?P<signature>[0-9a-f]{64})")


class CallbackUnsignedError(DomainError):
    code: ClassVar[str] = "callback-unsigned"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = (
        "This callback is not signed with the shared secret, or not within {minutes} minutes;"
        " sign the time and the very bytes of the body."
    )
    zh: ClassVar[str] = (
        "该回调未用共享密钥签名，或签名时间超出 {minutes} 分钟；请对时间与正文签名。"
    )


def signed(secret: bytes, body: bytes, *, at: datetime) -> str:
    """The header ``t=<seconds since 1970>,v1=<hex>``: HMAC-SHA256 (RFC 2104) of ``t.body``."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_mac(secret, seconds, body)}"


def check_signed(secret: bytes, body: bytes, header: str, *, now: datetime) -> None:
    """Let pass what who shares ``secret`` signed just now.

    Raises:
        CallbackUnsignedError: another did, or long ago, or nobody.
    """
    found = _HEADER.fullmatch(header)
    if found is not None:
        seconds = int(found["at"])
        is_now = abs(now - datetime.fromtimestamp(seconds, UTC)) <= TOLERANCE
        if is_now and hmac.compare_digest(_mac(secret, seconds, body), found["signature"]):
            return
    raise CallbackUnsignedError(minutes=TOLERANCE // timedelta(minutes=1))


def _mac(secret: bytes, seconds: int, body: bytes) -> str:
    return hmac.new(secret, b"%d." % seconds + body, hashlib.sha256).hexdigest()
