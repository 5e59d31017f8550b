"""Showing a person the certificate of a machine's server, and keeping what the person confirmed."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.uaerrors import UaError
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from edge.config import EdgeConfig, MachineConfig
from edge.drivers.certificates import fingerprint, keep
from edge.drivers.opcua_channel import discover, offer
from edge.drivers.opcua_trust import (
    RefusedError,
    load_trusted,
    server_certificate,
    verify_server,
)
from edge.drivers.protocol import DriverUnusableError

PINNED: Final = "pinned-"
LOOK_WITHIN_S: Final = 10.0


class NothingToPinError(DriverUnusableError):
    """The server cannot be asked, or shows nothing that could be believed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a server shows to anybody who asks.

    ``objection`` is why its certificate would be refused even when pinned.
    """

    fingerprint: str
    subject: str
    application_uri: str
    valid_from: datetime
    valid_to: datetime
    offers: tuple[str, ...]
    is_trusted: bool
    objection: str | None
    der: bytes


def look(config: EdgeConfig, machine: MachineConfig) -> Shown:
    """Ask the machine's server who it is; nothing of the answer is proven yet.

    Raises:
        NothingToPinError: no answer, or no certificate in it.
    """
    try:
        return asyncio.run(_look(config, machine))
    except (OSError, TimeoutError, UaError, ServiceError, RefusedError) as error:
        cause = "no answer in time" if isinstance(error, TimeoutError) else error
        raise NothingToPinError(f"{machine.device} at {machine.endpoint.url}: {cause}") from error


def pin(config: EdgeConfig, machine: MachineConfig, shown: Shown) -> Path:
    """Believe this certificate from now on, and none that was pinned before; the file it is in.

    Raises:
        NothingToPinError: it would be refused even so, or cannot be written.
    """
    if shown.objection is not None:
        raise NothingToPinError(f"{machine.device}: {shown.objection}")
    folder = config.trust_folder(machine)
    path = folder / f"{PINNED}{shown.fingerprint.removeprefix('sha256:')[:16]}.der"
    try:
        keep(path, shown.der)
        for older in folder.glob(f"{PINNED}*.der"):
            if older != path:
                older.unlink()
    except OSError as error:
        raise NothingToPinError(
            f"{machine.device}: cannot keep the certificate: {error}"
        ) from error
    return path


async def _look(config: EdgeConfig, machine: MachineConfig) -> Shown:
    async with asyncio.timeout(LOOK_WITHIN_S):
        endpoints = await discover(machine.endpoint.url)
    showing = [endpoint for endpoint in endpoints if endpoint.ServerCertificate]
    offers = tuple(sorted({offer(endpoint) for endpoint in endpoints}))
    if not showing:
        raise NothingToPinError(
            f"{machine.device} at {machine.endpoint.url} shows no certificate; it offers"
            f" {', '.join(offers) or 'nothing'}"
        )
    certificate = server_certificate(showing[0])
    trusted = await load_trusted(frozenset(machine.endpoint.trust), config.trust_folder(machine))
    mark = fingerprint(certificate)
    believed = await load_trusted(frozenset([mark]), config.trust_folder(machine))
    objection = None
    try:
        await verify_server(certificate, showing[0].Server, believed)
    except RefusedError as error:
        objection = str(error)
    return Shown(
        fingerprint=mark,
        subject=certificate.subject.rfc4514_string(),
        application_uri=_application_uri(certificate, showing[0].Server),
        valid_from=certificate.not_valid_before_utc,
        valid_to=certificate.not_valid_after_utc,
        offers=offers,
        is_trusted=trusted.store.is_trusted(certificate),
        objection=objection,
        der=certificate.public_bytes(serialization.Encoding.DER),
    )


def _application_uri(certificate: x509.Certificate, server: ua.ApplicationDescription) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return f"none; the server says {server.ApplicationUri}"
    return ", ".join(names.get_values_for_type(x509.UniformResourceIdentifier))
