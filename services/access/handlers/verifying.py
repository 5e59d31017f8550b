"""Argon2id, two at a time: what a guess costs us is bounded, and so is who waits for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import ClassVar, Final, Protocol

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

from services.access.domain.passwords import normal_password
from services.contracts.errors import DomainError, ErrorKind

MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1
"""OWASP's smallest Argon2id: 19 MiB, two passes; about 20 ms of one core."""
AT_ONCE: Final = 2
WAITING_MAX: Final = 16
"""More would fill the server's threads, which others need."""
WAIT_S: Final = 2.0
RETRY_AFTER_S: Final = 2


class SignInBusyError(DomainError):
    code: ClassVar[str] = "sign-in-busy"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "Too many passwords are being checked; try again in {retry_after_s} seconds."
    )
    zh: ClassVar[str] = "正在核对的密码过多；请在 {retry_after_s} 秒后重试。"


class Hashing(Protocol):
    """The slow function; tests count how often it is reached."""

    def hash(self, password: str) -> str: ...

    def verify(self, password: str, hash: str) -> bool: ...  # noqa: A002 - pwdlib's name


def argon2id() -> Hashing:
    hasher = Argon2Hasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
    return PasswordHash((hasher,))


@cache
def _verifier_of_nobody() -> str:
    return argon2id().hash("nobody has this password")


class PasswordVerifier:
    """Hashes and verifies; one per process.

    Without a verifier to compare with it verifies against one nobody knows the password of, so
    that an unknown address takes as long as a wrong password.
    """

    def __init__(self, hashing: Hashing | None = None) -> None:
        self._hashing = hashing or argon2id()
        self._nobody = _verifier_of_nobody()
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._waiting = 0

    def hash(self, password: str) -> str:
        """A new verifier of ``password``.

        Raises:
            SignInBusyError: too many wait already.
        """
        with self._turn():
            return self._hashing.hash(normal_password(password))

    def verify(self, password: str, verifier: str | None) -> bool:
        """Whether ``password`` is the one; ``False``, in the same time, without a verifier.

        Raises:
            SignInBusyError: too many wait already.
        """
        with self._turn():
            try:
                matches = self._hashing.verify(normal_password(password), verifier or self._nobody)
            except PwdlibError:
                return False
        return matches and verifier is not None

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return self._waiting

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One of the two places at the slow function."""
        self._await_turn()
        try:
            yield
        finally:
            self._slots.release()

    def _await_turn(self) -> None:
        with self._lock:
            if self._waiting >= WAITING_MAX:
                raise SignInBusyError(retry_after_s=RETRY_AFTER_S)
            self._waiting += 1
        try:
            if not self._slots.acquire(timeout=WAIT_S):
                raise SignInBusyError(retry_after_s=RETRY_AFTER_S)
        finally:
            with self._lock:
                self._waiting -= 1
