"""A configurable product: its versions, and what choices mean as work and as money."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from math import prod
from typing import Annotated, ClassVar, Final
from uuid import UUID

from marketplace.offers.pricing import Asked, Price, PriceLine, PriceRule
from marketplace.products.domain.options import (
    QUANTITY,
    Choices,
    Condition,
    Constraint,
    Option,
    OptionInvalidError,
    Value,
    broken,
    complete,
    holds,
    nearest,
)
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId
from services.contracts.money import Money

TITLE_MAX: Final = 200
STEPS_MAX: Final = 12
TERMS_MAX: Final = 40
QUANTITY_MAX: Final = 100_000
MINUTES_MAX: Final = 60 * 24 * 60


class StepTooLongError(DomainError):
    code: ClassVar[str] = "product-step-too-long"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Step {step} would take {minutes} minutes; order fewer pieces at a time."
    zh: ClassVar[str] = "工序 {step} 需要 {minutes} 分钟；请减少每次订购数量。"


class PriceNegativeError(DomainError):
    code: ClassVar[str] = "product-price-negative"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The price of these choices is {minor}, below nothing; tell the maker."
    zh: ClassVar[str] = "所选配置的价格为 {minor}，低于零；请告知产品方。"


class ProductVisibility(StrEnum):
    PRIVATE = "private"
    ORGANISATION = "organisation"
    PUBLIC = "public"


class ProductState(StrEnum):
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Term:
    """``amount``, times each number named, where ``when`` holds."""

    amount: int
    times: tuple[str, ...] = ()
    when: Condition = field(default_factory=dict)

    def value(self, numbers: Choices) -> int:
        if not holds(self.when, numbers):
            return 0
        return self.amount * prod(int(numbers[key]) for key in self.times)


@dataclass(frozen=True, slots=True)
class MaterialBy:
    """The material an option's value stands for, by code."""

    option: str
    codes: Mapping[str, str]

    def code(self, choices: Choices) -> str | None:
        return self.codes.get(str(choices[self.option]))


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the chain (工序), done where ``when`` holds; its terms add up to minutes."""

    process: str
    name: str
    name_zh: str
    minutes: tuple[Term, ...]
    when: Condition = field(default_factory=dict)
    material: MaterialBy | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """A line of the price: what a choice adds or takes off."""

    rule: str
    minor: Term


@dataclass(frozen=True, slots=True)
class Haste:
    """A surcharge of the price rule, asked for where ``when`` holds."""

    key: str
    when: Condition


@dataclass(frozen=True, slots=True)
class Specification:
    """What a version of a product says, as data."""

    title: str
    title_zh: str
    options: tuple[Option, ...]
    constraints: tuple[Constraint, ...]
    steps: tuple[Step, ...]
    price: Annotated[PriceRule, CONFIDENTIAL]
    charges: Annotated[tuple[Charge, ...], CONFIDENTIAL] = ()
    surcharges: tuple[Haste, ...] = ()
    material: MaterialBy | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """``version`` is its newest; orders keep the one they were made from."""

    id: UUID
    organisation_id: OrganisationId
    visibility: ProductVisibility
    state: ProductState
    version: int
    specification: Specification
    created_at: datetime
    updated_at: datetime

    @property
    def audience(self) -> Audience:
        return Audience(organisation_ids=(self.organisation_id,), visibility=self.visibility.value)


@dataclass(frozen=True, slots=True)
class Work:
    """A step as choices make it."""

    process: str
    name: str
    name_zh: str
    minutes: int
    material: str | None


@dataclass(frozen=True, slots=True)
class Configured:
    """Choices with what they mean; ``work`` and ``price`` only where nothing is broken."""

    choices: Choices
    quantity: int
    broken: tuple[Constraint, ...]
    nearest: tuple[Choices, ...] = ()
    changes: int | None = None
    searched: bool = True
    work: tuple[Work, ...] = ()
    price: Annotated[Price | None, CONFIDENTIAL] = None

    @property
    def is_valid(self) -> bool:
        return not self.broken


def configure(said: Specification, chosen: Choices, *, quantity: int, day: date) -> Configured:
    """What the choices come to, or which constraints they break and what is nearest.

    Raises:
        ChoiceInvalidError: a value no option has.
        StepTooLongError, PriceNegativeError, PriceNotValidError, PricePartUnknownError: as they
            say.
    """
    choices = complete(said.options, chosen)
    wrong = tuple(broken(said.constraints, choices))
    if wrong:
        near = nearest(said.options, said.constraints, choices)
        return Configured(
            choices, quantity, wrong, near.choices, near.changes, searched=near.complete
        )
    numbers: dict[str, Value] = {**choices, QUANTITY: quantity}
    work = tuple(_work(said, numbers))
    price = price_of(said, choices, quantity=quantity, day=day)
    return Configured(choices, quantity, (), work=work, price=price)


def price_of(said: Specification, choices: Choices, *, quantity: int, day: date) -> Price:
    """The product's own price: its rule for the pieces, and what each choice adds, in lines.

    Raises:
        PriceNegativeError, PriceNotValidError, PricePartUnknownError: as they say.
    """
    numbers: dict[str, Value] = {**choices, QUANTITY: quantity}
    asked = Asked(
        day=day,
        quantity=quantity,
        material=said.material.code(choices) if said.material else None,
        surcharges=tuple(one.key for one in said.surcharges if holds(one.when, numbers)),
    )
    base = said.price.evaluate(asked)
    charged = (PriceLine(one.rule, one.minor.value(numbers)) for one in said.charges)
    lines = (*base.lines, *(line for line in charged if line.amount_minor))
    total = sum(line.amount_minor for line in lines)
    if total < 0:
        raise PriceNegativeError(minor=total)
    return Price(Money(total, base.total.currency), lines)


def _work(said: Specification, numbers: Choices) -> Iterator[Work]:
    for step in said.steps:
        minutes = sum(term.value(numbers) for term in step.minutes)
        if not holds(step.when, numbers) or minutes <= 0:
            continue
        if minutes > MINUTES_MAX:
            raise StepTooLongError(step=step.name, minutes=minutes)
        material = step.material.code(numbers) if step.material else None
        yield Work(step.process, step.name, step.name_zh, minutes, material)


def check_specification(said: Specification) -> None:
    """Refuse a product whose parts name what it does not have, or that nobody could order.

    Raises:
        OptionInvalidError: it says which field is wrong.
    """
    keys = [option.key for option in said.options]
    _must(len(set(keys)) == len(keys), "options", "an option stands twice", "选项重复")
    _must(QUANTITY not in keys, "options", f"{QUANTITY} is no option", f"{QUANTITY} 不能作选项名")
    values = {option.key: option.values for option in said.options}
    for option in said.options:
        if option.default is not None:
            _check_condition(values, {option.key: (option.default,)}, f"options.{option.key}")
    for one in said.constraints:
        for condition in (one.when, one.then):
            _check_condition(values, condition, f"constraints.{one.key}")
        _must(bool(one.then), f"constraints.{one.key}", "it asks for nothing", "约束为空")
    numbers = {option.key for option in said.options if option.is_number} | {QUANTITY}
    for place, term in _terms(said):
        _check_condition(values, term.when, place)
        unknown = [key for key in term.times if key not in numbers]
        _must(not unknown, place, f"{unknown} are no numbers", f"{unknown} 不是数值")
    _check_parts(said, values)
    _check_orderable(said)


def _check_parts(said: Specification, values: Mapping[str, tuple[Value, ...]]) -> None:
    _must(said.price.unit == "piece", "price.unit", "it is not by the piece", "价格须按件")
    priced = {one.key for one in said.price.surcharges}
    for haste in said.surcharges:
        _check_condition(values, haste.when, f"surcharges.{haste.key}")
        _must(haste.key in priced, f"surcharges.{haste.key}", "it has no price", "附加费无价格")
    for step in said.steps:
        _check_condition(values, step.when, f"steps.{step.name}")
    for by in (said.material, *(step.material for step in said.steps)):
        _must(by is None or by.option in values, "material", "it is of no option", "选项不存在")


def _check_orderable(said: Specification) -> None:
    """At least one choice of the options holds together."""
    first = {option.key: option.values[0] for option in said.options}
    found = nearest(said.options, said.constraints, first)
    _must(
        bool(found.choices) or not found.complete,
        "constraints",
        "no choice satisfies all constraints",
        "没有满足全部约束的配置",
    )


def _terms(said: Specification) -> Iterator[tuple[str, Term]]:
    for step in said.steps:
        yield from ((f"steps.{step.name}", term) for term in step.minutes)
    yield from ((f"charges.{charge.rule}", charge.minor) for charge in said.charges)


def _check_condition(
    values: Mapping[str, Sequence[Value]], condition: Condition, place: str
) -> None:
    for key, named in condition.items():
        _must(key in values, place, f"there is no option {key}", f"没有选项 {key}")
        known = {(type(one), one) for one in values[key]}
        unknown = [one for one in named if (type(one), one) not in known]
        _must(not unknown, place, f"{key} is never {unknown}", f"{key} 没有取值 {unknown}")
        _must(bool(named), place, f"{key} has no value", f"{key} 未给出取值")


def _must(fits: bool, field: str, en: str, zh: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not fits:
        raise OptionInvalidError(field=field, en=en, zh=zh)
