"""How often one address may ask for credentials and one organisation for anything, in memory.

It keeps the load of guessing and of runaway programs away. What keeps an account safe is counted in
the database (``attempts``), whichever process and address the tries come through.
"""

from typing import ClassVar, Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import (
    MovingWindowRateLimiter,
    RateLimiter,
    SlidingWindowCounterRateLimiter,
)

from services.access.domain.addresses import counted_network
from services.contracts.errors import DomainError, ErrorKind

RETRY_AFTER_S: Final = 60


class TooManyRequestsError(DomainError):
    code: ClassVar[str] = "too-many-requests"
    kind: ClassVar[ErrorKind] = ErrorKind.TOO_MANY
    en: ClassVar[str] = (
        "{subject} asked {per_minute} times in a minute; try again in {retry_after_s} seconds."
    )
    zh: ClassVar[str] = (
        "{subject} 在一分钟内请求了 {per_minute} 次；请在 {retry_after_s} 秒后重试。"
    )


class RequestLimit:
    """At most ``per_minute`` in any minute for each subject, in this process.

    Args:
        per_minute: how many.
        exact: remember each request; otherwise two counters estimate, whatever the number.
    """

    def __init__(self, per_minute: int, *, exact: bool = True) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        strategy = MovingWindowRateLimiter if exact else SlidingWindowCounterRateLimiter
        self._limiter: RateLimiter = strategy(MemoryStorage())

    def count(self, subject: str) -> None:
        """Count one request.

        Raises:
            TooManyRequestsError: the minute is full.
        """
        if not self._limiter.hit(self._item, subject):
            raise TooManyRequestsError(
                subject=subject, per_minute=self._item.amount, retry_after_s=RETRY_AFTER_S
            )

    def count_address(self, address: str) -> None:
        """Count one request from an address.

        Raises:
            TooManyRequestsError: the minute is full.
        """
        self.count(counted_network(address))
