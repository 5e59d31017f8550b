"""Certificates for MQTT by TLS: the files `nonagon ca` makes, and the ingest's end of it."""

import ssl
from pathlib import Path
from typing import ClassVar, Final

from services.contracts.errors import DomainError, ErrorKind

CA: Final = "ca"
BROKER: Final = "broker"
INGEST: Final = "ingest"


class MqttCertificateError(DomainError):
    code: ClassVar[str] = "mqtt-certificate-unusable"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "Certificate or key of {name!r} in {folder} cannot be used: {cause}. Make it by"
        " `nonagon ca init`, or correct NONAGON_MQTT_TLS."
    )
    zh: ClassVar[str] = (
        "{folder} 中 {name!r} 的证书或密钥不可用：{cause}。请用 `nonagon ca init` 生成，"
        "或更正 NONAGON_MQTT_TLS。"
    )


def certificate_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.pem"


def key_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.key"


def mqtt_client_context(url: str, folder: Path | None) -> ssl.SSLContext | None:
    """TLS for the ingest at ``url``; ``None`` when the url is not ``mqtts://``.

    Args:
        url: of the broker's MQTT listener.
        folder: with ``ca.pem`` and the ingest's own; ``None``: the system's CAs, no certificate.

    Raises:
        MqttCertificateError: a file is missing or damaged.
    """
    if not url.startswith("mqtts://"):
        return None
    if folder is None:
        return ssl.create_default_context()
    try:
        context = ssl.create_default_context(cafile=certificate_of(folder, CA))
        context.load_cert_chain(certificate_of(folder, INGEST), key_of(folder, INGEST))
    except OSError as error:  # ssl.SSLError is one
        cause = error.strerror or str(error)
        raise MqttCertificateError(name=INGEST, folder=folder, cause=cause) from error
    return context
