"""Which address counts: the peer's, unless the peer is a proxy of ours."""

import pytest

from services.access.domain.addresses import client_address, counted_network
from services.access.domain.relying_party import PlatformUnnamedError, relying_party

PROXIES = ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("203.0.113.7", "198.51.100.1", (), "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", PROXIES, "203.0.113.7"),
        ("10.0.0.2", "198.51.100.1", PROXIES, "198.51.100.1"),
        ("10.0.0.2", "192.0.2.9, 198.51.100.1", PROXIES, "198.51.100.1"),
        ("10.0.0.2", "198.51.100.1, 10.0.0.3", PROXIES, "198.51.100.1"),
        ("10.0.0.2", "10.0.0.4, 10.0.0.3", PROXIES, "10.0.0.2"),
        ("10.0.0.2", "nonsense", PROXIES, "10.0.0.2"),
        ("10.0.0.2", None, PROXIES, "10.0.0.2"),
        ("fd00::1", "2001:db8::5", PROXIES, "2001:db8::5"),
        (None, "198.51.100.1", PROXIES, "unknown"),
    ],
)
def test_the_address_is_the_nearest_that_is_not_ours(
    peer: str | None, forwarded: str | None, trusted: tuple[str, ...], expected: str
) -> None:
    assert client_address(peer, forwarded, trusted) == expected


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "unknown"),
    ],
)
def test_a_household_is_counted_as_one(address: str, network: str) -> None:
    assert counted_network(address) == network


def test_passkeys_belong_to_the_name_browsers_know() -> None:
    by_request = relying_party(public_origin=None, scheme="http", host="localhost:8000")
    assert (by_request.id, by_request.origin) == ("localhost", "http://localhost:8000")
    behind_proxy = relying_party(
        public_origin="https://share.example/", scheme="http", host="10.0.0.2:8000"
    )
    assert (behind_proxy.id, behind_proxy.origin) == ("share.example", "https://share.example")
    for host in ("127.0.0.1:8000", "[::1]:8000", ""):
        with pytest.raises(PlatformUnnamedError):
            relying_party(public_origin=None, scheme="http", host=host)
