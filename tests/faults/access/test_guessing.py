"""A thousand guesses from everywhere: ten reach Argon2, and others are answered meanwhile."""

import http.client
import itertools
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from services.access.domain.attempts import TRIES_MAX
from tests.integration.access.calling import EMAIL, PASSWORD, SIGN_UP
from tests.integration.access.conftest import CountingHashing
from tests.support.api import served

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.alone]

GUESSES = 1_000
GUESSERS = 8


class Caller:
    """Calls from a loopback address of its choice, as another machine would from its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._place = (parts.hostname, parts.port)

    def post(
        self, path: str, body: object, *, source: str = "127.0.0.1", **headers: str
    ) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection(
            *self._place, timeout=30, source_address=(source, 0)
        )
        try:
            connection.request(
                "POST",
                f"/api/v1/{path}",
                json.dumps(body),
                {"content-type": "application/json", **headers},
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()

    def seconds_of_read(self, token: str) -> float:
        connection = http.client.HTTPConnection(*self._place, timeout=30)
        started = time.perf_counter()
        connection.request("GET", "/api/v1/session", headers={"authorization": f"Bearer {token}"})
        assert connection.getresponse().status == 200
        connection.close()
        return time.perf_counter() - started


@pytest.fixture
def caller(app: FastAPI) -> Iterator[Caller]:
    untrusting = app.state.settings.model_copy(update={"trusted_proxies": ()})
    app.state.settings = untrusting
    with served(app) as url:
        yield Caller(url)


def claimed(number: int) -> dict[str, str]:
    """Headers by which a client pretends to be somebody else."""
    address = f"203.0.113.{number % 250}"
    return {"x-forwarded-for": address, "x-real-ip": address, "forwarded": f"for={address}"}


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def test_a_thousand_guesses_from_rotating_addresses(
    caller: Caller, hashing: CountingHashing
) -> None:
    _, signed_up = caller.post("sign-up", SIGN_UP)
    token = str(signed_up["token"])
    quiet = [caller.seconds_of_read(token) for _ in range(100)]
    reached = hashing.verified
    numbers = itertools.count()
    answers: Counter[int] = Counter()
    lock = threading.Lock()

    def guess() -> None:
        while (number := next(numbers)) < GUESSES:
            status, _ = caller.post(
                "session",
                {"email": EMAIL if number % 2 else EMAIL.upper(), "password": f"guess {number:06}"},
                source=f"127.0.{1 + number % 200}.{1 + number // 200}",
                **claimed(number),
            )
            with lock:
                answers[status] += 1

    threads = [threading.Thread(target=guess) for _ in range(GUESSERS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    during = []
    while any(thread.is_alive() for thread in threads):
        during.append(caller.seconds_of_read(token))
    took = time.perf_counter() - started
    print(  # noqa: T201 - the figures
        f"\n{GUESSES} guesses in {took:.1f} s: {hashing.verified - reached} reached Argon2;"
        f" others' p95 {p95(during) * 1000:.1f} ms ({len(during)} reads),"
        f" {p95(quiet) * 1000:.1f} ms before"
    )
    assert hashing.verified - reached <= TRIES_MAX
    assert answers == {401: TRIES_MAX, 429: GUESSES - TRIES_MAX}


def test_trying_one_password_on_many_accounts_is_bounded_by_the_address(
    caller: Caller, hashing: CountingHashing
) -> None:
    """Whatever address the headers claim."""
    answers: Counter[int] = Counter()
    for number in range(120):
        status, _ = caller.post(
            "session",
            {"email": f"person{number}@example.com", "password": PASSWORD},
            **claimed(number),
        )
        answers[status] += 1
    assert answers == {401: 60, 429: 60}
    assert hashing.verified == 60
