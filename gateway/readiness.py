"""Asking a server or a door whether it is there."""

import http.client
import socket
from typing import Final
from urllib.parse import urlsplit

TIMEOUT_S: Final = 2.0


def answers(url: str, path: str = "/readyz") -> bool:
    """Whether the door at ``url`` says it is ready."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_reachable(url: str) -> bool:
    """Whether something accepts connections at the address in ``url``."""
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname, place.port or 0), timeout=TIMEOUT_S).close()
    except OSError:
        return False
    return True
