"""The committed API document is the API."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gateway.http.openapi import openapi_document, openapi_text

ONCE = {
    "POST /api/v1/booking-feeds": "a saved answer would be a stored secret",
    "POST /api/v1/bookings/{booking_id}/launches": "a saved answer would be a stored secret",
    "POST /api/v1/enrolments/redeem": "a saved answer would be a stored secret",
    "POST /api/v1/gateways/{gateway_id}/enrolments": "a saved answer would be a stored secret",
    "POST /api/v1/invitations": "a saved answer would be a stored secret",
    "POST /api/v1/risk/imports": "known again by its bytes",
}
"""Creations that take no key, beside those of credentials under ``access``; and why."""
BINARY = {"type": "string", "format": "binary"}
COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def operations() -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in openapi_document()["paths"].items()
        for method, operation in methods.items()
    }


def test_is_committed_as_it_is() -> None:
    assert openapi_text() == COMMITTED.read_text(encoding="utf-8"), (
        "the API changed: python -m gateway.http.openapi > docs/openapi.json"
    )


def test_names_each_operation_once(operations: dict[str, dict[str, Any]]) -> None:
    counted = Counter(operation["operationId"] for operation in operations.values())

    assert [name for name, times in counted.items() if times > 1] == []


def test_takes_an_idempotency_key_wherever_something_is_created(
    operations: dict[str, dict[str, Any]],
) -> None:
    creating = {
        name: it
        for name, it in operations.items()
        if "201" in it["responses"] and it["tags"] != ["access"]
    }
    without = {name for name, it in creating.items() if "idempotency-key" not in _headers(it)}

    assert len(creating) >= 9
    assert without == ONCE.keys()


def test_describes_problems_of_every_operation(operations: dict[str, dict[str, Any]]) -> None:
    for name, operation in operations.items():
        assert "application/problem+json" in operation["responses"]["default"]["content"], name


def test_says_where_a_token_is_needed(operations: dict[str, dict[str, Any]]) -> None:
    assert operations["POST /api/v1/sites"]["security"] == [{"token": []}, {"cookie": []}]
    assert {} in operations["GET /api/v1/resources"]["security"]
    assert [name for name, it in operations.items() if "security" not in it] == []


def test_says_that_lists_leave_as_files(operations: dict[str, dict[str, Any]]) -> None:
    content = operations["GET /api/v1/bookings"]["responses"]["200"]["content"]

    assert len(content) == 3
    assert "text/csv" in content


@pytest.mark.parametrize("name", ["POST /api/v1/documents", "POST /api/v1/risk/imports"])
def test_asks_no_form_of_what_a_file_holds(
    operations: dict[str, dict[str, Any]], name: str
) -> None:
    for media in operations[name]["requestBody"]["content"].values():
        assert media.get("schema", BINARY) == BINARY


def _headers(operation: dict[str, Any]) -> set[str]:
    return {it["name"] for it in operation.get("parameters", []) if it["in"] == "header"}
