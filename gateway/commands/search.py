"""``nonagon search``: fill the search index anew from the record."""

from typing import ClassVar

import typer

from gateway.commands.api import console
from gateway.endpoints import read_endpoints
from marketplace.taxonomy.loader import load_taxonomy
from search.backend import index_for
from search.indexing import rebuild
from services.contracts.errors import DomainError, ErrorKind
from services.runtime.database_roles import WORKER
from services.runtime.db import engine_for, sessions_for, transaction
from services.runtime.settings import Settings

search_app = typer.Typer(
    help="Rebuild the search index.", no_args_is_help=True, add_completion=False
)


class NoRecordError(DomainError):
    code: ClassVar[str] = "no-record"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "No database to read: no platform runs on {state_dir}. Start `nonagon up`, or set"
        " NONAGON_DATABASE_URL."
    )
    zh: ClassVar[str] = (
        "没有可读取的数据库：{state_dir} 上没有运行中的平台。请运行 `nonagon up`，"
        "或设置 NONAGON_DATABASE_URL。"
    )


@search_app.callback()
def _options() -> None:
    """Take no options of the group's own; the callback makes typer build a group."""


@search_app.command("rebuild")
def rebuild_command() -> None:
    """Index everything published anew, in one transaction: searches go on meanwhile."""
    console.print(f"{rebuilt(Settings())} documents can be found")


def rebuilt(settings: Settings) -> int:
    """How many documents can be found once the index of ``settings`` is filled anew.

    Raises:
        NoRecordError: there is no database to read.
    """
    running = read_endpoints(settings.state_path)
    url = settings.database_url or (running.database_url if running else None)
    if url is None:
        raise NoRecordError(state_dir=settings.state_path)
    engine = engine_for(url, pool_max=1, application="search", role=WORKER)
    try:
        with transaction(sessions_for(engine)) as session:
            return rebuild(
                session=session, index=index_for(settings)(session), taxonomy=load_taxonomy()
            )
    finally:
        engine.dispose()
