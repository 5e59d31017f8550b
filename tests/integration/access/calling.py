"""The API of access as a program calls it."""

import base64
from typing import Any

import httpx

from services.access.domain.tokens import SESSION_COOKIE
from services.access.domain.totp import code_at, step_at
from tests.support.clock import FrozenClock

EMAIL = "lin.wei@example.com"
PASSWORD = "six lathes and a kiln"
OTHER = "seven lathes, no kiln"
SIGN_UP = {
    "email": EMAIL,
    "password": PASSWORD,
    "name": "Wei Lin",
    "organisation": {"name": "Works", "name_zh": "示例工厂"},
}
SIGN_IN = {"email": EMAIL, "password": PASSWORD}
Document = dict[str, Any]


def signed_up(client: httpx.Client, **facts: object) -> str:
    response = client.post("sign-up", json=SIGN_UP | facts)
    assert response.status_code == 201, response.text
    return str(response.json()["token"])


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def cookie(token: str) -> dict[str, str]:
    return {"cookie": f"{SESSION_COOKIE}={token}"}


def who(client: httpx.Client, token: str) -> Document:
    response = client.get("session", headers=bearer(token))
    assert response.status_code == 200, response.text
    document: Document = response.json()
    return document


def totp_of(client: httpx.Client, token: str, clock: FrozenClock) -> tuple[bytes, Document]:
    """Set an authenticator app up: its secret, and what confirming it answered."""
    offered = client.post("second-factors/totp", json={"password": PASSWORD}, headers=bearer(token))
    assert offered.status_code == 201, offered.text
    secret = base64.b32decode(offered.json()["secret"])
    code = code_at(secret, step_at(clock.now()))
    confirmed = client.post(
        "second-factors/totp/confirmation", json={"code": code}, headers=bearer(token)
    )
    assert confirmed.status_code == 200, confirmed.text
    return secret, confirmed.json()
