"""Chain spaces: weekly figures, orders shown to the space, products and their records."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.row_security import IN_SPACE, OWN, own, protect

revision = "0100_chains"
down_revision = "0097_launches"
branch_labels = None
depends_on = None

TABLES = ("chain_figure", "chain_product", "chain_record", "chain_order")
TEXT = sqlmodel.sql.sqltypes.AutoString
SEEN = f"{OWN} OR {IN_SPACE}"
ADDED = f"{OWN} AND {IN_SPACE}"
OWN_ORDER = (
    "EXISTS (SELECT FROM deal_order AS shown WHERE shown.id = order_id"
    " AND shown.organisation_id = chain_order.organisation_id"
    " AND shown.supplier_id = chain_order.supplier_id"
    " AND shown.state = chain_order.state AND shown.at_risk = chain_order.at_risk)"
)


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _figure()
    _product()
    _record()
    _order()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _column(name: str, kind: Any, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _of(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}")
    )


def _figure() -> None:
    op.create_table(
        "chain_figure",
        _column("id", sa.Uuid()),
        _column("organisation_id", sa.Uuid()),
        _column("space_id", sa.Uuid()),
        _column("kind", TEXT()),
        _column("partner_id", sa.Uuid()),
        _column("item", TEXT()),
        _column("unit", TEXT()),
        _column("week", TEXT()),
        _column("lowest", sa.BigInteger()),
        _column("quantity", sa.BigInteger()),
        _column("highest", sa.BigInteger()),
        _column("source", TEXT()),
        _column("version", sa.Integer()),
        _instant("created_at"),
        *_figure_constraints(),
    )
    op.create_index("ix_chain_figure_space_id_id", "chain_figure", ["space_id", "id"])
    op.create_index(
        "ix_chain_figure_space_id_item_week", "chain_figure", ["space_id", "item", "week"]
    )


def _figure_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("kind IN ('capacity', 'demand')", name=op.f("ck_chain_figure_kind")),
        sa.CheckConstraint(
            "source IN ('declared', 'measured', 'planned')", name=op.f("ck_chain_figure_source")
        ),
        sa.CheckConstraint(
            "week ~ '^2[01][0-9]{2}-W(0[1-9]|[1-4][0-9]|5[0-3])$'",
            name=op.f("ck_chain_figure_week"),
        ),
        sa.CheckConstraint(
            "0 <= lowest AND lowest <= quantity AND quantity <= highest",
            name=op.f("ck_chain_figure_bounds"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_chain_figure_counted")),
        sa.CheckConstraint("organisation_id <> partner_id", name=op.f("ck_chain_figure_of_two")),
        _of("chain_figure", "organisation_id", "organisation"),
        _of("chain_figure", "partner_id", "organisation"),
        _of("chain_figure", "space_id", "space"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_figure")),
        sa.UniqueConstraint(
            "space_id",
            "organisation_id",
            "kind",
            "partner_id",
            "item",
            "unit",
            "week",
            "version",
            name="uq_chain_figure_version",
        ),
    ]


def _product() -> None:
    op.create_table(
        "chain_product",
        _column("id", sa.Uuid()),
        _column("organisation_id", sa.Uuid()),
        _column("space_id", sa.Uuid()),
        _column("item", TEXT()),
        _column("serial", TEXT()),
        _instant("created_at"),
        _of("chain_product", "organisation_id", "organisation"),
        _of("chain_product", "space_id", "space"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_product")),
        sa.UniqueConstraint(
            "organisation_id",
            "space_id",
            "item",
            "serial",
            name=op.f("uq_chain_product_organisation_id_space_id_item_serial"),
        ),
        sa.UniqueConstraint("space_id", "id", name=op.f("uq_chain_product_space_id_id")),
    )


def _record() -> None:
    op.create_table(
        "chain_record",
        _column("id", sa.Uuid()),
        _column("organisation_id", sa.Uuid()),
        _column("space_id", sa.Uuid()),
        _column("product_id", sa.Uuid()),
        _column("position", sa.Integer()),
        _column("kind", TEXT()),
        _column("facts", postgresql.JSONB(astext_type=sa.Text())),
        _instant("created_at"),
        _column("prior_sha256", TEXT(), nullable=True),
        _column("sha256", TEXT()),
        *_record_constraints(),
    )


def _record_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "kind IN ('made', 'measured', 'retired', 'serviced', 'shipped')",
            name=op.f("ck_chain_record_kind"),
        ),
        sa.CheckConstraint(
            "(position = 1) = (prior_sha256 IS NULL) AND (position = 1) = (kind = 'made')"
            " AND position >= 1",
            name=op.f("ck_chain_record_begins_made"),
        ),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_chain_record_hashed")),
        _of("chain_record", "organisation_id", "organisation"),
        sa.ForeignKeyConstraint(
            ["space_id", "product_id"],
            ["chain_product.space_id", "chain_product.id"],
            name="fk_chain_record_of_product",
        ),
        sa.ForeignKeyConstraint(
            ["product_id", "prior_sha256"],
            ["chain_record.product_id", "chain_record.sha256"],
            name="fk_chain_record_after_prior",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_record")),
        sa.UniqueConstraint(
            "product_id", "position", name=op.f("uq_chain_record_product_id_position")
        ),
        sa.UniqueConstraint(
            "product_id", "prior_sha256", name=op.f("uq_chain_record_product_id_prior_sha256")
        ),
        sa.UniqueConstraint("product_id", "sha256", name=op.f("uq_chain_record_product_id_sha256")),
    ]


def _order() -> None:
    op.create_table(
        "chain_order",
        _column("id", sa.Uuid()),
        _column("organisation_id", sa.Uuid()),
        _column("supplier_id", sa.Uuid()),
        _column("space_id", sa.Uuid()),
        _column("order_id", sa.Uuid()),
        _column("state", TEXT()),
        _column("at_risk", sa.Boolean()),
        _instant("needed_by", nullable=True),
        _instant("accepted_at", nullable=True),
        _instant("linked_at"),
        _instant("updated_at"),
        _of("chain_order", "organisation_id", "organisation"),
        _of("chain_order", "supplier_id", "organisation"),
        _of("chain_order", "space_id", "space"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_order")),
        sa.UniqueConstraint("space_id", "order_id", name=op.f("uq_chain_order_space_id_order_id")),
    )
    op.create_index("ix_chain_order_order_id", "chain_order", ["order_id"])
    op.create_index("ix_chain_order_space_id_id", "chain_order", ["space_id", "id"])


def _protection() -> Iterator[str]:
    """Members read; whose it is adds. Requests change nothing: versions and records stand."""
    for table in ("chain_figure", "chain_product", "chain_record"):
        yield from protect(table, read=SEEN, insert=ADDED, privileges="SELECT, INSERT")
    parties = f"({OWN} OR {own('supplier_id')})"
    yield from protect(
        "chain_order",
        read=f"{parties} OR {IN_SPACE}",
        insert=f"{parties} AND {IN_SPACE} AND {OWN_ORDER}",
        privileges="SELECT, INSERT",
    )
