"""Services for teams in a park, and what is asked of them."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op

from services.runtime.row_security import IN_PARK, OWN, own, protect

revision = "0101_parks"
down_revision = "0100_chains"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _service()
    _request()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("park_request")
    op.drop_table("park_service")


def _column(name: str, kind: Any, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _service() -> None:
    op.create_table(
        "park_service",
        _column("id", sa.Uuid()),
        _column("organisation_id", sa.Uuid()),
        _column("park", TEXT()),
        _column("kind", TEXT()),
        _column("title", TEXT()),
        _column("title_zh", TEXT()),
        _column("text", TEXT()),
        _column("answer_hours", sa.Integer()),
        _instant("created_at"),
        sa.CheckConstraint(
            "kind IN ('channel', 'financing', 'market', 'talent', 'technology', 'training')",
            name=op.f("ck_park_service_kind"),
        ),
        sa.CheckConstraint("answer_hours > 0", name=op.f("ck_park_service_answers")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_park_service_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(["park"], ["park.code"], name=op.f("fk_park_service_park_park")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_park_service")),
        sa.UniqueConstraint(
            "organisation_id", "park", "id", name=op.f("uq_park_service_organisation_id_park_id")
        ),
    )
    op.create_index("ix_park_service_park_id", "park_service", ["park", "id"])


def _request() -> None:
    op.create_table(
        "park_request",
        _column("id", sa.Uuid()),
        _column("organisation_id", sa.Uuid()),
        _column("provider_id", sa.Uuid()),
        _column("service_id", sa.Uuid()),
        _column("park", TEXT()),
        _column("text", TEXT()),
        _column("state", TEXT()),
        _column("version", sa.Integer()),
        _instant("due_at"),
        _instant("created_at"),
        _instant("updated_at"),
        _instant("answered_at", nullable=True),
        _instant("done_at", nullable=True),
        _column("remark", TEXT(), nullable=True),
        *_request_constraints(),
    )
    for party in ("organisation_id", "provider_id"):
        op.create_index(f"ix_park_request_{party}_id", "park_request", [party, "id"])


def _request_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "state IN ('accepted', 'asked', 'declined', 'done', 'withdrawn')",
            name=op.f("ck_park_request_state"),
        ),
        sa.CheckConstraint("organisation_id <> provider_id", name=op.f("ck_park_request_of_two")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_park_request_counted")),
        sa.CheckConstraint(
            "(state NOT IN ('accepted', 'declined', 'done') OR answered_at IS NOT NULL)"
            " AND (state = 'done') = (done_at IS NOT NULL)",
            name=op.f("ck_park_request_dated"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_park_request_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "park", "service_id"],
            ["park_service.organisation_id", "park_service.park", "park_service.id"],
            name="fk_park_request_of_service",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_park_request")),
    ]


def _protection() -> Iterator[str]:
    """Services are for the park; a request for its two parties alone."""
    yield from protect(
        "park_service",
        read=f"{OWN} OR {IN_PARK}",
        insert=f"{OWN} AND {IN_PARK}",
        privileges="SELECT, INSERT",
    )
    parties = f"{OWN} OR {own('provider_id')}"
    yield from protect(
        "park_request",
        read=parties,
        write=parties,
        insert=f"{OWN} AND {IN_PARK} AND state = 'asked'",
        privileges="SELECT, INSERT, UPDATE (state, version, updated_at, answered_at, done_at,"
        " remark)",
    )
