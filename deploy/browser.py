"""Make sure the browser of the browser tests is there: Debian's Chromium and a CJK font."""

import os
import shutil
import subprocess
import sys

PACKAGES = ["chromium", "fonts-noto-cjk"]
ADVICE = (
    "The browser tests need Debian's Chromium. Install it once as root:\n"
    f"  apt-get update && apt-get install -y {' '.join(PACKAGES)}"
)


def main() -> int:
    """0 once Chromium can be run; 1 with what to do when it cannot be installed from here."""
    if shutil.which("chromium"):
        return 0
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        print(ADVICE, file=sys.stderr)
        return 1
    print(f"Installing {', '.join(PACKAGES)} from Debian …", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "PATH": os.defpath}
    for command in (["update", "-q"], ["install", "-qy", "--no-install-recommends", *PACKAGES]):
        finished = subprocess.run(  # noqa: S603 - fixed commands
            [apt, *command], env=quiet, check=False, stdout=subprocess.DEVNULL
        )
        if finished.returncode:
            print(ADVICE, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
