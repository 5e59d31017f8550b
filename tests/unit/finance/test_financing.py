"""The life of an application, when a consent may end, and figures that add up."""

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.finance.domain import (
    CONSENT_MAX,
    LIFE,
    Application,
    Asked,
    ConsentTimeError,
    FinancingKind,
    FinancingRefusedError,
    Item,
    Move,
    Party,
    Source,
    State,
    check_expiry,
    figures,
    moved,
)
from services.contracts.ids import OrganisationId
from services.contracts.money import Money

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PARTIES = {
    Party.APPLICANT: OrganisationId(UUID(int=1)),
    Party.RECIPIENT: OrganisationId(UUID(int=2)),
}
SOURCES = st.lists(
    st.builds(
        Source,
        id=st.uuids(),
        value=st.integers(0, 10**12),
        period=st.sampled_from([None, "2026-01", "2026-02"]),
        currency=st.sampled_from([None, "CNY", "EUR"]),
    ),
    max_size=20,
)


def application(state: State) -> Application:
    asked = Asked(FinancingKind.WORKING_CAPITAL, Money(100, "CNY"), 12, "Material")
    return Application(
        id=UUID(int=3),
        organisation_id=PARTIES[Party.APPLICANT],
        recipient_id=PARTIES[Party.RECIPIENT],
        request_id=UUID(int=4),
        asked=asked,
        state=state,
        version=1,
        created_at=NOW,
        updated_at=NOW,
    )


@pytest.mark.parametrize(("move", "state", "party"), list(product(Move, State, Party)))
def test_an_application_moves_only_as_its_life_says(move: Move, state: State, party: Party) -> None:
    rule = LIFE[move]
    if party is rule.by and state in rule.sources:
        after = moved(application(state), move, PARTIES[party], now=NOW)
        assert (after.state, after.version) == (rule.target, 2)
    else:
        with pytest.raises(FinancingRefusedError):
            moved(application(state), move, PARTIES[party], now=NOW)


def test_nothing_leaves_the_three_ends() -> None:
    sources = {source for rule in LIFE.values() for source in rule.sources}
    assert set(State) - sources == {State.ACCEPTED, State.DECLINED, State.WITHDRAWN}


@pytest.mark.parametrize("late", [timedelta(0), -timedelta(days=1), CONSENT_MAX + timedelta(1)])
def test_a_consent_ends_ahead_and_within_a_year(late: timedelta) -> None:
    assert check_expiry(NOW + CONSENT_MAX, now=NOW) == NOW + CONSENT_MAX
    with pytest.raises(ConsentTimeError):
        check_expiry(NOW + late, now=NOW)


@given(SOURCES)
def test_figures_count_every_row_once(sources: list[Source]) -> None:
    found = figures(Item.SETTLED_VALUE, sources)
    assert sum(figure.value for figure in found) == sum(source.value for source in sources)
    assert sum(figure.rows for figure in found) == len(sources)
    assert len({(figure.period, figure.currency) for figure in found}) == len(found)


@given(SOURCES, st.randoms(use_true_random=False))
def test_a_figure_names_its_rows_whatever_their_order(
    sources: list[Source], random: object
) -> None:
    shuffled = list(sources)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert figures(Item.ON_TIME, shuffled) == figures(Item.ON_TIME, sources)


def test_a_figure_can_be_checked_by_who_has_the_rows() -> None:
    rows = [Source(UUID(int=2), 5), Source(UUID(int=1), 7)]
    (figure,) = figures(Item.DISPUTES, rows)
    said = f"{UUID(int=1)}\n{UUID(int=2)}"
    assert figure.rows_sha256 == hashlib.sha256(said.encode()).hexdigest()
    assert (figure.value, figure.rows) == (12, 2)
