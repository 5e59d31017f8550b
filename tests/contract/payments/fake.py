"""A provider in memory that does what it is told to; for tests of whoever asks it."""

from collections.abc import Sequence
from uuid import UUID

from services.ledger.domain import Answer, Verdict
from services.ledger.provider.port import Notice, Order, ProviderSilentError


class FakeProvider:
    """Confirms everything, unless ``verdict`` or ``is_silent`` say otherwise."""

    disclaimer = "A fake: no real money moves."

    def __init__(self) -> None:
        self.verdict = Verdict.SUCCEEDED
        self.is_silent = False
        self.orders: list[Order] = []
        self.waiting: list[Notice] = []
        self._answers: dict[UUID, Answer] = {}

    def ask(self, order: Order) -> Answer:
        self.orders.append(order)
        if order.key not in self._answers:
            self._answers[order.key] = Answer(f"fake-{order.key}", self.verdict, "fake")
        return self._said(self._answers[order.key])

    def look_up(self, key: UUID) -> Answer | None:
        known = self._answers.get(key)
        return None if known is None else self._said(known)

    def notices(self) -> Sequence[Notice]:
        return tuple(self.waiting)

    def acknowledge(self, notice: Notice) -> None:
        self.waiting = [one for one in self.waiting if one != notice]

    def tell(self, key: UUID) -> None:
        """Say by itself how an order stands."""
        self.waiting.append(Notice(key, self._answers[key]))

    def _said(self, answer: Answer) -> Answer:
        if self.is_silent:
            raise ProviderSilentError
        return answer
