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
        """Log each new loud line once, and of a traceback its last line, which names the error."""
        for followed in self._followed:
            last_words = ""
            for line in _new_lines(followed):
                record = _record(line)
                if record is None:
                    last_words = line.decode(errors="replace")
                elif record.get("level") in LOUD:
                    _show(followed.name, record)
            if last_words:
                log.warning(last_words, door=followed.name, log=str(followed.path))


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


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _show(name: str, record: dict[str, Any]) -> None:
    own = {"event", "timestamp", "level", "logger", "process"}
    facts = {key: value for key, value in record.items() if key not in own}
    log.warning(record.get("event", ""), **{**facts, "door": name})
