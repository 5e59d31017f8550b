"""Everything a door needs to sign people in, built once and carried in ``app.state.access``."""

from dataclasses import dataclass

from services.access.handlers.attempts import Tries
from services.access.handlers.authentication import Authenticator
from services.access.handlers.limiting import RequestLimit
from services.access.handlers.notifying import FileNotifier, Notifier
from services.access.handlers.verifying import PasswordVerifier
from services.runtime.clock import Clock
from services.runtime.db import Sessions
from services.runtime.settings import Settings

MAIL_FOLDER = "messages"


@dataclass(frozen=True, slots=True)
class Access:
    sessions: Sessions
    clock: Clock
    verifier: PasswordVerifier
    notifier: Notifier
    authenticator: Authenticator
    tries: Tries
    addresses: RequestLimit


def build_access(*, settings: Settings, sessions: Sessions, clock: Clock) -> Access:
    return Access(
        sessions=sessions,
        clock=clock,
        verifier=PasswordVerifier(),
        notifier=FileNotifier(settings.state_path / MAIL_FOLDER),
        authenticator=Authenticator(sessions=sessions, clock=clock),
        tries=Tries(sessions=sessions, clock=clock),
        addresses=RequestLimit(settings.sign_in_per_minute),
    )
