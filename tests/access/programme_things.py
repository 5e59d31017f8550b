"""Awarded projects, their progress reports, and pages about them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tests.access import call_things as call
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
"""Who applied, and whose call it was."""
DAY: Final = timedelta(days=1)


def applications(world: World) -> Iterator[Thing]:
    """Those of ``call_things``, and an awarded one of the callers'."""
    yield from call.applications(world)
    made = _awarded(world, Owner.OWN, Owner.NEIGHBOUR)
    yield Thing("awarded", Owner.OWN, Shown.ORGANISATION, {"application_id": str(made)})
    world.named["awarded"] = _awarded(world, Owner.NEIGHBOUR, Owner.OWN)


def progress_reports(world: World) -> Iterator[Thing]:
    """Handed in by one, for the other to review."""
    for by, to in _PAIRS:
        path = {"progress_report_id": str(_report(world, by, to))}
        yield _between(f"{by} to {to}", by, to, path)
    gone = _report(world, Owner.NEIGHBOUR, Owner.OWN)
    world.rows.delete("progress_report", id=gone)
    yield deleted({"progress_report_id": str(gone)})


def best_practices(world: World) -> Iterator[Thing]:
    """Proposed ones, of two sides; the applicant's to decide. Published ones, for everybody."""
    for applicant, proposer in _PAIRS:
        path = {"best_practice_id": str(_page(world, applicant, proposer, "proposed"))}
        yield Thing(
            f"{proposer} on {applicant}, proposed", proposer, Shown.ORGANISATION, path,
            parties=frozenset({applicant, proposer}), taker=applicant,
        )  # fmt: skip
    made = _page(world, Owner.NEIGHBOUR, Owner.STRANGER, "published")
    yield Thing("published", Owner.STRANGER, Shown.PUBLIC, {"best_practice_id": str(made)})
    gone = _page(world, Owner.OWN, Owner.NEIGHBOUR, "withdrawn")
    world.rows.delete("best_practice", id=gone)
    yield deleted({"best_practice_id": str(gone)})


def _between(name: str, by: Owner, to: Owner, path: dict[str, str]) -> Thing:
    return Thing(name, by, Shown.ORGANISATION, path, parties=frozenset({by, to}), taker=to)


def _secret_of(one: Owner, other: Owner) -> Owner:
    return Owner.OWN if Owner.OWN in {one, other} else Owner.STRANGER


def _awarded(world: World, by: Owner, to: Owner) -> UUID:
    """An application of ``by`` that won a call of ``to``."""
    secret = _secret_of(by, to)
    winner, owner = world.organisations[by], world.organisations[to]
    call_id = world.add(
        "call", secret, Shown.PUBLIC, organisation_id=owner, kind="selection",
        visibility="public", blind=False, reviewers=1, awards=1, conflicts=[],
        criteria=call.CRITERIA, opens_at=START - 9 * DAY, submit_until=START - 8 * DAY,
        screen_until=START - 7 * DAY, review_until=START - 6 * DAY, notice_days=5,
        stage="awarded", stage_until=START,
    )["id"]  # fmt: skip
    said = marker(secret, Shown.ORGANISATION)
    paper = world.rows.insert(
        "call_submission", said, organisation_id=winner, owner_id=owner, call_id=call_id,
        state="submitted", version=1, document_ids=[],
    )["id"]  # fmt: skip
    facts: dict[str, Any] = {"organisation_id": owner, "call_id": call_id}
    world.rows.insert(
        "call_paper", said, **facts, id=paper, code="PROBE", screening="admitted", trace=[]
    )
    world.rows.insert(
        "call_award", marker(secret, Shown.PUBLIC), **facts, winner_id=winner, paper_id=paper,
        rank=1, certificate=f"probe-{world.rows.new_id().hex}", prize_minor=None, currency=None,
        escrow_id=None,
    )  # fmt: skip
    world.add("programme_run", secret, Shown.PUBLIC, **facts, programme="miit-2017", version=1)
    made: UUID = world.add(
        "programme_application", secret, organisation_id=winner, owner_id=owner,
        recommender_id=owner, call_id=call_id, programme="miit-2017", version=1, directions=[1],
        figures=[], findings=[], fields=call.STATED, state="filed", submission_id=paper,
    )["id"]  # fmt: skip
    return made


def _report(world: World, by: Owner, to: Owner) -> UUID:
    made: UUID = world.add(
        "progress_report", _secret_of(by, to), organisation_id=world.organisations[by],
        owner_id=world.organisations[to], application_id=_awarded(world, by, to), number=1,
        due_on=START.date(), figures=[], state="submitted",
    )["id"]  # fmt: skip
    return made


def _page(world: World, applicant: Owner, proposer: Owner, state: str) -> UUID:
    published = state == "published"
    secret = Owner.STRANGER if published else _secret_of(applicant, proposer)
    application_id = _awarded(world, applicant, proposer)
    if published:
        world.sightings.know(application_id, secret, Shown.PUBLIC)  # the page's row names it
    made: UUID = world.add(
        "best_practice", secret, Shown.PUBLIC if published else Shown.ORGANISATION,
        organisation_id=world.organisations[proposer],
        applicant_id=world.organisations[applicant],
        application_id=application_id, figures=[], state=state,
        published_at=START if published else None,
    )["id"]  # fmt: skip
    return made
