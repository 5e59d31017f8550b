"""Who knocks: one of every role, people without, programs, and tokens that are no good."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from services.access.domain.tokens import TokenKind, token_hash, token_text
from services.contracts.access import Role
from tests.access.call_things import review
from tests.access.markers import Owner
from tests.access.risk_things import report
from tests.access.rows import START
from tests.access.world import World

DAY: Final = timedelta(days=1)
VALID: Final = "valid"
BAD: Final = ("expired", "revoked", "forged")
"""Tokens every caller holds, none of which lets in."""
ALSO_BAD: Final = ("idle", "ticket", "malformed")


@dataclass(frozen=True)
class Caller:
    """What the matrix expects of somebody, and the tokens they send."""

    name: str
    is_person: bool = True
    acts: bool = True
    """For the own organisation."""
    roles: frozenset[Role] = frozenset()
    strong: bool = True
    person_id: UUID | None = None
    credential_id: UUID | None = None
    passkey_id: UUID | None = None
    report_id: UUID | None = None
    review_id: UUID | None = None
    tokens: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def is_anonymous(self) -> bool:
        return not self.tokens


ANONYMOUS: Final = Caller("anonymous", acts=False, is_person=False, strong=False)


def callers(world: World) -> Iterator[Caller]:
    """Everybody, each with a good token and bad ones."""
    yield ANONYMOUS
    for role in Role:
        yield _person(world, Caller(role, roles=frozenset({role})))
    owner = Caller("owner, one factor", roles=frozenset({Role.OWNER}), strong=False)
    yield _person(world, owner)
    yield _person(world, Caller("no organisation", acts=False))
    yield removed_member(world)
    both = frozenset({Role.OWNER, Role.SELLER, Role.BUYER})
    yield _program(world, Caller("key of owner", roles=both), held=both)
    yield _program(world, Caller("key narrowed", roles=frozenset({Role.BUYER})), held=both)


def removed_member(world: World) -> Caller:
    """Who signed in for an organisation that has removed them since."""
    made = _person(world, Caller("removed member", roles=frozenset({Role.OWNER})))
    world.rows.remove("membership", person_id=made.person_id)
    return replace(made, acts=False, roles=frozenset())


def _person(world: World, asked: Caller) -> Caller:
    name = asked.name.replace(" ", "-").replace(",", "")
    person_id: UUID = world.rows.insert("person", name, email=f"{name}@example.com", locale="en")[
        "id"
    ]
    if asked.roles:
        world.owned("membership", Owner.OWN, person_id=person_id, roles=sorted(asked.roles))
    organisation_id = world.organisations[Owner.OWN] if asked.acts else None
    session = {
        "person_id": person_id,
        "organisation_id": organisation_id,
        "expires_at": START + DAY,
        "strong_at": START if asked.strong else None,
    }
    confirmed = START if asked.strong else None
    world.rows.insert("totp", name, person_id=person_id, confirmed_at=confirmed)
    passkey_id = world.rows.new_id()
    if asked.strong:
        world.rows.insert("passkey", name, id=passkey_id, person_id=person_id)
    ids, tokens = {}, dict[str, str]()
    for kind, facts in {
        VALID: {"created_at": START + DAY},  # fresh, however long the matrix takes
        "expired": {"created_at": START - DAY, "expires_at": START - timedelta(seconds=1)},
        "idle": {"created_at": START - DAY, "last_seen_at": START - timedelta(hours=2)},
        "revoked": {"revoked_at": START},
    }.items():
        drawn = _drawn(world, TokenKind.SESSION)
        row = world.rows.insert("session", name, **session | facts, token_hash=token_hash(drawn))
        ids[kind], tokens[kind] = row["id"], drawn
    return replace(
        asked,
        person_id=person_id,
        credential_id=ids[VALID],
        passkey_id=passkey_id,
        report_id=report(world, Owner.OWN, person_id),
        review_id=review(world, Owner.OWN, person_id),
        tokens=tokens | _nobodys(world),
    )


def _program(world: World, asked: Caller, *, held: frozenset[Role]) -> Caller:
    account: UUID = world.owned("service_account", Owner.OWN, roles=sorted(held))["id"]
    ids, tokens = {}, dict[str, str]()
    for kind, facts in {
        VALID: {},
        "expired": {"expires_at": START - timedelta(seconds=1)},
        "revoked": {"revoked_at": START},
    }.items():
        drawn = _drawn(world, TokenKind.API_KEY)
        row = world.owned(
            "api_key",
            Owner.OWN,
            service_account_id=account,
            **dict[str, Any]({"expires_at": START + DAY} | facts),
            roles=sorted(asked.roles),
            token_hash=token_hash(drawn),
        )
        ids[kind], tokens[kind] = row["id"], drawn
    return replace(
        asked,
        is_person=False,
        strong=False,
        credential_id=ids[VALID],
        report_id=report(world, Owner.OWN, account),
        review_id=review(world, Owner.OWN, account),
        tokens=tokens | _nobodys(world),
    )


def _nobodys(world: World) -> dict[str, str]:
    return {
        "forged": _drawn(world, TokenKind.SESSION),
        "ticket": _drawn(world, TokenKind.TICKET),
        "malformed": "ns_not-a-token",
    }


def _drawn(world: World, kind: TokenKind) -> str:
    halves = world.rows.new_id().bytes + world.rows.new_id().bytes
    return token_text(kind, halves)
