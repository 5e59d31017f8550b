"""What people type to ask for work, as the API takes it, and what they are shown of its answers."""

import re
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from gateway.commands.api import Api, refuse
from services.runtime.clock import SystemClock

WINDOW_DAYS: Final = 7
_TOLERANCE: Final = re.compile(
    r"(?P<grade>IT\d{1,2}|[fmcv])@(?P<nominal>\d+(\.\d+)?)", re.IGNORECASE
)
_EDGES: Final = re.compile(r"(\d+)[x×](\d+)[x×](\d+)")


def window(start: datetime | None, end: datetime | None) -> dict[str, str]:
    """From ``start``, else now, until ``end``, else a week later."""
    begins = (start or SystemClock().now()).astimezone()
    ends = (end or begins + timedelta(days=WINDOW_DAYS)).astimezone()
    return {"start": begins.isoformat(), "end": ends.isoformat()}


def edges(text: str) -> list[int]:
    found = _EDGES.fullmatch(text)
    if found is None:
        refuse(f"An envelope is three edges in mm such as 180x120x60, not {text!r}.")
    return [int(edge) for edge in found.groups()]


def plus_minus(text: str) -> dict[str, Any]:
    graded = _TOLERANCE.fullmatch(text)
    if graded:
        return {"grade": graded["grade"], "nominal_mm": float(graded["nominal"])}
    if not text.removeprefix("-").isdecimal():
        refuse(f"A tolerance is µm such as 20, or a grade at a size such as IT7@25, not {text!r}.")
    return {"plus_minus_um": int(text)}


def minor(name: str, text: str) -> int:
    try:
        return int(Decimal(text) * 100)
    except (InvalidOperation, ValueError, OverflowError):
        refuse(f"{name} is an amount in yuan such as 3000 or 99.50, not {text!r}.")


def place(name: str, text: str) -> dict[str, float]:
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        refuse(f"{name} is LATITUDE,LONGITUDE such as 30.5,114.4, not {text!r}.")
    return {"latitude": latitude, "longitude": longitude}


def resource_name(client: Api, found: dict[str, Any], language: str) -> str:
    resource = client.get(f"/resources/{found['resource_id']}")
    return str(resource["name_zh" if language == "zh" else "name"])


def local(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone().strftime("%a %d %b %H:%M")


def shown(price: dict[str, Any]) -> str:
    return f"{Decimal(price['minor']) / 100:,.2f} {price['currency']}"
