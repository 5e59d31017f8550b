"""A trail with something in it, and the cost of writing to one.

``python -m tests.support.audit`` prints what an entry adds to a transaction.
"""

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Final

from sqlmodel import Session, text

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.ids import OrganisationId
from services.runtime import migrations
from services.runtime.audit.recording import Occasion, begin, note
from services.runtime.clock import Clock, SystemClock
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from services.runtime.embedded.postgres import EmbeddedPostgres

ROUNDS: Final = 500


def owner_of(organisation_id: OrganisationId, clock: Clock) -> Principal:
    return Principal(
        kind=PrincipalKind.PERSON,
        id=clock.new_id(),
        organisation_id=organisation_id,
        roles=frozenset({Role.OWNER}),
        credential_id=clock.new_id(),
    )


def request(
    sessions: Sessions,
    principal: Principal,
    clock: Clock,
    *,
    action: str = "thing.change",
    work: Callable[[Session], object] = lambda _: None,
) -> None:
    """What a mutating request does to the trail."""
    with transaction(sessions, principal) as session:
        occasion = Occasion(
            action, request_id=clock.new_id().hex, path_ids={"thing_id": "7"}, always=True
        )
        begin(session, occasion, clock=clock)
        work(session)


def noting(clock: Clock, count: int = 1) -> Callable[[Session], None]:
    """Work that tells of ``count`` things."""

    def work(session: Session) -> None:
        for number in range(count):
            note(
                session,
                subject_kind="thing",
                subject_id=clock.new_id(),
                before={"name": "old", "number": number},
                after={"name": "new", "number": number + 1},
            )

    return work


def _cost(sessions: Sessions, principal: Principal, clock: Clock, *, notes: int | None) -> float:
    """Median milliseconds of a transaction that writes one row; ``None``: without the trail."""
    took = []
    for _ in range(ROUNDS):
        started = perf_counter()
        with transaction(sessions, principal) as session:
            if notes is not None:
                begin(session, Occasion("thing.change", always=True), clock=clock)
                noting(clock, notes)(session)
            session.connection().execute(text("INSERT INTO measured VALUES (1)"))
        took.append((perf_counter() - started) * 1000)
    return statistics.median(took)


def main() -> None:
    """Print the medians on a server of its own that keeps its promises to the disk."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="nonagon-audit-cost-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder) / "database") as server:
            migrations.upgrade(server.database_url)
            engine = engine_for(server.database_url, pool_max=1, application="measure")
            sessions = sessions_for(engine)
            principal = owner_of(OrganisationId(clock.new_id()), clock)
            with transaction(sessions) as session:
                session.connection().execute(text("CREATE TABLE measured (n int)"))
            bare = _cost(sessions, principal, clock, notes=None)
            bare = _cost(sessions, principal, clock, notes=None)
            print(f"transaction of one insert, no trail: {bare:.3f} ms")  # noqa: T201
            for notes in (0, 1, 10, 100):
                cost = _cost(sessions, principal, clock, notes=notes)
                print(f"  with {max(notes, 1):3} entries: {cost:.3f} ms (+{cost - bare:.3f})")  # noqa: T201
            engine.dispose()


if __name__ == "__main__":
    main()
