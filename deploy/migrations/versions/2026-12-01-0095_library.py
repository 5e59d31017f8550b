"""The library: items, versions, licences, counted downloads, reports of reuse."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import APP, WORKER
from services.runtime.nda_rule import DOCUMENT_SUBJECTS, confided, under_nda
from services.runtime.row_security import OWN, VISIBLE, own, platform, protect

revision = "0095_library"
down_revision = "0093_lot_pools"
branch_labels = None
depends_on = None

TABLES = (
    "library_item",
    "library_licence",
    "library_version",
    "library_access",
    "library_file",
    "library_reuse",
)
TEXT = sqlmodel.sql.sqltypes.AutoString
OWN_OWNER = own("owner_id")
PARTIES = f"{OWN} OR {OWN_OWNER}"
CONFIDED = under_nda("library_item", subjects=(("'library_item'", "library_item.id"),))
ITEM_READ = f"""(
  ({VISIBLE} AND (state = 'published' OR {OWN}))
  OR (visibility = 'nda' AND state = 'published' AND {CONFIDED})
  OR EXISTS (SELECT FROM library_licence AS held
             WHERE held.item_id = library_item.id AND {own("held.organisation_id")}))"""
VERSION_READ = f"""EXISTS (SELECT FROM library_item AS item WHERE item.id = item_id)
 AND (withdrawn_at IS NULL OR {OWN} OR EXISTS (
   SELECT FROM library_licence AS held WHERE held.item_id = library_version.item_id
   AND {own("held.organisation_id")} AND held.created_at <= library_version.withdrawn_at))"""
FILE_READ = "EXISTS (SELECT FROM library_version AS version WHERE version.id = version_id)"
AS_OFFERED = f"""
CREATE FUNCTION library_licence_is_as_offered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_user = '{APP}' AND NOT (NEW.used = 0 AND NEW.valid_until IS NULL
     AND NEW.state = CASE WHEN NEW.terms->>'kind' = 'free' THEN 'active' ELSE 'unpaid' END
     AND EXISTS (SELECT FROM library_item WHERE id = NEW.item_id AND state = 'published'
                 AND terms = NEW.terms)) THEN
    RAISE EXCEPTION 'a licence is granted under the terms its item is offered under'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$
"""
LICENCE_IS_PAID = f"""
CREATE FUNCTION library_licence_is_paid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_user = '{APP}' AND ((NEW.state <> OLD.state AND NEW.state <> 'ended')
     OR NEW.valid_until IS DISTINCT FROM OLD.valid_until OR NEW.used < OLD.used) THEN
    RAISE EXCEPTION 'a licence is opened, prolonged and refilled by its payment'
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""
ACCESS_IS_LICENSED = """
CREATE FUNCTION library_access_is_licensed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE library_licence SET used = used + 1
   WHERE id = NEW.licence_id AND state = 'active'
     AND (valid_until IS NULL OR valid_until > NEW.at)
     AND (downloads IS NULL OR used < downloads);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'licence % opens nothing', NEW.licence_id USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$
"""
TRIGGERS = (
    ("library_licence_is_as_offered", "BEFORE INSERT ON library_licence"),
    ("library_licence_is_paid", "BEFORE UPDATE ON library_licence"),
    ("library_access_is_licensed", "BEFORE INSERT ON library_access"),
)


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _item()
    _licence()
    _version()
    _access()
    _file()
    _reuse()
    for statement in (*_protection(), *_documents(confided)):
        op.execute(statement)


def downgrade() -> None:
    for statement in _documents(str):
        op.execute(statement)
    op.execute("DROP POLICY library_item_read ON library_item")
    op.execute("DROP POLICY library_version_read ON library_version")
    for table in reversed(TABLES):
        op.drop_table(table)
    for function, _ in TRIGGERS:
        op.execute(f"DROP FUNCTION {function}()")


def _item() -> None:
    op.create_table("library_item", *_item_columns(), *_item_constraints())
    op.create_index(
        "ix_library_item_organisation_id_state",
        "library_item",
        ["organisation_id", "state"],
        unique=False,
    )


def _item_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("title_zh", TEXT(), nullable=False),
        sa.Column("abstract", TEXT(), nullable=False),
        sa.Column("abstract_zh", TEXT(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("visibility", TEXT(), nullable=False),
        sa.Column("park", TEXT(), nullable=True),
        sa.Column("space_id", sa.Uuid(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _item_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "jsonb_typeof(attributes) = 'object'", name=op.f("ck_library_item_attributes_object")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'published', 'withdrawn')", name=op.f("ck_library_item_state")
        ),
        sa.CheckConstraint(
            "terms->>'kind' IN ('free', 'per_download', 'per_term')",
            name=op.f("ck_library_item_terms_known"),
        ),
        sa.CheckConstraint(
            "visibility <> 'park' OR park IS NOT NULL",
            name=op.f("ck_library_item_park_visible_in_one"),
        ),
        sa.CheckConstraint(
            "visibility <> 'space' OR space_id IS NOT NULL",
            name=op.f("ck_library_item_space_visible_in_one"),
        ),
        sa.CheckConstraint(
            "direction >= 1 AND revision >= 1", name=op.f("ck_library_item_counted")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_library_item_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["space.id"], name=op.f("fk_library_item_space_id_space")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library_item")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_library_item_organisation_id_id")
        ),
    ]


def _licence() -> None:
    op.create_table("library_licence", *_licence_columns(), *_licence_constraints())
    op.create_index(
        "ix_library_licence_item_id_organisation_id",
        "library_licence",
        ["item_id", "organisation_id"],
        unique=False,
    )
    op.create_index(
        "ix_library_licence_organisation_id_id",
        "library_licence",
        ["organisation_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_library_licence_owner_id_id", "library_licence", ["owner_id", "id"], unique=False
    )


def _licence_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=True),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("escrow_id", sa.Uuid(), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _licence_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(escrow_id IS NULL) = (terms->>'kind' = 'free')",
            name=op.f("ck_library_licence_escrow_where_paid"),
        ),
        sa.CheckConstraint(
            "state IN ('active', 'ended', 'unpaid')", name=op.f("ck_library_licence_state")
        ),
        sa.CheckConstraint("organisation_id <> owner_id", name=op.f("ck_library_licence_of_two")),
        sa.CheckConstraint(
            "used >= 0 AND used <= coalesce(downloads, used)",
            name=op.f("ck_library_licence_used_as_paid"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "escrow_id"],
            ["ledger_escrow.organisation_id", "ledger_escrow.id"],
            name=op.f("fk_library_licence_organisation_id_escrow_id_ledger_escrow"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_library_licence_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_id", "item_id"],
            ["library_item.organisation_id", "library_item.id"],
            name=op.f("fk_library_licence_owner_id_item_id_library_item"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library_licence")),
        sa.UniqueConstraint("escrow_id", name=op.f("uq_library_licence_escrow_id")),
        sa.UniqueConstraint(
            "organisation_id", "owner_id", "item_id", "id", name="uq_library_licence_whole"
        ),
    ]


def _version() -> None:
    op.create_table("library_version", *_version_columns(), *_version_constraints())


def _version_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("label", TEXT(), nullable=False),
        sa.Column("changelog", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
    ]


def _version_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("number >= 1", name=op.f("ck_library_version_number_positive")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "item_id"],
            ["library_item.organisation_id", "library_item.id"],
            name=op.f("fk_library_version_organisation_id_item_id_library_item"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library_version")),
        sa.UniqueConstraint("item_id", "number", name=op.f("uq_library_version_item_id_number")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_library_version_organisation_id_id")
        ),
        sa.UniqueConstraint(
            "organisation_id",
            "item_id",
            "id",
            name=op.f("uq_library_version_organisation_id_item_id_id"),
        ),
    ]


def _access() -> None:
    op.create_table("library_access", *_access_columns(), *_access_constraints())
    op.create_index(
        "ix_library_access_item_id_id", "library_access", ["item_id", "id"], unique=False
    )
    op.create_index(
        "ix_library_access_organisation_id_id",
        "library_access",
        ["organisation_id", "id"],
        unique=False,
    )


def _access_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("licence_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    ]


def _access_constraints() -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(
            ["organisation_id", "owner_id", "item_id", "licence_id"],
            [
                "library_licence.organisation_id",
                "library_licence.owner_id",
                "library_licence.item_id",
                "library_licence.id",
            ],
            name="fk_library_access_licence",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_library_access_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_id", "item_id", "version_id"],
            ["library_version.organisation_id", "library_version.item_id", "library_version.id"],
            name="fk_library_access_version",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library_access")),
    ]


def _file() -> None:
    op.create_table("library_file", *_file_columns(), *_file_constraints())
    op.create_index("ix_library_file_document_id", "library_file", ["document_id"], unique=False)


def _file_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", TEXT(), nullable=False),
        sa.Column("media_type", TEXT(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
    ]


def _file_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "size > 0 AND octet_length(sha256) = 32", name=op.f("ck_library_file_content_known")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "document_id"],
            ["document.organisation_id", "document.id"],
            name=op.f("fk_library_file_organisation_id_document_id_document"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "version_id"],
            ["library_version.organisation_id", "library_version.id"],
            name=op.f("fk_library_file_organisation_id_version_id_library_version"),
        ),
        sa.PrimaryKeyConstraint("version_id", "document_id", name=op.f("pk_library_file")),
    ]


def _reuse() -> None:
    op.create_table("library_reuse", *_reuse_columns(), *_reuse_constraints())
    op.create_index("ix_library_reuse_item_id_id", "library_reuse", ["item_id", "id"], unique=False)


def _reuse_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("licence_id", sa.Uuid(), nullable=False),
        sa.Column("about", TEXT(), nullable=False),
        sa.Column("citation", TEXT(), nullable=True),
        sa.Column("minutes_saved", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    ]


def _reuse_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "minutes_saved >= 0", name=op.f("ck_library_reuse_minutes_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "owner_id", "item_id", "licence_id"],
            [
                "library_licence.organisation_id",
                "library_licence.owner_id",
                "library_licence.item_id",
                "library_licence.id",
            ],
            name="fk_library_reuse_licence",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_library_reuse_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library_reuse")),
    ]


def _protection() -> Iterator[str]:
    """What is published is seen as it is visible; a licensee keeps seeing what it licensed."""
    yield from protect(
        "library_item",
        read=ITEM_READ,
        write=OWN,
        privileges="SELECT, INSERT, UPDATE (title, title_zh, abstract, abstract_zh, terms,"
        " attributes, state, revision, updated_at)",
    )
    yield from protect(
        "library_version",
        read=VERSION_READ,
        write=OWN,
        privileges="SELECT, INSERT, UPDATE (withdrawn_at)",
    )
    yield from protect("library_file", read=FILE_READ, insert=OWN, privileges="SELECT, INSERT")
    yield from protect(
        "library_licence",
        read=PARTIES,
        write=OWN,
        privileges="SELECT, INSERT, UPDATE (state, used, valid_until, updated_at)",
    )
    yield from protect("library_access", read=PARTIES, insert=OWN, privileges="SELECT, INSERT")
    yield from protect("library_reuse", read=PARTIES, insert=OWN, privileges="SELECT, INSERT")
    for table in ("library_access", "library_file", "library_reuse"):
        yield f"REVOKE UPDATE, DELETE ON {table} FROM {WORKER}"
    yield AS_OFFERED
    yield LICENCE_IS_PAID
    yield ACCESS_IS_LICENSED
    for function, when in TRIGGERS:
        yield f"REVOKE EXECUTE ON FUNCTION {function}() FROM PUBLIC"
        yield f"CREATE TRIGGER {function} {when} FOR EACH ROW EXECUTE FUNCTION {function}()"


def _documents(limited: Any) -> Iterator[str]:
    """An agreement opens no file of the library: those are licensed."""
    evidence = f"(subject_kind = 'verification' AND {platform('security_admin')})"
    agreed = limited(under_nda("document", subjects=DOCUMENT_SUBJECTS))
    yield "DROP POLICY document_read ON document"
    yield (
        f"CREATE POLICY document_read ON document FOR SELECT TO {APP}"
        f" USING (confidentiality = 'public' OR {OWN} OR {evidence} OR {agreed})"
    )
