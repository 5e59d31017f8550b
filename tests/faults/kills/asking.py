"""A client that asks until it is answered: where the answer was lost the same is sent again."""

import time
from typing import Any, Final

import httpx

from tests.faults.kills.record import Record
from tests.support.api import PLAIN

PAUSE_S: Final = 0.2
ANSWERED_WITHIN_S: Final = 60.0
UNAVAILABLE: Final = 503
FAULTS_FROM: Final = 500


class UnansweredError(Exception):
    """The platform did not come back."""


class Client:
    """One organisation's connection; ``token`` signs its requests."""

    def __init__(self, address: str, record: Record, token: str = "") -> None:
        self.token = token
        self._record = record
        self._http = httpx.Client(
            base_url=f"{address}/api/v1/", trust_env=False, verify=PLAIN, timeout=10
        )

    def ask(
        self, method: str, path: str, body: object = None, *, key: str | None = None
    ) -> tuple[httpx.Response, int]:
        """The first answer that says something, and how often there was none before.

        Raises:
            UnansweredError: there was none for a minute.
        """
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        if key is not None:
            headers["idempotency-key"] = key
        deadline = time.monotonic() + ANSWERED_WITHIN_S
        for missed in range(10**6):
            answer = self._once(method, path, body, headers)
            if answer is not None:
                return answer, missed
            if time.monotonic() > deadline:
                break
            time.sleep(PAUSE_S)
        raise UnansweredError(f"{method} {path}")

    def _once(
        self, method: str, path: str, body: object, headers: dict[str, str]
    ) -> httpx.Response | None:
        try:
            answer = self._http.request(method, path, json=body, headers=headers)
        except httpx.TransportError:
            self._record.count("connection lost")
            return None
        if answer.status_code == UNAVAILABLE:
            self._record.count(f"503 {answer.json()['code']}")
            return None
        if answer.status_code >= FAULTS_FROM:
            self._record.fault(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            return None
        return answer

    def made(self, path: str, body: object) -> Any:
        """The document of what was created."""
        answer, _ = self.ask("POST", path, body)
        assert answer.is_success, answer.text
        return answer.json()

    def put(self, path: str, body: object) -> None:
        """What is there from now on."""
        answer, _ = self.ask("PUT", path, body)
        assert answer.is_success, answer.text

    def close(self) -> None:
        self._http.close()
