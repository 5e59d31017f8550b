"""The HTTP API answers whatever is sent, and never with a fault of its own."""

import sys
from pathlib import Path

import pytest

from services.runtime.clock import SystemClock
from services.runtime.db import Sessions
from tests.fuzz.http import fuzz
from tests.fuzz.length import times

pytestmark = [pytest.mark.integration, pytest.mark.timeout(7_200)]
SEED = 20261122
BRIEF_EXAMPLES, LONG_EXAMPLES = 4, 150
BRIEF_CASES, LONG_CASES = 400, 20_000


def test_no_request_is_answered_by_a_fault(sessions: Sessions, tmp_path: Path) -> None:
    phases = ("fuzzing", "coverage,fuzzing,stateful")[times(0, 1)]
    outcome = fuzz(
        sessions,
        SystemClock(),
        tmp_path,
        seed=SEED,
        phases=phases,
        examples=times(BRIEF_EXAMPLES, LONG_EXAMPLES),
    )
    sys.stdout.write(f"\nrequests={outcome.cases} failures={len(outcome.failures)}\n")
    assert outcome.failures == [], outcome.said
    assert outcome.cases >= times(BRIEF_CASES, LONG_CASES), outcome.said
