"""Which account PostgreSQL runs under, and what that account can reach.

PostgreSQL refuses to run as root. Started by root, it runs under an unprivileged account that
exists on every distribution; permissions of folders that are not ours are never loosened.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from services.contracts.errors import DomainError, ErrorKind

CANDIDATES = ("postgres", "nobody")


class NoUnprivilegedAccountError(DomainError):
    code: ClassVar[str] = "no-unprivileged-account"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "PostgreSQL refuses to run as root and none of the accounts {candidates} exists; create "
        "one, start as a normal user, or set NONAGON_DATABASE_URL to an external server."
    )
    zh: ClassVar[str] = (
        "PostgreSQL 不能以 root 运行，且账户 {candidates} 均不存在；请创建其一、改用普通用户启动，"
        "或将 NONAGON_DATABASE_URL 指向外部服务器。"
    )


@dataclass(frozen=True, slots=True)
class Account:
    """A user and its primary group, without supplementary groups."""

    uid: int
    gid: int

    def can_pass(self, folder: Path) -> bool:
        """Whether the account may traverse ``folder`` and everything above it."""
        return all(self._may(place, stat.S_IXOTH) for place in (folder, *folder.parents))

    def can_run(self, program: Path) -> bool:
        return self.can_pass(program.parent) and self._may(program, stat.S_IXOTH | stat.S_IROTH)

    def _may(self, place: Path, wanted: int) -> bool:
        found = place.stat()
        if found.st_uid == self.uid:
            wanted <<= 6
        elif found.st_gid == self.gid:
            wanted <<= 3
        return found.st_mode & wanted == wanted


def server_account(owned: Path) -> Account | None:
    """The account to drop to; ``None`` when this process is not root.

    Args:
        owned: the data directory; once it exists, its owner is the answer.

    Raises:
        NoUnprivilegedAccountError: root, and no candidate exists here.
    """
    if os.geteuid() != 0:
        return None
    if owned.exists() and (found := owned.stat()).st_uid != 0:
        return Account(found.st_uid, found.st_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise NoUnprivilegedAccountError(candidates=", ".join(CANDIDATES))
