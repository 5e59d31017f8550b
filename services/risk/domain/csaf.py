"""The part of CSAF 2.0 (OASIS Common Security Advisory Framework) that is read and written here.

Reading lets members pass that are not named; writing uses these and no others.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import AnyUrl, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

VERSION: Final = "2.0"
BRANCH_DEPTH_MAX: Final = 20

Text = Annotated[str, StringConstraints(min_length=1)]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
CVE_PATTERN: Final = r"^CVE-[0-9]{4}-[0-9]{4,}$"
Cve = Annotated[str, StringConstraints(pattern=CVE_PATTERN)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Tlp(_Part):
    label: Literal["WHITE", "GREEN", "AMBER", "RED"]


class Distribution(_Part):
    text: Text | None = None
    tlp: Tlp | None = None


class Publisher(_Part):
    category: Literal["coordinator", "discoverer", "other", "translator", "user", "vendor"]
    name: Text
    namespace: AnyUrl


class Revision(_Part):
    date: AwareDatetime
    number: Text
    summary: Text


class Tracking(_Part):
    id: Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$")]
    status: Literal["draft", "final", "interim"]
    version: Text
    initial_release_date: AwareDatetime
    current_release_date: AwareDatetime
    revision_history: Annotated[list[Revision], Field(min_length=1)]


class Note(_Part):
    category: Literal[
        "description", "details", "faq", "general", "legal_disclaimer", "other", "summary"
    ]
    text: Text
    title: Text | None = None


class Reference(_Part):
    summary: Text
    url: AnyUrl
    category: Literal["external", "self"] = "external"


class Document(_Part):
    category: Annotated[str, StringConstraints(pattern=r"^[^\s\-_.](.*[^\s\-_.])?$")]
    csaf_version: Literal["2.0"]
    title: Text
    publisher: Publisher
    tracking: Tracking
    lang: Language | None = None
    distribution: Distribution | None = None
    notes: list[Note] = Field(default_factory=list)
    references: list[Reference] = Field(default_factory=list)


class IdentificationHelper(_Part):
    cpe: str | None = None


class FullProduct(_Part):
    name: Text
    product_id: Text
    product_identification_helper: IdentificationHelper | None = None


class Branch(_Part):
    category: Text
    name: Text
    branches: "list[Branch]" = Field(default_factory=list)
    product: FullProduct | None = None


class ProductTree(_Part):
    branches: list[Branch] = Field(default_factory=list)
    full_product_names: list[FullProduct] = Field(default_factory=list)


class Cvss3(_Part):
    version: Literal["3.0", "3.1"]
    vectorString: Text  # noqa: N815 - the name is CVSS's
    baseScore: Annotated[float, Field(ge=0, le=10)]  # noqa: N815 - the name is CVSS's
    baseSeverity: Literal["NONE", "LOW", "MEDIUM", "HIGH", "CRITICAL"]  # noqa: N815 - same


class Score(_Part):
    products: Annotated[list[Text], Field(min_length=1)]
    cvss_v3: Cvss3 | None = None


class Remediation(_Part):
    category: Literal["mitigation", "no_fix_planned", "none_available", "vendor_fix", "workaround"]
    details: Text
    product_ids: list[Text] = Field(default_factory=list)
    url: AnyUrl | None = None


class ProductStatus(_Part):
    known_affected: list[Text] = Field(default_factory=list)
    under_investigation: list[Text] = Field(default_factory=list)


class ExternalId(_Part):
    system_name: Text
    text: Text


class Vulnerability(_Part):
    title: Text | None = None
    cve: Cve | None = None
    ids: list[ExternalId] = Field(default_factory=list)
    notes: list[Note] = Field(default_factory=list)
    product_status: ProductStatus | None = None
    remediations: list[Remediation] = Field(default_factory=list)
    scores: list[Score] = Field(default_factory=list)
    references: list[Reference] = Field(default_factory=list)


class Csaf(_Part):
    """A whole document."""

    document: Document
    product_tree: ProductTree | None = None
    vulnerabilities: list[Vulnerability] = Field(default_factory=list)

    def written(self) -> dict[str, Any]:
        """As JSON, without what is empty: CSAF allows neither empty lists nor null."""
        pruned = _pruned(self.model_dump(mode="json", exclude_none=True))
        assert isinstance(pruned, dict), "a document is an object"
        return pruned


def walk(branches: list[Branch], path: tuple[Branch, ...] = ()) -> Iterator[tuple[Branch, ...]]:
    """Each product of a tree as the way from its root.

    Raises:
        RecursionError: deeper than ``BRANCH_DEPTH_MAX``.
    """
    if len(path) > BRANCH_DEPTH_MAX:
        raise RecursionError(f"more than {BRANCH_DEPTH_MAX} branches deep")
    for branch in branches:
        way = (*path, branch)
        if branch.product is not None:
            yield way
        yield from walk(branch.branches, way)


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _pruned(held) for name, held in value.items() if held != []}
    if isinstance(value, list):
        return [_pruned(held) for held in value]
    return value
