"""Whether a server's certificate may be believed: pinned by a person, or not at all."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto import uacrypto
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.ua.status_codes import StatusCodes
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from edge.drivers.certificates import fingerprint, read_certificate
from edge.drivers.protocol import Refusal

KEY_BITS_MIN: Final = 2_048
FILES_MAX: Final = 100
REVOCATIONS: Final = "crl"
_CERTIFICATES: Final = frozenset({".der", ".pem", ".crt", ".cer"})
_CHECKS: Final = (
    CertificateValidatorOptions.TRUSTED_VALIDATION | CertificateValidatorOptions.PEER_SERVER
)
_REFUSALS: Final = {
    StatusCodes.BadCertificateTimeInvalid: Refusal.EXPIRED,
    StatusCodes.BadCertificateUriInvalid: Refusal.UNFIT,
    StatusCodes.BadCertificateUseNotAllowed: Refusal.UNFIT,
    StatusCodes.BadCertificateInvalid: Refusal.UNFIT,
    StatusCodes.BadCertificateRevoked: Refusal.REVOKED,
}
_WHY: Final = {
    StatusCodes.BadCertificateUriInvalid: "it is of another application than the server says to be",
    StatusCodes.BadCertificateUseNotAllowed: "its key usage does not make it a server's",
    StatusCodes.BadCertificateInvalid: "it lacks fields of an OPC UA application certificate",
}


class RefusedError(Exception):
    """No session for a reason of security; the text says what to do about it."""

    def __init__(self, refusal: Refusal, cause: str) -> None:
        super().__init__(cause)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Trusted:
    """What counts as a machine's certificate."""

    fingerprints: frozenset[str]
    folder: Path
    store: "PinStore" = field(compare=False)


class PinStore(TrustStore):
    """asyncua's store, which knows authorities, and certificates that are believed as they are."""

    def __init__(self, pins: frozenset[str], authorities: list[x509.Certificate]) -> None:
        super().__init__([], [])
        self._pins = pins
        if authorities:
            self._trust_store = x509.verification.Store(authorities)

    def is_trusted(self, certificate: x509.Certificate) -> bool:
        return fingerprint(certificate) in self._pins or super().is_trusted(certificate)


async def load_trusted(pins: frozenset[str], folder: Path) -> Trusted:
    """``pins`` and what lies in ``folder``; revocation lists lie in its ``crl``.

    Raises:
        RefusedError: a file there is not what it should be.
    """
    found = _certificates(folder)
    pins |= {fingerprint(certificate) for certificate in found}
    store = PinStore(pins, [certificate for certificate in found if _is_authority(certificate)])
    lists = folder / REVOCATIONS
    if lists.is_dir():
        store.crl_locations.append(lists)
        try:
            await store.load_crl()
        except (OSError, ValueError) as error:
            raise RefusedError(Refusal.REVOKED, f"revocation lists in {lists}: {error}") from error
    return Trusted(pins, folder, store)


async def verify_server(
    certificate: x509.Certificate, server: ua.ApplicationDescription, trusted: Trusted
) -> None:
    """Check period, application URI, key usage, trust and revocation.

    Raises:
        RefusedError: one of them is not right.
    """
    shown = fingerprint(certificate)
    public = certificate.public_key()
    if not isinstance(public, rsa.RSAPublicKey) or public.key_size < KEY_BITS_MIN:
        raise RefusedError(
            Refusal.UNFIT, f"certificate {shown} has no RSA key of {KEY_BITS_MIN} bits or more"
        )
    try:
        await CertificateValidator(_CHECKS, trusted.store)(certificate, server)
    except ServiceError as error:
        raise _refused(error.code, certificate, trusted) from error
    except ValueError as error:  # an extension that cannot be parsed
        raise RefusedError(Refusal.UNFIT, f"certificate {shown}: {error}") from error


def server_certificate(endpoint: ua.EndpointDescription) -> x509.Certificate:
    """The certificate an endpoint shows, the first of a chain.

    Raises:
        RefusedError: it shows none.
    """
    try:
        read: Callable[[bytes | None], x509.Certificate | None] = uacrypto.x509_from_der
        certificate = read(endpoint.ServerCertificate)
    except (ValueError, IndexError) as error:
        raise RefusedError(Refusal.UNFIT, f"the server's certificate: {error}") from error
    if certificate is None:
        raise RefusedError(Refusal.UNFIT, "the server shows no certificate")
    return certificate


def _refused(code: int, certificate: x509.Certificate, trusted: Trusted) -> RefusedError:
    shown = fingerprint(certificate)
    if code == StatusCodes.BadCertificateUntrusted:
        return _untrusted(shown, trusted)
    if code == StatusCodes.BadCertificateTimeInvalid:
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        cause = f"certificate {shown} is valid from {begins:%Y-%m-%d} to {ends:%Y-%m-%d} only"
        return RefusedError(Refusal.EXPIRED, f"{cause}; renew it at the machine and pin the new")
    if code == StatusCodes.BadCertificateRevoked:
        return RefusedError(Refusal.REVOKED, f"certificate {shown} is on a revocation list")
    why = _WHY.get(code, ua.StatusCode(ua.UInt32(code)).name)
    return RefusedError(_REFUSALS.get(code, Refusal.UNFIT), f"certificate {shown}: {why}")


def _untrusted(shown: str, trusted: Trusted) -> RefusedError:
    if not trusted.fingerprints:
        return RefusedError(
            Refusal.UNCONFIRMED,
            f"nobody has confirmed certificate {shown} yet; compare it at the machine, then run"
            " `nonagon-edge trust`",
        )
    pinned = ", ".join(sorted(trusted.fingerprints))
    return RefusedError(
        Refusal.SWAPPED,
        f"the server shows certificate {shown}, pinned is {pinned}; if the machine was given a new"
        " one, compare it there and run `nonagon-edge trust`",
    )


def _certificates(folder: Path) -> list[x509.Certificate]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in _CERTIFICATES)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RefusedError(Refusal.UNCONFIRMED, f"trust folder {folder}: {error}") from error
    if len(paths) > FILES_MAX:
        raise RefusedError(Refusal.UNCONFIRMED, f"more than {FILES_MAX} certificates in {folder}")
    certificates = []
    for path in paths:
        try:
            certificates.append(read_certificate(path))
        except (OSError, ValueError) as error:
            raise RefusedError(Refusal.UNCONFIRMED, f"trusted {path}: {error}") from error
    return certificates


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False
