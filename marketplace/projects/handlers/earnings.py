"""What teams earned, and how workers and teams stand: from releases and accepted work alone."""

from collections import defaultdict
from uuid import UUID

from sqlmodel import Session

from marketplace.projects import store
from marketplace.projects.domain.gigs import Gig, Standing, TeamIncome, standing
from marketplace.projects.handlers.finding import joined
from services.contracts.ids import OrganisationId
from services.ledger import handlers as ledger
from services.ledger.domain import MovementKind
from services.ledger.domain.shares import split
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction

MOVEMENTS_MAX = 200


def follow_release(
    *, session: Session, clock: Clock, gig_id: UUID, escrow_id: UUID, fact_id: UUID
) -> None:
    """Write down for the team's members what a release brought them, as the ledger shared it."""
    gig = store.find(session, Gig, gig_id)
    if gig is None or gig.team_id is None or gig.worker_id is None:
        return
    if store.has_income(session, escrow_id):
        return
    escrow = ledger.get_escrow(session=session, viewer=gig.worker_id, escrow_id=escrow_id)
    movements = ledger.list_movements(
        session=session,
        viewer=gig.worker_id,
        escrow_id=escrow_id,
        after=None,
        limit=MOVEMENTS_MAX,
    )
    paid = next(
        one for one in movements if one.kind is MovementKind.RELEASED and one.fact_id == fact_id
    )
    assert escrow.terms.share_rule_id is not None, "a team applied with its share rule"
    rule = ledger.get_share_rule(
        session=session, organisation_id=gig.worker_id, rule_id=escrow.terms.share_rule_id
    )
    parts = split(paid.net_minor, [member.stake for member in rule.members])
    income = TeamIncome(
        id=clock.new_id(),
        project_id=gig.team_id,
        organisation_id=gig.worker_id,
        gig_id=gig.id,
        escrow_id=escrow_id,
        amount_minor=paid.minor,
        net_minor=paid.net_minor,
        currency=gig.currency,
        parts={
            member.organisation_id: part for member, part in zip(rule.members, parts, strict=True)
        },
        at=paid.at,
    )
    store.add(session, income)


def list_income(
    *,
    session: Session,
    organisation_id: OrganisationId,
    project_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[TeamIncome]:
    """A page of a team's statement, for its members.

    Raises:
        ProjectNotFoundError: no such team.
    """
    joined(session, project_id, organisation_id)
    return store.page(session, TeamIncome, after=after, limit=limit, project_id=project_id)


def rank(*, session: Session, kind: str, currency: str, limit: int) -> list[Standing]:
    """Teams or workers, the best first, as last counted."""
    return store.standings(session, kind, currency=currency, limit=limit)


def count_standings(*, sessions: Sessions, clock: Clock) -> int:
    """Count every accepted gig anew for its worker and its team; tells how many stand."""
    with transaction(sessions) as session:
        done: dict[tuple[str, UUID, OrganisationId, str], list[Gig]] = defaultdict(list)
        for gig in store.settled_gigs(session):
            if gig.worker_id is None:
                continue
            done["worker", gig.worker_id, gig.worker_id, gig.currency].append(gig)
            if gig.team_id is not None:
                done["team", gig.team_id, gig.worker_id, gig.currency].append(gig)
        for (kind, subject_id, owner, currency), gigs in done.items():
            found = standing(subject_id, map(store.done_of, gigs))
            store.save_standing(
                session, kind, found, organisation_id=owner, currency=currency, now=clock.now()
            )
        return len(done)
