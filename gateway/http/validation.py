"""Validation errors told per field, as JSON pointers (RFC 6901), in the asked language."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.runtime.web import Language

ERRORS_MAX: Final = 50

_ZH: Final[Mapping[str, str]] = {
    "missing": "必填",
    "extra_forbidden": "未知字段",
    "int_parsing": "应为整数",
    "int_type": "应为整数",
    "int_from_float": "应为整数",
    "float_parsing": "应为数字",
    "float_type": "应为数字",
    "finite_number": "应为有限数字",
    "decimal_parsing": "应为十进制数",
    "decimal_type": "应为十进制数",
    "bool_parsing": "应为 true 或 false",
    "bool_type": "应为 true 或 false",
    "string_type": "应为文本",
    "string_too_short": "至少 {min_length} 个字符",
    "string_too_long": "至多 {max_length} 个字符",
    "string_pattern_mismatch": "应符合格式 {pattern}",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "应不小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "应不大于 {le}",
    "multiple_of": "应为 {multiple_of} 的倍数",
    "too_short": "至少 {min_length} 项",
    "too_long": "至多 {max_length} 项",
    "list_type": "应为列表",
    "tuple_type": "应为列表",
    "dict_type": "应为对象",
    "model_type": "应为对象",
    "model_attributes_type": "应为对象",
    "enum": "应为以下之一：{expected}",
    "literal_error": "应为以下之一：{expected}",
    "uuid_parsing": "应为 UUID",
    "uuid_type": "应为 UUID",
    "datetime_parsing": "应为 ISO 8601 日期时间",
    "datetime_from_date_parsing": "应为 ISO 8601 日期时间",
    "datetime_type": "应为 ISO 8601 日期时间",
    "timezone_aware": "应带时区",
    "date_parsing": "应为 ISO 8601 日期",
    "date_type": "应为 ISO 8601 日期",
    "url_parsing": "应为网址",
    "unstorable_text": "文本不得包含 U+0000 或不成对的代理字符",
}


def field_errors(errors: Sequence[Any], language: Language) -> list[dict[str, str]]:
    """One entry per offending field: where it stands, what is wrong, in ``language``."""
    return [_field_error(error, language) for error in errors[:ERRORS_MAX]]


def _field_error(error: Mapping[str, Any], language: Language) -> dict[str, str]:
    place, *path = error["loc"] or ("body",)
    return {
        "pointer": "".join(f"/{_escaped(part)}" for part in path),
        "in": str(place),
        "code": error["type"].replace("_", "-"),
        "message": _message(error, language),
    }


def _message(error: Mapping[str, Any], language: Language) -> str:
    english = str(error["msg"])
    if language == "en":
        return english
    template = _ZH.get(error["type"])
    if template is None:
        return f"不符合要求：{english}"
    return template.format_map(error.get("ctx") or {})


def _escaped(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
