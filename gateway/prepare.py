"""``nonagon prepare``: what only the first start has to wait for, made before it."""

from rich.console import Console

from gateway.plant.blueprint import load_blueprint
from gateway.plant.certificates import Certificates
from services.matching.service.warming import warm
from services.runtime import migrations
from services.runtime.clock import SystemClock
from services.runtime.embedded.lock import StateDirectoryLock
from services.runtime.embedded.postgres import EmbeddedPostgres
from services.runtime.settings import Settings


def prepare() -> None:
    """Make the database, its schema, and what simulated machines are made of."""
    settings = Settings()
    console, state_dir = Console(), settings.state_path
    with StateDirectoryLock(state_dir):
        with console.status("preparing the database …"):
            _prepare_database(settings)
        with console.status("preparing simulated machines …"):
            load_blueprint(state_dir)
            Certificates(state_dir, SystemClock())
        with console.status("compiling the matcher …"):
            warm()
    console.print(f"prepared {state_dir}")


def _prepare_database(settings: Settings) -> None:
    """A server of one's own is migrated by the first start, or by ``nonagon migrate``."""
    if settings.database_url is not None:
        return
    with EmbeddedPostgres(settings.state_path) as server:
        migrations.upgrade(server.database_url)
        server.enable_roles()
