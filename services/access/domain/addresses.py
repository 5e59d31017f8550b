"""From which address a request comes, as far as that can be known."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Final

UNKNOWN: Final = "unknown"
V6_PREFIX: Final = 64
"""One household or plant has a /64; its single addresses are free to choose."""


def client_address(peer: str | None, forwarded_for: str | None, trusted: Sequence[str]) -> str:
    """The nearest address that is not one of our own proxies.

    ``X-Forwarded-For`` is read only when the peer itself is in ``trusted`` (networks in CIDR
    notation), and then from the right: what stands left of it the client may have written.
    """
    if peer is None or not _is_in(peer, trusted):
        return peer or UNKNOWN
    for hop in reversed([part.strip() for part in (forwarded_for or "").split(",")]):
        if not _is_in(hop, trusted):
            return hop if _is_address(hop) else peer
    return peer


def counted_network(address: str) -> str:
    """What tries are counted for: an IPv4 address, or the /64 of an IPv6 one."""
    if not _is_address(address):
        return UNKNOWN
    parsed = ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    if parsed.version == 4 or mapped is not None:  # noqa: PLR2004 - IPv4
        return str(mapped or parsed)
    return str(ip_network((parsed, V6_PREFIX), strict=False))


def _is_in(address: str, networks: Sequence[str]) -> bool:
    if not _is_address(address):
        return False
    parsed = ip_address(address)
    return any(parsed in ip_network(network, strict=False) for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
