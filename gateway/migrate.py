"""``nonagon migrate``: the schema of the database in use, brought to the newest version.

``python -m gateway.migrate`` does it for ``nonagon up``, which would otherwise have to import all
of SQLAlchemy before it could start anything; it waits for the server.
"""

import time
from typing import ClassVar, Final

import psycopg
from rich.console import Console

from gateway.endpoints import read_endpoints
from services.contracts.errors import DomainError, ErrorKind
from services.runtime import migrations
from services.runtime.logging import configure_logging
from services.runtime.schema_version import current_version
from services.runtime.settings import Settings

SERVER_WITHIN_S: Final = 60.0
POLL_S: Final = 0.05


class NoDatabaseError(DomainError):
    code: ClassVar[str] = "no-database"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "No database to migrate: no platform runs on {state_dir}. Start `nonagon up`, which "
        "migrates by itself, or set NONAGON_DATABASE_URL."
    )
    zh: ClassVar[str] = (
        "没有可迁移的数据库：{state_dir} 上没有运行中的平台。请运行 `nonagon up`（会自动迁移），"
        "或设置 NONAGON_DATABASE_URL。"
    )


def migrate() -> None:
    """Bring the database to the newest version."""
    settings = Settings()
    running = read_endpoints(settings.state_path)
    url = settings.database_url or (running.database_url if running else None)
    if url is None:
        raise NoDatabaseError(state_dir=settings.state_path)
    before = current_version(url)
    migrations.upgrade(url)
    Console().print(f"{before or 'empty'} → {current_version(url) or 'empty'}")


def main() -> None:
    """Wait for the server of the settings, then migrate it."""
    settings = Settings()
    configure_logging(settings, process="migrate")
    assert settings.database_url is not None, "started by the platform, which knows the database"
    await_server(settings.database_url)
    migrations.upgrade(settings.database_url)


def await_server(database_url: str, *, within_s: float = SERVER_WITHIN_S) -> None:
    """Return once the server takes connections; its last refusal is raised after ``within_s``."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            psycopg.connect(database_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)
        else:
            return


if __name__ == "__main__":
    main()
