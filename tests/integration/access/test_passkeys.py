"""Passkeys with a software authenticator: both ceremonies, and everything bent about them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.integration.access.authenticator import Authenticator
from tests.integration.access.calling import (
    PASSWORD,
    SIGN_IN,
    Document,
    bearer,
    signed_up,
    who,
)
from tests.support.api import PLAIN, served
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration


@pytest.fixture
def origin(app: FastAPI) -> Iterator[str]:
    """Passkeys belong to a name, so the platform is called by one."""
    with served(app) as url:
        yield url.replace("127.0.0.1", "localhost")


@pytest.fixture
def named(origin: str) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{origin}/api/v1/", trust_env=False, verify=PLAIN, timeout=10
    ) as client:
        yield client


@pytest.fixture
def device(origin: str) -> Authenticator:
    return Authenticator(origin)


def begin(client: httpx.Client, token: str, **body: object) -> Document:
    response = client.post("passkeys/options", json=body, headers=bearer(token))
    assert response.status_code == 200, response.text
    document: Document = response.json()
    return document


def add(client: httpx.Client, token: str, began: Document, credential: Any) -> httpx.Response:
    body = {"ticket": began["ticket"], "name": "phone", "credential": credential}
    return client.post("passkeys", json=body, headers=bearer(token))


def registered(client: httpx.Client, token: str, device: Authenticator) -> str:
    """Add ``device``'s passkey; the session's new token."""
    began = begin(client, token, password=PASSWORD)
    added = add(client, token, began, device.create(began["options"]))
    assert added.status_code == 201, added.text
    return str(added.json()["session"]["token"])


def challenge(client: httpx.Client) -> Document:
    document: Document = client.post("session/passkey/options").json()
    return document


def prove(client: httpx.Client, began: Document, credential: Any) -> httpx.Response:
    body = {"ticket": began["ticket"], "credential": credential}
    return client.post("session/passkey", json=body)


def test_a_passkey_is_a_sign_in_of_its_own_that_is_strong(
    named: httpx.Client, device: Authenticator
) -> None:
    before = signed_up(named)
    after = registered(named, before, device)
    assert who(named, after)["strong"] is True
    assert named.get("session", headers=bearer(before)).status_code == 401, "token replaced"
    assert named.post("session", json=SIGN_IN).json()["code"] == "second-factor-needed"
    for _ in range(2):
        began = challenge(named)
        opened = prove(named, began, device.get(began["options"]))
        assert opened.status_code == 201, opened.text
        me = who(named, opened.json()["token"])
        assert me["strong"] is True
        assert me["roles"] == ["owner"]


def test_passkeys_are_listed_and_removed_by_the_strong_only(
    named: httpx.Client, device: Authenticator
) -> None:
    weak = signed_up(named)
    other = named.post("session", json=SIGN_IN).json()["token"]
    strong = registered(named, weak, device)
    (listed,) = named.get("passkeys", headers=bearer(other)).json()["items"]
    path = f"passkeys/{listed['id']}"
    refused = named.delete(path, headers=bearer(other))
    assert (refused.status_code, refused.json()["code"]) == (403, "second-factor-required")
    refused = named.post("passkeys/options", json={"password": PASSWORD}, headers=bearer(other))
    assert refused.status_code == 403, "a second device needs the first"
    assert named.delete(path, headers=bearer(strong)).status_code == 204
    assert named.delete(path, headers=bearer(strong)).status_code == 404
    began = challenge(named)
    assert prove(named, began, device.get(began["options"])).status_code == 401


def test_a_challenge_is_good_once_and_for_five_minutes(
    named: httpx.Client, device: Authenticator, clock: FrozenClock
) -> None:
    registered(named, signed_up(named), device)
    began = challenge(named)
    answer = device.get(began["options"])
    assert prove(named, began, answer).status_code == 201
    assert prove(named, began, answer).status_code == 401
    late = challenge(named)
    clock.advance(timedelta(minutes=5))
    assert prove(named, late, device.get(late["options"])).status_code == 401


def test_a_challenge_is_for_its_ceremony_and_its_person(
    named: httpx.Client, device: Authenticator
) -> None:
    first = signed_up(named)
    other = signed_up(named, email="zhao.min@example.com", organisation=None)
    began = begin(named, first, password=PASSWORD)
    answer = device.create(began["options"])
    assert add(named, other, began, answer).status_code == 422
    proof = challenge(named)
    assert add(named, first, proof, device.create(began["options"])).status_code == 422


Bend = Callable[[Authenticator, Document], None]


def _elsewhere(device: Authenticator, _: Document) -> None:
    device.origin = "https://evil.example"


def _unverified(device: Authenticator, _: Document) -> None:
    device.is_verified = False


def _other_party(_: Authenticator, options: Document) -> None:
    options["rpId"] = "evil.example"
    options.setdefault("rp", {})["id"] = "evil.example"


def _other_challenge(_: Authenticator, options: Document) -> None:
    options["challenge"] = "A" * len(options["challenge"])


def _counter_back(device: Authenticator, _: Document) -> None:
    device.sign_count = 0


def _other_person(device: Authenticator, _: Document) -> None:
    device.user_handle = bytes(16)


def _other_key(device: Authenticator, _: Document) -> None:
    device.__post_init__()


@pytest.mark.parametrize(
    "bend",
    [
        _elsewhere,
        _unverified,
        _other_party,
        _other_challenge,
        _counter_back,
        _other_person,
        _other_key,
    ],
)
def test_a_bent_proof_is_refused(named: httpx.Client, device: Authenticator, bend: Bend) -> None:
    device.sign_count = 7
    registered(named, signed_up(named), device)
    began = challenge(named)
    bend(device, began["options"])
    refused = prove(named, began, device.get(began["options"]))
    assert (refused.status_code, refused.json()["code"]) == (401, "passkey-refused")


@pytest.mark.parametrize("bend", [_elsewhere, _unverified, _other_party, _other_challenge])
def test_a_bent_registration_is_refused(
    named: httpx.Client, device: Authenticator, bend: Bend
) -> None:
    token = signed_up(named)
    began = begin(named, token, password=PASSWORD)
    bend(device, began["options"])
    refused = add(named, token, began, device.create(began["options"]))
    assert (refused.status_code, refused.json()["code"]) == (422, "passkey-not-added")


@pytest.mark.parametrize(
    "nonsense", [{}, {"rawId": 7}, {"rawId": "x"}, {"rawId": "", "response": []}, {"rawId": "ü"}]
)
def test_nonsense_is_refused_not_a_crash(named: httpx.Client, nonsense: Document) -> None:
    token = signed_up(named)
    assert prove(named, challenge(named), nonsense).status_code == 401
    assert prove(named, {"ticket": "x"}, nonsense).status_code == 401
    began = begin(named, token, password=PASSWORD)
    assert add(named, token, began, nonsense).status_code == 422


@pytest.mark.parametrize("part", ["signature", "clientDataJSON", "authenticatorData", "userHandle"])
def test_a_malformed_part_is_refused_not_a_crash(
    named: httpx.Client, device: Authenticator, part: str
) -> None:
    """Found by fuzzing the library: some of it ends in errors that are not its own."""
    registered(named, signed_up(named), device)
    malformed: list[object] = ["x", "a" * 9, "ü", "", 7, None, [], {}]
    for nonsense in malformed:
        began = challenge(named)
        answer = device.get(began["options"])
        answer["response"][part] = nonsense
        assert prove(named, began, answer).status_code == 401, nonsense


def test_somebody_elses_passkey_cannot_be_claimed(
    named: httpx.Client, device: Authenticator
) -> None:
    registered(named, signed_up(named), device)
    other = signed_up(named, email="zhao.min@example.com", organisation=None)
    began = begin(named, other, password=PASSWORD)
    assert add(named, other, began, device.create(began["options"])).status_code == 422


def test_an_address_is_no_name_for_passkeys(client: httpx.Client) -> None:
    refused = client.post("session/passkey/options")
    assert (refused.status_code, refused.json()["code"]) == (422, "platform-unnamed")
