"""Asking a server or a door whether it is there, and a process since when it has been."""

import http.client
import os
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil

from services.runtime.clock import Clock

TIMEOUT_S: Final = 2.0
_STARTTIME: Final = 19
"""proc_pid_stat(5), counted after the name of the command."""


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


def process_began(clock: Clock) -> datetime:
    """When this process began, to a hundredth of a second.

    psutil counts from a boot time that Linux gives in whole seconds, up to one too early.
    """
    if sys.platform != "linux":
        return datetime.fromtimestamp(psutil.Process().create_time(), UTC)
    fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    began_s = int(fields[_STARTTIME]) / os.sysconf("SC_CLK_TCK")
    return clock.now() - timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME) - began_s)
