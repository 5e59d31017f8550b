"""The application certificates of simulated machines: one key for all, kept between runs.

A certificate says which application is meant (its URI), so that each machine has its own; the key
behind them is shared, because two hundred of them would cost a start seconds.
"""

import contextlib
import hashlib
import ipaddress
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.plant.clock import Clock
from services.contracts.errors import DomainError, ErrorKind

KEY_BITS: Final = 2_048
VALID_FOR: Final = timedelta(days=3_650)
CLOCKS_DIFFER: Final = timedelta(days=1)
"""A client whose clock is behind must still find the certificate valid."""
RENEW_BEFORE: Final = timedelta(days=30)


class KeyUnreadableError(DomainError):
    code = "plant-key-unreadable"
    kind = ErrorKind.INVALID
    en = "the plant's private key {path} cannot be used: {cause}; remove it, a new one is made"
    zh = "工厂模拟器的私钥 {path} 无法使用：{cause}；请删除该文件，系统会重新生成"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server proves who it is with."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        return f"sha256:{hashlib.sha256(der).hexdigest()}"


def application_uri(device: str) -> str:
    return f"urn:nonagon:plant:{device}"


def make_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)


def issue(
    key: rsa.RSAPrivateKey, device: str, *, valid_from: datetime, valid_to: datetime
) -> Identity:
    """A self-signed application certificate after OPC 10000-6 §6.2.2."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{device} (simulated)")])
    alternatives: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(application_uri(device)),
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_cert_sign=True,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(valid_from)
        .not_valid_after(valid_to)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return Identity(key, builder.sign(key, hashes.SHA256()))


class Certificates:
    """Identities of machines, kept below ``state_dir``; without one they live as long as this.

    Raises:
        KeyUnreadableError: the kept key is not one.
    """

    def __init__(self, state_dir: Path | None, clock: Clock) -> None:
        self._folder = None if state_dir is None else state_dir / "plant" / "certificates"
        self._clock = clock
        self._key = self._kept_key()
        self._identities: dict[str, Identity] = {}

    def identity(self, device: str) -> Identity:
        """The machine's identity: the kept one as long as it is good, else a new one."""
        if device not in self._identities:
            self._identities[device] = self._kept(device) or self._made(device)
        return self._identities[device]

    def _made(self, device: str) -> Identity:
        now = self._clock.now()
        made = issue(self._key, device, valid_from=now - CLOCKS_DIFFER, valid_to=now + VALID_FOR)
        if self._folder is not None:
            der = made.certificate.public_bytes(serialization.Encoding.DER)
            _keep(self._folder / f"{device}.der", der)
        return made

    def _kept(self, device: str) -> Identity | None:
        if self._folder is None:
            return None
        try:
            certificate = x509.load_der_x509_certificate(
                (self._folder / f"{device}.der").read_bytes()
            )
        except (OSError, ValueError):
            return None
        is_of_key = certificate.public_key() == self._key.public_key()
        lasts = certificate.not_valid_after_utc > self._clock.now() + RENEW_BEFORE
        return Identity(self._key, certificate) if is_of_key and lasts else None

    def _kept_key(self) -> rsa.RSAPrivateKey:
        if self._folder is None:
            return make_key()
        path = self._folder / "key.pem"
        if not path.exists():
            key = make_key()
            _keep(path, _pem(key))
            return key
        try:
            kept = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise KeyUnreadableError(path=path, cause=error) from error
        if not isinstance(kept, rsa.RSAPrivateKey):
            raise KeyUnreadableError(path=path, cause="it is not an RSA key")
        return kept


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _keep(path: Path, content: bytes) -> None:
    """Write atomically, for this user alone; what cannot be kept is made anew at the next start."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        unfinished.replace(path)
