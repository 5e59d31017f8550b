"""The library as the API takes and shows it."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.library.domain import (
    ABOUT_MAX,
    ABSTRACT_MAX,
    ATTRIBUTION_MAX,
    CHANGELOG_MAX,
    DOWNLOADS_MAX,
    FEE_MAX,
    FILES_MAX,
    LABEL_MAX,
    MINUTES_SAVED_MAX,
    TERM_DAYS_MAX,
    TITLE_MAX,
    Access,
    Item,
    ItemState,
    ItemVersion,
    Licence,
    LicenceState,
    Reuse,
    Terms,
    TermsKind,
    Use,
)
from services.capacity.domain import Visibility
from services.contracts.documents import Document
from services.contracts.money import Money

KIND_MAX = 60
Title = Annotated[str, Field(min_length=1, max_length=TITLE_MAX)]
Abstract = Annotated[str, Field(max_length=ABSTRACT_MAX)]


class TermsIn(Document):
    """Licence terms: ``free`` with attribution, a fee ``per_download``, or one ``per_term``."""

    kind: TermsKind
    fee_minor: Annotated[int, Field(ge=1, le=FEE_MAX)] | None = None
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    days: Annotated[int, Field(ge=1, le=TERM_DAYS_MAX)] | None = None
    attribution: Annotated[str, Field(min_length=1, max_length=ATTRIBUTION_MAX)] | None = None
    nda: bool = Field(default=False, description="only for who signed a confidentiality agreement")

    def terms(self) -> Terms:
        fee = None if self.fee_minor is None else Money(self.fee_minor, self.currency)
        return Terms(self.kind, fee, self.days, self.attribution, self.nda)

    @classmethod
    def of(cls, terms: Terms) -> Self:
        fee = terms.fee
        return cls(
            kind=terms.kind,
            fee_minor=None if fee is None else fee.minor,
            currency="CNY" if fee is None else fee.currency,
            days=terms.days,
            attribution=terms.attribution,
            nda=terms.nda,
        )


class ItemEdit(Document):
    """All that is said of an item; ``attributes`` by the schema of its kind in its direction."""

    title: Title
    title_zh: Title
    abstract: Abstract = ""
    abstract_zh: Abstract = ""
    terms: TermsIn
    attributes: dict[str, Any] = Field(default_factory=dict)


class ItemIn(ItemEdit):
    direction: int
    kind: str = Field(min_length=1, max_length=KIND_MAX, description="a kind of the direction")
    visibility: Visibility | None = Field(
        default=None, description="left out: the usual one of the direction"
    )
    park: str | None = Field(default=None, max_length=64)
    space_id: UUID | None = None


class ItemOut(BaseModel):
    id: UUID
    organisation_id: UUID
    direction: int
    kind: str
    title: str
    title_zh: str
    abstract: str
    abstract_zh: str
    terms: TermsIn
    visibility: Visibility
    park: str | None
    space_id: UUID | None
    attributes: dict[str, Any]
    state: ItemState
    revision: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, item: Item) -> Self:
        return cls(
            id=item.id,
            organisation_id=item.organisation_id,
            direction=item.direction,
            kind=item.kind,
            title=item.title,
            title_zh=item.title_zh,
            abstract=item.abstract,
            abstract_zh=item.abstract_zh,
            terms=TermsIn.of(item.terms),
            visibility=item.visibility,
            park=item.park,
            space_id=item.space_id,
            attributes=dict(item.attributes),
            state=item.state,
            revision=item.revision,
            created_at=item.created_at,
            updated_at=item.updated_at,
        )


class VersionIn(Document):
    label: str = Field(min_length=1, max_length=LABEL_MAX, examples=["2.1"])
    changelog: str = Field(default="", max_length=CHANGELOG_MAX)
    documents: list[UUID] = Field(
        min_length=1, max_length=FILES_MAX, description="own documents uploaded for the item"
    )


class FileOut(BaseModel):
    document_id: UUID
    name: str
    media_type: str
    size: int = Field(description="bytes")
    sha256: str


class VersionOut(BaseModel):
    id: UUID
    item_id: UUID
    number: int
    label: str
    changelog: str
    created_at: datetime
    withdrawn_at: datetime | None
    files: list[FileOut]

    @classmethod
    def of(cls, version: ItemVersion) -> Self:
        return cls(
            id=version.id,
            item_id=version.item_id,
            number=version.number,
            label=version.label,
            changelog=version.changelog,
            created_at=version.created_at,
            withdrawn_at=version.withdrawn_at,
            files=[
                FileOut(
                    document_id=one.document_id,
                    name=one.name,
                    media_type=one.media_type,
                    size=one.size,
                    sha256=one.sha256.hex(),
                )
                for one in version.files
            ],
        )


class LicenceIn(Document):
    downloads: Annotated[int, Field(ge=1, le=DOWNLOADS_MAX)] | None = Field(
        default=None, description="how many to pay for, of an item paid by the download"
    )


class LicenceOut(BaseModel):
    """``unpaid`` opens nothing: pay into ``escrow_id`` by ``POST /payments``."""

    id: UUID
    organisation_id: UUID = Field(description="who holds it")
    owner_id: UUID
    item_id: UUID
    terms: TermsIn
    state: LicenceState
    price_minor: int | None
    downloads: int | None
    used: int
    escrow_id: UUID | None
    valid_until: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, licence: Licence) -> Self:
        price = licence.price
        return cls(
            id=licence.id,
            organisation_id=licence.organisation_id,
            owner_id=licence.owner_id,
            item_id=licence.item_id,
            terms=TermsIn.of(licence.terms),
            state=licence.state,
            price_minor=None if price is None else price.minor,
            downloads=licence.downloads,
            used=licence.used,
            escrow_id=licence.escrow_id,
            valid_until=licence.valid_until,
            created_at=licence.created_at,
        )


class AccessOut(BaseModel):
    """A counted download."""

    id: UUID
    organisation_id: UUID
    item_id: UUID
    version_id: UUID
    licence_id: UUID
    at: datetime
    open_until: datetime = Field(description="its files can be fetched again until then")

    @classmethod
    def of(cls, access: Access) -> Self:
        return cls.model_validate(access, from_attributes=True)


class UseOfVersionOut(BaseModel):
    number: int
    month: str
    downloads: int
    licensees: int


class UseOut(BaseModel):
    """Facts counted; ``minutes_saved`` is what licensees stated."""

    downloads: int
    licensees: int
    licences: int = Field(description="active ones")
    reuses: int
    minutes_saved: int
    versions: list[UseOfVersionOut]

    @classmethod
    def of(cls, found: Use) -> Self:
        versions = [
            UseOfVersionOut.model_validate(one, from_attributes=True) for one in found.versions
        ]
        return cls(
            downloads=found.downloads,
            licensees=found.licensees,
            licences=found.licences,
            reuses=found.reuses,
            minutes_saved=found.minutes_saved,
            versions=versions,
        )


class ReuseIn(Document):
    about: str = Field(min_length=1, max_length=ABOUT_MAX)
    citation: str | None = Field(default=None, max_length=ATTRIBUTION_MAX)
    minutes_saved: Annotated[int, Field(ge=0, le=MINUTES_SAVED_MAX)] | None = None


class ReuseOut(BaseModel):
    id: UUID
    organisation_id: UUID
    item_id: UUID
    licence_id: UUID
    about: str
    citation: str | None
    minutes_saved: int | None = Field(description="as stated by the user")
    at: datetime

    @classmethod
    def of(cls, reuse: Reuse) -> Self:
        return cls.model_validate(reuse, from_attributes=True)
