"""Signing in at an OpenID provider that a test serves: straight, and bent in every part."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from services.access.domain.tokens import SESSION_COOKIE
from services.access.handlers.composition import Access, OpenIdIncompleteError, build_access
from services.access.handlers.provider import OpenIdProvider
from services.runtime.db import Sessions
from services.runtime.settings import Settings
from tests.integration.access.calling import PASSWORD, bearer, signed_up, who
from tests.integration.access.provider import CLIENT_ID, CLIENT_SECRET, Provider, provider
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration

STATE_COOKIE = "__Host-nonagon_openid"


@pytest.fixture
def idp(clock: FrozenClock) -> Iterator[Provider]:
    with provider(clock.now()) as served:
        yield served


@pytest.fixture
def access(access: Access, idp: Provider) -> Access:
    openid = OpenIdProvider(issuer=idp.issuer, client_id=CLIENT_ID, secret=SecretStr(CLIENT_SECRET))
    return replace(access, openid=openid)


class Browser:
    """Follows redirects by hand, keeping the cookies it was given."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}

    def go(self, url: str, **headers: str) -> httpx.Response:
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = self.client.get(url, headers={"cookie": jar, **headers})
        self.keep(response)
        return response

    def keep(self, response: httpx.Response) -> None:
        for header in response.headers.get_list("set-cookie"):
            name, _, rest = header.partition("=")
            value = rest.partition(";")[0].strip('"')
            self.cookies[name] = value

    def to_provider(self) -> str:
        """Begin; where the provider sends the browser back to."""
        return self.at_provider(self.go("session/openid").headers["location"])

    def at_provider(self, url: str) -> str:
        sent = httpx.get(url, trust_env=False)
        assert sent.status_code == 302
        return sent.headers["location"]

    def sign_in(self) -> httpx.Response:
        return self.go(self.to_provider())


@pytest.fixture
def browser(client: httpx.Client) -> Browser:
    return Browser(client)


def test_somebody_new_is_registered_and_signed_in(browser: Browser) -> None:
    response = browser.sign_in()
    assert (response.status_code, response.headers["location"]) == (303, "/")
    me = who(browser.client, browser.cookies[SESSION_COOKIE])
    assert me["person"]["email"] == "lin.wei@example.com"
    assert (me["memberships"], me["strong"]) == ([], False)
    browser.sign_in()
    assert who(browser.client, browser.cookies[SESSION_COOKIE])["id"] == me["id"]


def test_an_address_alone_takes_no_account_over(browser: Browser) -> None:
    signed_up(browser.client)
    refused = browser.sign_in()
    assert (refused.status_code, refused.json()["code"]) == (409, "openid-address")
    assert SESSION_COOKIE not in browser.cookies


def test_an_unverified_address_registers_nobody(browser: Browser, idp: Provider) -> None:
    idp.claims["email_verified"] = False
    assert browser.sign_in().json()["code"] == "openid-address"


def test_whoever_proves_the_password_links_the_other_account(browser: Browser) -> None:
    client = browser.client
    token = signed_up(client)
    refused = client.post("outside-accounts", json={}, headers=bearer(token))
    assert refused.status_code == 403
    began = client.post("outside-accounts", json={"password": PASSWORD}, headers=bearer(token))
    browser.keep(began)
    linked = browser.go(browser.at_provider(began.json()["url"]))
    assert linked.status_code == 303
    browser.cookies.clear()
    assert browser.sign_in().status_code == 303
    assert who(client, browser.cookies[SESSION_COOKIE])["roles"] == ["owner"]
    other = signed_up(client, email="zhao.min@example.com", organisation=None)
    again = client.post("outside-accounts", json={"password": PASSWORD}, headers=bearer(other))
    browser.keep(again)
    taken = browser.go(browser.at_provider(again.json()["url"]))
    assert taken.json()["code"] == "outside-account-taken"


def test_somebody_elses_answer_signs_this_browser_into_nothing(browser: Browser) -> None:
    """Login CSRF: the attacker's own code, sent to the victim's browser."""
    back = browser.to_provider()
    victim = Browser(browser.client)
    refused = victim.go(back)
    assert (refused.status_code, refused.json()["code"]) == (401, "openid-refused")
    victim.to_provider()
    assert victim.go(back).status_code == 401
    assert browser.go(back).status_code == 303
    assert browser.go(back).status_code == 401, "good once"


def test_the_provider_hears_a_challenge_and_never_the_verifier(browser: Browser) -> None:
    url = browser.go("session/openid").headers["location"]
    query = parse_qs(urlsplit(url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert "code_verifier" not in query
    assert query["redirect_uri"][0].endswith("/api/v1/session/openid/callback")
    assert query["state"] == [browser.cookies[STATE_COOKIE]]


@pytest.mark.parametrize(
    "bent",
    [
        {"iss": "https://evil.example"},
        {"aud": "somebody-else"},
        {"exp": 1},
        {"nonce": "another"},
        {"sub": None},
    ],
    ids=lambda bent: next(iter(bent)),
)
def test_a_bent_token_proves_nothing(
    browser: Browser, idp: Provider, bent: dict[str, object]
) -> None:
    idp.overrides = bent
    refused = browser.sign_in()
    assert (refused.status_code, refused.json()["code"]) == (401, "openid-refused")


def test_another_key_proves_nothing_and_a_new_one_is_fetched(
    browser: Browser, idp: Provider
) -> None:
    browser.sign_in()
    idp.signing_key = RSAKey.generate_key(2048, {"kid": "one"})
    assert browser.sign_in().status_code == 401
    idp.key = idp.signing_key
    browser.sign_in()
    assert browser.sign_in().status_code == 303


def test_a_refusal_of_the_provider_is_told(browser: Browser, idp: Provider) -> None:
    back = browser.to_provider()
    idp.codes.clear()
    assert browser.go(back).json()["code"] == "openid-refused"
    denied = browser.go("session/openid/callback?state=x&error=access_denied")
    assert denied.json()["code"] == "openid-refused"


def test_a_provider_out_of_reach_is_named(browser: Browser, access: Access, app: FastAPI) -> None:
    gone = OpenIdProvider(issuer="http://127.0.0.1:9", client_id=CLIENT_ID, secret=None)
    app.state.access = replace(access, openid=gone)
    refused = browser.go("session/openid")
    assert (refused.status_code, refused.json()["code"]) == (503, "openid-unavailable")


def test_it_is_off_unless_set(
    browser: Browser, access: Access, app: FastAPI, app_sessions: Sessions, clock: FrozenClock
) -> None:
    app.state.access = replace(access, openid=None)
    assert browser.go("session/openid").json()["code"] == "openid-off"
    assert build_access(settings=Settings(), sessions=app_sessions, clock=clock).openid is None
    with pytest.raises(OpenIdIncompleteError):
        build_access(
            settings=Settings(oidc_issuer="https://idp.example"), sessions=app_sessions, clock=clock
        )
    secret = Settings(oidc_client_secret=SecretStr(CLIENT_SECRET))
    assert CLIENT_SECRET not in repr(secret)
