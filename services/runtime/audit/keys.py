"""Keys of the audit trail: files only their owner reads, made when first needed."""

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from services.contracts.errors import DomainError, ErrorKind

FOLDER_MODE: Final = 0o700
PRIVATE_MODE: Final = 0o600
DIGEST_KEY_BYTES: Final = 32


class KeyExposedError(DomainError):
    code: ClassVar[str] = "key-exposed"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = "Others may read the key file {path}; run `chmod 600` on it, or replace it."
    zh: ClassVar[str] = "其他用户可读取密钥文件 {path}；请执行 `chmod 600` 或更换密钥。"


class KeyUnusableError(DomainError):
    code: ClassVar[str] = "key-unusable"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = "{path} is no {wanted}; name another file."
    zh: ClassVar[str] = "{path} 不是有效的 {wanted}；请指定其他文件。"


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The Ed25519 key in ``path``; made there, its public half beside it, if there is none.

    Raises:
        KeyExposedError: others may read the file.
        KeyUnusableError: it holds something else.
    """
    try:
        key = load_pem_private_key(_kept(path, _new_signing_key), password=None)
    except ValueError as error:
        raise KeyUnusableError(path=path, wanted="Ed25519 key (PEM)") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusableError(path=path, wanted="Ed25519 key (PEM)")
    public = public_path(path)
    if not public.exists():
        public.write_bytes(key.public_key().public_bytes(Encoding.PEM, _PUBLIC))
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """The public key in ``path``.

    Raises:
        KeyUnusableError: it is not there, or something else.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, OSError) as error:
        raise KeyUnusableError(path=path, wanted="Ed25519 public key (PEM)") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusableError(path=path, wanted="Ed25519 public key (PEM)")
    return key


def public_path(private: Path) -> Path:
    return private.with_suffix(".pub")


def digest_key(path: Path) -> bytes:
    """The key confidential values are digested under.

    Raises:
        KeyExposedError: others may read the file.
        KeyUnusableError: it is no key of the right length.
    """
    key = _kept(path, lambda: secrets.token_bytes(DIGEST_KEY_BYTES))
    if len(key) != DIGEST_KEY_BYTES:
        raise KeyUnusableError(path=path, wanted=f"key of {DIGEST_KEY_BYTES} bytes")
    return key


_PUBLIC: Final = PublicFormat.SubjectPublicKeyInfo


def _new_signing_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """What ``path`` holds; two processes that find none agree on the first's."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    if not path.exists():
        _publish(path, make())
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise KeyExposedError(path=path)
    return path.read_bytes()


def _publish(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
