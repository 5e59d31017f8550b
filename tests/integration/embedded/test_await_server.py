"""The migration of a starting platform waits for its database, for a while."""

import threading
from pathlib import Path

import psycopg
import pytest

from gateway.migrate import await_server
from services.runtime.embedded.postgres import EmbeddedPostgres
from tests.support.platform import remove_outside
from tests.support.servers import FORGETFUL

pytestmark = pytest.mark.integration


def test_a_server_that_never_comes_is_named_in_the_end() -> None:
    with pytest.raises(psycopg.OperationalError, match=r"port 1 .*refused"):
        await_server("postgresql://nobody@127.0.0.1:1/none", within_s=0.2)


def test_a_server_that_comes_late_is_waited_for(state_root: Path) -> None:
    state_dir = state_root / "late"
    server = EmbeddedPostgres(state_dir, options=FORGETFUL)
    server.prepare()
    waiting = threading.Thread(target=await_server, args=(server.database_url,), daemon=True)
    waiting.start()
    try:
        waiting.join(0.3)
        assert waiting.is_alive()
        server.start()
        waiting.join(10)
        assert not waiting.is_alive()
    finally:
        server.stop()
        remove_outside(state_dir)
