"""``nonagon migrate``: the schema of the database in use, brought to the newest version."""

from typing import Annotated, ClassVar

import typer
from rich.console import Console

from gateway.endpoints import read_endpoints
from services.contracts.errors import DomainError, ErrorKind
from services.runtime import migrations
from services.runtime.settings import Settings


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


def migrate(
    new: Annotated[
        str, typer.Option(help="Write a new version file with this title instead.")
    ] = "",
) -> None:
    """Bring the database to the newest version."""
    settings = Settings()
    running = read_endpoints(settings.state_path)
    url = settings.database_url or (running.database_url if running else None)
    if url is None:
        raise NoDatabaseError(state_dir=settings.state_path)
    if new:
        migrations.revision(url, new)
        return
    before = migrations.current_version(url)
    migrations.upgrade(url)
    Console().print(f"{before or 'empty'} → {migrations.current_version(url) or 'empty'}")
