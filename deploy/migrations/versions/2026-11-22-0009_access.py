"""Access: sessions, API keys, passwords, second factors, tickets, counted attempts."""

from collections.abc import Iterator

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.row_security import OWN, PRESENTED, SELF, protect

revision = "0009_access"
down_revision = "0008_tenancy"
branch_labels = None
depends_on = None

ROLES = (
    "roles <@ ARRAY['owner', 'seller', 'buyer', 'park_operator', 'programme_officer', 'expert',"
    " 'system_admin', 'security_admin', 'audit_admin']::text[] AND cardinality(roles) > 0"
)
PURPOSES = "'password_reset', 'passkey_registration', 'passkey_proof', 'openid'"
ANY_PRESENTED = (
    "token_hash = ANY (ARRAY(SELECT decode(one, 'hex') FROM unnest(string_to_array("
    "nullif(current_setting('app.credential', true), ''), ',')) AS one))"
)
"""Of many, for whoever holds many streams open and asks at once whether their tokens still hold."""
TEXT = sqlmodel.sql.sqltypes.AutoString
OF_PERSON = ("totp", "recovery_code", "password")
TABLES = ("session", "api_key", *OF_PERSON, "passkey", "outside_account", "ticket", "attempt")


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _session()
    _api_key()
    _secrets()
    _passkey()
    _outside_account()
    _ticket()
    _attempt()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _session() -> None:
    op.create_table(
        "session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        _instant("created_at"),
        _instant("expires_at"),
        _instant("last_seen_at"),
        _instant("strong_at", nullable=True),
        _instant("revoked_at", nullable=True),
        sa.Column("client", TEXT(), nullable=False),
        _sha256("session", "token_hash"),
        sa.CheckConstraint("length(client) <= 200", name=op.f("ck_session_client_short")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "person_id"],
            ["membership.organisation_id", "membership.person_id"],
            name=op.f("fk_session_organisation_id_person_id_membership"),
            ondelete="SET NULL (organisation_id)",
        ),
        _to_person("session"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_session_token_hash")),
    )
    op.create_index(op.f("ix_session_person_id"), "session", ["person_id"])


def _api_key() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("service_account_id", sa.Uuid(), nullable=False),
        sa.Column("name", TEXT(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        _instant("created_at"),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        _instant("expires_at"),
        _instant("revoked_at", nullable=True),
        _instant("last_used_at", nullable=True),
        _sha256("api_key", "token_hash"),
        sa.CheckConstraint("name <> ''", name=op.f("ck_api_key_named")),
        sa.CheckConstraint(ROLES, name=op.f("ck_api_key_roles_known")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "service_account_id"],
            ["service_account.organisation_id", "service_account.id"],
            name=op.f("fk_api_key_organisation_id_service_account_id_service_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_api_key_organisation_id_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_key_token_hash")),
    )
    op.create_index(op.f("ix_api_key_service_account_id"), "api_key", ["service_account_id"])


def _secrets() -> None:
    op.create_table(
        "password",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("verifier", TEXT(), nullable=False),
        _instant("changed_at"),
        sa.CheckConstraint(
            "verifier LIKE '$argon2id$%'", name=op.f("ck_password_verifier_is_argon2id")
        ),
        _to_person("password"),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_password")),
    )
    op.create_table(
        "totp",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        _instant("created_at"),
        _instant("confirmed_at", nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("octet_length(secret) >= 20", name=op.f("ck_totp_secret_long_enough")),
        _to_person("totp"),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_totp")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        _instant("created_at"),
        _sha256("recovery_code", "code_hash"),
        _to_person("recovery_code"),
        sa.PrimaryKeyConstraint("person_id", "code_hash", name=op.f("pk_recovery_code")),
    )


def _passkey() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("credential_hash", sa.LargeBinary(), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT(), nullable=False),
        _instant("created_at"),
        _instant("last_used_at", nullable=True),
        _sha256("passkey", "credential_hash"),
        sa.CheckConstraint("name <> ''", name=op.f("ck_passkey_named")),
        _to_person("passkey"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_hash", name=op.f("uq_passkey_credential_hash")),
    )
    op.create_index(op.f("ix_passkey_person_id"), "passkey", ["person_id"])


def _outside_account() -> None:
    op.create_table(
        "outside_account",
        sa.Column("subject_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", TEXT(), nullable=False),
        _instant("created_at"),
        _sha256("outside_account", "subject_hash"),
        _to_person("outside_account"),
        sa.PrimaryKeyConstraint("subject_hash", name=op.f("pk_outside_account")),
    )
    op.create_index(op.f("ix_outside_account_person_id"), "outside_account", ["person_id"])


def _ticket() -> None:
    op.create_table(
        "ticket",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", TEXT(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _instant("created_at"),
        _instant("expires_at"),
        _sha256("ticket", "token_hash"),
        sa.CheckConstraint(f"purpose IN ({PURPOSES})", name=op.f("ck_ticket_purpose_known")),
        _to_person("ticket"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_ticket")),
    )
    op.create_index(op.f("ix_ticket_person_id"), "ticket", ["person_id"])


def _attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("subject_hash", sa.LargeBinary(), nullable=False),
        sa.Column("tried_at", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        _sha256("attempt", "subject_hash"),
        sa.CheckConstraint(
            "cardinality(tried_at) <= 10 AND array_position(tried_at, NULL) IS NULL",
            name=op.f("ck_attempt_tries_bounded"),
        ),
        sa.PrimaryKeyConstraint("subject_hash", name=op.f("pk_attempt")),
    )


def _protection() -> Iterator[str]:
    held = f"({PRESENTED} OR {SELF})"
    yield from protect("session", read=f"({ANY_PRESENTED} OR {SELF})", write=held, insert=SELF)
    yield from protect("api_key", read=f"({ANY_PRESENTED} OR {OWN})", write=OWN)
    for table in OF_PERSON:
        yield from protect(table, read=SELF, write=SELF)
    yield from protect("passkey", read=f"({_presented('credential_hash')} OR {SELF})", write=SELF)
    yield from protect(
        "outside_account", read=f"({_presented('subject_hash')} OR {SELF})", write=SELF
    )
    yield from protect("ticket", read=held, write=held)
    counted = _presented("subject_hash")
    yield from protect("attempt", read=counted, write=counted)


def _presented(column: str) -> str:
    """The row is found by the hash the caller presents."""
    return PRESENTED.replace("token_hash", column, 1)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _sha256(table: str, column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(
        f"octet_length({column}) = 32", name=op.f(f"ck_{table}_{column}_is_sha256")
    )


def _to_person(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["person_id"],
        ["person.id"],
        name=op.f(f"fk_{table}_person_id_person"),
        ondelete="CASCADE",
    )
