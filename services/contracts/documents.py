"""What JSON documents and queries are made of: closed objects, instants and days.

pydantic takes a number, and a text of digits, for seconds since 1970; here time is told by RFC 3339
alone, as JSON Schema's ``date-time`` and ``date`` say.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticKnownError

_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DATE_TIME: Final = re.compile(
    _DATE + r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})", re.IGNORECASE
)
_FULL_DATE: Final = re.compile(_DATE)


class Document(BaseModel):
    """A JSON object without unknown members."""

    model_config = ConfigDict(extra="forbid")


def _instant(given: Any, read: ValidatorFunctionWrapHandler) -> datetime:
    instant: datetime = read(given)
    if isinstance(given, str):
        if _DATE_TIME.fullmatch(given) is None:
            raise PydanticKnownError(
                "datetime_parsing", {"error": "write it as RFC 3339: 2026-03-02T09:00:00+08:00"}
            )
    elif not isinstance(given, datetime):
        raise PydanticKnownError("datetime_type")
    return instant


def _day(given: Any, read: ValidatorFunctionWrapHandler) -> date:
    day: date = read(given)
    if isinstance(given, str):
        if _FULL_DATE.fullmatch(given) is None:
            raise PydanticKnownError("date_parsing", {"error": "without a time and not a number"})
    elif not isinstance(given, date) or isinstance(given, datetime):
        raise PydanticKnownError("date_type")
    return day


Instant = Annotated[AwareDatetime, WrapValidator(_instant)]
"""An RFC 3339 ``date-time``: a text with seconds and an offset from UTC."""
Day = Annotated[date, WrapValidator(_day)]
"""An RFC 3339 ``full-date``: a text YYYY-MM-DD, in whatever time zone its field says."""
