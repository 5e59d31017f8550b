"""Coverage-guided fuzzing of what comes from the field and from files."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.length import times

pytestmark = pytest.mark.timeout(7_200)
ROOT = Path(__file__).parents[2]
RUNS = times(2_000, 300_000)
INPUT_BYTES_MAX = 4_096


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this Python"
)
@pytest.mark.parametrize("name", ["sparkplug", "risk_csv", "risk_csaf", "calendar"])
def test_no_input_is_found_that_breaks_it(name: str, tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.mkdir()
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.fuzz.guided", name, str(found), f"-runs={RUNS}",
            "-seed=1", f"-max_len={INPUT_BYTES_MAX}", "-timeout=20", "-rss_limit_mb=1024",
            f"-artifact_prefix={tmp_path}/",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4_000:]
    runs = re.search(r"Done (\d+) runs", done.stderr)
    assert runs is not None, done.stderr[-4_000:]
    assert int(runs[1]) >= RUNS
