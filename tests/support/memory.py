"""Files that need not outlive the tests lie in memory: making a database is ten times quicker."""

import os
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - folders of our own are made in it
ROOM_BYTES = 2 << 30
"""Of two workers, with the platforms their tests start."""


def folder_in_memory() -> str | None:
    """The folder for temporary files, if it has room and programs in it may be run."""
    try:
        facts = os.statvfs(SHARED_MEMORY)
    except FileNotFoundError:
        return None
    has_room = facts.f_bavail * facts.f_frsize >= ROOM_BYTES
    return str(SHARED_MEMORY) if has_room and not facts.f_flag & os.ST_NOEXEC else None
