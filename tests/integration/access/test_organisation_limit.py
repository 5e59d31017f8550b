"""One organisation cannot keep a process from the others."""

import httpx
import pytest

from services.identity.domain import OrganisationKind
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions
from tests.support.api import Keyring, api_client

pytestmark = pytest.mark.integration


def test_an_organisation_that_asks_too_often_waits_and_others_do_not(sessions: Sessions) -> None:
    with api_client(sessions, SystemClock(), requests_per_minute=5) as client:
        keyring = client.auth
        assert isinstance(keyring, Keyring)
        busy, other = (
            {"authorization": f"Bearer {keyring.key(firm)}"}
            for firm in [
                keyring.organisation(name=name, name_zh=name, kind=OrganisationKind.FIRM)
                for name in ("Busy", "Other")
            ]
        )
        statuses = [client.get("demands", headers=busy).status_code for _ in range(7)]
        refused = client.get("demands", headers=busy)
        assert statuses == [200] * 5 + [429] * 2
        assert refused.json()["code"] == "too-many-requests"
        assert int(refused.headers["retry-after"]) > 0
        assert client.get("demands", headers=other).status_code == httpx.codes.OK
