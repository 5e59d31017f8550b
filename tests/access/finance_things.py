"""Things of financing: applications in each state that what is done needs, and consents."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tests.access.making import deleted
from tests.access.markers import Owner, Shown, amount, marker
from tests.access.rows import START
from tests.access.world import Thing, World

_PAIRS: Final = (
    (Owner.OWN, Owner.NEIGHBOUR),
    (Owner.NEIGHBOUR, Owner.OWN),
    (Owner.NEIGHBOUR, Owner.STRANGER),
    (Owner.STRANGER, Owner.NEIGHBOUR),
)
_OFFERED: Final[dict[str, Any]] = {"offered_minor": 100, "offered_rate": 400, "offered_months": 12}


def applications(world: World) -> Iterator[Thing]:
    """Each with a consent in force and the figure it shows; and a fund that may be asked."""
    world.investor = world.rows.insert(
        "organisation", marker(Owner.STRANGER, Shown.PUBLIC), kind="investor"
    )["id"]
    for applicant, recipient in _PAIRS:
        for state in ("requested", "under_review", "offered"):
            made = _application(world, applicant, recipient, state)
            _consent(world, applicant, recipient, made)
            name = f"{applicant} asks {recipient}, {state}"
            yield _between(name, applicant, recipient, financing_id=made)
    gone = _application(world, Owner.OWN, Owner.NEIGHBOUR, "requested")
    world.rows.delete("financing_application", id=gone)
    yield deleted({"financing_id": str(gone)})


def consents(world: World) -> Iterator[Thing]:
    for applicant, recipient in _PAIRS:
        application_id = _application(world, applicant, recipient, "requested")
        made = _consent(world, applicant, recipient, application_id)
        yield _between(f"{applicant} to {recipient}", applicant, recipient, consent_id=made)
    application_id = _application(world, Owner.OWN, Owner.NEIGHBOUR, "requested")
    gone = _consent(world, Owner.OWN, Owner.NEIGHBOUR, application_id)
    world.rows.delete("financing_consent", id=gone)
    yield deleted({"consent_id": str(gone)})


def _between(name: str, applicant: Owner, recipient: Owner, **path: UUID) -> Thing:
    return Thing(
        name, applicant, Shown.ORGANISATION, {key: str(value) for key, value in path.items()},
        parties=frozenset({applicant, recipient}), taker=applicant, giver=recipient,
    )  # fmt: skip


def _secret_of(applicant: Owner, recipient: Owner) -> Owner:
    return Owner.OWN if Owner.OWN in {applicant, recipient} else Owner.STRANGER


def _whose(world: World, applicant: Owner, recipient: Owner) -> dict[str, Any]:
    return {
        "organisation_id": world.organisations[applicant],
        "recipient_id": world.organisations[recipient],
    }


def _application(world: World, applicant: Owner, recipient: Owner, state: str) -> UUID:
    secret = _secret_of(applicant, recipient)
    made: UUID = world.add(
        "financing_application",
        secret,
        **_whose(world, applicant, recipient),
        **(_OFFERED if state == "offered" else {}),
        kind="working_capital",
        amount_minor=amount(secret, Shown.ORGANISATION),
        currency="CNY",
        state=state,
    )["id"]
    return made


def _consent(world: World, applicant: Owner, recipient: Owner, application_id: UUID) -> UUID:
    secret, whose = _secret_of(applicant, recipient), _whose(world, applicant, recipient)
    made: UUID = world.add(
        "financing_consent",
        secret,
        **whose,
        application_id=application_id,
        items=["disputes"],
        expires_at=START + timedelta(days=30),
    )["id"]
    world.add("financing_evidence", secret, **whose, consent_id=made, item="disputes")
    return made
