"""The life of a request for a park service: each move by its party, in its states, at its time."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest

from marketplace.parks.domain import (
    LIFE,
    Move,
    Party,
    RequestRefusedError,
    ServiceRequest,
    State,
    moved,
)
from services.contracts.ids import OrganisationId

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DUE = NOW + timedelta(hours=24)
ASKER, PROVIDER = OrganisationId(UUID(int=1)), OrganisationId(UUID(int=2))
WHO = {Party.ASKER: ASKER, Party.PROVIDER: PROVIDER}


def request(state: State) -> ServiceRequest:
    return ServiceRequest(
        id=UUID(int=3),
        organisation_id=ASKER,
        provider_id=PROVIDER,
        service_id=UUID(int=4),
        park="east-park",
        text="Two seats",
        state=state,
        version=1,
        due_at=DUE,
        created_at=NOW,
        updated_at=NOW,
    )


@pytest.mark.parametrize(("move", "state", "party"), list(product(Move, State, Party)))
def test_a_move_is_its_partys_in_its_states_only(move: Move, state: State, party: Party) -> None:
    rule = LIFE[move]
    if party is rule.by and state in rule.sources:
        after = moved(request(state), move, WHO[party], now=NOW)

        assert (after.state, after.version) == (rule.target, 2)
    else:
        with pytest.raises(RequestRefusedError):
            moved(request(state), move, WHO[party], now=NOW)


@pytest.mark.parametrize("move", [Move.ACCEPT, Move.DECLINE])
@pytest.mark.parametrize(("late", "in_time"), [(0, True), (1, False)])
def test_an_answer_is_in_time_until_the_hour_that_was_promised(
    move: Move, late: int, *, in_time: bool
) -> None:
    at = DUE + timedelta(microseconds=late)

    answered = moved(request(State.ASKED), move, PROVIDER, now=at, remark="as said")

    assert answered.answered_in_time is in_time
    assert answered.remark == "as said"


def test_what_was_not_answered_is_neither_in_time_nor_late() -> None:
    assert request(State.ASKED).answered_in_time is None


def test_confirming_keeps_the_answer_and_dates_the_end() -> None:
    accepted = moved(request(State.ASKED), Move.ACCEPT, PROVIDER, now=NOW, remark="Monday")

    done = moved(accepted, Move.CONFIRM, ASKER, now=DUE)

    assert (done.answered_at, done.done_at, done.remark) == (NOW, DUE, "Monday")
