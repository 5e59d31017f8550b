"""CVSS vectors: scored by the library, refused with words."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.risk.domain.rating import InvalidVectorError, Severity, UnratedError, rated

V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
METRICS = sorted({*V3.split("/")[1:], *V4.split("/")[1:], "E:X", "RL:O", "MAV:A", "S:C", "AV:P"})


@pytest.mark.parametrize(
    ("vector", "score", "severity"),
    [
        (V3, "9.8", Severity.CRITICAL),
        (V3.replace("C:H/I:H/A:H", "C:L/I:N/A:N"), "5.3", Severity.MEDIUM),
        (V3.replace("C:H/I:H/A:H", "C:N/I:N/A:N"), "0.0", Severity.NONE),
        (V4, "9.3", Severity.CRITICAL),
    ],
)
def test_a_vector_is_scored(vector: str, score: str, severity: Severity) -> None:
    rating = rated(vector=vector, severity=Severity.LOW)
    assert (rating.score, rating.severity) == (Decimal(score), severity), "it outweighs the word"


@pytest.mark.parametrize(
    "vector", ["CVSS:3.0/AV:N", "CVSS:3.1/", "AV:N/AC:L/Au:N/C:N/I:N/A:C", f"{V3}/AV:N", "x" * 999]
)
def test_anything_else_is_refused(vector: str) -> None:
    with pytest.raises(InvalidVectorError):
        rated(vector=vector, severity=None)


def test_without_a_vector_somebody_says_it() -> None:
    assert rated(vector=None, severity=Severity.HIGH).score is None
    with pytest.raises(UnratedError):
        rated(vector="", severity=None)


@given(
    st.sampled_from(["CVSS:3.1/", "CVSS:4.0/", ""]),
    st.one_of(st.lists(st.sampled_from(METRICS), max_size=14).map("/".join), st.text(max_size=80)),
)
@example("CVSS:3.1/", "\ud800")
def test_a_vector_is_scored_or_refused(version: str, metrics: str) -> None:
    rating = None
    with suppress(InvalidVectorError):
        rating = rated(vector=version + metrics, severity=Severity.NONE)
    if rating is not None and rating.score is not None:
        assert 0 <= rating.score <= 10
