"""The edge agent as the demo starts it: imported at once, run when its configuration is written.

Importing takes longer than connecting, and the park cannot be registered before the platform
answers; the demo lets both happen at the same time.
"""

import sys
import time
from pathlib import Path
from typing import Final

from gateway.importing import import_for_good

POLL_S: Final = 0.02


def main() -> None:
    config = Path(sys.argv[1])
    import_for_good("edge.drivers.opcua")
    app = import_for_good("edge.cli").app
    while not config.exists():
        time.sleep(POLL_S)
    app(["run", str(config)])


if __name__ == "__main__":
    main()
