"""Shows on the supervisor's log what its children logged as warnings or worse."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

LOUD: Final = frozenset({"warning", "error", "critical"})
BYTES_PER_LOOK: Final = 64 * 1024

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Followed:
    name: str
    path: Path
    read_upto: int = 0
    rest: bytes = b""


class LogFollower:
    """Reads on in each file from where it stopped; at most 64 KiB a file and look."""

    def __init__(self) -> None:
        self._followed: list[_Followed] = []

    def follow(self, name: str, path: Path) -> None:
        self._followed.append(_Followed(name, path))

    def show(self) -> None:
        """Log each new loud line once. What is not JSON is a crash's last words, hence loud."""
        for followed in self._followed:
            for line in _new_lines(followed):
                _show(followed.name, line)


def _new_lines(followed: _Followed) -> list[bytes]:
    try:
        with followed.path.open("rb") as file:
            file.seek(followed.read_upto)
            read = file.read(BYTES_PER_LOOK)
    except FileNotFoundError:
        return []
    followed.read_upto += len(read)
    *lines, followed.rest = (followed.rest + read).split(b"\n")
    return [line for line in lines if line.strip()]


def _show(name: str, line: bytes) -> None:
    text = line.decode(errors="replace")
    try:
        record: Any = json.loads(text)
    except json.JSONDecodeError:
        record = None
    if not isinstance(record, dict):
        log.warning(text, door=name)
    elif record.get("level") in LOUD:
        facts = {key: record[key] for key in record if key not in {"event", "timestamp", "level"}}
        log.warning(record.get("event", ""), **{**facts, "door": name})
