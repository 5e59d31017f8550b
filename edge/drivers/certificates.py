"""The agent's own application certificate: made on first start, or given by the configuration."""

import hashlib
import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.config import EdgeConfig, GatewayConfig
from edge.drivers.protocol import DriverUnusableError

KEY_BITS: Final = 2_048
"""What every policy takes; Basic256Sha256 ends at 4,096."""
VALID_FOR: Final = timedelta(days=5 * 365)
CLOCKS_DIFFER: Final = timedelta(days=1)
"""A machine whose clock is behind must still find the certificate valid."""
CERTIFICATE_FILE: Final = "own.der"
KEY_FILE: Final = "own.key.pem"
_PEM: Final = b"-----BEGIN"


class IdentityUnusableError(DriverUnusableError):
    """Certificate or key cannot be read, made or used together; the text names file and cause."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the agent proves to a machine who it is with."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    application_uri: str
    path: Path

    @property
    def expires_at(self) -> datetime:
        return self.certificate.not_valid_after_utc


def fingerprint(certificate: x509.Certificate) -> str:
    der = certificate.public_bytes(serialization.Encoding.DER)
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


def read_certificate(path: Path) -> x509.Certificate:
    """A certificate in DER or PEM.

    Raises:
        OSError, ValueError: not readable, or not a certificate.
    """
    content = path.read_bytes()
    if content.lstrip().startswith(_PEM):
        return x509.load_pem_x509_certificate(content)
    return x509.load_der_x509_certificate(content)


def open_identity(config: EdgeConfig, *, now: datetime) -> Identity:
    """The certificate the configuration names; else the agent's own, made if there is none.

    A certificate that has expired is not replaced by itself: machines trust the old one.

    Raises:
        IdentityUnusableError: a file is missing, unreadable or of another key.
    """
    if config.identity is not None:
        return _read(config.identity.certificate, config.identity.key)
    certificate, key = config.pki_folder / CERTIFICATE_FILE, config.pki_folder / KEY_FILE
    if not certificate.exists():
        try:
            _make(certificate, key, gateway=config.gateway, now=now)
        except OSError as error:
            raise IdentityUnusableError(
                f"cannot make the agent's certificate {certificate}: {error}"
            ) from error
    return _read(certificate, key)


def keep(path: Path, content: bytes) -> None:
    """Write whole or not at all, for this account alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _read(certificate_path: Path, key_path: Path) -> Identity:
    try:
        certificate = read_certificate(certificate_path)
    except (OSError, ValueError) as error:
        raise IdentityUnusableError(f"certificate {certificate_path}: {error}") from error
    try:
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise IdentityUnusableError(f"private key {key_path}: {error}") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise IdentityUnusableError(f"private key {key_path}: OPC UA policies ask for an RSA key")
    if key.public_key() != certificate.public_key():
        raise IdentityUnusableError(
            f"private key {key_path} does not belong to certificate {certificate_path}"
        )
    uri = _application_uri(certificate, certificate_path)
    return Identity(certificate, key, uri, certificate_path)


def _application_uri(certificate: x509.Certificate, path: Path) -> str:
    """The URI a session must say, because servers compare it with the certificate."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.UniformResourceIdentifier)[0]
    except (x509.ExtensionNotFound, ValueError, IndexError) as error:
        raise IdentityUnusableError(
            f"certificate {path} has no applicationUri in subjectAltName"
        ) from error


def _make(certificate_path: Path, key_path: Path, *, gateway: GatewayConfig, now: datetime) -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    keep(
        key_path,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    certificate = _self_signed(key, gateway, now)
    keep(certificate_path, certificate.public_bytes(serialization.Encoding.DER))


def _self_signed(key: rsa.RSAPrivateKey, gateway: GatewayConfig, now: datetime) -> x509.Certificate:
    """An application instance certificate after OPC 10000-6 §6.2.2."""
    common_name = f"nonagon-edge {gateway.group} {gateway.edge_node}"[:64]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    uri = f"urn:nonagon:edge:{gateway.group}:{gateway.edge_node}"
    alternatives: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)]
    host = socket.gethostname()
    if host.isascii() and host:
        alternatives.append(x509.DNSName(host))
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
    public = key.public_key()
    builder = (
        x509.CertificateBuilder(name, name, public, x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    return builder.sign(key, hashes.SHA256())
