"""Trust: the audit trail, confidentiality agreements, documents."""

from collections.abc import Iterator

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import APP, WORKER
from services.runtime.nda_rule import DOCUMENT_SUBJECTS, known_to, under_nda
from services.runtime.row_security import MANAGES, OWN, own, platform, protect

revision = "0010_audit"
down_revision = "0009_access"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
WHOSE = "chain = coalesce(organisation_id, '00000000-0000-0000-0000-000000000000'::uuid)"
AUDITOR = platform("audit_admin")
ADMINISTRATOR = platform("system_admin", "security_admin", "audit_admin")
PARTY = f"({OWN} OR {own('counterparty_id')})"


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _audit_entry()
    _audit_head()
    _nda()
    _document()
    for statement in (*_append_only(), *_audit_protection(), *_protection()):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("an audit trail is not taken away; restore a backup instead")


def _audit_entry() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("chain", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("credential_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("path_ids", postgresql.JSONB(), nullable=True),
        sa.Column("subject_kind", sa.Text(), nullable=True),
        sa.Column("subject_id", sa.Text(), nullable=True),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(WHOSE, name=op.f("ck_audit_entry_chain_of_organisation")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_audit_entry_numbered")),
        sa.CheckConstraint(
            "actor_kind IN ('anonymous', 'person', 'service_account', 'platform')",
            name=op.f("ck_audit_entry_actor_kind_known"),
        ),
        sa.CheckConstraint(
            "octet_length(previous) = 32 AND octet_length(hash) = 32",
            name=op.f("ck_audit_entry_hashes_whole"),
        ),
        sa.PrimaryKeyConstraint("chain", "seq", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("id", name=op.f("uq_audit_entry_id")),
    )
    op.create_index(
        "ix_audit_entry_subject",
        "audit_entry",
        ["chain", "subject_kind", "subject_id", "seq"],
        postgresql_where=sa.text("subject_id IS NOT NULL"),
    )


def _audit_head() -> None:
    op.create_table(
        "audit_head",
        sa.Column("chain", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(WHOSE, name=op.f("ck_audit_head_chain_of_organisation")),
        sa.CheckConstraint(
            "seq >= 0 AND octet_length(hash) = 32", name=op.f("ck_audit_head_well_formed")
        ),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_head")),
    )


def _nda() -> None:
    op.create_table(
        "nda",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("counterparty_id", sa.Uuid(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", TEXT(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("terms_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_signed_by", sa.Uuid(), nullable=True),
        sa.Column("counterparty_signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counterparty_signed_by", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("organisation_id <> counterparty_id", name=op.f("ck_nda_two_parties")),
        sa.CheckConstraint(
            "proposed_by IN (organisation_id, counterparty_id)", name=op.f("ck_nda_by_a_party")
        ),
        sa.CheckConstraint("octet_length(terms_hash) = 32", name=op.f("ck_nda_terms_known")),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_nda_lasts")),
        _whole_subject("nda"),
        sa.CheckConstraint(
            "(owner_signed_at IS NULL) = (owner_signed_by IS NULL)"
            " AND (counterparty_signed_at IS NULL) = (counterparty_signed_by IS NULL)"
            " AND (revoked_at IS NULL) = (revoked_by IS NULL)",
            name=op.f("ck_nda_signed_by_somebody"),
        ),
        _to_organisation("nda", "organisation_id"),
        _to_organisation("nda", "counterparty_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nda")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_nda_organisation_id_id")),
    )
    op.create_index(
        op.f("ix_nda_counterparty_id_organisation_id"),
        "nda",
        ["counterparty_id", "organisation_id"],
    )


def _document() -> None:
    op.create_table(
        "document",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", TEXT(), nullable=False),
        sa.Column("media_type", TEXT(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("confidentiality", TEXT(), nullable=False),
        sa.Column("subject_kind", TEXT(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "confidentiality IN ('public', 'confidential', 'secret')",
            name=op.f("ck_document_confidentiality_known"),
        ),
        sa.CheckConstraint(
            "size > 0 AND octet_length(sha256) = 32", name=op.f("ck_document_content_known")
        ),
        sa.CheckConstraint("name <> '' AND media_type <> ''", name=op.f("ck_document_named")),
        _whole_subject("document"),
        _to_organisation("document", "organisation_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_document_organisation_id_id")),
    )
    op.create_index(
        op.f("ix_document_organisation_id_subject_kind_subject_id"),
        "document",
        ["organisation_id", "subject_kind", "subject_id"],
    )
    op.create_index(op.f("ix_document_sha256"), "document", ["sha256"])


def _append_only() -> Iterator[str]:
    yield """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog AS $$
        BEGIN
          RAISE EXCEPTION '% of %: entries of the audit trail stay as they are', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
        END $$
    """
    yield """
        CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """
    yield "ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_stays"


def _audit_protection() -> Iterator[str]:
    for table in ("audit_entry", "audit_head"):
        writable = f"(organisation_id IS NULL OR {OWN} OR {ADMINISTRATOR} OR {known_to(table)})"
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        yield f"CREATE POLICY {table}_worker ON {table} TO {WORKER} USING (true) WITH CHECK (true)"
        yield f"CREATE POLICY {table}_insert ON {table} FOR INSERT TO {APP} WITH CHECK ({writable})"
        if table == "audit_entry":
            yield f"GRANT INSERT ON audit_entry TO {WORKER}"
            yield f"GRANT SELECT, INSERT ON audit_entry TO {APP}"
            readable = f"({OWN} AND {MANAGES}) OR {AUDITOR}"
            yield f"CREATE POLICY {table}_read ON {table} FOR SELECT TO {APP} USING ({readable})"
        else:
            yield f"GRANT SELECT, INSERT, UPDATE ON audit_head TO {APP}, {WORKER}"
            yield f"CREATE POLICY {table}_read ON {table} FOR SELECT TO {APP} USING ({writable})"
            yield (
                f"CREATE POLICY {table}_update ON {table} FOR UPDATE TO {APP}"
                f" USING ({writable}) WITH CHECK ({writable})"
            )


def _protection() -> Iterator[str]:
    yield from protect("nda", read=PARTY, write=PARTY, privileges="SELECT, INSERT, UPDATE")
    evidence = f"(subject_kind = 'verification' AND {platform('security_admin')})"
    agreed = under_nda("document", subjects=DOCUMENT_SUBJECTS)
    yield from protect(
        "document",
        read=f"confidentiality = 'public' OR {OWN} OR {evidence} OR {agreed}",
        write=OWN,
        privileges="SELECT, INSERT, DELETE",
    )


def _to_organisation(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], ["organisation.id"], name=op.f(f"fk_{table}_{column}_organisation")
    )


def _whole_subject(table: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(
        "(subject_kind IS NULL) = (subject_id IS NULL)",
        name=op.f(f"ck_{table}_subject_whole_or_none"),
    )
