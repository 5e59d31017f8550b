"""Joint resources: which may accompany which, and when all are free, tried minute by minute."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.capacity.domain import (
    COMPANIONS_MAX,
    CapacityRule,
    Companion,
    Gap,
    InvalidCompanionError,
    Provenance,
    Resource,
    Visibility,
    check_companions,
    joint_gaps,
    joint_units,
)
from services.contracts.ids import OrganisationId, ResourceId, SiteId
from services.contracts.intervals import Interval

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPAN = 12
"""Minutes over which drawn gaps lie, so that every booking can be tried."""
UNITS = 3


def resource(number: int, *companions: Companion, units: int = 1) -> Resource:
    return Resource(
        id=ResourceId(UUID(int=number)),
        organisation_id=OrganisationId(UUID(int=100)),
        site_id=SiteId(UUID(int=101)),
        kind="machine",
        name=f"resource {number}",
        name_zh=f"资源 {number}",
        timezone="UTC",
        units=units,
        rule=CapacityRule(),
        capabilities=(),
        visibility=Visibility.PUBLIC,
        created_at=NOW,
        companions=companions,
    )


def needs(number: int, units: int = 1) -> Companion:
    return Companion(ResourceId(UUID(int=number)), units)


def gap(
    start: int,
    end: int,
    units: int = 1,
    provenance: Provenance = Provenance.DECLARED,
    age_s: float | None = None,
) -> Gap:
    interval = Interval(NOW + start * MINUTE, NOW + end * MINUTE)
    return Gap(ResourceId(UUID(int=1)), interval, units, provenance, age_s)


def shown(gaps: list[Gap]) -> list[tuple[int, int, int]]:
    return [
        (
            (one.interval.start - NOW) // MINUTE,
            (one.interval.end - NOW) // MINUTE,
            one.free_units,
        )
        for one in gaps
    ]


def holds(gaps: list[Gap], start: int, end: int, units: int) -> bool:
    asked = Interval(NOW + start * MINUTE, NOW + end * MINUTE)
    return any(one.interval.contains(asked) and one.free_units >= units for one in gaps)


drawn_gaps = st.lists(
    st.tuples(st.integers(0, SPAN - 1), st.integers(1, SPAN), st.integers(1, UNITS)).map(
        lambda drawn: gap(drawn[0], min(drawn[0] + drawn[1], SPAN), drawn[2])
    ),
    max_size=5,
)


class TestJointGaps:
    @settings(max_examples=120, deadline=None)
    @given(
        own=drawn_gaps,
        companions=st.lists(st.tuples(drawn_gaps, st.integers(1, 2)), max_size=3),
        shortest=st.integers(0, 4),
    )
    def test_hold_exactly_the_bookings_that_all_hold(
        self, own: list[Gap], companions: list[tuple[list[Gap], int]], shortest: int
    ) -> None:
        joint = joint_gaps(own, companions, shortest=shortest * MINUTE)
        for start, end in combinations(range(SPAN + 1), 2):
            for units in range(1, UNITS + 1):
                expected = holds(own, start, end, units) and all(
                    holds(gaps, start, end, units * each) for gaps, each in companions
                )
                if end - start >= max(shortest, 1):
                    assert holds(joint, start, end, units) == expected
        assert all(one.interval.duration >= shortest * MINUTE for one in joint)

    @given(own=drawn_gaps, other=drawn_gaps, units=st.integers(1, 2))
    def test_none_offers_only_what_another_does(
        self, own: list[Gap], other: list[Gap], units: int
    ) -> None:
        joint = joint_gaps(own, [(other, units)], shortest=MINUTE)
        for one in joint:
            rest = [each for each in joint if each is not one]
            (start, end, free) = shown([one])[0]
            assert not holds(rest, start, end, free)

    def test_of_nothing_else_needed_are_the_own(self) -> None:
        own = [gap(0, 5, 2), gap(3, 9)]
        assert joint_gaps(own, [], shortest=timedelta()) == own

    def test_do_not_join_two_operators_who_each_leave_in_the_middle(self) -> None:
        shifts = [gap(0, 6), gap(6, 12)]
        assert shown(joint_gaps([gap(0, 12)], [(shifts, 1)], shortest=MINUTE)) == [
            (0, 6, 1),
            (6, 12, 1),
        ]

    def test_are_measured_only_if_all_are_and_as_old_as_the_oldest(self) -> None:
        measured = gap(0, 9, provenance=Provenance.MEASURED, age_s=0.0)
        older = gap(0, 9, provenance=Provenance.MEASURED, age_s=7.0)
        (both,) = joint_gaps([measured], [([older], 1)], shortest=MINUTE)
        assert (both.provenance, both.age_s) == (Provenance.MEASURED, 7.0)
        (one,) = joint_gaps([measured], [([gap(0, 9)], 1)], shortest=MINUTE)
        assert (one.provenance, one.age_s) == (Provenance.DECLARED, 0.0)


def test_units_are_as_many_as_everything_allows() -> None:
    operators, room = resource(2, units=5), resource(3, units=9)
    known = {one.id: one for one in (operators, room)}
    assert joint_units(resource(1, needs(2, 2), units=4), known) == 2
    assert joint_units(resource(1, needs(2), needs(3), units=4), known) == 4
    assert joint_units(resource(1, units=4), {}) == 4


class TestWhatMayAccompany:
    def refused(
        self, subject: Resource, *known: Resource, accompanies: tuple[str, ...] = ()
    ) -> str:
        with pytest.raises(InvalidCompanionError) as refused:
            check_companions(subject, {one.id: one for one in known}, accompanies=accompanies)
        return str(refused.value)

    def test_others_of_the_organisation_with_enough_units(self) -> None:
        pool = resource(2, units=3)
        check_companions(resource(1, needs(2, 3)), {pool.id: pool}, accompanies=())
        check_companions(resource(1), {}, accompanies=("cell",))

    def test_itself_a_stranger_and_one_twice_may_not(self) -> None:
        assert "that resource itself" in self.refused(resource(1, needs(1)), resource(1))
        assert "no such resource" in self.refused(resource(1, needs(2)))
        assert "named twice" in self.refused(resource(1, needs(2), needs(2)), resource(2))

    @pytest.mark.parametrize("units", [0, 2])
    def test_more_units_than_there_are_may_not(self, units: int) -> None:
        assert f"{units} units" in self.refused(resource(1, needs(2, units)), resource(2))

    def test_companions_reach_one_level_deep(self) -> None:
        leader = resource(2, needs(3))
        assert "needs others itself" in self.refused(resource(1, needs(2)), leader)
        subject = resource(1, needs(2))
        refused = self.refused(subject, resource(2), accompanies=("cell",))
        assert "needed by 'cell'" in refused

    def test_there_is_a_most(self) -> None:
        others = [resource(number) for number in range(2, COMPANIONS_MAX + 3)]
        wanted = tuple(needs(number) for number in range(2, COMPANIONS_MAX + 3))
        assert f"at most {COMPANIONS_MAX}" in self.refused(resource(1, *wanted), *others)
        fewer = replace(resource(1), companions=wanted[1:])
        check_companions(fewer, {one.id: one for one in others}, accompanies=())
