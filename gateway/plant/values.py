"""Node ids and data values from plain Python ones.

asyncua declares its arguments as wire types (``ua.Int32``, ``ua.DateTime``) that it never wants to
be given; the looser annotations here are what it takes.
"""

from datetime import datetime
from typing import Any, Final

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from services.contracts.machinery import DataType, MachineVariable

_LANGUAGE: Final = "en"


def node_id(identifier: Any, namespace: Any = 0) -> ua.NodeId:
    return ua.NodeId(identifier, namespace)


def standard_id(name: str) -> ua.NodeId:
    """The node of OPC 10000-5 that is called ``name``."""
    return node_id(getattr(ObjectIds, name))


def good(variant: ua.Variant, at: Any, *, written_at: Any = None) -> ua.DataValue:
    """``at`` is the source's time, ``written_at`` the server's, if that is another."""
    return ua.DataValue(variant, SourceTimestamp=at, ServerTimestamp=written_at or at)


def bad(at: Any = None, code: Any = StatusCodes.Bad) -> ua.DataValue:
    """No value, and why."""
    return ua.DataValue(StatusCode=ua.StatusCode(code), SourceTimestamp=at, ServerTimestamp=at)


def fact(
    variable: MachineVariable, value: object, *, at: datetime, written_at: datetime
) -> ua.DataValue:
    """``value`` as the type ``variable`` declares; ``None`` is the null value of any type."""
    kind = ua.VariantType.Null if value is None else ua.VariantType[variable.data_type.value]
    if variable.data_type is DataType.LOCALIZED_TEXT:
        value = ua.LocalizedText(str(value), _LANGUAGE)
    return good(ua.Variant(value, kind), at, written_at=written_at)


def content(value: ua.DataValue | None) -> Any:
    """What the value carries, ``None`` if nothing."""
    return None if value is None or value.Value is None else value.Value.Value
