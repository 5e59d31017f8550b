"""``python -m gateway.http.openapi > docs/openapi.json``: the API as a document."""

import json
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import FastAPI

from gateway.http.app import create_app
from marketplace.taxonomy.loader import load_taxonomy
from services.runtime.db import engine_for, sessions_for
from services.runtime.settings import Settings

UNUSED_DATABASE = "postgresql://nobody@127.0.0.1:1/none"
"""Nothing is asked of it: describing the API opens no connection."""


class _StillClock:
    """The document names no time and no id."""

    def now(self) -> datetime:
        return datetime.min.replace(tzinfo=UTC)

    def new_id(self) -> UUID:
        return UUID(int=0)


def described_app() -> FastAPI:
    """The application, for reading what it offers; it serves nothing."""
    engine = engine_for(UNUSED_DATABASE, pool_max=1, application="openapi")
    return create_app(
        settings=Settings.model_construct(),
        sessions=sessions_for(engine),
        clock=_StillClock(),
        catalogue=load_taxonomy(),
    )


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document of every route under ``/api/v1``."""
    return described_app().openapi()


def openapi_text() -> str:
    """The document as it is committed: sorted keys, so that a diff shows a change of the API."""
    return json.dumps(openapi_document(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main() -> None:
    sys.stdout.write(openapi_text())


if __name__ == "__main__":
    main()
