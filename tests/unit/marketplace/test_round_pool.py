"""Who wins in a round: every demand that can be, at the least price, whoever asks."""

from collections.abc import Sequence
from uuid import UUID

import numpy as np
import pytest

from marketplace.rounds.domain import FairnessTerms, Method, Turn, windows_waited
from marketplace.rounds.pool import Ask, Decision, Option, Standing, Stretch, decide
from services.contracts.ids import OfferId, OrganisationId, ResourceId

HOUR = 60
NO_TERMS = FairnessTerms(0, 0, 0)
NOBODY = Standing({}, {}, frozenset())


def firm(number: int) -> OrganisationId:
    return OrganisationId(UUID(int=number))


def option(resource: int, price: int, *, hours: int = 4, provider: int = 90) -> Option:
    return Option(
        OfferId(UUID(int=resource)),
        ResourceId(UUID(int=resource)),
        firm(provider),
        hours * HOUR,
        price,
    )


def ask(*options: Option, asker: int = 1, units: int = 1, until: int = 100) -> Ask:
    return Ask(firm(asker), 0, until * HOUR, units, options)


def free(resource: int, hours: int, *, start: int = 0, units: int = 1, between: int = 0) -> Stretch:
    begin = start * HOUR
    return Stretch(ResourceId(UUID(int=resource)), begin, begin + hours * HOUR, units, between)


def prices(decision: Decision) -> list[int | None]:
    return [None if won is None else won.option.price_minor for won in decision.won]


def decided(
    asks: Sequence[Ask],
    stretches: Sequence[Stretch],
    standing: Standing = NOBODY,
    terms: FairnessTerms = NO_TERMS,
) -> Decision:
    decision = decide(asks, stretches, standing, terms)
    assert decision.faults == ()
    assert decision.cost_minor >= decision.bound_minor
    return decision


def test_a_batch_serves_both_where_first_come_would_serve_one() -> None:
    """The first could have either machine, the second only the one the first likes best."""
    both = [ask(option(1, 100), option(2, 150)), ask(option(1, 120))]
    decision = decided(both, [free(1, 4), free(2, 4)])
    assert decision.method is Method.SLOTS
    assert prices(decision) == [150, 120]
    assert (decision.cost_minor, decision.bound_minor, decision.gap_minor) == (270, 270, 0)


def test_who_loses_hears_a_price_at_which_it_would_not_want_the_time() -> None:
    decision = decided([ask(option(1, 100)), ask(option(1, 130))], [free(1, 4)])
    assert prices(decision) == [100, None]
    left_out = 2 * 130 + 1
    assert left_out - 130 <= decision.scarcity_minor[1] <= left_out - 100


def test_a_stretch_that_holds_two_serves_two() -> None:
    decision = decided([ask(option(1, 100)), ask(option(1, 130))], [free(1, 8)])
    assert decision.method is Method.HOURS
    assert prices(decision) == [100, 130]
    assert decision.gap_minor == 0


def test_buffers_between_bookings_take_time_too() -> None:
    two = [ask(option(1, 100)), ask(option(1, 130))]
    assert prices(decided(two, [free(1, 8, between=15)])) == [100, None]


def test_units_of_a_pool_are_shared() -> None:
    three = [ask(option(1, 10 + place), units=2) for place in range(3)]
    assert prices(decided(three, [free(1, 4, units=5)])) == [10, 11, None]


def test_free_time_outside_the_window_is_none() -> None:
    decision = decided([ask(option(1, 100), until=6)], [free(1, 4, start=3)])
    assert prices(decision) == [None]


def test_two_windows_of_one_day_do_not_spill_into_the_next() -> None:
    """The machine is free for two days, but each demand has its own half-day."""
    monday, tuesday = (0, 6), (24, 30)
    asks = [
        Ask(firm(number), start * HOUR, end * HOUR, 1, (option(1, 100 + number),))
        for number, (start, end) in enumerate([monday, tuesday, monday, tuesday])
    ]
    decision = decided(asks, [free(1, 48)])
    assert decision.method is Method.SLOTS
    assert prices(decision) == [100, 101, None, None]


def test_the_cheapest_of_several_offers_of_one_machine_counts() -> None:
    assert prices(decided([ask(option(1, 100), option(1, 90))], [free(1, 4)])) == [90]


def test_a_firm_that_waited_wins_against_a_cheaper_rival_and_its_cost_is_told() -> None:
    rivals = [ask(option(1, 100), asker=1), ask(option(1, 130), asker=2)]
    terms = FairnessTerms(patience_windows=1, credit_per_window_minor=20, credit_max_minor=100)
    waited = Standing({firm(2): 3}, {}, frozenset())
    decision = decided(rivals, [free(1, 4)], waited, terms)
    assert prices(decision) == [None, 130]
    assert decision.cost_of_fairness_minor == 30
    assert prices(
        decided(rivals, [free(1, 4)], Standing({firm(2): 2}, {}, frozenset()), terms)
    ) == [
        100,
        None,
    ]


@pytest.mark.parametrize("hours", [4, 8])
def test_who_runs_the_round_wins_no_tie(hours: int) -> None:
    runner = Standing({}, {}, frozenset({firm(7)}))
    for order in ([1, 2], [2, 1]):
        options = [option(number, 100, provider=6 + number) for number in order]
        asks = [ask(*options, asker=asker) for asker in (1, 2)][: hours // 4]
        decision = decided(asks, [free(1, hours), free(2, hours)], runner)
        assert {won.option.provider_id for won in decision.won if won} == {firm(8)}


@pytest.mark.parametrize("asks", [[], [ask()], [ask(), ask(option(1, 5))]])
def test_nothing_to_share_out_is_no_error(asks: list[Ask]) -> None:
    decision = decided(asks, [])
    assert prices(decision) == [None] * len(asks)


def test_enormous_prices_are_compared_in_coarser_units() -> None:
    dear = 9 * 10**12
    decision = decided([ask(option(1, dear), option(2, dear // 2))], [free(1, 4), free(2, 4)])
    assert prices(decision) == [dear // 2]


def test_hundreds_of_demands_on_shared_time() -> None:
    random = np.random.default_rng(3)
    asks = [
        ask(
            *(
                option(int(one), int(random.integers(100, 900)), hours=int(random.integers(1, 9)))
                for one in random.choice(40, 6, replace=False)
            ),
            asker=number,
        )
        for number in range(200)
    ]
    decision = decided(asks, [free(one, 12) for one in range(40)])
    assert decision.method is Method.HOURS
    assert decision.gap_minor < 0.05 * decision.bound_minor


def test_months_of_many_machines_are_planned_in_coarser_steps() -> None:
    """Sixty days to the minute would take minutes; rounded up they never overfill a machine."""
    month = 60 * 24
    asks = [
        ask(*(option(one, 100 + number, hours=40) for one in range(20)), asker=number, until=month)
        for number in range(300)
    ]
    decision = decided(asks, [free(one, month) for one in range(20)])
    assert decision.method is Method.HOURS
    assert sum(won is not None for won in decision.won) == 300


def test_waiting_is_counted_from_the_last_time_served() -> None:
    lost, served = Turn(served=False, lost=True), Turn(served=True, lost=True)
    neither = Turn(served=False, lost=False)
    assert windows_waited([]) == 0
    assert windows_waited([lost, neither, lost, served, lost]) == 2
    assert windows_waited([served, lost]) == 0
