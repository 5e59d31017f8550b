"""A child process: says ``hello`` and what it was given, then does as it is told.

``python -m tests.support.child wait|fail|refuse|full``; SIGTERM ends its waiting with exit code 0.
"""

import os
import signal
import sys
import time
from pathlib import Path


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    told = sys.argv[1]
    listed = sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    open_files = listed[:-1]  # the last lists the others
    environment = dict(os.environ)  # noqa: TID251 - what was given is the point
    sys.stdout.write(f"hello {told} {Path.cwd()} {environment} {open_files}\n")
    sys.stdout.flush()
    if told == "fail":
        raise ValueError("told to fail")
    if told == "full":
        sys.stdout = Path("/dev/full").open("w")  # noqa: SIM115 - flushed at the end, in vain
        sys.stdout.write("lost")
        return
    if told == "refuse":
        sys.exit("told to refuse")
    time.sleep(60)


if __name__ == "__main__":
    main()
