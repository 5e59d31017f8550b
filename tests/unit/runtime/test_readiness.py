"""Since when a process has been: what time to ready is counted from."""

import subprocess
import sys
from datetime import datetime, timedelta
from typing import Final

from services.runtime.clock import SystemClock

PROBE: Final = (
    "from gateway.readiness import process_began\n"
    "from services.runtime.clock import SystemClock\n"
    "print(process_began(SystemClock()).isoformat())\n"
)
A_TICK: Final = timedelta(milliseconds=20)


def test_began_lies_between_its_start_and_the_question() -> None:
    before = SystemClock().now()
    said = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    after = SystemClock().now()
    assert before - A_TICK <= datetime.fromisoformat(said.stdout.strip()) <= after
