"""Where the running platform of a state directory answers; how other commands find it."""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Endpoints(BaseModel):
    """``run/endpoints.json``, there while a platform runs; readable by its own account only."""

    model_config = ConfigDict(frozen=True)

    database_url: str
    nats_url: str
    mqtt_url: str
    http_url: str
    metrics_urls: dict[str, str]
    pids: dict[str, int]
    started_at: datetime


class Readiness(BaseModel):
    """``run/ready.json``: how long the last start took."""

    model_config = ConfigDict(frozen=True)

    started_at: datetime
    seconds: float
    steps: dict[str, float]


def endpoints_path(state_dir: Path) -> Path:
    return state_dir / "run" / "endpoints.json"


def readiness_path(state_dir: Path) -> Path:
    return state_dir / "run" / "ready.json"


def write_private(path: Path, document: BaseModel) -> None:
    """Replace ``path`` at once by ``document``, readable by our own account only."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text(document.model_dump_json(indent=2), encoding="utf-8")
    unfinished.replace(path)


def read_endpoints(state_dir: Path) -> Endpoints | None:
    """The running platform, or ``None`` when none was started or it stopped in order."""
    try:
        return Endpoints.model_validate_json(endpoints_path(state_dir).read_bytes())
    except FileNotFoundError:
        return None


def read_readiness(state_dir: Path) -> Readiness | None:
    try:
        return Readiness.model_validate_json(readiness_path(state_dir).read_bytes())
    except FileNotFoundError:
        return None
