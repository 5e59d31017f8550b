"""How confidential a field is, marked where the field is declared; what may be shown follows.

``price: Annotated[Money, CONFIDENTIAL]`` works in dataclasses and pydantic models. The audit trail
and the log read the marks; a field nobody marked is public unless its name tells otherwise.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from functools import cache
from typing import Any, Final, TypeAlias, get_type_hints
from uuid import UUID

from pydantic import BaseModel, SecretBytes, SecretStr

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
"""What the audit trail stores. No floats: they do not survive a database unchanged."""

DEPTH_MAX: Final = 20
TOO_DEEP: Final = "…"
BYTES_SHOWN_MAX: Final = 64
REDACTED: Final = "***"


class Confidentiality(StrEnum):
    PUBLIC = "public"
    CONFIDENTIAL = "confidential"
    """Prices, budgets: trade secrets whose change may be proven, but not read."""
    SECRET = "secret"  # noqa: S105 - the name of a class
    """Drawings, credentials: only the fact of a change is told."""


PUBLIC: Final = Confidentiality.PUBLIC
CONFIDENTIAL: Final = Confidentiality.CONFIDENTIAL
SECRET: Final = Confidentiality.SECRET

Conceal: TypeAlias = Callable[[Confidentiality, str, Any], Json]
"""What stands for a value that is not public: called with its class, its path and the value."""

_SECRET_NAME: Final = re.compile(
    r"password|passwd|secret|token|authorization|cookie|api_?key|meili_key|private_?key",
    re.IGNORECASE,
)
_URL_PASSWORD: Final = re.compile(r"(?<=://)([^\s:/@]*):[^\s/]*@")
_NATS_TOKEN: Final = re.compile(r"(?<=nats://)[^\s:/@,]+@")
_NAMED_PASSWORD: Final = re.compile(r"(?<=password=)('(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)
_AUTHORIZATION: Final = re.compile(
    r"(\bauthorization['\"]?\s*[:=]\s*|\bbearer\s+(?=\S{16}))['\"]?(?:\w+\s+)?[^\s'\"]+",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(r"\b(n[kst]_)[0-9a-f]{64}\b")
"""API keys, sessions and tickets (``services.access.domain.tokens``), wherever they stand."""


def redact_text(text: str) -> str:
    """``text`` without passwords of URLs and libpq strings, authorisation headers and tokens."""
    text = _TOKEN.sub(rf"\1{REDACTED}", text)
    text = _URL_PASSWORD.sub(rf"\1:{REDACTED}@", text)
    text = _NATS_TOKEN.sub(f"{REDACTED}@", text)
    text = _NAMED_PASSWORD.sub(REDACTED, text)
    return _AUTHORIZATION.sub(rf"\1{REDACTED}", text)


def is_secret_name(name: str) -> bool:
    """Whether a field of this name is secret without a mark."""
    return _SECRET_NAME.search(name) is not None


def has_fields(value: object) -> bool:
    """Whether ``value`` is a model, a dataclass or a mapping."""
    return isinstance(value, BaseModel | Mapping) or (
        is_dataclass(value) and not isinstance(value, type)
    )


def classified(value: object) -> Iterator[tuple[str, Confidentiality, Any]]:
    """Name, class and value of each field of a model, a dataclass or a mapping."""
    if isinstance(value, Mapping):
        for key, held in value.items():
            yield str(key), _unmarked(str(key), held), held
        return
    kind: Any = type(value)
    for name, marked in _marks_of(kind).items():
        held = getattr(value, name)
        yield name, marked or _unmarked(name, held), held


def plain(value: object, conceal: Conceal, *, path: str = "", depth: int = 0) -> Json:  # noqa: PLR0911 - one return per kind of value
    """``value`` as JSON that a database returns unchanged, concealed where it is not public."""
    if depth > DEPTH_MAX:
        return TOO_DEEP
    if isinstance(value, Enum):
        return plain(value.value, conceal, path=path, depth=depth)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, SecretStr | SecretBytes):
        return conceal(SECRET, path, value)
    if isinstance(value, bytes):
        return _bytes(value)
    if isinstance(value, datetime | date | time):
        return _instant(value)
    if has_fields(value):
        return {
            _storable(name): plain(held, conceal, path=f"{path}/{name}", depth=depth + 1)
            if mark is PUBLIC
            else conceal(mark, f"{path}/{name}", held)
            for name, mark, held in classified(value)
        }
    if isinstance(value, Sequence | AbstractSet):
        held = sorted(value, key=str) if isinstance(value, AbstractSet) else value
        return [
            plain(item, conceal, path=f"{path}/{index}", depth=depth + 1)
            for index, item in enumerate(held)
        ]
    return _storable(_text(value))


def reveal(_: Confidentiality, path: str, value: object) -> Json:
    """A ``Conceal`` that conceals nothing: for comparing and for digests, never for showing."""
    if isinstance(value, SecretStr | SecretBytes):
        return plain(value.get_secret_value(), reveal, path=path)
    return plain(value, reveal, path=path)


def _unmarked(name: str, value: object) -> Confidentiality:
    if isinstance(value, SecretStr | SecretBytes) or is_secret_name(name):
        return SECRET
    return PUBLIC


@cache
def _marks_of(kind: Any) -> dict[str, Confidentiality | None]:
    """The declared class of each field; ``None`` where there is none."""
    if issubclass(kind, BaseModel):
        return {name: _mark(field.metadata) for name, field in kind.model_fields.items()}
    try:
        hints = get_type_hints(kind, include_extras=True)
    except (NameError, TypeError):  # types only a type checker sees: nothing is known to be public
        return {field.name: SECRET for field in fields(kind)}
    return {
        field.name: _mark(getattr(hints[field.name], "__metadata__", ())) for field in fields(kind)
    }


def _mark(metadata: Sequence[object]) -> Confidentiality | None:
    return next((mark for mark in metadata if isinstance(mark, Confidentiality)), None)


def _storable(text: str) -> str:
    """Without what PostgreSQL has no place for: U+0000 and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _bytes(value: bytes) -> str:
    if len(value) <= BYTES_SHOWN_MAX:
        return value.hex()
    return f"sha256:{hashlib.sha256(value).hexdigest()}"


def _instant(value: datetime | date | time) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC)
    return value.isoformat()


def _text(value: object) -> str:
    if isinstance(value, float | Decimal | UUID):
        return str(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} s"
    return redact_text(str(value))
