"""Accounts of the demonstration park, kept for the person in front of it and its commands."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from gateway.endpoints import write_private


class Account(BaseModel):
    """A made-up person who owns a made-up firm; the token is of its newest session."""

    model_config = ConfigDict(frozen=True)

    organisation_id: str
    organisation: str
    organisation_zh: str
    email: str
    password: str
    token: str


class Accounts(BaseModel):
    """``demo/accounts.json`` in the state directory, readable by its own account only."""

    by_key: dict[str, Account] = {}

    def matching(self, wanted: str) -> list[Account]:
        """Accounts whose key, organisation's id or part of its name is ``wanted``."""
        folded = wanted.casefold()
        return [
            account
            for key, account in self.by_key.items()
            if wanted in {key, account.organisation_id}
            or folded in f"{account.organisation}\n{account.organisation_zh}".casefold()
        ]

    @classmethod
    def read(cls, state_dir: Path) -> Self:
        """Those of the platform of ``state_dir``; none when no demo ran there."""
        try:
            return cls.model_validate_json(accounts_path(state_dir).read_bytes())
        except FileNotFoundError:
            return cls()

    def write(self, state_dir: Path) -> None:
        path = accounts_path(state_dir)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, self)


def accounts_path(state_dir: Path) -> Path:
    return state_dir / "demo" / "accounts.json"
