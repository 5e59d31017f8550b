"""Keys in NATS' text form, tokens in NATS' dialect, and what of both is refused."""

import base64
import json
from pathlib import Path

import pytest

from services.runtime.nkeys import (
    TOKEN_CHARACTERS_MAX,
    AccountKey,
    MalformedNkeyError,
    MalformedTokenError,
    read_server_token,
)

SEED = "SAAH3RHRIFXZGSPDONXD3X2LK4LUSQSEPFXFIROLEH6C2UJBHHTVGX5KLI"
PUBLIC = "ABC53VGEEBXCIWW4AJKLL2JMVPUUXXF74LCM3Q6AHLPWKH5JLDO7VCGQ"
"""A pair made by another implementation: they prove the text form, not ourselves."""


def test_a_published_pair_is_read_and_written_alike() -> None:
    key = AccountKey.from_seed(SEED)

    assert (key.seed, key.public) == (SEED, PUBLIC)


def test_a_seed_is_read_from_its_file(tmp_path: Path) -> None:
    key = AccountKey.generate()
    file = tmp_path / "issuer.nk"
    file.write_text(f"{key.seed}\n")

    assert AccountKey.read(file).public == key.public
    assert key.public.startswith("A")
    assert key.seed.startswith("SA")


@pytest.mark.parametrize("text", ["", "SA", "!", SEED[:-1] + "A", PUBLIC, SEED.lower()])
def test_what_is_no_account_seed_is_refused(text: str) -> None:
    with pytest.raises(MalformedNkeyError):
        AccountKey.from_seed(text)


def test_a_token_names_its_issuer() -> None:
    header, claims, _ = AccountKey.from_seed(SEED).sign({"sub": "U", "iss": "X"}).split(".")

    assert decoded(header) == {"typ": "JWT", "alg": "ed25519-nkey"}
    assert decoded(claims) == {"sub": "U", "iss": PUBLIC}


def decoded(segment: str) -> object:
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))


NESTED = base64.urlsafe_b64encode(b"[" * 20_000).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "e30.e30.e30",
        "e30.bnVsbA.e30",
        f"e30.{NESTED}.e30",
        "x" * (TOKEN_CHARACTERS_MAX + 1),
        AccountKey.from_seed(SEED).sign({"sub": "an account, not a server"}),
    ],
)
def test_what_is_no_servers_token_is_refused(token: str) -> None:
    with pytest.raises(MalformedTokenError):
        read_server_token(token)
