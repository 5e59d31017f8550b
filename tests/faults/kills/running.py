"""``nonagon up`` in a process of its own, whose parts are killed by their pid."""

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import psutil

from gateway.endpoints import Endpoints, read_endpoints
from gateway.readiness import answers
from services.runtime.settings import child_environment
from tests.support.platform import processes_of, remove_outside
from tests.support.waiting import eventually

ROOT: Final = Path(__file__).resolve().parents[3]
READY_WITHIN_S: Final = 120.0
AGAIN_WITHIN_S: Final = 60.0
STOPPED_WITHIN_S: Final = 30.0
HOLDS_LAST_S: Final = 86_400
"""Longer than any run: what expires by itself would hide what was lost."""
OWNS: Final = "nonagon_matcher_owner 1.0"
WRITTEN: Final = "written"
WRITTEN_LINE: Final = re.compile(r"^nonagon_matcher_written_slots_sum (\S+)", re.MULTILINE)
OUTCOME_LINE: Final = re.compile(
    r'^nonagon_matcher_slots_total\{outcome="([^"]+)"\} (\S+)', re.MULTILINE
)


class RunningPlatform:
    """The platform of ``state_dir``; what it says goes to ``said.txt`` there."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        state_dir.mkdir(mode=0o711)
        with (state_dir / "said.txt").open("wb") as said:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", "up"],
                cwd=ROOT,
                env=child_environment(
                    state_dir=state_dir,
                    hold_ttl_s=HOLDS_LAST_S,
                    open_holds_max=10**6,
                    requests_per_minute=10**9,
                ),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return (self._state_dir / "said.txt").read_text(errors="replace")

    @property
    def endpoints(self) -> Endpoints | None:
        assert self._popen.poll() is None, self.said
        return read_endpoints(self._state_dir)

    def await_ready(self) -> Endpoints:
        """Where it answers, once every part does."""
        eventually(self.works, within=READY_WITHIN_S, what="the platform is ready")
        endpoints = self.endpoints
        assert endpoints is not None
        return endpoints

    def works(self, *, instead_of: tuple[str, int] | None = None) -> bool:
        """Whether HTTP, database, broker and matcher answer, a successor in place of the killed."""
        endpoints = self.endpoints
        if endpoints is None:
            return False
        if instead_of is not None:
            name, killed = instead_of
            if endpoints.pids.get(name) in {None, killed}:
                return False
        return answers(endpoints.http_url) and _owns(endpoints.metrics_urls["matcher"])

    def slots_of_writer(self) -> tuple[int, dict[str, int]]:
        """The matcher's process, and how many slots it has written and answered how so far."""
        endpoints = self.endpoints
        if endpoints is None or "matcher" not in endpoints.pids:
            return 0, {}
        told = _metrics(endpoints.metrics_urls["matcher"])
        counts = dict(re.findall(OUTCOME_LINE, told))
        written = WRITTEN_LINE.search(told)
        if written is not None:
            counts[WRITTEN] = written[1]
        pid = endpoints.pids["matcher"]
        return pid, {name: round(float(count)) for name, count in counts.items()}

    def ledger_check(self) -> dict[str, Any]:
        """What ``nonagon ledger check`` says."""
        told = subprocess.run(
            [sys.executable, "-m", "gateway.cli", "ledger", "check", "--json"],
            cwd=ROOT,
            env=child_environment(state_dir=self._state_dir),
            capture_output=True,
            check=False,
            timeout=AGAIN_WITHIN_S,
        )
        assert told.stdout, told.stderr.decode()
        said: dict[str, Any] = json.loads(told.stdout)
        return said

    def kill(self, name: str) -> tuple[str, int]:
        """End ``name`` by SIGKILL; which process it was."""
        endpoints = self.endpoints
        assert endpoints is not None
        pid = endpoints.pids[name]
        psutil.Process(pid).kill()
        return name, pid

    def seconds_until_back(self, killed: tuple[str, int]) -> float:
        """How long it takes from now until everything works again.

        Raises:
            AssertionError: it does not come back.
        """
        began = time.monotonic()
        eventually(
            lambda: self.works(instead_of=killed), within=AGAIN_WITHIN_S, what=f"{killed[0]} again"
        )
        return time.monotonic() - began

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._popen.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(STOPPED_WITHIN_S)
        for left in processes_of(self._state_dir):
            with suppress(psutil.NoSuchProcess):
                left.kill()
        remove_outside(self._state_dir)


def _owns(metrics_url: str) -> bool:
    """Whether the matcher answers for its shard, and not only runs."""
    return OWNS in _metrics(metrics_url)


def _metrics(url: str) -> str:
    try:
        return httpx.get(f"{url}/metrics", trust_env=False, timeout=2).text
    except httpx.TransportError:
        return ""
