"""The demonstration's people: each firm's owner signs up once and is known again afterwards."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from gateway.accounts import Account, Accounts
from gateway.demo.api import ApiRefusedError, DemoApi
from gateway.demo.park import DemoPark, OrganisationEntry

PASSWORD_BYTES: Final = 15
SIGN_UPS_AT_ONCE: Final = 4
UNAUTHENTICATED: Final = 401


class DemoPeople:
    """The API as each firm of the park uses it, by the firm's key in the park file."""

    def __init__(self, api: DemoApi, park: DemoPark, state_dir: Path) -> None:
        self.anybody = api
        self._accounts = Accounts.read(state_dir)
        with ThreadPoolExecutor(SIGN_UPS_AT_ONCE) as pool:
            found = pool.map(self._come_in, park.organisations)
            for entry, account in zip(park.organisations, found, strict=True):
                self._accounts.by_key[entry.key] = account
                self._accounts.write(state_dir)

    def _come_in(self, entry: OrganisationEntry) -> Account:
        known = self._accounts.by_key.get(entry.key)
        if known is None:
            return _signed_up(self.anybody, entry)
        return _signed_in(self.anybody, known)

    def acting(self, key: str) -> DemoApi:
        """The API for the firm ``key``."""
        return self.anybody.with_token(self._accounts.by_key[key].token)

    def account(self, key: str) -> Account:
        return self._accounts.by_key[key]


def _signed_up(api: DemoApi, entry: OrganisationEntry) -> Account:
    organisation: dict[str, Any] = entry.model_dump(exclude={"key"})
    credentials = {
        "email": f"{entry.key}@demo.example",
        "password": secrets.token_urlsafe(PASSWORD_BYTES),
    }
    person = {"name": f"Demo owner of {entry.name}", "locale": "zh"}
    opened = api.post("/sign-up", {**credentials, **person, "organisation": organisation})
    return Account(
        organisation_id=opened["organisation_id"],
        organisation=entry.name,
        organisation_zh=entry.name_zh,
        token=opened["token"],
        **credentials,
    )


def _signed_in(api: DemoApi, account: Account) -> Account:
    """The account with a session that holds: the kept one, or a new one."""
    try:
        api.with_token(account.token).get("/session")
    except ApiRefusedError as refused:
        if refused.status != UNAUTHENTICATED:
            raise
        credentials = {"email": account.email, "password": account.password}
        opened = api.post("/session", credentials)
        token = opened["token"]
        if opened["organisation_id"] is None:
            chosen = {"organisation_id": account.organisation_id}
            token = api.with_token(token).put("/session/organisation", chosen)["token"]
        return account.model_copy(update={"token": token})
    return account
