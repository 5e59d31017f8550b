"""Keeps a set of child processes running: starts them, restarts what dies, stops them in order.

Everything is started in the supervisor's own thread. Linux ties a child's death signal to the
thread that started it, so that thread has to live exactly as long as the children may.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.runtime.embedded.process import OwnedProcess

TICK_S: Final = 0.05
BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 5.0
STEADY_AFTER_S: Final = 10.0
"""Who ran this long begins with the shortest backoff again."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Member:
    """A supervised process and how to start it."""

    process: OwnedProcess
    spawn: Callable[[], None]
    started_at: float = 0.0
    restarts: int = 0
    retry_at: float | None = None
    backoff_s: float = field(default=BACKOFF_FIRST_S)


class Supervisor:
    """Members are started by :meth:`start_member` and from then on kept running until stopped.

    Args:
        on_restart: called in the supervisor's thread after a dead member was started again.
    """

    def __init__(self, *, on_restart: Callable[[], None]) -> None:
        self._on_restart = on_restart
        self._members: dict[str, Member] = {}
        self._requests: queue.SimpleQueue[tuple[Callable[[], None], Future[None]]] = (
            queue.SimpleQueue()
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def start_member(
        self,
        process: OwnedProcess,
        spawn: Callable[[], None] | None = None,
        *,
        first: Callable[[], None] | None = None,
    ) -> Future[None]:
        """Start ``process`` in the supervisor's thread; the future carries what went wrong.

        Args:
            process: what is kept running.
            spawn: starts it, if not ``process.spawn`` does.
            first: starts it this time, if not as at every later one.
        """
        member = Member(process, spawn or process.spawn)
        done: Future[None] = Future()
        self._requests.put((lambda: self._first_start(member, first or member.spawn), done))
        return done

    def process(self, name: str) -> OwnedProcess:
        return self._members[name].process

    def pids(self) -> dict[str, int]:
        """The running members' process ids."""
        members = list(self._members.values())
        return {
            member.process.name: pid
            for member in members
            if member.process.is_running() and (pid := member.process.pid)
        }

    def restarts(self) -> dict[str, int]:
        return {name: member.restarts for name, member in list(self._members.items())}

    def stop(self, order: Sequence[Sequence[str]], *, grace_s: float) -> None:
        """Stop the named groups one after the other, each group's members at once."""
        if self._thread.is_alive():
            self._stopping.set()
            self._thread.join()
        for group in order:
            members = [self._members[name].process for name in group if name in self._members]
            for process in members:
                process.request_stop()
            deadline = time.monotonic() + grace_s
            for process in members:
                process.await_stop(grace_s=max(0.1, deadline - time.monotonic()))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._serve_requests()
            for member in self._members.values():
                self._keep(member)

    def _serve_requests(self) -> None:
        try:
            work, done = self._requests.get(timeout=TICK_S)
        except queue.Empty:
            return
        try:
            work()
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            done.set_exception(error)
        else:
            done.set_result(None)

    def _first_start(self, member: Member, start: Callable[[], None]) -> None:
        start()
        member.started_at = time.monotonic()
        self._members[member.process.name] = member

    def _keep(self, member: Member) -> None:
        now = time.monotonic()
        if member.process.is_running():
            if now - member.started_at > STEADY_AFTER_S:
                member.backoff_s = BACKOFF_FIRST_S
            return
        if member.retry_at is None:
            member.retry_at = now + member.backoff_s
            log.warning(
                "process ended; starting it again",
                name=member.process.name,
                cause=member.process.exit_cause(),
                in_s=member.backoff_s,
            )
        elif now >= member.retry_at:
            self._restart(member)

    def _restart(self, member: Member) -> None:
        member.retry_at = None
        member.restarts += 1
        member.backoff_s = min(BACKOFF_MAX_S, member.backoff_s * 2)
        try:
            member.spawn()
        except Exception:
            log.exception("could not start the process", name=member.process.name)
        else:
            self._on_restart()
        member.started_at = time.monotonic()
