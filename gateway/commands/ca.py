"""``nonagon ca``: a local certificate authority for MQTT by TLS with certificates on both sides."""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Final

import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from rich.console import Console

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import is_sparkplug_id
from services.runtime.clock import SystemClock
from services.runtime.mqtt_tls import BROKER, CA, INGEST, certificate_of, key_of

CA_LASTS: Final = timedelta(days=3650)
CERTIFICATE_DAYS: Final = 365
CERTIFICATE_DAYS_MAX: Final = 825
BEFORE: Final = timedelta(minutes=5)
"""Clocks of gateways run behind."""
LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost")
_BOTH: Final = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
_CLIENT: Final = (ExtendedKeyUsageOID.CLIENT_AUTH,)

ca_app = typer.Typer(name="ca", no_args_is_help=True, help="Certificates for MQTT by TLS.")
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="where certificates and keys are")]


class AuthorityExistsError(DomainError):
    code: ClassVar[str] = "authority-exists"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "{folder} holds an authority already; a new one would shut every gateway out. Use another"
        " folder."
    )
    zh: ClassVar[str] = "{folder} 中已有证书颁发机构；新建将使所有网关无法接入。请使用其他目录。"


class NoAuthorityError(DomainError):
    code: ClassVar[str] = "no-authority"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "{folder} holds no usable authority ({cause}); make one: nonagon ca init"
    zh: ClassVar[str] = "{folder} 中没有可用的证书颁发机构（{cause}）；请先运行 nonagon ca init"


class InvalidCertificateNameError(DomainError):
    code: ClassVar[str] = "invalid-certificate-name"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "{name!r} cannot name a certificate: use 1 to 64 of a-z, 0-9, _ and -, but not ca."
    )
    zh: ClassVar[str] = "{name!r} 不能作为证书名：请使用 1 至 64 个 a-z、0-9、_ 或 -，且不可为 ca。"


@dataclass(frozen=True, slots=True)
class Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@ca_app.command()
def init(
    folder: Folder,
    host: Annotated[
        list[str] | None,
        typer.Option(help="name or address under which gateways reach the broker; repeatable"),
    ] = None,
) -> None:
    """Make an authority, and with it the certificates of the broker and of the ingest."""
    now = SystemClock().now()
    authority = create_authority(folder, now=now)
    hosts = [*LOOPBACK_NAMES, *(host or [])]
    issue(authority, folder, BROKER, usage=_BOTH, hosts=hosts, days=CERTIFICATE_DAYS, now=now)
    issue(authority, folder, INGEST, usage=_CLIENT, hosts=(), days=CERTIFICATE_DAYS, now=now)
    _say(f"made {certificate_of(folder, CA)}; keep {key_of(folder, CA)} away from every network")
    _say(f"the platform uses it by NONAGON_MQTT_TLS={folder}")


@ca_app.command(name="issue")
def issue_gateway(
    folder: Folder,
    name: Annotated[str, typer.Argument(metavar="NAME", help="the gateway's edge node")],
    days: Annotated[int, typer.Option(min=1, max=CERTIFICATE_DAYS_MAX)] = CERTIFICATE_DAYS,
) -> None:
    """Make a gateway's certificate; give it NAME.pem, NAME.key and ca.pem. Again renews it."""
    now = SystemClock().now()
    authority = read_authority(folder)
    if name == BROKER:
        hosts = _hosts(certificate_of(folder, BROKER))
        issue(authority, folder, name, usage=_BOTH, hosts=hosts, days=days, now=now)
    else:
        issue(authority, folder, name, usage=_CLIENT, hosts=(), days=days, now=now)
    _say(f"made {certificate_of(folder, name)} and {key_of(folder, name)}")


def create_authority(folder: Path, *, now: datetime) -> Authority:
    """A new authority, kept in ``folder``.

    Raises:
        AuthorityExistsError: there is one.
    """
    if certificate_of(folder, CA).exists() or key_of(folder, CA).exists():
        raise AuthorityExistsError(folder=folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Nonagon gateways")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(now + CA_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(folder, CA, certificate, key)
    return Authority(certificate, key)


def read_authority(folder: Path) -> Authority:
    """The authority in ``folder``.

    Raises:
        NoAuthorityError: missing or damaged.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certificate_of(folder, CA).read_bytes())
        key = serialization.load_pem_private_key(key_of(folder, CA).read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise NoAuthorityError(folder=folder, cause=error) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NoAuthorityError(folder=folder, cause="not an elliptic-curve key")
    return Authority(certificate, key)


def issue(
    authority: Authority,
    folder: Path,
    name: str,
    *,
    usage: Sequence[x509.ObjectIdentifier],
    hosts: Sequence[str],
    days: int,
    now: datetime,
) -> None:
    """Write ``name``'s certificate and a new key.

    Raises:
        InvalidCertificateNameError: it cannot name a file, or would replace the authority's.
    """
    if not is_sparkplug_id(name) or name == CA:
        raise InvalidCertificateNameError(name=name)
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        x509.CertificateBuilder(
            subject_name=_name(name),
            issuer_name=authority.certificate.subject,
            public_key=key.public_key(),
        )
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        .add_extension(issuer, critical=False)
    )
    if hosts:
        names = x509.SubjectAlternativeName([_alternative(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    _write(folder, name, builder.sign(authority.key, hashes.SHA256()), key)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _hosts(path: Path) -> list[str]:
    """The names in a certificate that is renewed."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(
    folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _replace(key_of(folder, name), secret, mode=0o600)
    public = certificate.public_bytes(serialization.Encoding.PEM)
    _replace(certificate_of(folder, name), public, mode=0o644)


def _replace(path: Path, content: bytes, *, mode: int) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    unfinished.replace(path)


def _say(text: str) -> None:
    Console(soft_wrap=True, markup=False, highlight=False).print(text)
