"""Who may hold which roles, what an address is, how long an invitation stands."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.access import PLATFORM_ROLES, Role
from services.contracts.ids import OrganisationId
from services.identity.domain import (
    Invitation,
    InvitationState,
    OrganisationKind,
    RolesInvalidError,
    check_roles,
)
from services.identity.domain.people import INVITATION_LASTS, invitation_hash, invitation_token
from tests.support.clock import START, FrozenClock

EVERYWHERE = {Role.OWNER, Role.SELLER, Role.BUYER, Role.EXPERT}
role_sets = st.frozensets(st.sampled_from(Role))
kinds = st.sampled_from(OrganisationKind)


def accepted(roles: frozenset[Role], kind: OrganisationKind) -> bool:
    try:
        check_roles(roles, kind)
    except RolesInvalidError:
        return False
    return True


class TestRoles:
    @given(roles=role_sets, kind=kinds)
    def test_administrators_are_found_in_the_platform_alone_and_hold_one_such_role(
        self, roles: frozenset[Role], kind: OrganisationKind
    ) -> None:
        if accepted(roles, kind) and roles & PLATFORM_ROLES:
            assert kind is OrganisationKind.PLATFORM
            assert len(roles & PLATFORM_ROLES) == 1

    @given(roles=role_sets, kind=kinds)
    def test_public_offices_are_held_where_they_belong(
        self, roles: frozenset[Role], kind: OrganisationKind
    ) -> None:
        if accepted(roles, kind):
            assert roles, "no role lets do nothing"
            assert Role.PARK_OPERATOR not in roles or kind is OrganisationKind.PARK_OPERATOR
            assert Role.PROGRAMME_OFFICER not in roles or kind is OrganisationKind.AUTHORITY

    @given(roles=st.frozensets(st.sampled_from(sorted(EVERYWHERE)), min_size=1), kind=kinds)
    def test_the_others_go_together_anywhere(
        self, roles: frozenset[Role], kind: OrganisationKind
    ) -> None:
        assert accepted(roles, kind)

    @given(more=role_sets, fewer=role_sets, kind=kinds)
    def test_fewer_roles_are_never_refused_for_being_fewer(
        self, more: frozenset[Role], fewer: frozenset[Role], kind: OrganisationKind
    ) -> None:
        if accepted(more, kind) and more & fewer:
            assert accepted(more & fewer, kind)


class TestInvitation:
    def test_stands_for_seven_days_or_until_it_is_used_or_revoked(self) -> None:
        made = Invitation(
            id=FrozenClock().new_id(),
            organisation_id=OrganisationId(FrozenClock().new_id()),
            email="a@example.com",
            roles=frozenset({Role.BUYER}),
            created_at=START,
            expires_at=START + INVITATION_LASTS,
        )
        last = START + timedelta(days=7)
        assert made.state(last - timedelta(microseconds=1)) is InvitationState.OPEN
        assert made.state(last) is InvitationState.EXPIRED

    def test_its_token_is_as_long_as_it_is_random(self) -> None:
        token = invitation_token(bytes(range(32)))
        assert token == f"ni_{bytes(range(32)).hex()}"
        assert len(invitation_hash(token)) == 32
        with pytest.raises(ValueError, match="32 random bytes"):
            invitation_token(b"short")
