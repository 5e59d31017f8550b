"""A CSAF 2.0 document as the draft of one notice."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from services.contracts.errors import DomainError
from services.risk.domain import csaf
from services.risk.domain.imported import PROBLEMS_MAX, FileProblem, FileRefused
from services.risk.domain.notice import NoticeContent, NoticeKind, Product, Reference
from services.risk.domain.rating import Rating, Severity, rated
from services.risk.domain.tlp import TO_CSAF, Tlp
from services.risk.domain.wellformed import (
    IDENTIFIER_PATTERN,
    IDENTIFIERS_MAX,
    NAME_MAX,
    REFERENCES_MAX,
    TEXT_MAX,
    TITLE_MAX,
    InvalidNoticeError,
    check_content,
)

_UNLABELLED: Final = Tlp.AMBER_STRICT
"""Of a document that does not say: closed until a person opens it."""
_CATEGORIES: Final = {
    "csaf_security_incident_response": NoticeKind.INCIDENT,
    "csaf_informational_advisory": NoticeKind.ADVISORY,
}
_SEVERITIES: Final = tuple(Severity)
_WORDS: Final = {
    "missing": "必填",
    "string_type": "应为文本",
    "string_too_short": "不得为空",
    "string_pattern_mismatch": "格式不符",
    "list_type": "应为列表",
    "model_type": "应为对象",
    "model_attributes_type": "应为对象",
    "literal_error": "不是允许的取值",
    "url_parsing": "应为网址",
    "datetime_from_date_parsing": "应为 ISO 8601 日期时间",
    "timezone_aware": "应带时区",
    "too_short": "项数不足",
}


def read_csaf(data: bytes) -> list[NoticeContent]:
    """The one notice of a document.

    Raises:
        FileRefused: each JSON pointer that is wrong.
    """
    document = _document(data)
    try:
        content = _content(document)
        check_content(content)
    except InvalidNoticeError as error:
        en, zh = str(error.facts["en"]), str(error.facts["zh"])
        raise FileRefused([FileProblem(f"notice/{error.facts['field']}", en, zh)]) from error
    except DomainError as error:
        raise FileRefused(
            [FileProblem("/vulnerabilities", error.text("en"), error.text("zh"))]
        ) from error
    except RecursionError as error:
        raise FileRefused(
            [FileProblem("/product_tree/branches", str(error), "产品树层级过深")]
        ) from error
    return [content]


def _document(data: bytes) -> csaf.Csaf:
    try:
        return csaf.Csaf.model_validate(from_json(data, allow_inf_nan=False))
    except ValidationError as error:
        raise FileRefused([_problem(one) for one in error.errors()[:PROBLEMS_MAX]]) from error
    except ValueError as error:
        raise FileRefused(
            [FileProblem("/", f"this is no JSON: {error}", f"不是有效的 JSON：{error}")]
        ) from error


def _problem(error: ErrorDetails) -> FileProblem:
    pointer = "".join(f"/{_escaped(part)}" for part in error["loc"]) or "/"
    english = error["msg"]
    return FileProblem(pointer, english, _WORDS.get(error["type"], f"不符合要求：{english}"))


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _content(found: csaf.Csaf) -> NoticeContent:
    document = found.document
    title = document.title[:TITLE_MAX]
    default = NoticeKind.VULNERABILITY if found.vulnerabilities else NoticeKind.ADVISORY
    return NoticeContent(
        title=title,
        title_zh=title,
        kind=_CATEGORIES.get(document.category, default),
        rating=_rating(found),
        tlp=_tlp(document),
        products=tuple(dict.fromkeys(_products(found.product_tree))),
        identifiers=tuple(dict.fromkeys(_identifiers(found)))[:IDENTIFIERS_MAX],
        description=_joined(_descriptions(found)),
        remediation=_joined(
            remedy.details for one in found.vulnerabilities for remedy in one.remediations
        ),
        references=tuple(dict.fromkeys(_references(found)))[:REFERENCES_MAX],
    )


def _rating(found: csaf.Csaf) -> Rating:
    """The worst of its scores; one that is not scored is taken for the middle."""
    vectors = [
        score.cvss_v3.vectorString
        for one in found.vulnerabilities
        for score in one.scores
        if score.cvss_v3 is not None and score.cvss_v3.version == "3.1"
    ]
    ratings = [rated(vector=vector, severity=None) for vector in vectors]
    named = [
        Rating(Severity(score.cvss_v3.baseSeverity.lower()))
        for one in found.vulnerabilities
        for score in one.scores
        if score.cvss_v3 is not None and score.cvss_v3.version == "3.0"
    ]
    return max(
        (*ratings, *named),
        key=lambda rating: (_SEVERITIES.index(rating.severity), rating.score or 0),
        default=Rating(Severity.MEDIUM),
    )


def _tlp(document: csaf.Document) -> Tlp:
    distribution = document.distribution
    if distribution is None or distribution.tlp is None:
        return _UNLABELLED
    if (
        distribution.tlp.label == "AMBER"
        and Tlp.AMBER_STRICT.label in (distribution.text or "").upper()
    ):
        return Tlp.AMBER_STRICT
    return next(tlp for tlp in Tlp if TO_CSAF[tlp] == distribution.tlp.label)


def _products(tree: csaf.ProductTree | None) -> Iterator[Product]:
    if tree is None:
        return
    for way in csaf.walk(tree.branches):
        named = {branch.category: branch.name for branch in way}
        product = way[-1].product
        assert product is not None, "walk yields ways to products"
        yield Product(
            vendor=named.get("vendor", "-")[:NAME_MAX],
            name=named.get("product_name", product.name)[:NAME_MAX],
            versions=named.get("product_version_range", named.get("product_version", ""))[
                :NAME_MAX
            ],
            cpe=_cpe(product),
        )
    for product in tree.full_product_names:
        yield Product(vendor="-", name=product.name[:NAME_MAX], cpe=_cpe(product))


def _cpe(product: csaf.FullProduct) -> str | None:
    helper = product.product_identification_helper
    return helper.cpe if helper else None


def _identifiers(found: csaf.Csaf) -> Iterator[str]:
    for one in found.vulnerabilities:
        if one.cve is not None:
            yield one.cve
        for external in one.ids:
            if re.fullmatch(IDENTIFIER_PATTERN, external.text):
                yield external.text


def _descriptions(found: csaf.Csaf) -> Iterator[str]:
    for note in (*found.document.notes, *(n for one in found.vulnerabilities for n in one.notes)):
        if note.category != "legal_disclaimer":
            yield note.text


def _references(found: csaf.Csaf) -> Iterator[Reference]:
    every = (
        *found.document.references,
        *(reference for one in found.vulnerabilities for reference in one.references),
    )
    for reference in every:
        if reference.url.scheme in {"http", "https"}:
            yield Reference(url=str(reference.url), summary=reference.summary[:TITLE_MAX])


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(dict.fromkeys(text.strip() for text in texts))[:TEXT_MAX]
