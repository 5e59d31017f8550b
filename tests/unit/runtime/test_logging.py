"""What a process logs: one line each, never a password."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from services.contracts.confidentiality import redact_text
from services.runtime.logging import configure_logging
from services.runtime.settings import Settings

URL = "postgresql://nonagon:s3cret@127.0.0.1:5432/nonagon"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    record: dict[str, object] = json.loads(capsys.readouterr().err.splitlines()[-1])
    return record


def configure_json() -> None:
    """Within the test: pytest replaces standard error between a fixture and its test."""
    configure_logging(Settings(log_json=True), process="http")


class TestJson:
    def test_names_the_process_and_the_level(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure_json()
        structlog.get_logger("here").warning("hello", count=3)
        record = logged(capsys)
        assert (record["event"], record["count"]) == ("hello", 3)
        assert (record["process"], record["level"]) == ("http", "warning")

    def test_takes_the_standard_librarys_records_in(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        configure_json()
        logging.getLogger("library").warning("via %s", URL)
        assert logged(capsys)["event"] == "via postgresql://nonagon:***@127.0.0.1:5432/nonagon"

    @pytest.mark.parametrize(
        "facts",
        [
            {"url": URL},
            {"password": "s3cret"},
            {"meili_key": "s3cret"},
            {"settings": {"database": {"Authorization": "s3cret"}}},
            {"urls": [URL]},
            {"cause": ConnectionError(f"cannot reach {URL}")},
            {"dsn": "host=db password=s3cret user=x"},
        ],
    )
    def test_blanks_secrets(
        self, capsys: pytest.CaptureFixture[str], facts: dict[str, object]
    ) -> None:
        configure_json()
        structlog.get_logger("here").warning("connecting", **facts)
        assert "s3cret" not in json.dumps(logged(capsys))

    def test_blanks_secrets_of_tracebacks(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure_json()

        def fail() -> None:
            raise ConnectionError(URL)

        try:
            fail()
        except ConnectionError:
            structlog.get_logger("here").exception("failed")
        record = logged(capsys)
        assert "s3cret" not in str(record["exception"])
        assert "ConnectionError" in str(record["exception"])


def test_a_person_gets_no_secret_either(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_json=False), process="http")
    structlog.get_logger("here").warning("connecting", url=URL)
    shown = capsys.readouterr().err
    assert "connecting" in shown
    assert "s3cret" not in shown


def test_the_level_of_the_settings_holds(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_json=True, log_level="warning"), process="http")
    structlog.get_logger("here").info("quiet")
    assert capsys.readouterr().err == ""


def test_addresses_without_a_password_stay_as_they_are() -> None:
    text = "nats://127.0.0.1:4222 and user@example at 10:30"
    assert redact_text(text) == text
