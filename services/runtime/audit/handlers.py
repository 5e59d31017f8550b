"""Use cases of the audit trail: reading it, anchoring it, verifying it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final
from uuid import UUID

import structlog
from sqlmodel import Session, text

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.runtime.audit import store
from services.runtime.audit.anchors import Anchored, Anchors, append_anchor
from services.runtime.audit.entry import ChainId, Entry, Head, chain_of
from services.runtime.audit.keys import digest_key, signing_key
from services.runtime.audit.recording import DIGEST_KEY
from services.runtime.audit.store import Filter
from services.runtime.audit.verification import Damage, Verdict, by_chain, verify_chain
from services.runtime.clock import Clock
from services.runtime.db import Sessions
from services.runtime.settings import Settings
from services.runtime.tenancy import bind

AUDITOR: Final = Principal(kind=PrincipalKind.SERVICE_ACCOUNT, roles=frozenset({Role.AUDIT_ADMIN}))
"""For whom the platform itself reads every chain."""
PROGRESS_EVERY: Final = 1_000

log = structlog.get_logger(__name__)


class ChainNotYoursError(DomainError):
    code: ClassVar[str] = "audit-chain-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no audit trail {chain} that you may read; leave `chain` out."
    zh: ClassVar[str] = "没有您可查看的审计链 {chain}；请省略 `chain`。"


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying found; ``unanchored`` chains can be cut at the end without a trace."""

    chains: int
    entries: int
    damages: tuple[Damage, ...]
    anchored: int
    anchored_at: datetime | None

    @property
    def is_sound(self) -> bool:
        return not self.damages


def audit_folder(settings: Settings) -> Path:
    return settings.state_path / "audit"


def anchor_file(settings: Settings) -> Path:
    return settings.audit_anchors or audit_folder(settings) / "anchors.jsonl"


def anchor_key_file(settings: Settings) -> Path:
    return settings.audit_anchor_key or audit_folder(settings) / "anchor.key"


def digest_confidential_values(sessions: Sessions, settings: Settings) -> None:
    """Have ``sessions`` digest confidential values under the platform's key, not leave them out.

    Raises:
        KeyExposedError, KeyUnusableError: the key file is not fit for use.
    """
    path = settings.audit_digest_key or audit_folder(settings) / "digest.key"
    sessions.configure(info={DIGEST_KEY: digest_key(path)})


def list_entries(
    *,
    session: Session,
    principal: Principal,
    chain: UUID | None,
    after: UUID | None,
    limit: int,
    wanted: Filter,
) -> list[Entry]:
    """Entries of the acting organisation's chain, or of any for the audit administrator.

    Raises:
        ChainNotYoursError: another organisation's chain is asked for.
    """
    asked = _readable(principal, chain)
    return store.entries_after(session, asked, after, limit, wanted)


def get_head(*, session: Session, principal: Principal, chain: UUID | None) -> Head:
    """Where a chain ends, for whoever keeps a copy of it elsewhere.

    Raises:
        ChainNotYoursError: another organisation's chain is asked for, or it has no entry.
    """
    asked = _readable(principal, chain)
    found = store.head(session, asked)
    if found is None:
        raise ChainNotYoursError(chain=asked)
    return found


def _readable(principal: Principal, chain: UUID | None) -> ChainId:
    if principal.platform_role is Role.AUDIT_ADMIN:
        return ChainId(chain) if chain is not None else chain_of(None)
    own = principal.organisation_id
    if own is None or (chain is not None and OrganisationId(chain) != own):
        raise ChainNotYoursError(chain=chain)
    return chain_of(own)


def anchor(*, sessions: Sessions, settings: Settings, clock: Clock) -> Anchored:
    """Sign the heads that moved and add them to the anchors; a chain gone backwards is an alarm.

    Raises:
        AnchorsDamagedError: the anchors themselves were touched.
        KeyExposedError, KeyUnusableError: the key file is not fit for use.
    """
    with reading(sessions) as session:
        heads = store.heads(session)
    key = signing_key(anchor_key_file(settings))
    done = append_anchor(anchor_file(settings), key, heads, at=clock.now())
    for chain in done.receded:
        log.error("audit chain is shorter than when it was anchored", chain=str(chain))
    return done


def reading(sessions: Sessions) -> Session:
    """A session that sees every chain."""
    session = sessions()
    bind(session, AUDITOR)
    return session


def verify(
    *, session: Session, anchors: Anchors, progress: Callable[[int], object] = lambda _: None
) -> Report:
    """Recompute every chain in one snapshot of the database."""
    connection = session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    connection.execute(text("SET TRANSACTION READ ONLY"))
    heads = {head.chain: head for head in store.heads(session)}
    verdicts = [
        verify_chain(
            chain, entries, head=heads.get(chain), anchored=anchors.by_chain.get(chain, {})
        )
        for chain, entries in by_chain(_counted(store.every_entry(session), progress))
    ]
    gone = (heads.keys() | anchors.by_chain.keys()) - {verdict.chain for verdict in verdicts}
    verdicts += [
        verify_chain(chain, (), head=heads.get(chain), anchored=anchors.by_chain.get(chain, {}))
        for chain in sorted(gone)
    ]
    return _report(verdicts, anchors)


def _report(verdicts: Sequence[Verdict], anchors: Anchors) -> Report:
    return Report(
        chains=len(verdicts),
        entries=sum(verdict.entries for verdict in verdicts),
        damages=tuple(verdict.damage for verdict in verdicts if verdict.damage),
        anchored=len(anchors.newest),
        anchored_at=anchors.last_at,
    )


def _counted(entries: Iterator[Entry], progress: Callable[[int], object]) -> Iterator[Entry]:
    for number, entry in enumerate(entries, start=1):
        if number % PROGRESS_EVERY == 0:
            progress(number)
        yield entry
