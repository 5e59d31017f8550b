"""Anchors: only added to, signed, and worthless after any change."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.runtime.audit.anchors import AnchorsDamagedError, append_anchor, read_anchors
from services.runtime.audit.entry import ChainId, Head
from services.runtime.audit.keys import (
    KeyExposedError,
    KeyUnusableError,
    digest_key,
    public_key,
    public_path,
    signing_key,
)
from tests.support.clock import START

ONE, TWO = ChainId(UUID(int=1)), ChainId(UUID(int=2))


def head(chain: ChainId, seq: int) -> Head:
    return Head(chain, seq, bytes([seq]) * 32)


@pytest.fixture
def key(tmp_path: Path) -> Ed25519PrivateKey:
    return signing_key(tmp_path / "keys" / "anchor.key")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "anchors" / "anchors.jsonl"


def three_lines(path: Path, key: Ed25519PrivateKey) -> None:
    append_anchor(path, key, [head(ONE, 1)], at=START)
    append_anchor(path, key, [head(ONE, 4), head(TWO, 2)], at=START + timedelta(hours=1))
    append_anchor(path, key, [head(ONE, 4), head(TWO, 3)], at=START + timedelta(hours=2))


def test_only_heads_that_moved_are_added(path: Path, key: Ed25519PrivateKey) -> None:
    three_lines(path, key)
    append_anchor(path, key, [head(ONE, 4), head(TWO, 3)], at=START + timedelta(hours=3))
    read = read_anchors(path, key.public_key())
    assert read.by_chain == {
        ONE: {1: bytes([1]) * 32, 4: bytes([4]) * 32},
        TWO: {2: bytes([2]) * 32, 3: bytes([3]) * 32},
    }
    assert read.lines == 3
    assert read.last_at == START + timedelta(hours=2)
    last = json.loads(path.read_text().splitlines()[-1])
    assert list(last["heads"]) == [str(TWO)]


def test_the_file_and_the_key_are_the_owners_alone(
    path: Path, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    three_lines(path, key)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys" / "anchor.key").stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("line", [0, 1, 2])
@pytest.mark.parametrize("how", ["edit", "drop", "resign", "repeat", "garbage", "halve"])
def test_a_change_to_a_line_is_found(
    path: Path, key: Ed25519PrivateKey, line: int, how: str
) -> None:
    three_lines(path, key)
    lines = path.read_bytes().splitlines(keepends=True)
    if how == "edit":
        lines[line] = lines[line].replace(b'"at":"2026', b'"at":"2025')
    elif how == "drop":
        del lines[line]
    elif how == "resign":
        other = path.with_name("other.jsonl")
        three_lines(other, Ed25519PrivateKey.generate())
        lines[line] = other.read_bytes().splitlines(keepends=True)[line]
    elif how == "repeat":
        lines.insert(line, lines[line])
    elif how == "garbage":
        lines[line] = b"\xff\n"
    else:
        lines[line] = lines[line][: len(lines[line]) // 2]
    path.write_bytes(b"".join(lines))
    if how == "drop" and line == 2:
        assert read_anchors(path, key.public_key()).lines == 2, "an end cut off needs a copy"
        return
    with pytest.raises(AnchorsDamagedError, match=f"Line {line + (how == 'repeat') + 1} "):
        read_anchors(path, key.public_key())


def test_nothing_is_added_to_a_damaged_file(path: Path, key: Ed25519PrivateKey) -> None:
    three_lines(path, key)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(AnchorsDamagedError):
        append_anchor(path, key, [head(ONE, 9)], at=START)


def test_two_workers_at_once_keep_the_file_whole(path: Path, key: Ed25519PrivateKey) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda seq: append_anchor(path, key, [head(ONE, seq)], at=START), range(1, 60))
        )
    assert read_anchors(path, key.public_key()).newest[ONE] == head(ONE, 59)


class TestKeys:
    def test_made_once(self, tmp_path: Path) -> None:
        path = tmp_path / "a" / "anchor.key"
        first, again = signing_key(path), signing_key(path)
        assert first.private_bytes_raw() == again.private_bytes_raw()
        assert public_key(public_path(path)) == first.public_key()

    def test_two_processes_agree_on_the_first(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            made = set(pool.map(lambda _: digest_key(tmp_path / "digest.key"), range(16)))
        assert len(made) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["digest.key"]

    def test_a_key_others_may_read_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "anchor.key"
        signing_key(path)
        path.chmod(0o640)
        with pytest.raises(KeyExposedError, match="chmod 600"):
            signing_key(path)

    def test_what_is_no_key_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "anchor.key"
        path.write_text("nothing")
        path.chmod(0o600)
        with pytest.raises(KeyUnusableError, match="Ed25519"):
            signing_key(path)
        with pytest.raises(KeyUnusableError, match="public"):
            public_key(path)
        with pytest.raises(KeyUnusableError, match="32 bytes"):
            digest_key(path)
