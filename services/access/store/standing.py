"""SQL that asks of many tokens at once whether they still hold."""

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session, text

from services.access.domain.credentials import SESSION_IDLE
from services.contracts.ids import OrganisationId

_PRESENT = text("SELECT set_config('app.credential', :hashes, true)")
_HOLDING = text(
    """
    SELECT token_hash, organisation_id FROM session
     WHERE token_hash = ANY(:hashes) AND revoked_at IS NULL AND expires_at > :now
       AND last_seen_at > :idle_since
    UNION ALL
    SELECT token_hash, organisation_id FROM api_key
     WHERE token_hash = ANY(:hashes) AND revoked_at IS NULL AND expires_at > :now
    """
)


def holding(
    session: Session, hashes: Collection[bytes], now: datetime
) -> dict[bytes, OrganisationId | None]:
    """Those of ``hashes`` whose token still holds, with the organisation it acts for."""
    connection = session.connection()
    connection.execute(_PRESENT, {"hashes": ",".join(hashed.hex() for hashed in hashes)})
    asked = {"hashes": list(hashes), "now": now, "idle_since": now - SESSION_IDLE}
    return {
        bytes(row.token_hash): row.organisation_id for row in connection.execute(_HOLDING, asked)
    }
