"""The SQL of the audit trail."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlmodel import Session, text

from services.contracts.ids import OrganisationId
from services.runtime.audit.entry import (
    GENESIS,
    ChainId,
    Entry,
    Fact,
    Head,
    beginning,
    following,
    organisation_of,
)

STREAM_ROWS: Final = 2_000
_LOCK: Final = text("SELECT seq, hash FROM audit_head WHERE chain = :chain FOR UPDATE")
_OPEN: Final = text(
    "INSERT INTO audit_head (chain, organisation_id, seq, hash)"
    " VALUES (:chain, :organisation, 0, :genesis)"
    " ON CONFLICT (chain) DO UPDATE SET seq = audit_head.seq RETURNING seq, hash"
)
_APPEND: Final = text(
    """
    WITH told AS (
      INSERT INTO audit_entry (chain, organisation_id, seq, id, at, actor_kind, actor_id,
             credential_id, action, path_ids, subject_kind, subject_id, before, after, request_id,
             previous, hash)
      SELECT :chain, :organisation, e.seq, e.id, e.at, e.actor_kind, e.actor_id, e.credential_id,
             e.action, e.path_ids, e.subject_kind, e.subject_id, e.before, e.after, e.request_id,
             decode(e.previous, 'hex'), decode(e.hash, 'hex')
        FROM jsonb_to_recordset(CAST(:entries AS jsonb)) AS e(
             seq bigint, id uuid, at timestamptz, actor_kind text, actor_id uuid,
             credential_id uuid, action text, path_ids jsonb, subject_kind text, subject_id text,
             before jsonb, after jsonb, request_id text, previous text, hash text)
    )
    UPDATE audit_head SET seq = :seq, hash = :hash WHERE chain = :chain
    """
)
_LOCK_ALL: Final = text(
    "INSERT INTO audit_head (chain, organisation_id, seq, hash)"
    " SELECT chain, organisation_id, 0, :genesis"
    "   FROM unnest(CAST(:chains AS uuid[]), CAST(:organisations AS uuid[]))"
    "     AS t (chain, organisation_id) ORDER BY chain"
    " ON CONFLICT (chain) DO UPDATE SET seq = audit_head.seq RETURNING chain, seq, hash"
)
_APPEND_ALL: Final = text(
    """
    WITH told AS (
      INSERT INTO audit_entry (chain, organisation_id, seq, id, at, actor_kind, actor_id,
             credential_id, action, path_ids, subject_kind, subject_id, before, after, request_id,
             previous, hash)
      SELECT e.chain, e.organisation_id, e.seq, e.id, e.at, e.actor_kind, e.actor_id,
             e.credential_id, e.action, e.path_ids, e.subject_kind, e.subject_id, e.before,
             e.after, e.request_id, decode(e.previous, 'hex'), decode(e.hash, 'hex')
        FROM jsonb_to_recordset(CAST(:entries AS jsonb)) AS e(
             chain uuid, organisation_id uuid, seq bigint, id uuid, at timestamptz,
             actor_kind text, actor_id uuid, credential_id uuid, action text, path_ids jsonb,
             subject_kind text, subject_id text, before jsonb, after jsonb, request_id text,
             previous text, hash text)
    )
    UPDATE audit_head SET seq = moved.seq, hash = moved.hash
      FROM unnest(CAST(:chains AS uuid[]), CAST(:seqs AS bigint[]), CAST(:hashes AS bytea[]))
        AS moved (chain, seq, hash)
     WHERE audit_head.chain = moved.chain
    """
)
_COLUMNS: Final = (
    "chain, organisation_id, seq, id, actor_kind, actor_id, credential_id, action, path_ids,"
    " subject_kind, subject_id, before, after, request_id,"
    " coalesce(previous, '') AS previous, coalesce(hash, '') AS hash,"
    " CASE WHEN at BETWEEN '0002-01-01' AND '9998-01-01' THEN at ELSE '0002-01-01' END AS at"
)
"""What Python cannot hold is replaced: only a forger writes it, and its hash is wrong anyway."""


class ChainNotWritableError(Exception):
    """Row security kept the head of a chain from being moved: a fault of ours."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries of a chain are asked for."""

    action: str | None = None
    actor_id: UUID | None = None
    subject_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def has_written(session: Session) -> bool:
    """Whether the transaction changed anything so far."""
    asked = session.connection().execute(
        text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
    )
    return bool(asked.scalar_one())


def append(session: Session, chain: ChainId, facts: Sequence[Fact]) -> None:
    """Lock the end of ``chain`` and write ``facts`` after it: two statements, however many.

    The first entry a chain ever gets costs a third.

    Raises:
        ChainNotWritableError: the transaction may not write to this chain.
    """
    head, entries = _locked_head(session, chain), []
    for fact in facts:
        entries.append(following(head, fact))
        head = entries[-1].head
    moved = session.connection().execute(
        _APPEND,
        {
            "chain": chain,
            "organisation": organisation_of(chain),
            "entries": json.dumps([_document(entry) for entry in entries], ensure_ascii=False),
            "seq": head.seq,
            "hash": head.hash,
        },
    )
    if moved.rowcount != 1:
        raise ChainNotWritableError(f"chain {chain} has no head to move")


def append_all(session: Session, told: Mapping[ChainId, Sequence[Fact]]) -> None:
    """As :func:`append` to each chain in order, in two statements for all of them.

    Raises:
        ChainNotWritableError: the transaction may not write to one of these chains.
    """
    chains = sorted(told)
    if not chains:
        return
    organisations = [organisation_of(chain) for chain in chains]
    rows = session.connection().execute(
        _LOCK_ALL, {"chains": chains, "organisations": organisations, "genesis": GENESIS}
    )
    known = {row.chain: Head(row.chain, row.seq, bytes(row.hash)) for row in rows if row.seq}
    heads_, documents = [], []
    for chain, organisation in zip(chains, organisations, strict=True):
        head = known.get(chain, beginning(chain))
        whose = {"chain": str(chain), "organisation_id": organisation and str(organisation)}
        for fact in told[chain]:
            entry = following(head, fact)
            documents.append(_document(entry) | whose)
            head = entry.head
        heads_.append(head)
    moved = session.connection().execute(
        _APPEND_ALL,
        {
            "entries": json.dumps(documents, ensure_ascii=False),
            "chains": chains,
            "seqs": [one.seq for one in heads_],
            "hashes": [one.hash for one in heads_],
        },
    )
    if moved.rowcount != len(chains):
        raise ChainNotWritableError(f"not all of {len(chains)} chains have a head to move")


def _locked_head(session: Session, chain: ChainId) -> Head:
    connection = session.connection()
    row = connection.execute(_LOCK, {"chain": chain}).one_or_none()
    if row is None:
        start = {"chain": chain, "organisation": organisation_of(chain), "genesis": GENESIS}
        row = connection.execute(_OPEN, start).one()
    return Head(chain, row.seq, bytes(row.hash)) if row.seq else beginning(chain)


def _document(entry: Entry) -> dict[str, Any]:
    fact = entry.fact
    return {
        "seq": entry.seq,
        "id": str(fact.id),
        "at": fact.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor_kind": fact.actor_kind,
        "actor_id": None if fact.actor_id is None else str(fact.actor_id),
        "credential_id": None if fact.credential_id is None else str(fact.credential_id),
        "action": fact.action,
        "path_ids": fact.path_ids,
        "subject_kind": fact.subject_kind,
        "subject_id": fact.subject_id,
        "before": fact.before,
        "after": fact.after,
        "request_id": fact.request_id,
        "previous": entry.previous.hex(),
        "hash": entry.hash.hex(),
    }


def heads(session: Session) -> list[Head]:
    """Every head the transaction may see."""
    rows = session.connection().execute(
        text("SELECT chain, seq, hash FROM audit_head WHERE seq > 0 ORDER BY chain")
    )
    return [Head(ChainId(row.chain), row.seq, bytes(row.hash)) for row in rows]


def head(session: Session, chain: ChainId) -> Head | None:
    row = (
        session.connection()
        .execute(
            text("SELECT seq, hash FROM audit_head WHERE chain = :chain AND seq > 0"),
            {"chain": chain},
        )
        .one_or_none()
    )
    return None if row is None else Head(chain, row.seq, bytes(row.hash))


def count(session: Session) -> int:
    """Roughly how many entries there are, for telling how far a reading is."""
    rows = session.connection().execute(text("SELECT coalesce(sum(seq), 0) FROM audit_head"))
    return int(rows.scalar_one())


def every_entry(session: Session) -> Iterator[Entry]:
    """Every entry the transaction may see, by chain and number, streamed."""
    rows = session.connection().execute(
        text(f"SELECT {_COLUMNS} FROM audit_entry ORDER BY chain, seq, id"),  # noqa: S608 - own columns
        execution_options={"stream_results": True, "yield_per": STREAM_ROWS},
    )
    return map(_entry, rows)


def entries_after(
    session: Session, chain: ChainId, after: UUID | None, limit: int, wanted: Filter
) -> list[Entry]:
    """Entries of ``chain`` by number, behind the one with the id ``after``."""
    rows = session.connection().execute(
        text(
            f"SELECT {_COLUMNS} FROM audit_entry WHERE chain = :chain"  # noqa: S608 - own columns
            " AND seq > coalesce("
            "   (SELECT seq FROM audit_entry WHERE chain = :chain AND id = :after), 0)"
            " AND (CAST(:action AS text) IS NULL OR action = :action)"
            " AND (CAST(:actor AS uuid) IS NULL OR actor_id = :actor)"
            " AND (CAST(:subject AS text) IS NULL OR subject_id = :subject)"
            " AND (CAST(:since AS timestamptz) IS NULL OR at >= :since)"
            " AND (CAST(:until AS timestamptz) IS NULL OR at < :until)"
            " ORDER BY seq LIMIT :limit"
        ),
        {
            "chain": chain,
            "after": after,
            "action": wanted.action,
            "actor": wanted.actor_id,
            "subject": wanted.subject_id,
            "since": wanted.since,
            "until": wanted.until,
            "limit": limit,
        },
    )
    return [_entry(row) for row in rows]


def _entry(row: Row[Any]) -> Entry:
    fact = Fact(
        id=row.id,
        at=row.at,
        actor_kind=row.actor_kind,
        actor_id=row.actor_id,
        credential_id=row.credential_id,
        action=row.action,
        path_ids=row.path_ids,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        before=row.before,
        after=row.after,
        request_id=row.request_id,
    )
    return Entry(
        chain=ChainId(row.chain),
        seq=row.seq,
        fact=fact,
        previous=bytes(row.previous),
        hash=bytes(row.hash),
        organisation_id=OrganisationId(row.organisation_id) if row.organisation_id else None,
    )
