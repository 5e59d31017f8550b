"""Which backend a process searches: Meilisearch when it is configured, PostgreSQL otherwise."""

import importlib
from collections.abc import Callable

from sqlmodel import Session

from search.port import SearchIndex
from search.postgres import PostgresIndex
from services.runtime.settings import Settings

IndexFor = Callable[[Session], SearchIndex]


def index_for(settings: Settings) -> IndexFor:
    """Opens the index in the transaction of a session; a server of its own needs none.

    The client of a server that is not configured is not imported: every door would wait for it.
    """
    if settings.meili_url is None:
        return PostgresIndex
    backend = importlib.import_module("search.meilisearch")
    index: SearchIndex = backend.MeilisearchIndex(settings.meili_url, key=settings.meili_key)
    return lambda _: index
