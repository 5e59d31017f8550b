"""No secret is committed: keys, tokens and passwords by their shape, in every file git tracks."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHAPES = {
    "private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"),
    "token of ours": re.compile(rb"\bn(?:k|s|t|gw|ge)_(?!(.)\1{63})(?!(..)\2{31})[0-9a-f]{64}\b"),
    "nkey seed": re.compile(rb"\bS[AUONCX][A-Z2-7]{56}\b"),
    "cloud key": re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "forge token": re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[\w-]{20}|pypi-Ag[\w-]{50})"),
    "web token": re.compile(rb"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    "argon2 verifier": re.compile(rb"\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{20,}\$"),
}
BYTES_MAX = 2_000_000
ALLOWED = {"tests/unit/runtime/test_nkeys.py": "a seed made up for its test vectors"}
"""Files that show one on purpose, and why."""


def tracked() -> list[Path]:
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def secrets_in(content: bytes) -> list[str]:
    return [name for name, shape in SHAPES.items() if shape.search(content)]


def test_nothing_tracked_looks_like_a_secret() -> None:
    files = tracked()
    assert len(files) > 300
    found = {
        str(path.relative_to(ROOT)): secrets_in(path.read_bytes()[:BYTES_MAX]) for path in files
    }
    assert {name: kinds for name, kinds in found.items() if kinds and name not in ALLOWED} == {}


@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        (b"-----BEGIN PRIVATE" + b" KEY-----\n" + b"MC4CAQAwBQYDK2VwBCIEIJ" * 3, "private key"),
        (b"token = nk_" + bytes(range(32)).hex().encode(), "token of ours"),
        (b"seed: SU" + b"ABCDEFGH" * 7, "nkey seed"),
        (b"AKIA" + b"IOSFODNN7EXAMPLE", "cloud key"),
        (b"ghp_" + b"a1B2" * 9, "forge token"),
    ],
)
def test_a_planted_secret_is_found(planted: bytes, kind: str) -> None:
    assert kind in secrets_in(planted)
