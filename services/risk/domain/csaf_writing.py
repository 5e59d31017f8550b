"""A released notice as a CSAF 2.0 document."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from pydantic import AnyUrl

from services.risk.domain import csaf
from services.risk.domain.notice import Notice, NoticeKind, NoticeState, Product
from services.risk.domain.rating import Rating
from services.risk.domain.tlp import HANDLING, TO_CSAF
from services.risk.domain.watermark import Watermark

_INCIDENT: Final = "csaf_security_incident_response"
_ADVISORY: Final = "csaf_security_advisory"
_BASE: Final = "csaf_base"
_CVSS3: Final = "CVSS:3.1/"


def write_csaf(notice: Notice, *, publisher: str, mark: Watermark) -> dict[str, Any]:
    """The document, checked against the structure it is read by.

    Args:
        notice: one that was released.
        publisher: name of the organisation that wrote it.
        mark: who takes it away; stands among the notes.
    """
    assert notice.released_at is not None, "only what was released leaves"
    content = notice.content
    whole = csaf.Csaf(
        document=csaf.Document(
            category=_category(notice),
            csaf_version=csaf.VERSION,
            title=content.title,
            lang="en",
            publisher=csaf.Publisher(
                category="coordinator",
                name=publisher,
                namespace=AnyUrl(f"urn:uuid:{notice.organisation_id}"),
            ),
            tracking=_tracking(notice, notice.released_at),
            distribution=_distribution(notice),
            notes=list(_notes(notice, mark)),
            references=[
                csaf.Reference(summary=one.summary or one.url, url=AnyUrl(one.url))
                for one in content.references
            ],
        ),
        product_tree=_tree(content.products) if content.products else None,
        vulnerabilities=[_vulnerability(notice)] if _is_vulnerable(notice) else [],
    )
    document = whole.written()
    csaf.Csaf.model_validate(document)
    return document


def _is_vulnerable(notice: Notice) -> bool:
    return bool(notice.content.products) and notice.content.kind is not NoticeKind.INCIDENT


def _category(notice: Notice) -> str:
    if notice.content.kind is NoticeKind.INCIDENT and notice.content.references:
        return _INCIDENT
    return _ADVISORY if _is_vulnerable(notice) else _BASE


def _tracking(notice: Notice, released_at: datetime) -> csaf.Tracking:
    history = [csaf.Revision(date=released_at, number="1", summary="Released")]
    if notice.state is not NoticeState.RELEASED:
        summary = notice.withdrawn_reason or notice.state.value.capitalize()
        history.append(csaf.Revision(date=notice.updated_at, number="2", summary=summary))
    return csaf.Tracking(
        id=notice.number,
        status="final",
        version=history[-1].number,
        initial_release_date=released_at,
        current_release_date=history[-1].date,
        revision_history=history,
    )


def _distribution(notice: Notice) -> csaf.Distribution:
    tlp = notice.content.tlp
    en, zh = HANDLING[tlp]
    return csaf.Distribution.model_validate(
        {"text": f"{tlp.label} (TLP 2.0). {en} {zh}", "tlp": {"label": TO_CSAF[tlp]}}
    )


def _notes(notice: Notice, mark: Watermark) -> Iterator[csaf.Note]:
    content = notice.content
    yield csaf.Note(category="general", title="标题", text=content.title_zh)
    if content.description:
        yield csaf.Note(category="description", title="Description", text=content.description)
    if content.remediation and not _is_vulnerable(notice):
        yield csaf.Note(category="details", title="Remediation", text=content.remediation)
    rating = content.rating
    if rating.vector is not None and not rating.vector.startswith(_CVSS3):
        # CSAF 2.0 has a place for scores of CVSS 2 and 3 alone.
        score = f"{rating.vector} {rating.score} {rating.severity.value}"
        yield csaf.Note(category="details", title="CVSS 4.0", text=score)
    yield csaf.Note(category="legal_disclaimer", title="Watermark", text=mark.text)


def _tree(products: tuple[Product, ...]) -> csaf.ProductTree:
    return csaf.ProductTree(
        branches=[_branch(index, product) for index, product in enumerate(products, start=1)]
    )


def _branch(number: int, product: Product) -> csaf.Branch:
    whole = " ".join(filter(None, (product.vendor, product.name, product.versions)))
    helper = csaf.IdentificationHelper(cpe=product.cpe) if product.cpe else None
    leaf = csaf.FullProduct(
        name=whole, product_id=_product_id(number), product_identification_helper=helper
    )
    if product.versions:
        version = csaf.Branch(category="product_version_range", name=product.versions, product=leaf)
        named = csaf.Branch(category="product_name", name=product.name, branches=[version])
    else:
        named = csaf.Branch(category="product_name", name=product.name, product=leaf)
    return csaf.Branch(category="vendor", name=product.vendor, branches=[named])


def _product_id(number: int) -> str:
    return f"P-{number:04d}"


def _vulnerability(notice: Notice) -> csaf.Vulnerability:
    content = notice.content
    products = [_product_id(number) for number in range(1, len(content.products) + 1)]
    cve = next((one for one in content.identifiers if re.fullmatch(csaf.CVE_PATTERN, one)), None)
    others = [one for one in content.identifiers if one != cve]
    remedies = []
    if content.remediation:
        remedies = [
            csaf.Remediation(
                category="mitigation", details=content.remediation, product_ids=products
            )
        ]
    return csaf.Vulnerability(
        title=content.title,
        cve=cve,
        ids=[csaf.ExternalId(system_name=one.partition("-")[0], text=one) for one in others],
        notes=[csaf.Note(category="summary", text=content.description or content.title)],
        product_status=csaf.ProductStatus(known_affected=products),
        remediations=remedies,
        scores=list(_scores(content.rating, products)),
    )


def _scores(rating: Rating, products: list[str]) -> Iterator[csaf.Score]:
    if rating.vector is None or rating.score is None or not rating.vector.startswith(_CVSS3):
        return
    yield csaf.Score.model_validate(
        {
            "products": products,
            "cvss_v3": {
                "version": "3.1",
                "vectorString": rating.vector,
                "baseScore": float(rating.score),
                "baseSeverity": rating.severity.value.upper(),
            },
        }
    )
