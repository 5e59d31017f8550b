"""The name under which browsers know this platform, for passkeys and redirects."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar
from urllib.parse import urlsplit

from services.contracts.errors import DomainError, ErrorKind


class PlatformUnnamedError(DomainError):
    code: ClassVar[str] = "platform-unnamed"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Passkeys belong to a name, and {host!r} is none; open the platform as localhost or by its"
        " name, or set NONAGON_PUBLIC_ORIGIN."
    )
    zh: ClassVar[str] = (
        "通行密钥须绑定域名，而 {host!r} 不是域名；请以 localhost 或域名访问平台，"
        "或设置 NONAGON_PUBLIC_ORIGIN。"
    )


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """``id`` is the host name passkeys are bound to, ``origin`` where their pages are."""

    id: str
    origin: str


def relying_party(*, public_origin: str | None, scheme: str, host: str) -> RelyingParty:
    """From the setting, else from the request (whose Host was checked against the allowed ones).

    Raises:
        PlatformUnnamedError: the host is an address.
    """
    origin = platform_origin(public_origin=public_origin, scheme=scheme, host=host)
    name = urlsplit(origin).hostname or ""
    if not name or _is_address(name):
        raise PlatformUnnamedError(host=name)
    return RelyingParty(id=name, origin=origin)


def platform_origin(*, public_origin: str | None, scheme: str, host: str) -> str:
    """Where browsers find the platform."""
    return (public_origin or f"{scheme}://{host}").rstrip("/")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
