"""A price rule (价格规则): a document evaluated to minor units, with its trace. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import ClassVar, Final, Literal

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.money import Money
from services.matching.domain import PriceInvalidError, Rate

MINUTES_PER_HOUR: Final = 60
BASIS_POINTS: Final = 10_000
Unit = Literal["hour", "piece"]


class QuotedTimeError(DomainError):
    code: ClassVar[str] = "quoted-time-not-positive"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "A price is for at least one minute and one unit, not {minutes} and {units}."
    )
    zh: ClassVar[str] = "报价至少为一分钟、一个单位，不能为 {minutes} 分钟、{units} 个单位。"


class QuotedPiecesError(DomainError):
    code: ClassVar[str] = "quoted-pieces-not-positive"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "This price is for pieces: ask for a quantity of at least one."
    zh: ClassVar[str] = "该价格按件计算：数量至少为一件。"


class PriceNotBookableError(DomainError):
    code: ClassVar[str] = "price-not-bookable"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "What is booked by the slot has one price per hour, a set-up and a minimum; {part} cannot"
        " be matched exactly. Leave it out, or publish with engage=request."
    )
    zh: ClassVar[str] = (
        "按时段预订的要约只能含小时单价、准备费与最低价；{part} 无法精确匹配。"
        "请删除该项，或以 engage=request 发布。"
    )


class PriceNotValidError(DomainError):
    code: ClassVar[str] = "price-not-valid"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The price holds from {first} to {last}, and not on {day}; ask anew."
    zh: ClassVar[str] = "价格有效期为 {first} 至 {last}，{day} 不在其内；请重新询价。"


class PricePartUnknownError(DomainError):
    code: ClassVar[str] = "price-part-unknown"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The price names no {part} {value!r}; it names: {known}."
    zh: ClassVar[str] = "价格规则中没有 {part} {value!r}；现有：{known}。"


class PriceRuleInvalidError(DomainError):
    code: ClassVar[str] = "price-rule-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The price rule cannot be: {field} must {wanted}."
    zh: ClassVar[str] = "价格规则无效：{field} 不符合要求（{wanted}）。"


@dataclass(frozen=True, slots=True)
class Tier:
    """Of this many hours or pieces and more, all of them cost this (阶梯价)."""

    least: int
    price_minor: int


@dataclass(frozen=True, slots=True)
class MaterialPrice:
    """What a piece of this material, or of anything below it, adds (材料费)."""

    material: str
    per_piece_minor: int


@dataclass(frozen=True, slots=True)
class Surcharge:
    """Basis points on all but the minimum, where it is asked for, such as for haste (附加费)."""

    key: str
    basis_points: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a price is asked for, and for which day."""

    day: date
    minutes: int = 0
    units: int = 1
    quantity: int = 1
    material: str | None = None
    surcharges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One step of an evaluation: which rule, and what it added."""

    rule: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Price:
    """An evaluated price: the lines add up to the total."""

    total: Money
    lines: Sequence[PriceLine]


@dataclass(frozen=True, slots=True)
class PriceRule:
    """The price document: per hour and unit or per piece, set-up once, never below the minimum.

    Raises:
        PriceInvalidError: an amount is negative.
        PriceRuleInvalidError: parts that contradict each other.
    """

    price_minor: int
    setup_minor: int = 0
    minimum_minor: int = 0
    currency: str = "CNY"
    unit: Unit = "hour"
    tiers: tuple[Tier, ...] = ()
    materials: tuple[MaterialPrice, ...] = ()
    surcharges: tuple[Surcharge, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None

    def __post_init__(self) -> None:
        amounts = [(name, getattr(self, name)) for name in _AMOUNTS]
        amounts += [("tiers", one.price_minor) for one in self.tiers]
        amounts += [("materials", one.per_piece_minor) for one in self.materials]
        amounts += [("surcharges", one.basis_points) for one in self.surcharges]
        for name, value in amounts:
            if value < 0:
                raise PriceInvalidError(field=name, value=value)
        self._check_parts()

    def _check_parts(self) -> None:
        least = [one.least for one in self.tiers]
        if least != sorted(set(least)) or (least and least[0] < 1):
            raise PriceRuleInvalidError(field="tiers", wanted="rise, from 1")
        for name, keys in (
            ("materials", [one.material for one in self.materials]),
            ("surcharges", [one.key for one in self.surcharges]),
        ):
            if len(keys) != len(set(keys)):
                raise PriceRuleInvalidError(field=name, wanted="stand once each")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise PriceRuleInvalidError(field="valid_to", wanted="not be before valid_from")

    def rate(self) -> Rate:
        """The rule as matching and booking read it.

        Raises:
            PriceNotBookableError: it says more than a rate can.
        """
        if self.unit != "hour":
            raise PriceNotBookableError(part="unit")
        for part in ("tiers", "materials", "surcharges", "valid_from", "valid_to"):
            if getattr(self, part):
                raise PriceNotBookableError(part=part)
        return Rate(
            per_hour_minor=self.price_minor,
            setup_minor=self.setup_minor,
            minimum_minor=self.minimum_minor,
            currency=self.currency,
        )

    def evaluate(self, asked: Asked) -> Price:
        """What is asked for costs, and by which rules.

        Raises:
            QuotedTimeError, QuotedPiecesError: nothing is asked for.
            PriceNotValidError: not on that day.
            PricePartUnknownError: a material or surcharge the rule has no price for.
        """
        self._check_day(asked.day)
        work = PriceLine(*self._work(asked))
        lines = [work, PriceLine("setup", self.setup_minor), *self._material(asked)]
        lines += self._surcharges(asked, sum(line.amount_minor for line in lines))
        total = sum(line.amount_minor for line in lines)
        lines.append(PriceLine("minimum", max(self.minimum_minor - total, 0)))
        shown = tuple(line for line in lines if line.amount_minor)
        return Price(Money(max(total, self.minimum_minor), self.currency), shown)

    def _check_day(self, day: date) -> None:
        first, last = self.valid_from or date.min, self.valid_to or date.max
        if not first <= day <= last:
            raise PriceNotValidError(
                first=first.isoformat(), last=last.isoformat(), day=day.isoformat()
            )

    def _work(self, asked: Asked) -> tuple[str, int]:
        if asked.quantity < 1:
            raise QuotedPiecesError
        if self.unit == "piece":
            return "pieces", self._priced(Fraction(asked.quantity)).minor
        if asked.minutes < 1 or asked.units < 1:
            raise QuotedTimeError(minutes=asked.minutes, units=asked.units)
        hours = Fraction(asked.minutes * asked.units, MINUTES_PER_HOUR)
        return "hours", self._priced(hours).minor

    def _priced(self, amount: Fraction) -> Money:
        """``amount`` at the price of the highest tier it reaches, rounded half up."""
        reached = [one.price_minor for one in self.tiers if one.least <= amount]
        each = reached[-1] if reached else self.price_minor
        return Money(each, self.currency).times(amount)

    def _material(self, asked: Asked) -> Iterator[PriceLine]:
        if asked.material is None:
            return
        known = {one.material: one.per_piece_minor for one in self.materials}
        code = asked.material
        while code and code not in known:
            code = code.rpartition(".")[0]
        if not code:
            raise PricePartUnknownError(
                part="material", value=asked.material, known=", ".join(known) or "–"
            )
        yield PriceLine(f"material {code}", known[code] * asked.quantity)

    def _surcharges(self, asked: Asked, base_minor: int) -> Iterator[PriceLine]:
        known = {one.key: one.basis_points for one in self.surcharges}
        for key in dict.fromkeys(asked.surcharges):
            if key not in known:
                raise PricePartUnknownError(
                    part="surcharge", value=key, known=", ".join(known) or "–"
                )
            share = Money(base_minor, self.currency).times(Fraction(known[key], BASIS_POINTS))
            yield PriceLine(f"surcharge {key}", share.minor)


_AMOUNTS: Final = ("price_minor", "setup_minor", "minimum_minor")
