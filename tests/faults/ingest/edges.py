"""An edge that does not give up, and what its database must look like in the end."""

import threading

from sqlalchemy import Connection, text

from tests.integration.ingest.fake_edge import FakeEdge, parts

OBSERVATIONS = 120


class PersistentEdge(FakeEdge):
    """Sends again what has no receipt and is born anew when asked, as a journalling edge."""

    def send_until_receipted(self, wanted: int) -> threading.Thread:
        def run() -> None:
            asked = -1
            while len(missing := set(range(1, wanted + 1)) - self.receipted()) > 0:
                if self.rebirth_requests != asked:
                    asked = self.rebirth_requests
                    self.birth()
                for offset in sorted(missing)[:40]:
                    self.report("m1", [parts(offset)], first_offset=offset)
                    self._pause.wait(0.005)
                self._pause.wait(0.2)

        self._pause = threading.Event()
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


def assert_all_stored_once(connection: Connection) -> None:
    rows = connection.execute(text("SELECT journal_offset FROM observation ORDER BY 1"))
    assert [row.journal_offset for row in rows] == list(range(1, OBSERVATIONS + 1))
