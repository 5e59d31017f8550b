"""Write a migration: what the tables say and the newest schema lacks. Read the result before use."""

import sys
import tempfile
from pathlib import Path

from services.runtime import migrations
from services.runtime.embedded.postgres import EmbeddedPostgres


def main() -> int:
    """Migrate an empty database to the newest version, then compare it with the tables."""
    message = " ".join(sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="nonagon-migration-") as folder:
        Path(folder).chmod(0o711)  # the unprivileged account of the server passes through
        with EmbeddedPostgres(Path(folder) / "database") as server:
            migrations.upgrade(server.database_url)
            migrations.revision(server.database_url, message)
    return 0


if __name__ == "__main__":
    sys.exit(main())
