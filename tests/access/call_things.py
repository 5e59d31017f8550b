"""Calls in every stage that matters, what was submitted to them, reviews and appeals."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tests.access.making import OF_CALLER, deleted
from tests.access.markers import Owner, Shown, marker
from tests.access.rows import START
from tests.access.world import Thing, World

DAY: Final = timedelta(days=1)
CODE: Final = "PROBE"
CRITERIA: Final = [{"key": "probe", "name": "Probe", "name_zh": "探针", "weight": 1, "most": 10}]
STATED: Final = {
    "centrally_funded": False, "contact": "Probe", "mobile": "1", "narrative": "Probe",
}  # fmt: skip
_CALL_SHOWN: Final = (Shown.ORGANISATION, Shown.PUBLIC)


def calls(world: World) -> Iterator[Thing]:
    """Calls shown to whom they may be; own ones that are screened and that stand open."""
    for owner in Owner:
        for shown in _CALL_SHOWN:
            path = {"call_id": str(_run(world, owner, shown))}
            yield Thing(f"{owner} {shown}", owner, shown, path)
    screened = _call(world, Owner.OWN, Shown.PUBLIC, "screening")
    yield Thing("screened here", Owner.OWN, Shown.PUBLIC, {"call_id": str(screened)})
    standing = _call(world, Owner.OWN, Shown.PUBLIC, "notice")
    _paper(world, Owner.OWN, standing)
    place = {"code": CODE, "title": "Probe", "rank": 1, "score": 1}
    world.owned(
        "call_notice", Owner.OWN, Shown.PUBLIC, call_id=standing, number=1, places=[place],
        opens_at=START - DAY, closes_at=START + DAY,
    )  # fmt: skip
    yield Thing("stands here", Owner.OWN, Shown.PUBLIC, {"call_id": str(standing)})
    gone = _call(world, Owner.OWN, Shown.ORGANISATION)
    world.rows.delete("call", id=gone)
    yield deleted({"call_id": str(gone)})


def applications(world: World) -> Iterator[Thing]:
    """Own drafts and recommended ones, what the callers recommend, and what is among others."""
    call_id = _run(world, Owner.STRANGER, Shown.PUBLIC)
    pairs = (
        (Owner.OWN, Owner.NEIGHBOUR, "draft"), (Owner.NEIGHBOUR, Owner.OWN, "applied"),
        (Owner.STRANGER, Owner.NEIGHBOUR, "applied"),
    )  # fmt: skip
    for by, to, state in pairs:
        path = {"application_id": str(_application(world, by, to, call_id, state))}
        yield Thing(
            f"{by} by {to}, {state}", by, Shown.ORGANISATION, path,
            parties=frozenset({by, to}), taker=to,
        )  # fmt: skip
    other = _run(world, Owner.STRANGER, Shown.PUBLIC)
    made = _application(world, Owner.OWN, Owner.NEIGHBOUR, other, "applied")
    world.rows.insert(
        "programme_recommendation", "", organisation_id=world.organisations[Owner.NEIGHBOUR],
        applicant_id=world.organisations[Owner.OWN], application_id=made, call_id=other,
        owner_id=world.organisations[Owner.STRANGER], place=1,
    )  # fmt: skip
    yield Thing(
        "recommended", Owner.OWN, Shown.ORGANISATION, {"application_id": str(made)},
        parties=frozenset({Owner.OWN, Owner.NEIGHBOUR}), taker=Owner.NEIGHBOUR,
    )  # fmt: skip
    gone = _application(world, Owner.OWN, Owner.NEIGHBOUR, call_id, "draft")
    world.rows.delete("programme_application", id=gone)
    yield deleted({"application_id": str(gone)})


def _application(world: World, by: Owner, to: Owner, call_id: UUID, state: str) -> UUID:
    """Its secrets are the stranger's unless the callers are party to it."""
    owner = Owner.OWN if Owner.OWN in {by, to} else Owner.STRANGER
    made: UUID = world.add(
        "programme_application", owner, organisation_id=world.organisations[by],
        recommender_id=world.organisations[to], owner_id=world.organisations[Owner.STRANGER],
        call_id=call_id, programme="miit-2017", version=1, directions=[1], figures=[], findings=[],
        fields=STATED, state=state,
    )["id"]  # fmt: skip
    return made


def _run(world: World, owner: Owner, shown: Shown) -> UUID:
    """A call that runs a programme."""
    made = _call(world, owner, shown)
    world.owned("programme_run", owner, shown, call_id=made, programme="miit-2017", version=1)
    return made


def jurors(world: World) -> Iterator[Thing]:
    """On a jury of each organisation; and nobody."""
    for owner in Owner:
        call_id, person_id = _call(world, owner), world.person(owner, (), "juror")
        world.owned("call_juror", owner, call_id=call_id, person_id=person_id)
        path = {"call_id": str(call_id), "juror_id": str(person_id)}
        yield Thing(owner, owner, Shown.ORGANISATION, path)
    own = _call(world, Owner.OWN)
    yield deleted({"call_id": str(own), "juror_id": str(world.rows.new_id())})


def submissions(world: World) -> Iterator[Thing]:
    """Drafts of each organisation for a call everybody sees."""
    call_id = _call(world, Owner.NEIGHBOUR, Shown.PUBLIC)
    for owner in Owner:
        made = _submission(world, owner, Owner.NEIGHBOUR, call_id)
        yield Thing(owner, owner, Shown.ORGANISATION, {"submission_id": str(made)})
    gone = _submission(world, Owner.OWN, Owner.NEIGHBOUR, call_id)
    world.rows.delete("call_submission", id=gone)
    yield deleted({"submission_id": str(gone)})


def papers(world: World) -> Iterator[Thing]:
    """Of a stranger, in a call of each organisation that is being screened."""
    for owner in Owner:
        made = _paper(world, owner, _call(world, owner, Shown.ORGANISATION, "screening"))
        yield Thing(owner, owner, Shown.ORGANISATION, {"paper_id": str(made)})
    gone = _paper(world, Owner.OWN, _call(world, Owner.OWN, Shown.ORGANISATION, "screening"))
    world.rows.delete("call_paper", id=gone)
    yield deleted({"paper_id": str(gone)})


def reviews(world: World) -> Iterator[Thing]:
    """The caller's own, and others'."""
    own = {"review_id": f"{OF_CALLER}review_id"}
    yield Thing("the caller's", Owner.OWN, Shown.PRIVATE, own, of_caller=True)
    for owner in Owner:
        path = {"review_id": str(review(world, owner, world.rows.new_id()))}
        yield Thing(f"of {owner}", owner, Shown.PRIVATE, path, of_caller=False)
    gone = review(world, Owner.OWN, world.rows.new_id())
    world.rows.delete("call_review", id=gone)
    yield deleted({"review_id": str(gone)})


def review(world: World, owner: Owner, person_id: UUID) -> UUID:
    """What somebody is asked to judge in a call of ``owner``."""
    call_id = _call(world, owner, Shown.ORGANISATION, "review")
    made: UUID = world.owned(
        "call_review", owner, call_id=call_id, paper_id=_paper(world, owner, call_id),
        person_id=person_id, state="assigned", decided_at=None, reason=None,
    )["id"]  # fmt: skip
    return made


def appeals(world: World) -> Iterator[Thing]:
    """To calls of the callers', by them, and among others."""
    pairs = (
        (Owner.NEIGHBOUR, Owner.OWN), (Owner.OWN, Owner.NEIGHBOUR),
        (Owner.NEIGHBOUR, Owner.STRANGER),
    )  # fmt: skip
    for by, to in pairs:
        path = {"appeal_id": str(_appeal(world, by, to))}
        parties = frozenset({by, to})
        yield Thing(f"{by} to {to}", by, Shown.ORGANISATION, path, parties=parties, giver=to)
    gone = _appeal(world, Owner.OWN, Owner.OWN)
    world.rows.delete("call_appeal", id=gone)
    yield deleted({"appeal_id": str(gone)})


def _call(
    world: World, owner: Owner, shown: Shown = Shown.ORGANISATION, stage: str = "submission"
) -> UUID:
    made: UUID = world.owned(
        "call", owner, shown,
        kind="selection", visibility=shown.value, blind=True, reviewers=1, awards=1, conflicts=[],
        criteria=CRITERIA, opens_at=START - DAY, submit_until=START + DAY,
        screen_until=START + 2 * DAY, review_until=START + 3 * DAY, notice_days=5, stage=stage,
        stage_until=START + DAY,
    )["id"]  # fmt: skip
    return made


def _submission(world: World, owner: Owner, to: Owner, call_id: UUID) -> UUID:
    made: UUID = world.owned(
        "call_submission", owner, owner_id=world.organisations[to], call_id=call_id, state="draft",
        version=1, document_ids=[],
    )["id"]  # fmt: skip
    return made


def _paper(world: World, owner: Owner, call_id: UUID) -> UUID:
    """In a call of ``owner``; a stranger's."""
    secret = marker(Owner.STRANGER, Shown.ORGANISATION)
    sent: UUID = world.rows.insert(
        "call_submission", secret, organisation_id=world.organisations[Owner.STRANGER],
        owner_id=world.organisations[owner], call_id=call_id, state="submitted", version=1,
        document_ids=[],
    )["id"]  # fmt: skip
    world.rows.insert(
        "call_paper", marker(owner, Shown.ORGANISATION), id=sent,
        organisation_id=world.organisations[owner], call_id=call_id, code=CODE,
        screening="pending", trace=[],
    )  # fmt: skip
    return sent


def _appeal(world: World, by: Owner, to: Owner) -> UUID:
    """Its secrets are the stranger's unless the callers are party to it."""
    owner = Owner.OWN if Owner.OWN in {by, to} else Owner.STRANGER
    call_id = _call(world, to, Shown.PUBLIC, "notice")
    _paper(world, to, call_id)
    facts: dict[str, Any] = {
        "organisation_id": world.organisations[by], "owner_id": world.organisations[to],
        "call_id": call_id, "code": CODE, "state": "open",
    }  # fmt: skip
    made: UUID = world.add("call_appeal", owner, **facts)["id"]
    return made
