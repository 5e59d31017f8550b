"""Who took a copy away, and when; stands in everything that leaves as a file."""

from dataclasses import dataclass
from datetime import UTC, datetime

from services.contracts.ids import OrganisationId
from services.risk.domain.tlp import Tlp


@dataclass(frozen=True, slots=True)
class Watermark:
    organisation_id: OrganisationId
    organisation: str
    actor_id: str
    actor: str
    at: datetime

    @property
    def text(self) -> str:
        """Organisation, person and instant in UTC, in both languages."""
        at = self.at.astimezone(UTC).isoformat(timespec="seconds")
        return (
            f"downloaded 下载: {self.organisation} ({self.organisation_id})"
            f" · {self.actor} ({self.actor_id}) · {at}"
        )

    def over(self, tlp: Tlp) -> str:
        """The text under the label of what is taken away."""
        return f"{tlp.label} · {self.text}"
