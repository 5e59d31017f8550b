"""Tells PostgreSQL for whom a transaction works; its row security reads nothing else.

The settings are local to the transaction, so a pooled connection never carries them to the next
request. A transaction nobody was bound to sees what is public and writes nothing.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session, text

from services.contracts.access import ANONYMOUS, Principal

_KEY: Final = "principal"
_CREDENTIAL_KEY: Final = "credential"
_EMAIL_KEY: Final = "email"
_SET: Final = text(
    "SELECT set_config('app.org', :org, true), set_config('app.actor', :actor, true),"
    " set_config('app.manages', :manages, true), set_config('app.parks', :parks, true),"
    " set_config('app.spaces', :spaces, true), set_config('app.platform', :platform, true),"
    " set_config('app.credential', :credential, true), set_config('app.email', :email, true)"
)
_SHOW: Final = text("SELECT set_config('app.shown', :shown, true)")


def bind(
    session: Session, principal: Principal, *, credential: bytes = b"", email: str = ""
) -> None:
    """Work for ``principal`` from here on, in this transaction and all later ones of ``session``.

    Args:
        session: whose transactions are meant.
        principal: for whom.
        credential: SHA-256 of the presented token, for the one look-up that finds its owner.
        email: the address somebody signs in with, for the one look-up that finds the account.
    """
    session.info |= {_KEY: principal, _CREDENTIAL_KEY: credential, _EMAIL_KEY: email}
    if session.in_transaction():
        session.connection().execute(_SET, _parameters(session))


@contextmanager
def also_showing(session: Session, resource_ids: Collection[UUID]) -> Iterator[None]:
    """Let the statements of the block see resources the caller may not.

    For what comes with a resource the caller may see, such as the operator of a machine: its free
    time decides, though nobody is shown it.
    """
    if not resource_ids:
        yield
        return
    _show(session, ",".join(sorted(map(str, resource_ids))))
    try:
        yield
    except DBAPIError:
        raise  # The transaction is lost, and what it was shown with it.
    except BaseException:
        _show(session, "")
        raise
    _show(session, "")


def _show(session: Session, shown: str) -> None:
    session.connection().execute(_SHOW, {"shown": shown})


def principal_of(session: Session) -> Principal:
    """For whom ``session`` works; anonymous when nobody was bound."""
    found: Principal = session.info.get(_KEY, ANONYMOUS)
    return found


@event.listens_for(Session, "after_begin")
def _after_begin(session: Session, begun: SessionTransaction, connection: Connection) -> None:
    if _KEY in session.info and not begun.nested:
        connection.execute(_SET, _parameters(session))


def _parameters(session: Session) -> dict[str, str]:
    principal = principal_of(session)
    credential: bytes = session.info.get(_CREDENTIAL_KEY, b"")
    return {
        "org": str(principal.organisation_id or ""),
        "actor": str(principal.id or ""),
        "manages": "on" if principal.manages else "",
        "parks": ",".join(sorted(principal.parks)),
        "spaces": ",".join(sorted(map(str, principal.spaces))),
        "platform": str(principal.platform_role or ""),
        "credential": credential.hex(),
        "email": session.info.get(_EMAIL_KEY, ""),
    }
