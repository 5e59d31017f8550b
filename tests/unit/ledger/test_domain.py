"""Postings that balance, releases that add up, and answers of a provider that count once."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger.domain import (
    Account,
    AccountKind,
    Answer,
    Escrow,
    EscrowState,
    EscrowTerms,
    Leg,
    Payment,
    PaymentKind,
    PaymentState,
    ShareMember,
    Subject,
    Verdict,
)
from services.ledger.domain.accounts import (
    AmountInvalidError,
    UnbalancedError,
    balanced,
    check_amount,
    reversed_legs,
)
from services.ledger.domain.commission import CommissionRule, Tier
from services.ledger.domain.escrow import breakdown, funded, release_legs, released
from services.ledger.domain.payment import Consequence, answered, given_up, sent
from tests.support.clock import START

PAYER, PAYEE, PARTNER = (OrganisationId(UUID(int=number)) for number in (1, 2, 3))
RULE = CommissionRule(
    "standard", 1, "CNY", date(2026, 1, 1), None, (Tier(300, 10_000), Tier(100)), 100, None, 600,
    "", "",
)  # fmt: skip


def wallet(owner: OrganisationId, currency: str = "CNY") -> Account:
    return Account(AccountKind.WALLET, owner, currency)


def escrow(minor: int, rate: int) -> Escrow:
    opened = Escrow(
        id=UUID(int=9),
        subject=Subject("order", UUID(int=8)),
        payer_id=PAYER,
        payee_id=PAYEE,
        amount=Money(minor),
        terms=EscrowTerms(vat_rate=rate),
        commission_version=1,
        state=EscrowState.OPEN,
        opened_at=START,
        updated_at=START,
    )
    return funded(opened, opened.amount, now=START)


class TestPostings:
    def test_join_legs_of_one_account_and_stand_in_the_order_of_locks(self) -> None:
        legs = balanced([Leg(wallet(PAYER), -5), Leg(wallet(PAYEE), 3), Leg(wallet(PAYEE), 2)])
        assert {leg.account.organisation_id: leg.minor for leg in legs} == {PAYER: -5, PAYEE: 5}
        assert [leg.account.id for leg in legs] == sorted(leg.account.id for leg in legs)

    @pytest.mark.parametrize("other", [Leg(wallet(PAYEE), 4), Leg(wallet(PAYEE, "EUR"), 5)])
    def test_that_leave_something_are_none(self, other: Leg) -> None:
        with pytest.raises(UnbalancedError):
            balanced([Leg(wallet(PAYER), -5), other])

    def test_are_undone_by_their_mirror(self) -> None:
        legs = (Leg(wallet(PAYER), -5), Leg(wallet(PAYEE), 5))
        assert balanced([*legs, *reversed_legs(legs)]) == ()

    def test_an_account_is_known_by_what_it_is(self) -> None:
        assert wallet(PAYER).id == wallet(PAYER).id
        assert len({wallet(PAYER).id, wallet(PAYEE).id, wallet(PAYER, "EUR").id}) == 3

    @pytest.mark.parametrize("minor", [0, -1, 10**15 + 1])
    def test_amounts_are_something_and_not_everything(self, minor: int) -> None:
        with pytest.raises(AmountInvalidError):
            check_amount(Money(minor))


class TestReleases:
    @given(
        st.lists(st.integers(1, 10**9), min_size=1, max_size=6),
        st.integers(0, 10_000),
        st.integers(1, 9_999),
    )
    def test_of_milestones_cost_together_what_one_costs(
        self, parts: list[int], rate: int, stake: int
    ) -> None:
        members = [ShareMember(PAYEE, stake), ShareMember(PARTNER, 10_000 - stake)]
        at_once = escrow(sum(parts), rate)
        whole = breakdown(at_once, at_once.amount, RULE, members)
        by_parts = []
        course = at_once
        for minor in parts:
            one = breakdown(course, Money(minor), RULE, members)
            assert one.minor == one.vat + one.fee + one.net == minor
            assert min(one.vat, one.fee, one.net, one.fee_vat, one.fee - one.fee_vat) >= 0
            assert sum(share for _, share in one.shares) == one.net
            assert balanced(release_legs(course, one))
            by_parts.append(one)
            course = released(course, Money(minor), now=START)

        assert course.state is EscrowState.SETTLED
        for name in ("vat", "fee", "fee_vat", "net"):
            assert sum(getattr(one, name) for one in by_parts) == getattr(whole, name)


def payment(kind: PaymentKind = PaymentKind.FUNDING) -> Payment:
    asked = Payment(
        id=UUID(int=7),
        kind=kind,
        organisation_id=PAYER,
        amount=Money(1),
        method="transfer",
        state=PaymentState.REQUESTED,
        created_at=START,
        updated_at=START,
    )
    return sent(asked, now=START)


class TestAnswers:
    @given(st.lists(st.sampled_from(Verdict), max_size=8), st.sampled_from(PaymentKind))
    def test_money_moves_once_whatever_is_said(
        self, verdicts: list[Verdict], kind: PaymentKind
    ) -> None:
        course, followed = payment(kind), []
        for number, verdict in enumerate(verdicts):
            course, consequence = answered(course, Answer(str(number), verdict), now=START)
            followed.append(consequence)
        moved = [one for one in followed if one in {Consequence.SUCCESS, Consequence.LATE_SUCCESS}]

        assert len(moved) <= 1
        assert followed.count(Consequence.FAILURE) <= 1
        assert bool(moved) == (course.state is PaymentState.SUCCEEDED)
        assert course.is_over == any(one is not Consequence.NOTHING for one in followed)
        assert not course.is_over or course.explanation

    def test_success_after_giving_up_is_late(self) -> None:
        over = given_up(payment(), now=START)
        after, consequence = answered(over, Answer("1", Verdict.SUCCEEDED), now=START)
        assert (after.state, consequence) == (PaymentState.SUCCEEDED, Consequence.LATE_SUCCESS)
