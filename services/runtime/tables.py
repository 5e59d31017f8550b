"""Tables the runtime itself keeps: outbox, inbox, parked events and idempotency keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    Table,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


def instant(*, nullable: bool = False) -> Any:
    """A ``timestamptz`` column."""
    return Field(sa_column=Column(DateTime(timezone=True), nullable=nullable))


class OutboxEvent(SQLModel, table=True):
    """An event written in the transaction of the fact, published after its commit.

    A row may stand for several on one subject: then ``events`` is their JSON array, in their order,
    each with its own id, and the relay tells them one by one.
    """

    __tablename__ = "outbox_event"
    __table_args__ = (
        CheckConstraint("num_nonnulls(payload, events) = 1", name="one_or_several"),
        CheckConstraint("event_count >= 1", name="counted"),
        CheckConstraint("events IS NOT NULL OR event_count = 1", name="one_counts_once"),
        Index(
            "ix_outbox_event_unpublished",
            "xid",
            "seq",
            postgresql_where=text("published_at IS NULL"),
        ),
        Index("ix_outbox_event_subject_xid_seq", "subject", "xid", "seq"),
    )

    seq: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    event_id: UUID = Field(unique=True)
    subject: str
    payload: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    events: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    event_count: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    xid: int | None = Field(
        default=None,
        sa_column=Column(Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    )
    created_at: datetime = instant()
    published_at: datetime | None = instant(nullable=True)


class InboxEntry(SQLModel, table=True):
    """An event a consumer has handled, so that a redelivery changes nothing."""

    __tablename__ = "inbox_entry"

    consumer: str = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True)
    handled_at: datetime = instant()


class ParkedEvent(SQLModel, table=True):
    """An event whose consumer failed on it too often; kept until a person replays or drops it."""

    __tablename__ = "parked_event"

    consumer: str = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True)
    subject: str
    payload: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    cause: str
    parked_at: datetime = instant()


class IdempotencyKey(SQLModel, table=True):
    """The saved answer to a request that created something, for whoever asked."""

    __tablename__ = "idempotency_key"

    organisation_id: UUID = Field(primary_key=True)
    scope: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: int
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = instant()


def held_by_triggers(row: type[SQLModel], *columns: tuple[str, ...]) -> None:
    """The foreign keys over ``columns`` are declared only; triggers of a migration hold them.

    They do so once per statement, where a key asks for every row.
    """

    def declare(table: Table, connection: Connection, **_: object) -> None:
        for key in table.foreign_key_constraints:
            if tuple(key.column_keys) in columns:
                connection.execute(
                    text(f"ALTER TABLE {table.name} ALTER CONSTRAINT {key.name} NOT ENFORCED")
                )

    event.listen(row.__table__, "after_create", declare)  # type: ignore[attr-defined]
