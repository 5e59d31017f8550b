"""A matcher that dies by SIGKILL where it is told to: ``python -m tests.support.doomed_matcher``.

Arguments: the name of a kill point, and the how manieth time it comes there.
"""

import os
import signal
import sys

from gateway.matcher.__main__ import main
from services.booking.writing.kill_points import KillPoint, Reached


def dying(at: KillPoint, time: int) -> Reached:
    """Ends this process when it comes to ``at`` for the ``time``-th time."""
    left = time

    def reached(point: KillPoint) -> None:
        nonlocal left
        left -= point is at
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


if __name__ == "__main__":
    main(reached=dying(KillPoint(sys.argv[1]), int(sys.argv[2])))
