"""What the API takes in is taken as its document says."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi.dependencies.models import Dependant
from pydantic import TypeAdapter

from gateway.http.authentication import api_routes
from gateway.http.openapi import described_app
from services.contracts.documents import Day, Instant

STRICT = [TypeAdapter(kind).core_schema for kind in (Instant, Day)]


def inputs() -> Iterator[tuple[str, Any]]:
    """Every parameter and body, as a name and the schema it is validated by."""
    for route in api_routes(described_app()):
        for dependant in whole(route.dependant):
            for field in (
                *dependant.path_params,
                *dependant.query_params,
                *dependant.header_params,
                *dependant.cookie_params,
                *dependant.body_params,
            ):
                kind = Annotated[field.field_info.annotation, field.field_info]  # type: ignore[name-defined]
                yield f"{route.path} {field.name}", TypeAdapter(kind).core_schema


def whole(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from whole(inner)


def times(schema: Any, around: Any = None) -> Iterator[Any]:
    """What stands around each date and date-time of a schema."""
    if isinstance(schema, dict):
        if schema.get("type") in {"date", "datetime"}:
            yield around
        for part in schema.values():
            yield from times(part, schema)
    elif isinstance(schema, list | tuple):
        for part in schema:
            yield from times(part, around)


def test_time_is_taken_by_rfc_3339_alone() -> None:
    found = [(name, around) for name, schema in inputs() for around in times(schema)]
    functions = [schema["function"] for schema in STRICT]

    assert len(found) >= 15
    assert [
        name for name, around in found if not around or around.get("function") not in functions
    ] == []
