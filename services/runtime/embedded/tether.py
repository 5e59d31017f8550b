"""Becomes another program that dies with its parent and, started as root, runs as somebody else.

Run as ``python -I -S tether.py PARENT_PID SIGNAL UID GID PROGRAM ARGUMENT…`` (UID and GID ``-`` to
keep the present ones). A program of its own because ``preexec_fn`` is unsafe beside threads, and
because Linux forgets the death signal when credentials change: it is set after the change and
before the exec. The interpreter may lie where the new account cannot reach; the program may not.
A copy of a process (``fork.py``) calls the functions instead.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_KEEP = "-"


def main(arguments: list[str]) -> None:
    parent, signal, uid, gid, *program = arguments
    if uid != _KEEP:
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    die_with(int(parent), int(signal))
    os.execv(program[0], program)  # noqa: S606 - no shell is the point


def die_with(parent: int, signal: int) -> None:
    """Let Linux send this process ``signal`` when the thread of ``parent`` that made it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0)
    if os.getppid() != parent:  # it died before the signal was set
        sys.exit(1)


def call_itself(name: str) -> None:
    """The name of this process in ``ps`` and ``top``, which show its first 15 characters."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
