"""Tenancy: an organisation on every tenant row, composite foreign keys, row security, roles."""

from collections.abc import Iterator

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import SERVING
from services.runtime.row_security import (
    OF_VISIBLE_RESOURCE,
    OWN,
    PRESENTED,
    SELF,
    SIGNING_IN,
    VISIBLE,
    actor,
    own,
    platform,
    protect,
)

revision = "0008_tenancy"
down_revision = "0007_marketplace"
branch_labels = None
depends_on = None

ROLES = (
    "roles <@ ARRAY['owner', 'seller', 'buyer', 'park_operator', 'programme_officer', 'expert',"
    " 'system_admin', 'security_admin', 'audit_admin']::text[] AND cardinality(roles) > 0"
)
CHILDREN = (
    "capability",
    "working_calendar",
    "maintenance",
    "twin",
    "resource_state",
    "state_change",
    "reservation",
    "gap_withdrawal",
)
SPACES = "(SELECT string_to_array(nullif(current_setting('app.spaces', true), ''), ','))::uuid[]"
LEAD = f"space_id IN (SELECT space.id FROM space WHERE {own('space.organisation_id')})"
OPERATOR = f"park IN (SELECT park.code FROM park WHERE {own('park.organisation_id')})"
PARTY = f"({OWN} OR {own('provider_id')})"
TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _people()
    _communities()
    _identity_columns()
    _resource_columns()
    for table in CHILDREN:
        _child_columns(table)
    _twin_keys()
    _reservation_columns()
    _booking_columns()
    _market_columns()
    _other_columns()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("rows would lose whose they are; restore a backup instead")


def _people() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", TEXT(), nullable=False),
        sa.Column("name", TEXT(), nullable=False),
        sa.Column("locale", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "email = lower(email) AND email LIKE '%_@_%'", name=op.f("ck_person_email_shape")
        ),
        sa.CheckConstraint("locale IN ('zh', 'en')", name=op.f("ck_person_locale_known")),
        sa.CheckConstraint("name <> ''", name=op.f("ck_person_named")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("email", name=op.f("uq_person_email")),
    )
    op.create_table(
        "membership",
        _organisation(),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(ROLES, name=op.f("ck_membership_roles_known")),
        _to_organisation("membership"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_membership_person_id_person")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "person_id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_person_id"), "membership", ["person_id"])
    op.create_table(
        "service_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        _organisation(),
        sa.Column("name", TEXT(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(ROLES, name=op.f("ck_service_account_roles_known")),
        sa.CheckConstraint("name <> ''", name=op.f("ck_service_account_named")),
        _to_organisation("service_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_account")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_service_account_organisation_id_id")
        ),
        sa.UniqueConstraint(
            "organisation_id", "name", name=op.f("uq_service_account_organisation_id_name")
        ),
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        _organisation(),
        sa.Column("email", TEXT(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(ROLES, name=op.f("ck_invitation_roles_known")),
        sa.CheckConstraint(
            "email = lower(email) AND email LIKE '%_@_%'", name=op.f("ck_invitation_email_shape")
        ),
        _to_organisation("invitation"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_invitation_organisation_id_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )


def _communities() -> None:
    op.create_table(
        "park",
        sa.Column("code", TEXT(), nullable=False),
        _organisation(),
        sa.Column("name", TEXT(), nullable=False),
        sa.Column("name_zh", TEXT(), nullable=False),
        sa.CheckConstraint("code ~ '^[a-z0-9][a-z0-9-]{0,63}$'", name=op.f("ck_park_code_shape")),
        sa.CheckConstraint("name <> '' AND name_zh <> ''", name=op.f("ck_park_named")),
        _to_organisation("park"),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_park")),
    )
    op.create_index(op.f("ix_park_organisation_id"), "park", ["organisation_id"])
    op.create_table(
        "park_member",
        sa.Column("park", TEXT(), nullable=False),
        _organisation(),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=False),
        _to_organisation("park_member"),
        sa.ForeignKeyConstraint(["park"], ["park.code"], name=op.f("fk_park_member_park_park")),
        sa.PrimaryKeyConstraint("park", "organisation_id", name=op.f("pk_park_member")),
    )
    op.create_index(op.f("ix_park_member_organisation_id"), "park_member", ["organisation_id"])
    op.create_table(
        "space",
        sa.Column("id", sa.Uuid(), nullable=False),
        _organisation(),
        sa.Column("name", TEXT(), nullable=False),
        sa.Column("name_zh", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("name <> '' AND name_zh <> ''", name=op.f("ck_space_named")),
        _to_organisation("space"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_space")),
    )
    op.create_index(op.f("ix_space_organisation_id"), "space", ["organisation_id"])
    op.create_table(
        "space_member",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        _organisation(),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        _to_organisation("space_member"),
        sa.ForeignKeyConstraint(
            ["space_id"], ["space.id"], name=op.f("fk_space_member_space_id_space")
        ),
        sa.PrimaryKeyConstraint("space_id", "organisation_id", name=op.f("pk_space_member")),
    )
    op.create_index(op.f("ix_space_member_organisation_id"), "space_member", ["organisation_id"])


def _identity_columns() -> None:
    op.add_column(
        "organisation",
        sa.Column("verification", TEXT(), nullable=False, server_default="unverified"),
    )
    op.create_check_constraint(
        op.f("ck_organisation_verification_known"),
        "organisation",
        "verification IN ('unverified', 'pending', 'verified', 'rejected')",
    )
    op.drop_constraint(op.f("ck_organisation_kind_known"), "organisation")
    op.create_check_constraint(
        op.f("ck_organisation_kind_known"),
        "organisation",
        "kind IN ('firm', 'lab', 'incubator', 'park_operator', 'university', 'authority',"
        " 'investor', 'platform')",
    )
    op.drop_index(op.f("ix_site_organisation_id"), "site")
    _pair("site")
    op.add_column("gateway", sa.Column("organisation_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE gateway SET organisation_id = site.organisation_id"
        " FROM site WHERE site.id = gateway.site_id"
    )
    op.alter_column("gateway", "organisation_id", nullable=False)
    op.drop_constraint(op.f("fk_gateway_site_id_site"), "gateway")
    _pair("gateway")
    _composite("gateway", "site_id", "site")
    op.create_table(
        "gateway_member",
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        _organisation(),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        _to_organisation("gateway_member"),
        sa.ForeignKeyConstraint(
            ["owner_id", "gateway_id"],
            ["gateway.organisation_id", "gateway.id"],
            name=op.f("fk_gateway_member_owner_id_gateway_id_gateway"),
        ),
        sa.PrimaryKeyConstraint("gateway_id", "organisation_id", name=op.f("pk_gateway_member")),
        sa.UniqueConstraint(
            "organisation_id",
            "gateway_id",
            name=op.f("uq_gateway_member_organisation_id_gateway_id"),
        ),
    )
    # Whose machines a gateway serves already, it may go on serving.
    op.execute(
        "INSERT INTO gateway_member (gateway_id, organisation_id, owner_id)"
        " SELECT id, organisation_id, organisation_id FROM gateway"
        " UNION SELECT gateway.id, resource.organisation_id, gateway.organisation_id"
        "   FROM twin JOIN gateway ON gateway.id = twin.gateway_id"
        "   JOIN resource ON resource.id = twin.resource_id"
    )


def _resource_columns() -> None:
    op.add_column("resource", sa.Column("park", TEXT(), nullable=True))
    op.add_column("resource", sa.Column("space_id", sa.Uuid(), nullable=True))
    op.execute("UPDATE resource SET park = site.park FROM site WHERE site.id = resource.site_id")
    op.execute(
        "UPDATE resource SET visibility = 'organisation' WHERE visibility = 'space'"
        " OR visibility = 'park' AND park IS NULL"
    )
    _visible_somewhere("resource")
    op.drop_constraint(op.f("fk_resource_organisation_id_organisation"), "resource")
    op.drop_constraint(op.f("fk_resource_site_id_site"), "resource")
    op.drop_index("ix_resource_organisation_id_id", "resource")
    _pair("resource")
    _composite("resource", "site_id", "site")


def _child_columns(table: str) -> None:
    op.add_column(table, sa.Column("organisation_id", sa.Uuid(), nullable=True))
    op.execute(
        f"UPDATE {table} SET organisation_id = resource.organisation_id"
        f" FROM resource WHERE resource.id = {table}.resource_id"
    )
    op.alter_column(table, "organisation_id", nullable=False)
    op.drop_constraint(op.f(f"fk_{table}_resource_id_resource"), table)
    _composite(table, "resource_id", "resource")


def _twin_keys() -> None:
    op.drop_constraint(op.f("fk_twin_gateway_id_gateway"), "twin")
    op.create_foreign_key(
        op.f("fk_twin_organisation_id_gateway_id_gateway_member"),
        "twin",
        "gateway_member",
        ["organisation_id", "gateway_id"],
        ["organisation_id", "gateway_id"],
    )


def _reservation_columns() -> None:
    op.add_column("reservation", sa.Column("booked_by", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE reservation SET booked_by = coalesce((SELECT booking.organisation_id FROM booking"
        " WHERE booking.id = reservation.booking_id), organisation_id)"
    )
    op.alter_column("reservation", "booked_by", nullable=False)


def _booking_columns() -> None:
    op.add_column("booking", sa.Column("provider_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE booking SET provider_id = resource.organisation_id"
        " FROM resource WHERE resource.id = booking.resource_id"
    )
    op.alter_column("booking", "provider_id", nullable=False)
    _organisation_key("booking")
    op.create_foreign_key(
        op.f("fk_booking_provider_id_resource_id_resource"),
        "booking",
        "resource",
        ["provider_id", "resource_id"],
        ["organisation_id", "id"],
    )
    op.create_index("ix_booking_provider_id_id", "booking", ["provider_id", "id"])


def _market_columns() -> None:
    for table in ("listing", "offer"):
        op.add_column(table, sa.Column("park", TEXT(), nullable=True))
        op.add_column(table, sa.Column("space_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE listing SET park = resource.park"
        " FROM resource WHERE resource.id = listing.resource_id"
    )
    op.execute(
        "UPDATE offer SET park = (SELECT max(resource.park) FROM resource"
        " WHERE resource.id = ANY(offer.resource_ids))"
    )
    op.execute(
        "UPDATE offer SET visibility = 'organisation' WHERE visibility = 'space'"
        " OR visibility = 'park' AND park IS NULL"
    )
    _visible_somewhere("offer")
    for table in ("offer", "demand"):
        op.drop_index(f"ix_{table}_organisation_id_id", table)
        _pair(table)
        _organisation_key(table)
    _composite("listing", "resource_id", "resource")


def _other_columns() -> None:
    op.add_column("match", sa.Column("organisation_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE match SET organisation_id = demand.organisation_id"
        " FROM demand WHERE demand.id = match.demand_id"
    )
    op.alter_column("match", "organisation_id", nullable=False)
    _organisation_key("match")
    op.add_column("quarantine", sa.Column("organisation_id", sa.Uuid(), nullable=True))
    _organisation_key("quarantine")
    op.create_index(op.f("ix_quarantine_organisation_id"), "quarantine", ["organisation_id"])
    # An answer saved for nobody in particular can be given to nobody again.
    op.execute("DELETE FROM idempotency_key")
    op.add_column("idempotency_key", sa.Column("organisation_id", sa.Uuid(), nullable=False))
    op.drop_constraint(op.f("pk_idempotency_key"), "idempotency_key")
    op.create_primary_key(
        op.f("pk_idempotency_key"), "idempotency_key", ["organisation_id", "scope", "key"]
    )


def _protection() -> Iterator[str]:
    """Who reads and who writes what; the order is that of docs/architecture.md."""
    for table in ("inbox_entry", "parked_event", "observation"):
        yield from protect(table, read=None)
    yield from protect("outbox_event", read=None, insert="true", privileges="INSERT")
    yield from protect("idempotency_key", read=OWN, write=OWN)
    yield from protect("organisation", read="true", write=own("id"))
    yield from protect("park", read="true", write=OWN)
    yield from protect("park_member", read="true", write=OPERATOR)
    at_site = "EXISTS (SELECT FROM resource WHERE resource.site_id = site.id)"
    yield from protect("site", read=f"({OWN} OR {at_site})", write=OWN)
    served = f"id IN (SELECT gateway_member.gateway_id FROM gateway_member WHERE {OWN})"
    yield from protect("gateway", read=f"({OWN} OR {served})", write=OWN)
    owner = own("owner_id")
    yield from protect("gateway_member", read=f"({OWN} OR {owner})", write=owner)
    colleague = f"id IN (SELECT membership.person_id FROM membership WHERE {OWN})"
    yield from protect(
        "person",
        read=f"({actor('id')} OR {SIGNING_IN} OR {colleague})",
        write=actor("id"),
    )
    yield from protect("membership", read=f"({OWN} OR {SELF})", write=OWN)
    yield from protect("service_account", read=OWN, write=OWN)
    yield from protect(
        "invitation", read=f"({OWN} OR {PRESENTED})", write=f"({OWN} OR {PRESENTED})"
    )
    yield from protect("space", read=f"({OWN} OR id = ANY({SPACES}))", write=OWN)
    yield from protect(
        "space_member",
        read=f"({OWN} OR space_id = ANY({SPACES}) OR {LEAD})",
        write=f"({OWN} OR {LEAD})",
        insert=LEAD,
    )
    yield from protect("resource", read=VISIBLE, write=OWN)
    for table in ("capability", "working_calendar", "maintenance", "resource_state"):
        yield from protect(table, read=OF_VISIBLE_RESOURCE, write=OWN)
    for table in ("state_change", "gap_withdrawal"):
        yield from protect(table, read=OF_VISIBLE_RESOURCE, privileges="SELECT")
    yield from protect("twin", read=OWN, write=OWN)
    taken = f"({OWN} OR {own('booked_by')})"
    # Both sides give time back even when the resource is shown to them no more.
    yield from protect(
        "reservation",
        read=f"({taken} OR {OF_VISIBLE_RESOURCE})",
        write=taken,
        insert=f"({taken} AND {OF_VISIBLE_RESOURCE})",
    )
    system = platform("system_admin")
    yield from protect("quarantine", read=f"({OWN} OR {system})", privileges="SELECT")
    yield from protect("offer", read=VISIBLE, write=OWN)
    yield from protect("listing", read=VISIBLE, write=OWN)
    yield from protect("demand", read=OWN, write=OWN)
    yield from protect("match", read=OWN, write=OWN)
    yield from protect(
        "booking", read=PARTY, write=PARTY, insert=f"({OWN} AND {OF_VISIBLE_RESOURCE})"
    )
    yield from protect("search_document", read="true", privileges="SELECT")
    yield f"GRANT SELECT ON alembic_version TO {', '.join(SERVING)}"


def _organisation() -> sa.Column[object]:
    return sa.Column("organisation_id", sa.Uuid(), nullable=False)


def _to_organisation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id"],
        ["organisation.id"],
        name=op.f(f"fk_{table}_organisation_id_organisation"),
    )


def _organisation_key(table: str) -> None:
    op.create_foreign_key(
        op.f(f"fk_{table}_organisation_id_organisation"),
        table,
        "organisation",
        ["organisation_id"],
        ["id"],
    )


def _pair(table: str) -> None:
    """What composite foreign keys refer to."""
    op.create_unique_constraint(
        op.f(f"uq_{table}_organisation_id_id"), table, ["organisation_id", "id"]
    )


def _composite(table: str, column: str, target: str) -> None:
    op.create_foreign_key(
        op.f(f"fk_{table}_organisation_id_{column}_{target}"),
        table,
        target,
        ["organisation_id", column],
        ["organisation_id", "id"],
    )


def _visible_somewhere(table: str) -> None:
    op.create_foreign_key(op.f(f"fk_{table}_space_id_space"), table, "space", ["space_id"], ["id"])
    op.create_check_constraint(
        op.f(f"ck_{table}_park_visible_in_one"), table, "visibility <> 'park' OR park IS NOT NULL"
    )
    op.create_check_constraint(
        op.f(f"ck_{table}_space_visible_in_one"),
        table,
        "visibility <> 'space' OR space_id IS NOT NULL",
    )
