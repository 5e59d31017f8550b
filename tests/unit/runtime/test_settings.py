"""Settings print, and complain, without their passwords."""

import logging

import pytest
import structlog
from pydantic import ValidationError
from rich.pretty import pretty_repr

from services.runtime.logging import configure_logging
from services.runtime.settings import Settings

URL = "postgresql://nonagon:s3cret@db:5432/nonagon?sslpassword=s3cret"
GIVEN = {
    name: URL if name.endswith("_url") else "s3cret"
    for name, field in Settings.model_fields.items()
    if name.endswith(("_url", "_key", "_secret", "_token", "_password"))
    and field.annotation is not None
    and "Path" not in str(field.annotation)
} | {"nats_url": "nats://s3cret@broker:4222"}


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate(GIVEN)


def test_every_setting_that_can_hold_a_password_is_tried() -> None:
    assert {"database_url", "nats_url", "mqtt_url", "meili_url", "meili_key", "api_url"} <= set(
        GIVEN
    )


@pytest.mark.parametrize(
    "show", [repr, str, pretty_repr, "{}".format], ids=["repr", "str", "pretty", "format"]
)
def test_printing_shows_no_password(settings: Settings, show: object) -> None:
    assert callable(show)
    shown = show(settings)
    assert "s3cret" not in shown
    assert "db:5432/nonagon" in shown


def test_an_error_shows_no_password() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"database_url": ["postgresql://u:s3cret@db/x"]})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_log_shows_no_password(
    settings: Settings, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        configure_logging(Settings(log_json=form == "json"), process="http")
        log = structlog.get_logger("here")
        log.warning("starting", settings=settings)
        log.warning("starting", settings=settings.model_dump())
        log.warning("starting with %s", settings)
        text = f"starting with {settings}"
        log.warning(text)
        logging.getLogger("library").warning("starting %r", settings)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
    shown = capsys.readouterr().err
    assert shown.count("starting") == 5
    assert "s3cret" not in shown
