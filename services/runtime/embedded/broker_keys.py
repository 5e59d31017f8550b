"""What opens the embedded broker: a password per user of the platform's, the issuer's key.

Made at the first start, kept in ``STATE_DIR/nats/keys`` (0700, files 0600) and never shown.
"""

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.runtime.nkeys import AccountKey

USERS: Final = ("http", "ingest", "worker", "matcher", "guard")
"""As in deploy/nats/base.conf."""
PASSWORD_BYTES: Final = 32


@dataclass(frozen=True, slots=True, repr=False)
class BrokerKeys:
    passwords: Mapping[str, str]
    issuer: str
    """Public key of the account key in ``seed_file``."""
    seed_file: Path

    def environment(self) -> dict[str, str]:
        """What deploy/nats/base.conf refers to."""
        named = {f"NONAGON_NATS_{user.upper()}_PASSWORD": self.passwords[user] for user in USERS}
        return {**named, "NONAGON_NATS_ISSUER": self.issuer}


def broker_keys(folder: Path) -> BrokerKeys:
    """The keys in ``folder``, made if they are not there.

    Raises:
        MalformedNkeyError: somebody changed the seed; restore it, or delete the folder.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    passwords = {user: _kept(folder / f"{user}.password", _password) for user in USERS}
    seed_file = folder / "issuer.nk"
    key = AccountKey.from_seed(_kept(seed_file, lambda: AccountKey.generate().seed))
    return BrokerKeys(passwords, key.public, seed_file)


def _password() -> str:
    return f"ngp_{secrets.token_hex(PASSWORD_BYTES)}"


def _kept(path: Path, make: Callable[[], str]) -> str:
    """The text in ``path``, which appears whole or not at all."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        text = make()
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - a descriptor
        file.write(f"{text}\n")
    unfinished.replace(path)
    return text
