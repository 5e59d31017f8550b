"""``nonagon import``: put many offers of an organisation on the market from a file."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, ClassVar, Final
from uuid import UUID

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from gateway.commands.api import console, errors
from gateway.endpoints import read_endpoints
from marketplace.directions.loader import load_directions
from marketplace.offers.importing import BATCH, Owner, Pair, import_offers
from marketplace.taxonomy.domain import Taxonomy
from marketplace.taxonomy.loader import load_taxonomy
from search.backend import IndexFor, index_for
from search.documents import is_findable, offer_document
from search.port import SearchDocument
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, SiteId
from services.runtime.clock import SystemClock
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from services.runtime.settings import Settings

EXIT_REFUSED: Final = 1

import_app = typer.Typer(
    help="Put many offers on the market at once.", no_args_is_help=True, add_completion=False
)


class NoDatabaseError(DomainError):
    code: ClassVar[str] = "no-database"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "No database to write to: no platform runs on {state_dir}. Start `nonagon up`, or set"
        " NONAGON_DATABASE_URL."
    )
    zh: ClassVar[str] = (
        "没有可写入的数据库：{state_dir} 上没有运行中的平台。请运行 `nonagon up`，"
        "或设置 NONAGON_DATABASE_URL。"
    )


@import_app.callback()
def _options() -> None:
    """Take no options of the group's own; the callback makes typer build a group."""


@import_app.command("offers")
def offers_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON lines.")],
    organisation: Annotated[UUID, typer.Option(help="Id of whose offers they are.")],
    site: Annotated[UUID, typer.Option(help="Id of the site the resources stand on.")],
    skip: Annotated[int, typer.Option(min=0, help="Lines that are in already.")] = 0,
) -> None:
    """Register a resource and publish its offer for each line; a wrong line stops it, by number."""
    settings = Settings()
    running = read_endpoints(settings.state_path)
    url = settings.database_url or (running.database_url if running else None)
    if url is None:
        raise NoDatabaseError(state_dir=settings.state_path)
    engine = engine_for(url, pool_max=1, application="import", role=WORKER)
    loader = Loader(sessions_for(engine), settings)
    try:
        done = loader.load(file, Owner(OrganisationId(organisation), SiteId(site)), skip=skip)
    except DomainError:
        errors.print(f"{loader.done} lines are in; mend the line and go on with --skip.")
        raise
    finally:
        engine.dispose()
    console.print(f"[green]{done} offers are published and can be found[/]")


class Loader:
    """Loads files batch by batch, each in a transaction of its own with its search documents."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._clock = SystemClock()
        self._taxonomy: Taxonomy = load_taxonomy()
        self._directions = load_directions(settings.directions_folder)
        self._index_for: IndexFor = index_for(settings)
        self.done = 0
        """Lines of the file that are in, those skipped among them."""

    def load(self, file: Path, owner: Owner, *, skip: int = 0) -> int:
        """How many offers of ``file`` were published.

        Raises:
            ImportLineError: which line is wrong; the batches before its own are in.
        """
        with file.open(encoding="utf-8") as counted:
            total = sum(1 for _ in counted) - skip
        self.done = skip
        with file.open(encoding="utf-8") as lines, _bar() as bar:
            task = bar.add_task("offers", total=total)
            for _ in islice(lines, skip):
                pass
            for batch in _batches(lines):
                self._load(batch, owner)
                self.done += len(batch)
                bar.advance(task, len(batch))
        return self.done - skip

    def _load(self, batch: list[str], owner: Owner) -> None:
        with transaction(self._sessions) as session:
            pairs = import_offers(
                session=session,
                clock=self._clock,
                owner=owner,
                lines=batch,
                first_line=self.done + 1,
                directions=self._directions,
                catalogue=self._taxonomy,
            )
            self._index_for(session).upsert(
                [self._document(pair) for pair in pairs if is_findable(pair[0])]
            )

    def _document(self, pair: Pair) -> SearchDocument:
        offer, resource = pair
        return offer_document(offer, [resource], self._taxonomy)


def _batches(lines: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(lines, BATCH)):
        yield batch


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(show_speed=True),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
    )
