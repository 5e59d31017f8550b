"""Products, configurations and their orders as the API takes and shows them."""

from datetime import datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StrictBool, StrictInt, StrictStr, TypeAdapter

from marketplace.offers.schemas import PARTS_MAX, PriceOut, PriceRuleIn, PriceRuleOut
from marketplace.products.domain.options import (
    CONSTRAINTS_MAX,
    OPTIONS_MAX,
    VALUES_MAX,
    ProductConstraintKind,
)
from marketplace.products.domain.order import Milestone, ProductOrder, ProductOrderState
from marketplace.products.domain.product import (
    QUANTITY_MAX,
    STEPS_MAX,
    TERMS_MAX,
    TITLE_MAX,
    Configured,
    Product,
    ProductState,
    ProductVisibility,
    Specification,
    Work,
)
from marketplace.products.handlers.ordering import Planned, Wanted
from services.contracts.documents import Document, Instant
from services.ledger.handlers.payments import WALLET
from services.matching.domain import Place
from services.matching.routing import Objective

AMOUNT_MAX: Final = 10**12
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Code = Annotated[str, Field(min_length=1, max_length=60)]
Name = Annotated[str, Field(min_length=1, max_length=TITLE_MAX)]
Choice = (
    StrictBool
    | Annotated[StrictInt, Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX)]
    | Annotated[StrictStr, Field(max_length=TITLE_MAX)]
)
Condition = Annotated[
    dict[Key, Annotated[list[Choice], Field(max_length=VALUES_MAX)]], Field(max_length=OPTIONS_MAX)
]
ChoicesIn = Annotated[dict[Key, Choice], Field(max_length=OPTIONS_MAX)]
_SPECIFICATIONS: Final = TypeAdapter(Specification)
_SCHEMA_WORDS: Final = frozenset({"enum", "type", "minimum", "maximum", "multipleOf"})


def _known_words(schema: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(schema) - _SCHEMA_WORDS)
    if unknown:
        raise ValueError(f"an option's schema has no {', '.join(unknown)}")
    if len(schema.get("enum") or ()) > VALUES_MAX:
        raise ValueError(f"an option has at most {VALUES_MAX} values")
    return schema


class ProductOptionIn(Document):
    """Something to choose; its JSON Schema has finitely many values."""

    key: Key
    name: Name
    name_zh: Name
    values: Annotated[dict[str, Any], AfterValidator(_known_words)] = Field(
        description='a JSON Schema: {"enum": [...]}, {"type": "boolean"}, or an integer with'
        " minimum and maximum"
    )
    default: Choice | None = None


class ProductConstraintIn(Document):
    """Where ``when`` holds, ``then`` must (requires) or must not (excludes)."""

    key: Key
    kind: ProductConstraintKind
    when: Condition = Field(default_factory=dict)
    then: Condition
    reason: Name
    reason_zh: Name


class ProductTermIn(Document):
    """``amount``, times each number named (options, or ``quantity``), where ``when`` holds."""

    amount: int = Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX)
    times: list[Key] = Field(default_factory=list, max_length=4)
    when: Condition = Field(default_factory=dict)


class ProductMaterialIn(Document):
    option: Key
    codes: dict[Annotated[str, Field(max_length=TITLE_MAX)], Code] = Field(max_length=VALUES_MAX)


class ProductStepIn(Document):
    process: Code
    name: Name
    name_zh: Name
    minutes: list[ProductTermIn] = Field(min_length=1, max_length=TERMS_MAX)
    when: Condition = Field(default_factory=dict)
    material: ProductMaterialIn | None = None


class ProductChargeIn(Document):
    rule: Name
    minor: ProductTermIn


class ProductSurchargeIn(Document):
    key: Key
    when: Condition


class ProductSpecificationIn(Document):
    """What a version of a product says."""

    title: Name
    title_zh: Name
    options: list[ProductOptionIn] = Field(max_length=OPTIONS_MAX)
    constraints: list[ProductConstraintIn] = Field(default_factory=list, max_length=CONSTRAINTS_MAX)
    steps: list[ProductStepIn] = Field(min_length=1, max_length=STEPS_MAX)
    price: PriceRuleIn = Field(description="by the piece; what the choices add stands in charges")
    charges: list[ProductChargeIn] = Field(default_factory=list, max_length=TERMS_MAX)
    surcharges: list[ProductSurchargeIn] = Field(default_factory=list, max_length=PARTS_MAX)
    material: ProductMaterialIn | None = Field(
        default=None, description="which material of the price an option's value stands for"
    )

    def specification(self) -> Specification:
        said = self.model_dump(exclude={"visibility", "price"})
        for option in said["options"]:
            option["schema"] = option.pop("values")
        found: Specification = _SPECIFICATIONS.validate_python(said | {"price": self.price.rule()})
        return found


class ProductIn(ProductSpecificationIn):
    visibility: ProductVisibility = ProductVisibility.PUBLIC


class ProductOptionOut(BaseModel):
    key: str
    name: str
    name_zh: str
    values: dict[str, Any]
    default: bool | int | str | None


class ProductOut(BaseModel):
    """A product as it is now, or as it was in the version asked for."""

    id: UUID
    organisation_id: UUID
    visibility: ProductVisibility
    state: ProductState
    version: int
    title: str
    title_zh: str
    options: list[ProductOptionOut]
    constraints: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    price: PriceRuleOut
    charges: list[dict[str, Any]]
    surcharges: list[dict[str, Any]]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, product: Product) -> Self:
        said = product.specification
        plain = _SPECIFICATIONS.dump_python(said, mode="json")
        return cls(
            id=product.id,
            organisation_id=product.organisation_id,
            visibility=product.visibility,
            state=product.state,
            version=product.version,
            title=said.title,
            title_zh=said.title_zh,
            options=[
                ProductOptionOut(
                    key=one.key,
                    name=one.name,
                    name_zh=one.name_zh,
                    values=dict(one.schema),
                    default=one.default,
                )
                for one in said.options
            ],
            constraints=plain["constraints"],
            steps=plain["steps"],
            price=PriceRuleOut.model_validate(said.price, from_attributes=True),
            charges=plain["charges"],
            surcharges=plain["surcharges"],
            created_at=product.created_at,
            updated_at=product.updated_at,
        )


class ProductWantedIn(Document):
    """When the work is wanted, [start, end), and where it is delivered."""

    start: Instant
    end: Instant
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    objective: Objective = Objective.EARLIEST

    def wanted(self) -> Wanted:
        place = None
        if self.latitude is not None and self.longitude is not None:
            place = Place(self.latitude, self.longitude)
        return Wanted(self.start, self.end, place, self.objective)


class ConfigurationIn(Document):
    choices: ChoicesIn
    quantity: int = Field(default=1, ge=1, le=QUANTITY_MAX)
    version: int | None = Field(default=None, ge=1, description="of the product; the newest")
    wanted: ProductWantedIn | None = Field(
        default=None, description="given, a route is searched too"
    )


class ProductOrderIn(Document):
    choices: ChoicesIn
    quantity: int = Field(default=1, ge=1, le=QUANTITY_MAX)
    version: int | None = Field(default=None, ge=1)
    wanted: ProductWantedIn


class BrokenConstraintOut(BaseModel):
    key: str
    kind: ProductConstraintKind
    options: list[str]
    reason: str
    reason_zh: str


class ProductWorkOut(BaseModel):
    process: str
    name: str
    name_zh: str
    minutes: int
    material: str | None

    @classmethod
    def of(cls, work: Work) -> Self:
        return cls.model_validate(work, from_attributes=True)


class ProductLegOut(BaseModel):
    step: str
    provider_id: UUID
    resource_id: UUID
    offer_id: UUID
    start: datetime
    end: datetime
    price_minor: int


class ProductRouteOut(BaseModel):
    """The best route; ``price`` is of the product and every leg, in lines."""

    legs: list[ProductLegOut]
    delivered: datetime
    price: PriceOut

    @classmethod
    def of(cls, planned: Planned) -> Self:
        return cls(
            legs=[
                ProductLegOut(
                    step=work.name,
                    provider_id=leg.organisation_id,
                    resource_id=leg.resource_id,
                    offer_id=leg.offer_id,
                    start=leg.start,
                    end=leg.end,
                    price_minor=leg.price.minor,
                )
                for work, leg in zip(planned.configured.work, planned.route.legs, strict=True)
            ],
            delivered=planned.route.delivered,
            price=PriceOut.of(planned.price),
        )


class ConfigurationOut(BaseModel):
    """Whether choices hold together; if not, what is broken and the nearest that do."""

    valid: bool
    version: int
    choices: dict[str, bool | int | str]
    quantity: int
    broken: list[BrokenConstraintOut]
    changes: int | None = Field(description="options the nearest choices differ in")
    nearest: list[dict[str, bool | int | str]]
    searched: bool = Field(description="false: the search gave up, others may be nearer")
    work: list[ProductWorkOut]
    price: PriceOut | None
    route: ProductRouteOut | None

    @classmethod
    def of(cls, product: Product, found: Configured, planned: Planned | None) -> Self:
        return cls(
            valid=found.is_valid,
            version=product.version,
            choices=dict(found.choices),
            quantity=found.quantity,
            broken=[
                BrokenConstraintOut(
                    key=one.key,
                    kind=one.kind,
                    options=list(one.options),
                    reason=one.reason,
                    reason_zh=one.reason_zh,
                )
                for one in found.broken
            ],
            changes=found.changes,
            nearest=[dict(one) for one in found.nearest],
            searched=found.searched,
            work=[ProductWorkOut.of(one) for one in found.work],
            price=None if found.price is None else PriceOut.of(found.price),
            route=None if planned is None else ProductRouteOut.of(planned),
        )


class ProductMilestoneOut(BaseModel):
    number: int
    payee_id: UUID
    title: str
    amount_minor: int
    booking_id: UUID | None
    escrow_id: UUID | None
    done_at: datetime | None
    released_at: datetime | None

    @classmethod
    def of(cls, milestone: Milestone) -> Self:
        return cls.model_validate(milestone, from_attributes=True)


class ProductOrderOut(BaseModel):
    """``milestones``: all for the buyer, the maker's own for the maker."""

    id: UUID
    organisation_id: UUID
    maker_id: UUID
    product_id: UUID
    product_version: int
    choices: dict[str, bool | int | str]
    quantity: int
    price: PriceOut
    joint_id: UUID
    state: ProductOrderState
    delivered_by: datetime
    milestones: list[ProductMilestoneOut]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, order: ProductOrder) -> Self:
        return cls(
            id=order.id,
            organisation_id=order.organisation_id,
            maker_id=order.maker_id,
            product_id=order.product_id,
            product_version=order.product_version,
            choices=dict(order.choices),
            quantity=order.quantity,
            price=PriceOut.of(order.price),
            joint_id=order.joint_id,
            state=order.state,
            delivered_by=order.delivered_by,
            milestones=[ProductMilestoneOut.of(one) for one in order.milestones],
            created_at=order.created_at,
            updated_at=order.updated_at,
        )


class ProductPaymentIn(Document):
    method: str = Field(default=WALLET, min_length=1, max_length=40)


class ProductReleaseIn(Document):
    milestone: int = Field(ge=1, le=STEPS_MAX + 1)
