"""TOTP against the published values of RFC 6238, Appendix B."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from services.access.domain.totp import (
    code_at,
    matching_step,
    normal_recovery,
    otpauth_uri,
    recovery_text,
    step_at,
)
from tests.support.clock import START

SECRET = b"12345678901234567890"
PUBLISHED = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


@pytest.mark.parametrize(("seconds", "digits"), PUBLISHED.items())
def test_codes_are_those_of_the_standard(seconds: int, digits: str) -> None:
    step = step_at(datetime.fromtimestamp(seconds, UTC))
    assert code_at(SECRET, step) == digits[-6:]


@pytest.mark.parametrize("drift", [-1, 0, 1])
def test_a_code_of_the_neighbouring_step_passes(drift: int) -> None:
    step = step_at(START) + drift
    assert matching_step(SECRET, code_at(SECRET, step), now=START, after_step=0) == step


@pytest.mark.parametrize("drift", [-2, 2])
def test_a_code_further_off_does_not(drift: int) -> None:
    code = code_at(SECRET, step_at(START) + drift)
    assert matching_step(SECRET, code, now=START, after_step=0) is None


def test_a_spent_step_and_those_before_it_are_refused() -> None:
    spent = step_at(START)
    for step in (spent - 1, spent):
        code = code_at(SECRET, step)
        assert matching_step(SECRET, code, now=START, after_step=spent) is None
    later = START + timedelta(seconds=30)
    code = code_at(SECRET, spent + 1)
    assert matching_step(SECRET, code, now=later, after_step=spent) == spent + 1


@pytest.mark.parametrize("nonsense", ["", "abcdef", "١٢٣٤٥٦", "000000000000"])
def test_nonsense_is_no_code(nonsense: str) -> None:
    assert matching_step(SECRET, nonsense, now=START, after_step=0) is None


def test_an_app_reads_the_secret_from_the_uri() -> None:
    uri = urlsplit(otpauth_uri(SECRET, account="lin.wei@example.com"))
    query = parse_qs(uri.query)
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert base64.b32decode(query["secret"][0]) == SECRET
    assert query["issuer"] == ["Nonagon"]


def test_recovery_codes_are_read_however_they_are_typed() -> None:
    code = recovery_text(bytes(range(10)))
    assert code.count("-") == 3
    assert normal_recovery(code.upper().replace("-", " ")) == code
    with pytest.raises(ValueError, match="10 random bytes"):
        recovery_text(b"")
