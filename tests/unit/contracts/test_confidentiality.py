"""Marks decide what is shown; nothing secret is, whatever it is wrapped in."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from services.contracts.confidentiality import (
    CONFIDENTIAL,
    PUBLIC,
    SECRET,
    Confidentiality,
    Json,
    classified,
    plain,
    redact_text,
    reveal,
)
from services.contracts.money import Money


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@dataclass(frozen=True, slots=True)
class Quote:
    title: str
    price: Annotated[Money, CONFIDENTIAL]
    drawing: Annotated[bytes, SECRET]
    token_count: Annotated[int, PUBLIC] = 0


class Offer(BaseModel):
    title: str
    budget: Annotated[int | None, CONFIDENTIAL] = None
    quotes: tuple[Quote, ...] = ()
    credential: SecretStr = SecretStr("hunter2")


def hide(mark: Confidentiality, path: str, _: Any) -> Json:
    return f"{mark}@{path}"


def test_marks_of_dataclasses_and_models_are_read() -> None:
    quote = Quote("mill", Money(100), b"drawing")
    offer = Offer(title="x", budget=3, quotes=(quote,))
    assert {name: mark for name, mark, _ in classified(quote)} == {
        "title": PUBLIC,
        "price": CONFIDENTIAL,
        "drawing": SECRET,
        "token_count": PUBLIC,
    }
    assert plain(offer, hide) == {
        "title": "x",
        "budget": "confidential@/budget",
        "quotes": [
            {
                "title": "mill",
                "price": "confidential@/quotes/0/price",
                "drawing": "secret@/quotes/0/drawing",
                "token_count": 0,
            }
        ],
        "credential": "secret@/credential",
    }


@pytest.mark.parametrize("name", ["password", "api_key", "apiKey", "private_key", "refresh_token"])
def test_a_telling_name_is_secret_without_a_mark(name: str) -> None:
    assert plain({"facts": {name: "s3cret"}}, hide) == {"facts": {name: f"secret@/facts/{name}"}}


def test_kinds_of_values_become_json_a_database_returns_unchanged() -> None:
    eastern = timezone(timedelta(hours=8))
    assert plain(
        {
            "colour": Colour.RED,
            "level": Level.HIGH,
            "at": datetime(2026, 3, 2, 17, tzinfo=eastern),
            "id": UUID(int=7),
            "ratio": 0.1,
            "amount": Decimal("1.50"),
            "wait": timedelta(seconds=90),
            "hash": b"\x01\x02",
            "file": b"x" * 100,
            "both": {"b", "a"},
            "text": "a\0b\ud800",
            "yes": True,
        },
        hide,
    ) == {
        "colour": "red",
        "level": 3,
        "at": "2026-03-02T09:00:00+00:00",
        "id": "00000000-0000-0000-0000-000000000007",
        "ratio": "0.1",
        "amount": "1.50",
        "wait": "90.0 s",
        "hash": "0102",
        "file": f"sha256:{hashlib.sha256(b'x' * 100).hexdigest()}",
        "both": ["a", "b"],
        "text": "a\ufffdb?",
        "yes": True,
    }


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.floats() | st.binary(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_plain_values_survive_json(value: object) -> None:
    shown = plain(value, hide)
    assert json.loads(json.dumps(shown)) == shown
    assert "\0" not in json.dumps(shown, ensure_ascii=False)


def test_depth_is_bounded() -> None:
    nested: object = 1
    for _ in range(200):
        nested = [nested]
    assert len(json.dumps(plain(nested, hide))) < 100


def test_reveal_opens_what_is_wrapped() -> None:
    assert reveal(SECRET, "", SecretStr("x")) == "x"
    assert reveal(CONFIDENTIAL, "", Money(5)) == {"minor": 5, "currency": "CNY"}


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://nonagon:s3cret@127.0.0.1:5432/nonagon",
        "postgresql://nonagon:s3@cret@127.0.0.1/nonagon",
        "postgresql://h/db?user=u&password=s3cret",
        "host=h sslpassword=s3cret",
        "host=h password='s3 cret'",
        "nats://s3cret@broker:4222",
        "nats://a:1,nats://u:s3cret@b:2",
        "Authorization: Bearer s3cret",
        '{"authorization": "Basic s3cret"}',
        "sent bearer s3cret0123456789abcdef",
    ],
)
def test_passwords_inside_text_are_blanked(text: str) -> None:
    assert "s3" not in redact_text(text)
    assert "cret" not in redact_text(text)


@pytest.mark.parametrize(
    "text", ["basic machining of brackets", "http://127.0.0.1:8000/users", "at 10:30, user@example"]
)
def test_other_text_stays(text: str) -> None:
    assert redact_text(text) == text
