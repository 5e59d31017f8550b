"""What every provider promises, and how the sandbox misbehaves when it is asked to."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from services.contracts.money import Money
from services.ledger.domain import PaymentKind, Verdict
from services.ledger.provider.port import Order, Provider, ProviderSilentError
from services.ledger.provider.sandbox import LATE, SLOW, Sandbox
from tests.contract.payments.fake import FakeProvider
from tests.support.clock import FrozenClock

Make = Callable[[Path, FrozenClock], Provider]
PROVIDERS: dict[str, Make] = {
    "fake": lambda _folder, _clock: FakeProvider(),
    "sandbox": lambda folder, clock: Sandbox(folder / "sandbox.sqlite", clock),
}


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest, tmp_path: Path, clock: FrozenClock) -> Provider:
    return PROVIDERS[request.param](tmp_path, clock)


@pytest.fixture
def sandbox(tmp_path: Path, clock: FrozenClock) -> Sandbox:
    return Sandbox(tmp_path / "sandbox.sqlite", clock)


def order(clock: FrozenClock, method: str = "transfer") -> Order:
    return Order(clock.new_id(), PaymentKind.FUNDING, Money(100), method)


class TestEveryProvider:
    def test_says_what_it_is(self, provider: Provider) -> None:
        assert "no real money moves" in provider.disclaimer

    def test_answers_the_same_key_the_same(self, provider: Provider, clock: FrozenClock) -> None:
        asked = order(clock)
        assert provider.ask(asked) == provider.ask(asked) == provider.look_up(asked.key)

    def test_knows_nothing_of_what_was_never_asked(
        self, provider: Provider, clock: FrozenClock
    ) -> None:
        assert provider.look_up(clock.new_id()) is None

    def test_tells_nothing_again_that_was_acknowledged(
        self, provider: Provider, clock: FrozenClock
    ) -> None:
        asked = order(clock, "twice")
        provider.ask(asked)
        if isinstance(provider, FakeProvider):
            provider.tell(asked.key)
        told = provider.notices()
        assert told
        assert provider.notices() == told
        for notice in told:
            provider.acknowledge(notice)
        assert not provider.notices()


class TestTheSandbox:
    def test_is_no_payment_institution(self, sandbox: Sandbox) -> None:
        assert "no licensed payment institution" in sandbox.disclaimer
        assert "非持牌支付机构" in sandbox.disclaimer

    @pytest.mark.parametrize("method", ["declined", "no-such-method"])
    def test_refuses(self, sandbox: Sandbox, clock: FrozenClock, method: str) -> None:
        assert sandbox.ask(order(clock, method)).verdict is Verdict.FAILED

    def test_may_be_slow(self, sandbox: Sandbox, clock: FrozenClock) -> None:
        asked = order(clock, "slow")
        assert sandbox.ask(asked).verdict is Verdict.PENDING
        assert not sandbox.notices()
        clock.advance(SLOW)
        assert [notice.answer.verdict for notice in sandbox.notices()] == [Verdict.SUCCEEDED]

    def test_may_tell_the_same_over_and_over(self, sandbox: Sandbox, clock: FrozenClock) -> None:
        asked = order(clock, "twice")
        first = sandbox.ask(asked)
        told = [notice.answer for notice in sandbox.notices()]
        assert told[:2] == [first, first]
        assert told[2].id != first.id

    def test_may_never_answer(self, sandbox: Sandbox, clock: FrozenClock) -> None:
        asked = order(clock, "silent")
        for _ in range(3):
            with pytest.raises(ProviderSilentError):
                sandbox.ask(asked)
            with pytest.raises(ProviderSilentError):
                sandbox.look_up(asked.key)
            clock.advance(timedelta(days=1))
        assert not sandbox.notices()

    def test_may_answer_when_nobody_waits_any_more(
        self, sandbox: Sandbox, clock: FrozenClock
    ) -> None:
        with pytest.raises(ProviderSilentError):
            sandbox.ask(order(clock, "late"))
        assert not sandbox.notices()
        clock.advance(LATE)
        assert [notice.answer.verdict for notice in sandbox.notices()] == [Verdict.SUCCEEDED]

    def test_may_never_get_the_request(self, sandbox: Sandbox, clock: FrozenClock) -> None:
        asked = order(clock, "lost")
        with pytest.raises(ProviderSilentError):
            sandbox.ask(asked)
        assert sandbox.look_up(asked.key) is None
        assert sandbox.ask(asked).verdict is Verdict.SUCCEEDED

    def test_may_lose_the_answer(self, sandbox: Sandbox, clock: FrozenClock) -> None:
        asked = order(clock, "dropped")
        with pytest.raises(ProviderSilentError):
            sandbox.ask(asked)
        found = sandbox.look_up(asked.key)
        assert found is not None
        assert found.verdict is Verdict.SUCCEEDED
