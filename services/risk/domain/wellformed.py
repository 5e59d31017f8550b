"""What makes the content of a notice well formed, whoever or whatever file it comes from."""

import re
from collections.abc import Iterator
from typing import ClassVar, Final

from pydantic import AnyUrl, TypeAdapter, ValidationError

from services.contracts.errors import DomainError, ErrorKind
from services.risk.domain.addressing import NAMED_MAX, Addressing
from services.risk.domain.notice import NoticeContent
from services.risk.domain.tlp import Tlp

TITLE_MAX: Final = 200
TEXT_MAX: Final = 20_000
NAME_MAX: Final = 200
CPE_MAX: Final = 500
URL_MAX: Final = 2_000
REASON_MAX: Final = 1_000
PRODUCTS_MAX: Final = 500
REFERENCES_MAX: Final = 50
IDENTIFIERS_MAX: Final = 50
IDENTIFIER_PATTERN: Final = r"^[A-Z][A-Z0-9]{1,15}-[A-Za-z0-9-]{1,40}$"
REGION_PATTERN: Final = r"^[1-9][0-9]{1,5}$"
PARK_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,63}$"
URL_PATTERN: Final = r"^https?://[^\s\x00-\x1f]+$"
CPE_PATTERN: Final = r"^cpe:(/|2\.3:)[\x21-\x7e]+$"

NEVER: Final = r"(?!)"
"""Matches nothing."""
_URL: Final = TypeAdapter(AnyUrl)
_Problem = tuple[str, str, str]


class InvalidNoticeError(DomainError):
    code: ClassVar[str] = "invalid-risk-notice"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The notice is refused at {field}: {en}; change it and retry."
    zh: ClassVar[str] = "通报的 {field} 有误：{zh}；请修改后重试。"


def check_content(content: NoticeContent) -> None:
    """Refuse content no notice may have.

    Raises:
        InvalidNoticeError: the first field that is wrong, and why.
    """
    for field, en, zh in _problems(content):
        raise InvalidNoticeError(field=field, en=en, zh=zh)


def _problems(content: NoticeContent) -> Iterator[_Problem]:
    yield from _text("title", content.title, TITLE_MAX, required=True)
    yield from _text("title_zh", content.title_zh, TITLE_MAX, required=True)
    yield from _text("description", content.description, TEXT_MAX)
    yield from _text("remediation", content.remediation, TEXT_MAX)
    yield from _number("products", len(content.products), PRODUCTS_MAX)
    yield from _number("references", len(content.references), REFERENCES_MAX)
    yield from _number("identifiers", len(content.identifiers), IDENTIFIERS_MAX)
    for index, product in enumerate(content.products):
        place = f"products/{index}"
        yield from _text(f"{place}/vendor", product.vendor, NAME_MAX, required=True)
        yield from _text(f"{place}/name", product.name, NAME_MAX, required=True)
        yield from _text(f"{place}/versions", product.versions, NAME_MAX)
        if product.cpe is not None:
            yield from _text(f"{place}/cpe", product.cpe, CPE_MAX)
            yield from _shape(
                f"{place}/cpe", product.cpe, CPE_PATTERN, "cpe:2.3:a:vendor:product:…"
            )
    for index, reference in enumerate(content.references):
        place = f"references/{index}"
        yield from _text(f"{place}/url", reference.url, URL_MAX)
        if not _is_url(reference.url):
            yield from _shape(f"{place}/url", reference.url, NEVER, "https://example.com/…")
        yield from _text(f"{place}/summary", reference.summary, TITLE_MAX)
    for index, identifier in enumerate(content.identifiers):
        yield from _shape(f"identifiers/{index}", identifier, IDENTIFIER_PATTERN, "CVE-2026-12345")
    yield from _addressing(content.addressing, content.tlp)


def _addressing(addressing: Addressing, tlp: Tlp) -> Iterator[_Problem]:
    for name in ("organisations", "persons", "parks", "regions"):
        yield from _number(f"addressing/{name}", len(getattr(addressing, name)), NAMED_MAX)
    for index, park in enumerate(addressing.parks):
        yield from _shape(f"addressing/parks/{index}", park, PARK_PATTERN, "optics-valley")
    for index, region in enumerate(addressing.regions):
        yield from _shape(f"addressing/regions/{index}", region, REGION_PATTERN, "4201")
    if tlp is Tlp.RED and (addressing.organisations or addressing.has_rules):
        yield (
            "addressing",
            "TLP:RED is addressed to named persons only",
            "TLP:RED 只能指定具体个人",
        )
    if tlp is not Tlp.RED and addressing.persons:
        yield (
            "addressing/persons",
            "persons are named for TLP:RED only; name their organisations",
            "仅 TLP:RED 可指定个人；请改为指定组织",
        )


def _text(field: str, value: str, most: int, *, required: bool = False) -> Iterator[_Problem]:
    if required and not value.strip():
        yield field, "it is missing", "必填"
    if len(value) > most:
        yield field, f"it has more than {most} characters", f"超过 {most} 个字符"
    if not _is_storable(value):
        yield field, "it holds characters that cannot be stored", "含有无法存储的字符"


def _shape(field: str, value: str, pattern: str, example: str) -> Iterator[_Problem]:
    if re.fullmatch(pattern, value) is None:
        shown = value[:NAME_MAX].encode(errors="backslashreplace").decode()
        yield field, f"{shown!r} is not like {example}", f"{shown!r} 的格式应如 {example}"


def _number(field: str, count: int, most: int) -> Iterator[_Problem]:
    if count > most:
        yield field, f"{count} are more than {most}", f"{count} 项超过上限 {most}"


def _is_url(text: str) -> bool:
    """Of the web; what CSAF takes for one too."""
    try:
        _URL.validate_python(text)
    except ValidationError:
        return False
    return re.fullmatch(URL_PATTERN, text) is not None


def _is_storable(text: str) -> bool:
    """Whether PostgreSQL has a place for it: no U+0000, no half of a surrogate pair."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
