"""SQL of counted tries. The caller presents the subject's hash (``tenancy.bind``)."""

from datetime import datetime, timedelta

from sqlmodel import Session, text

from services.access.domain.attempts import TRIES_MAX, WINDOW

_TRY = text(
    f"""
    INSERT INTO attempt AS a (subject_hash, tried_at) VALUES (:subject, ARRAY[:now]::timestamptz[])
    ON CONFLICT (subject_hash) DO UPDATE
       SET tried_at = ARRAY(SELECT t FROM unnest(a.tried_at) t WHERE t > :cutoff ORDER BY t)
                      || EXCLUDED.tried_at
     WHERE (SELECT count(*) FROM unnest(a.tried_at) t WHERE t > :cutoff) < {TRIES_MAX}
    """  # noqa: S608 - a constant
)
_OLDEST = text(
    "SELECT min(t) FROM attempt, unnest(tried_at) t WHERE subject_hash = :subject AND t > :cutoff"
)
_TAKE_BACK = text(
    """
    UPDATE attempt
       SET tried_at = tried_at[1:array_position(tried_at, :at) - 1]
                      || tried_at[array_position(tried_at, :at) + 1:cardinality(tried_at)]
     WHERE subject_hash = :subject AND array_position(tried_at, :at) IS NOT NULL
    """
)


def count_try(session: Session, subject: bytes, now: datetime) -> bool:
    """Whether one more try is within the limit; then it is counted. One at a time per subject."""
    asked = {"subject": subject, "now": now, "cutoff": now - WINDOW}
    return session.connection().execute(_TRY, asked).rowcount == 1


def next_try_in(session: Session, subject: bytes, now: datetime) -> timedelta:
    """How long until the oldest try counts no more."""
    asked = {"subject": subject, "cutoff": now - WINDOW}
    oldest: datetime | None = session.connection().execute(_OLDEST, asked).scalar()
    return timedelta(0) if oldest is None else oldest + WINDOW - now


def take_back(session: Session, subject: bytes, tried_at: datetime) -> None:
    """Forget one try of that instant: it was right."""
    session.connection().execute(_TAKE_BACK, {"subject": subject, "at": tried_at})
