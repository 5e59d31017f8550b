"""Things of incubation: programmes, teams in each state, milestones, approvals, introductions."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tests.access.call_things import CRITERIA
from tests.access.making import deleted
from tests.access.markers import Owner, Shown, marker
from tests.access.rows import START
from tests.access.world import Thing, World

_PAIRS: Final = (
    (Owner.OWN, Owner.NEIGHBOUR),
    (Owner.NEIGHBOUR, Owner.OWN),
    (Owner.NEIGHBOUR, Owner.STRANGER),
    (Owner.STRANGER, Owner.NEIGHBOUR),
)
"""Who incubates whom; and which team is shown to which investor."""
EARLIER: Final = (START - timedelta(days=60)).date()


def programmes(world: World) -> Iterator[Thing]:
    """Shown to whom their calls are; and an own call that is no programme yet."""
    own_id = world.organisations[Owner.OWN]
    world.named["call"] = _call(world, own_id, Owner.OWN, Shown.ORGANISATION)
    for owner in Owner:
        for shown in (Shown.ORGANISATION, Shown.PUBLIC):
            made = _programme(world, owner, shown)
            yield Thing(f"{owner} {shown}", owner, shown, {"incubation_id": str(made)})
    gone = _programme(world, Owner.OWN, Shown.ORGANISATION)
    world.rows.delete("incubation_programme", id=gone)
    yield deleted({"incubation_id": str(gone)})


def teams(world: World) -> Iterator[Thing]:
    """Of those who incubate and those who are incubated; a graduated one survived."""
    for incubator, team in _PAIRS:
        for state in ("incubating", "graduated"):
            made = _team(world, incubator, team, state)
            path = {"incubated_team_id": str(made)}
            yield _between(f"{incubator} of {team}, {state}", incubator, team, path)
    gone = _team(world, Owner.OWN, Owner.NEIGHBOUR, "incubating")
    world.rows.delete("incubated_team", id=gone)
    yield deleted({"incubated_team_id": str(gone)})


def milestones(world: World) -> Iterator[Thing]:
    for incubator, team in _PAIRS:
        for state in ("planned", "reported"):
            made = _milestone(world, incubator, team, state)
            path = {"milestone_id": str(made)}
            yield _between(f"{incubator} of {team}, {state}", incubator, team, path)
    gone = _milestone(world, Owner.OWN, Owner.NEIGHBOUR, "planned")
    world.rows.delete("incubation_milestone", id=gone)
    yield deleted({"milestone_id": str(gone)})


def approvals(world: World) -> Iterator[Thing]:
    """A register everybody reads; each is its incubator's to take back. An investor to approve."""
    world.named["investor"] = world.rows.insert(
        "organisation",
        marker(Owner.STRANGER, Shown.PUBLIC),
        kind="investor",
        verification="verified",
    )["id"]
    for owner in Owner:
        made = _approval(world, world.organisations[owner])
        yield Thing(f"of {owner}", owner, Shown.ORGANISATION, {"approval_id": str(made)})
    gone = _approval(world, world.organisations[Owner.OWN])
    world.rows.delete("investor_approval", id=gone)
    yield deleted({"approval_id": str(gone)})


def introductions(world: World) -> Iterator[Thing]:
    """Each of an incubator of its own, so that nobody is shown other teams by it."""
    incubator, investor = _organisation(world), _organisation(world)
    team = world.organisations[Owner.OWN]
    world.named["team"] = _incubated(world, incubator, team, Owner.OWN, "incubating")
    world.named["approved"] = investor
    _approval(world, incubator, investor)
    for of, to in _PAIRS:
        for state in ("asked", "consented"):
            made = _introduction(world, of, to, state)
            path = {"introduction_id": str(made)}
            yield Thing(
                f"{of} to {to}, {state}", of, Shown.ORGANISATION, path,
                parties=frozenset({of, to}), taker=of, giver=to,
            )  # fmt: skip
    gone = _introduction(world, Owner.OWN, Owner.NEIGHBOUR, "closed")
    world.rows.delete("introduction", id=gone)
    yield deleted({"introduction_id": str(gone)})


def _between(name: str, incubator: Owner, team: Owner, path: dict[str, str]) -> Thing:
    return Thing(
        name, incubator, Shown.ORGANISATION, path, parties=frozenset({incubator, team}), taker=team
    )


def _secret_of(one: Owner, other: Owner) -> Owner:
    return Owner.OWN if Owner.OWN in {one, other} else Owner.STRANGER


def _call(world: World, owner_id: UUID, secret: Owner, shown: Shown) -> UUID:
    made: UUID = world.add(
        "call", secret, shown, organisation_id=owner_id, kind="cohort", stage="awarded",
        visibility=shown.value, criteria=CRITERIA, conflicts=[], blind=False, reviewers=1, awards=1,
        opens_at=START - timedelta(days=9), submit_until=START - timedelta(days=8),
        screen_until=START - timedelta(days=7), review_until=START - timedelta(days=6),
        notice_days=1, stage_until=START,
    )["id"]  # fmt: skip
    return made


def _programme(world: World, owner: Owner, shown: Shown) -> UUID:
    owner_id = world.organisations[owner]
    space = world.add("space", owner, Shown.ORGANISATION, organisation_id=owner_id)["id"]
    world.sightings.know(space, owner, shown)  # the programme's row names it
    call_id = _call(world, owner_id, owner, shown)
    made: UUID = world.add(
        "incubation_programme", owner, shown, organisation_id=owner_id, call_id=call_id,
        space_id=space,
    )["id"]  # fmt: skip
    return made


def _incubated(world: World, incubator_id: UUID, team_id: UUID, secret: Owner, state: str) -> UUID:
    call_id = _call(world, incubator_id, secret, Shown.ORGANISATION)
    space = world.add("space", secret, organisation_id=incubator_id)["id"]
    programme = world.add(
        "incubation_programme", secret, organisation_id=incubator_id, call_id=call_id,
        space_id=space,
    )["id"]  # fmt: skip
    facts: dict[str, Any] = {"organisation_id": incubator_id, "call_id": call_id}
    paper = world.rows.insert(
        "call_submission", marker(secret, Shown.ORGANISATION), organisation_id=team_id,
        owner_id=incubator_id, call_id=call_id, state="submitted", version=1, document_ids=[],
    )["id"]  # fmt: skip
    world.rows.insert(
        "call_paper", marker(secret, Shown.ORGANISATION), **facts, id=paper, code="PROBE",
        screening="admitted", trace=[],
    )  # fmt: skip
    award = world.add(
        "call_award", secret, **facts, winner_id=team_id, paper_id=paper, rank=1,
        certificate=f"probe-{world.rows.new_id().hex}", prize_minor=None, currency=None,
        escrow_id=None,
    )["id"]  # fmt: skip
    made: UUID = world.add(
        "incubated_team", secret, organisation_id=incubator_id, team_id=team_id,
        programme_id=programme, award_id=award, state=state,
    )["id"]  # fmt: skip
    return made


def _team(world: World, incubator: Owner, team: Owner, state: str) -> UUID:
    secret = _secret_of(incubator, team)
    incubator_id, team_id = world.organisations[incubator], world.organisations[team]
    made = _incubated(world, incubator_id, team_id, secret, state)
    if state == "graduated":
        world.add(
            "incubation_fact", secret, organisation_id=incubator_id, team_id=team_id,
            incubated_id=made, kind="admitted", occurred_on=EARLIER,
        )  # fmt: skip
    return made


def _milestone(world: World, incubator: Owner, team: Owner, state: str) -> UUID:
    secret = _secret_of(incubator, team)
    made: UUID = world.add(
        "incubation_milestone", secret, organisation_id=world.organisations[incubator],
        team_id=world.organisations[team],
        incubated_id=_team(world, incubator, team, "incubating"), due_on=EARLIER, state=state,
        said=None if state == "planned" else marker(secret, Shown.ORGANISATION),
    )["id"]  # fmt: skip
    return made


def _organisation(world: World) -> UUID:
    name = marker(Owner.STRANGER, Shown.PUBLIC)
    made: UUID = world.rows.insert("organisation", name, kind="investor")["id"]
    return made


def _approval(world: World, incubator_id: UUID, investor_id: UUID | None = None) -> UUID:
    made: UUID = world.add(
        "investor_approval", Owner.STRANGER, Shown.PUBLIC, organisation_id=incubator_id,
        investor_id=investor_id or _organisation(world),
    )["id"]  # fmt: skip
    return made


def _introduction(world: World, team: Owner, investor: Owner, state: str) -> UUID:
    secret, incubator_id = _secret_of(team, investor), _organisation(world)
    team_id, investor_id = world.organisations[team], world.organisations[investor]
    whose: dict[str, Any] = {"organisation_id": team_id, "investor_id": investor_id}
    consented = state == "consented"
    made: UUID = world.add(
        "introduction", secret, **whose, incubator_id=incubator_id,
        incubated_id=_incubated(world, incubator_id, team_id, secret, "incubating"),
        approval_id=_approval(world, incubator_id, investor_id), asked_by="team", state=state,
        consented_at=START - timedelta(days=1) if consented else None,
        expires_at=START + timedelta(days=30) if consented else None,
    )["id"]  # fmt: skip
    if consented:
        world.add(
            "introduction_item", secret, **whose, introduction_id=made, kind="milestones",
            value=1, rows=1, rows_sha256="0" * 64,
        )  # fmt: skip
    return made
