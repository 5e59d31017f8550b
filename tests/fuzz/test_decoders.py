"""Decoders meet the corpus and what Hypothesis makes of it: read or refused, never more."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ingest.batch import Arrival
from tests.fuzz.corpus import CORPUS, nested
from tests.fuzz.length import times
from tests.fuzz.targets import NOW, TARGETS, born, causes, check_batch

pytestmark = pytest.mark.timeout(7_200)
EXAMPLES = times(150, 20_000)


@st.composite
def bent(draw: st.DrawFn, corpus: tuple[bytes, ...]) -> bytes:
    """One of the corpus with a few pieces cut out, put in, doubled or flipped."""
    data = draw(st.sampled_from(corpus))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        piece = draw(
            st.one_of(
                st.just(b""),
                st.binary(max_size=12),
                st.sampled_from([b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"9999", b"-1", b"NaN"]),
                st.just(data[start:end] * 2),
                st.just(bytes(byte ^ 0x80 for byte in data[start:end])),
            )
        )
        data = data[:start] + piece + data[end:]
    return data


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_corpus_is_read_or_refused(name: str) -> None:
    for data in CORPUS[name]:
        TARGETS[name](data)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_whatever_comes_near_it_is_read_or_refused(name: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.one_of(bent(CORPUS[name]), st.binary(max_size=300)))
    def ask(data: bytes) -> None:
        TARGETS[name](data)

    ask()


def test_depth_is_refused_before_it_hurts() -> None:
    TARGETS["sparkplug"](b"\6" + nested(100_000))


def test_poison_says_why() -> None:
    """Every odd metric of the corpus is either understood or kept aside with its cause."""
    found = set[str]()
    for data in CORPUS["sparkplug"]:
        if data[:1] != b"\6":
            continue
        interpreter, batch = born()
        interpreter.read(Arrival("spBv1.0/site/DDATA/gw/m1", data[1:], NOW, 1), batch)
        check_batch(batch)
        found |= causes(batch)
    assert len(found) >= 6, found
