"""Tries of secrets, counted in the database: whichever door and address they come through."""

import math
from datetime import datetime
from typing import ClassVar, NamedTuple

from services.access.domain.attempts import TRIES_MAX, WINDOW
from services.access.domain.tokens import subject_hash
from services.access.store import attempts as store
from services.contracts.access import Principal
from services.contracts.errors import DomainError, ErrorKind
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from services.runtime.tenancy import bind


class TooManyTriesError(DomainError):
    code: ClassVar[str] = "too-many-tries"
    kind: ClassVar[ErrorKind] = ErrorKind.TOO_MANY
    en: ClassVar[str] = (
        "This account was tried {tries_max} times in {minutes} minutes; try again in"
        " {retry_after_s} seconds, or use a passkey."
    )
    zh: ClassVar[str] = (
        "该账号在 {minutes} 分钟内已尝试 {tries_max} 次；"
        "请在 {retry_after_s} 秒后重试，或使用通行密钥。"
    )


class Try(NamedTuple):
    subject: bytes
    at: datetime


class Tries:
    """Counts in transactions of its own: a try that fails must have been counted."""

    def __init__(self, *, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def count(self, *subject: str) -> Try:
        """Count one try, before the secret is looked at.

        Raises:
            TooManyTriesError: the last 15 minutes hold ten already; this one is not counted.
        """
        hashed, now = subject_hash(*subject), self._clock.now()
        with transaction(self._sessions) as session:
            bind(session, Principal(), credential=hashed)
            if store.count_try(session, hashed, now):
                return Try(hashed, now)
            wait = store.next_try_in(session, hashed, now)
        raise TooManyTriesError(
            tries_max=TRIES_MAX,
            minutes=WINDOW.seconds // 60,
            retry_after_s=max(1, math.ceil(wait.total_seconds())),
        )

    def take_back(self, tried: Try) -> None:
        """The try was right: only wrong ones use up the limit."""
        with transaction(self._sessions) as session:
            bind(session, Principal(), credential=tried.subject)
            store.take_back(session, tried.subject, tried.at)
