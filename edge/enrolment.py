"""Exchanging a one-time code for the gateway's credential, over the platform's HTTP API."""

import ipaddress
import json
import locale
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from edge.credential import GatewayCredential

TIMEOUT_S: Final = 15.0
ANSWER_BYTES_MAX: Final = 64 * 1024
PATH: Final = "/api/v1/enrolments/redeem"
_CREATED: Final = 201


class EnrolmentFailedError(Exception):
    """No credential was given; the text says why and what to do."""


def redeem(url: str, code: str, *, insecure: bool = False) -> GatewayCredential:
    """The credential that ``code`` stands for, from the platform at ``url``.

    Args:
        url: where the platform's HTTP door answers, ``https://…``.
        code: shown when the enrolment was made.
        insecure: fetch the secret in the clear from another machine too.

    Raises:
        EnrolmentFailedError: unreachable, refused, or an answer that is no credential.
    """
    connection = _connection(url, insecure=insecure)
    headers = {
        "Content-Type": "application/json",
        "Accept-Language": (locale.getlocale()[0] or "en").partition("_")[0],
    }
    try:
        connection.request("POST", PATH, json.dumps({"code": code}), headers)
        answer = connection.getresponse()
        body = answer.read(ANSWER_BYTES_MAX)
    except (OSError, HTTPException) as error:
        raise EnrolmentFailedError(f"{url}: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()
    if answer.status != _CREATED:
        raise EnrolmentFailedError(f"{url}: {_said(body) or f'answered {answer.status}'}")
    try:
        return GatewayCredential.model_validate_json(body)
    except ValidationError as error:
        raise EnrolmentFailedError(f"{url}: the answer is no credential") from error


def _connection(url: str, *, insecure: bool) -> HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise EnrolmentFailedError(f"{url!r} is not https://host[:port]")
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_S, context=context)
    if not insecure and not _is_loopback(parts.hostname):
        raise EnrolmentFailedError(
            f"{url} would send the secret in the clear: use https://, or accept that by --insecure"
        )
    return HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _said(body: bytes) -> str:
    """What a problem document (RFC 9457) tells a person."""
    try:
        document = json.loads(body)
        return str(document.get("detail") or document.get("title") or "")
    except (ValueError, AttributeError):
        return ""
