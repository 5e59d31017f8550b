"""Signing in over HTTP: cookies, tokens, other sites, second factors, API keys."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.access.domain.tokens import SESSION_COOKIE
from services.access.domain.totp import PERIOD_S, code_at, step_at
from services.access.handlers.sweeping import forget_ended
from services.runtime.db import Sessions, transaction
from tests.integration.access.accounts import Accounts
from tests.integration.access.calling import (
    EMAIL,
    OTHER,
    PASSWORD,
    SIGN_IN,
    SIGN_UP,
    Document,
    bearer,
    cookie,
    signed_up,
    totp_of,
    who,
)
from tests.integration.access.conftest import Inbox
from tests.support.clock import FrozenClock
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


def test_the_cookie_is_bound_to_the_host_and_hidden_from_scripts(client: httpx.Client) -> None:
    response = client.post("sign-up", json=SIGN_UP)
    value = response.headers["set-cookie"]
    name, _, rest = value.partition("=")
    assert name == "__Host-nonagon_session"
    attributes = {part.strip().lower() for part in rest.split(";")[1:]}
    assert {"path=/", "secure", "httponly", "samesite=lax", "max-age=86400"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)
    assert response.headers["cache-control"] == "no-store"


def test_programs_get_the_token_and_browsers_only_the_cookie(client: httpx.Client) -> None:
    token = signed_up(client)
    assert who(client, token)["person"]["email"] == EMAIL
    assert client.get("session", headers=cookie(token)).json()["strong"] is False
    browser = client.post("session", json=SIGN_IN, headers={"sec-fetch-site": "same-origin"})
    assert browser.status_code == 201
    assert browser.json()["token"] is None
    assert SESSION_COOKIE in browser.headers["set-cookie"]


def test_who_am_i_lists_what_one_may_act_for(client: httpx.Client) -> None:
    me = who(client, signed_up(client))
    assert me["kind"] == "person"
    assert me["roles"] == ["owner"]
    assert me["memberships"] == [{"organisation_id": me["organisation_id"], "roles": ["owner"]}]
    assert me["second_factors"] == {"totp": False, "passkeys": 0, "recovery_codes": 0}
    refused = client.get("session", headers={"accept-language": "zh"})
    assert refused.status_code == 401
    assert refused.json()["title"] == "请先登录"
    assert refused.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header",
    ["Bearer ns_" + "0" * 64, "Bearer nk_" + "0" * 64, "Basic abc", "Bearer", "Bearer x y"],
)
def test_a_token_that_is_no_good_is_refused_everywhere(client: httpx.Client, header: str) -> None:
    for path in ("session", "organisations"):
        assert client.get(path, headers={"authorization": header}).status_code == 401, path


def test_a_dead_cookie_is_removed_and_does_not_bar_signing_in(client: httpx.Client) -> None:
    token = signed_up(client)
    headers = cookie(token) | {"origin": str(client.base_url.copy_with(path=""))}
    assert client.delete("session", headers=headers).status_code == 204
    dead = client.get("session", headers=headers)
    assert dead.status_code == 401
    assert dead.json()["code"] == "credential-revoked"
    assert f"{SESSION_COOKIE}=; Max-Age=0" in dead.headers["set-cookie"]
    assert client.post("session", json=SIGN_IN, headers=headers).status_code == 201


def test_signing_out_ends_the_session_at_once(client: httpx.Client) -> None:
    token = signed_up(client)
    who(client, token)
    response = client.delete("session", headers=bearer(token))
    assert response.status_code == 204
    assert f'{SESSION_COOKIE}=""' in response.headers["set-cookie"]
    assert client.get("session", headers=bearer(token)).status_code == 401


def test_another_site_changes_nothing_through_the_cookie(client: httpx.Client) -> None:
    token = signed_up(client)
    own = str(client.base_url.copy_with(path="")).rstrip("/")
    foreign: list[dict[str, str]] = [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": own + ".evil.example"},
        {"origin": own.replace("127.0.0.1", "localhost")},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {},
    ]
    for headers in foreign:
        refused = client.delete("session", headers=cookie(token) | headers)
        assert refused.status_code == 403, headers
        assert refused.json()["code"] == "foreign-origin"
    assert client.get("session", headers=cookie(token)).status_code == 200
    allowed = client.delete("session", headers=cookie(token) | {"origin": own})
    assert allowed.status_code == 204


def test_another_site_signs_nobody_in(client: httpx.Client) -> None:
    signed_up(client)
    refused = client.post("session", json=SIGN_IN, headers={"origin": "https://evil.example"})
    assert refused.status_code == 403


def test_a_token_known_before_signing_in_is_worth_nothing_after(client: httpx.Client) -> None:
    """Session fixation: what an attacker planted never becomes the victim's session."""
    planted = "ns_" + "ab" * 32
    signed_up(client)
    own = {"origin": str(client.base_url.copy_with(path="")).rstrip("/")}
    opened = client.post("session", json=SIGN_IN, headers=cookie(planted) | own)
    assert opened.status_code == 201
    assert opened.json()["token"] != planted
    assert client.get("session", headers=cookie(planted)).status_code == 401


def test_acting_for_another_organisation_replaces_the_token(
    client: httpx.Client, accounts: Accounts
) -> None:
    before = signed_up(client)
    me = who(client, before)
    other = accounts.organisation("Other")
    body = {"organisation_id": str(other)}
    assert client.put("session/organisation", json=body, headers=bearer(before)).status_code == 404
    accounts.member(other, me["id"])
    switched = client.put("session/organisation", json=body, headers=bearer(before))
    assert switched.status_code == 200
    after = switched.json()["token"]
    assert who(client, after)["organisation_id"] == str(other)
    assert client.get("session", headers=bearer(before)).status_code == 401


def test_sessions_are_listed_and_ended(client: httpx.Client) -> None:
    first = signed_up(client)
    second = client.post("session", json=SIGN_IN, headers={"user-agent": "line 3"}).json()["token"]
    listed = client.get("sessions", headers=bearer(first)).json()["items"]
    assert sorted(item["current"] for item in listed) == [False, True]
    other = next(item for item in listed if not item["current"])
    assert other["client"] == "line 3"
    assert client.delete(f"sessions/{other['id']}", headers=bearer(first)).status_code == 204
    assert client.get("session", headers=bearer(second)).status_code == 401
    third = client.post("session", json=SIGN_IN).json()["token"]
    assert client.delete("sessions", headers=bearer(first)).status_code == 204
    assert client.get("session", headers=bearer(third)).status_code == 401
    who(client, first)
    assert client.delete("sessions?keep_current=false", headers=bearer(first)).status_code == 204
    eventually(lambda: client.get("session", headers=bearer(first)).status_code == 401, within=1)


def test_somebody_elses_session_does_not_exist(client: httpx.Client) -> None:
    first = signed_up(client)
    other = signed_up(client, email="zhao.min@example.com", organisation=None)
    session_id = who(client, first)["credential_id"]
    assert client.delete(f"sessions/{session_id}", headers=bearer(other)).status_code == 404
    who(client, first)


def test_a_password_is_changed_and_reset(client: httpx.Client, inbox: Inbox) -> None:
    token = signed_up(client)
    changed = client.put(
        "password", json={"current": PASSWORD, "new": OTHER}, headers=bearer(token)
    )
    assert changed.status_code == 204
    for email in (EMAIL, "nobody@example.com"):
        asked = client.post("password/reset-requests", json={"email": email})
        assert (asked.status_code, asked.content) == (202, b"null")
    eventually(lambda: inbox.messages, what="the message")
    body = {"token": inbox.messages[0].token, "new": PASSWORD}
    assert client.post("password/resets", json=body).status_code == 204
    assert client.post("password/resets", json=body).status_code == 422
    assert client.post("session", json=SIGN_IN).status_code == 201


def test_a_refusal_never_repeats_the_password(client: httpx.Client) -> None:
    token = signed_up(client)
    secret = "hunter2hunter2hunter2"
    for method, path, body in (
        ("POST", "session", {"email": 7, "password": secret}),
        ("POST", "session", {"email": EMAIL, "password": secret}),
        ("POST", "sign-up", SIGN_UP | {"password": secret, "locale": "fr"}),
        ("PUT", "password", {"current": secret, "new": secret}),
    ):
        refused = client.request(method, path, json=body, headers=bearer(token))
        assert refused.status_code >= 400
        assert secret not in refused.text


def test_an_authenticator_app_becomes_compulsory(client: httpx.Client, clock: FrozenClock) -> None:
    token = signed_up(client)
    secret, confirmed = totp_of(client, token, clock)
    strong = confirmed["session"]["token"]
    assert who(client, strong)["strong"] is True
    assert client.get("session", headers=bearer(token)).status_code == 401, "token replaced"
    assert len(confirmed["recovery_codes"]) == 10

    needed = client.post("session", json=SIGN_IN)
    assert (needed.status_code, needed.json()["code"]) == (401, "second-factor-needed")
    spent = code_at(secret, step_at(clock.now()))
    replayed = client.post("session", json=SIGN_IN | {"code": spent})
    assert (replayed.status_code, replayed.json()["code"]) == (401, "second-factor-wrong")
    clock.advance(timedelta(seconds=PERIOD_S))
    fresh = code_at(secret, step_at(clock.now()))
    opened = client.post("session", json=SIGN_IN | {"code": fresh})
    assert opened.status_code == 201
    assert opened.json()["strong"] is True
    again = client.post("session", json=SIGN_IN | {"code": fresh})
    assert again.json()["code"] == "second-factor-wrong"


def test_a_recovery_code_works_once(client: httpx.Client, clock: FrozenClock) -> None:
    _, confirmed = totp_of(client, signed_up(client), clock)
    body = SIGN_IN | {"code": confirmed["recovery_codes"][3].upper()}
    opened = client.post("session", json=body)
    assert opened.status_code == 201
    assert opened.json()["strong"] is True
    assert client.post("session", json=body).status_code == 401
    held = client.get("second-factors", headers=bearer(opened.json()["token"])).json()
    assert held == {"totp": True, "passkeys": 0, "recovery_codes": 9}


def test_a_found_session_cannot_add_or_remove_factors(
    client: httpx.Client, clock: FrozenClock
) -> None:
    token = signed_up(client)
    for body in ({}, {"password": OTHER}):
        refused = client.post("second-factors/totp", json=body, headers=bearer(token))
        assert (refused.status_code, refused.json()["code"]) == (403, "password-wrong")
    _, confirmed = totp_of(client, token, clock)
    strong = confirmed["session"]["token"]
    clock.advance(timedelta(hours=12))
    weak = client.get("session", headers=bearer(strong))
    assert weak.status_code == 401, "idle by then"


def test_the_second_factor_is_asked_again_after_half_a_day(
    client: httpx.Client, clock: FrozenClock, app: FastAPI
) -> None:
    secret, confirmed = totp_of(client, signed_up(client), clock)
    token = confirmed["session"]["token"]
    for _ in range(13):
        clock.advance(timedelta(minutes=59))
        app.state.authenticator.forget(confirmed_session_id(confirmed))
        assert client.get("session", headers=bearer(token)).status_code == 200
    assert who(client, token)["strong"] is False
    refused = client.delete("second-factors/totp", headers=bearer(token))
    assert (refused.status_code, refused.json()["code"]) == (403, "second-factor-required")
    wrong = client.post("session/second-factor", json={"code": "000000"}, headers=bearer(token))
    assert wrong.status_code == 401
    code = code_at(secret, step_at(clock.now()))
    renewed = client.post("session/second-factor", json={"code": code}, headers=bearer(token))
    assert renewed.status_code == 200
    strong = bearer(renewed.json()["token"])
    assert client.post("second-factors/recovery-codes", headers=strong).status_code == 201
    assert client.delete("second-factors/totp", headers=strong).status_code == 204
    assert client.post("session", json=SIGN_IN).status_code == 201


def confirmed_session_id(confirmed: Document) -> Any:
    return UUID(confirmed["session"]["session_id"])


def test_wrong_codes_are_counted_like_passwords(client: httpx.Client, clock: FrozenClock) -> None:
    _, confirmed = totp_of(client, signed_up(client), clock)
    headers = bearer(confirmed["session"]["token"])
    codes = [
        client.post("session/second-factor", json={"code": "000000"}, headers=headers).status_code
        for _ in range(11)
    ]
    assert codes == [401] * 10 + [429]
    refused = client.post("session/second-factor", json={"code": "000000"}, headers=headers)
    assert int(refused.headers["retry-after"]) > 0


def test_an_api_key_is_shown_once_and_revoked_at_once(
    client: httpx.Client, accounts: Accounts
) -> None:
    owner = signed_up(client)
    account_id = accounts.service_account(who(client, owner)["organisation_id"])
    keys = f"service-accounts/{account_id}/keys"
    made = client.post(keys, json={"name": "line 3", "roles": ["seller"]}, headers=bearer(owner))
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    token = made.json()["token"]
    assert token.startswith("nk_")
    me = who(client, token)
    assert (me["kind"], me["roles"], me["id"]) == ("service_account", ["seller"], str(account_id))
    (listed,) = client.get(keys, headers=bearer(owner)).json()["items"]
    assert "token" not in listed
    for method, path in (("GET", "sessions"), ("PUT", "password"), ("POST", keys)):
        refused = client.request(method, path, json={"name": "x"}, headers=bearer(token))
        assert refused.status_code == 403, path
    assert client.delete(f"{keys}/{listed['id']}", headers=bearer(owner)).status_code == 204
    dead = client.get("session", headers=bearer(token))
    assert (dead.status_code, dead.json()["code"]) == (401, "credential-revoked")


def test_keys_of_another_organisation_do_not_exist(
    client: httpx.Client, accounts: Accounts
) -> None:
    owner = signed_up(client)
    account_id = accounts.service_account(accounts.organisation("Other"))
    keys = f"service-accounts/{account_id}/keys"
    assert client.get(keys, headers=bearer(owner)).status_code == 404
    assert client.post(keys, json={"name": "x"}, headers=bearer(owner)).status_code == 404
    assert client.delete(f"{keys}/{account_id}", headers=bearer(owner)).status_code == 404


def test_one_address_asks_for_credentials_so_often_in_a_minute(client: httpx.Client) -> None:
    """The address is the proxy's word here, as the proxy is trusted; another address goes on."""
    headers = {"x-forwarded-for": "203.0.113.7"}
    body = {"email": "nobody@example.com", "new": "x", "token": "x"}
    answers = [
        client.post("password/resets", json=body, headers=headers).status_code for _ in range(61)
    ]
    assert answers == [422] * 60 + [429]
    other = client.post("session", json=SIGN_IN, headers={"x-forwarded-for": "203.0.113.8"})
    assert other.status_code == 401


def test_the_trail_tells_of_sessions_and_keys_without_their_tokens(
    client: httpx.Client, accounts: Accounts, sessions: Sessions
) -> None:
    owner = signed_up(client)
    account_id = accounts.service_account(who(client, owner)["organisation_id"])
    keys = f"service-accounts/{account_id}/keys"
    made = client.post(keys, json={"name": "line 3"}, headers=bearer(owner)).json()
    client.put("password", json={"current": PASSWORD, "new": OTHER}, headers=bearer(owner))
    with transaction(sessions) as session:
        rows = session.connection().execute(
            text("SELECT action, subject_kind, e::text FROM audit_entry e ORDER BY at, id")
        )
        told = [(row.action, row.subject_kind, row[2]) for row in rows]
    found = {(action, kind) for action, kind, _ in told}
    assert {
        ("person.sign_up", "session"),
        ("api_key.create", "api_key"),
        ("password.change", "password"),
    } <= found
    for secret in (owner, made["token"], PASSWORD, OTHER):
        assert not any(secret in entry for _, _, entry in told)


def test_what_is_over_is_forgotten(
    client: httpx.Client, sessions: Sessions, clock: FrozenClock
) -> None:
    signed_up(client)
    client.post("session", json=SIGN_IN | {"password": OTHER})
    client.post("password/reset-requests", json={"email": EMAIL})
    tables = ("session", "ticket", "attempt")

    def counts() -> list[int]:
        with transaction(sessions) as session:
            return [
                session.connection().execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - a table's name
                for table in tables
            ]

    eventually(lambda: counts()[1] == 1, what="the reset is noted")
    with transaction(sessions) as session:
        assert forget_ended(session=session, clock=clock) == 0
    clock.advance(timedelta(minutes=31))
    with transaction(sessions) as session:
        forget_ended(session=session, clock=clock)
    assert counts() == [1, 0, 0]
    clock.advance(timedelta(days=182))
    with transaction(sessions) as session:
        forget_ended(session=session, clock=clock)
    assert counts() == [0, 0, 0]
