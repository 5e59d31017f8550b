"""Options of a product and constraints between them; which choices are broken, and what is nearest.

A choice is nearest when no valid one differs in fewer options. The search is complete: a valid
choice satisfies every broken constraint, so it differs from a broken one in an option that the
constraint names; branching over these alone, to a depth that grows by one, misses none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, ClassVar, Final, TypeAlias

from services.contracts.errors import DomainError, ErrorKind

Value: TypeAlias = bool | int | str
Choices: TypeAlias = Mapping[str, Value]
"""A value for each option."""
Condition: TypeAlias = Mapping[str, tuple[Value, ...]]
"""Holds when each named option has one of its values; always, when it names none."""

VALUES_MAX: Final = 200
OPTIONS_MAX: Final = 40
CONSTRAINTS_MAX: Final = 200
NEAREST_MAX: Final = 5
EFFORT_MAX: Final = 20_000
"""Choices looked at before a search gives up."""
QUANTITY: Final = "quantity"
"""How many are ordered; formulas may count by it, and no option may be called so."""


class OptionInvalidError(DomainError):
    code: ClassVar[str] = "product-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The product cannot be published: {en}; change {field}."
    zh: ClassVar[str] = "产品无法发布：{zh}；请修改 {field}。"


class ChoiceInvalidError(DomainError):
    code: ClassVar[str] = "choice-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Option {option} cannot be {value!r}; choose of: {known}."
    zh: ClassVar[str] = "选项 {option} 不能为 {value!r}；可选：{known}。"


class ProductConstraintKind(StrEnum):
    REQUIRES = "requires"
    """互为前提."""
    EXCLUDES = "excludes"
    """互斥."""


@dataclass(frozen=True, slots=True)
class Option:
    """Something to choose. ``schema`` is a JSON Schema with finitely many values.

    That is ``{"enum": [...]}``, ``{"type": "boolean"}``, or an integer with ``minimum``,
    ``maximum`` and, if it goes by steps, ``multipleOf``.
    """

    key: str
    name: str
    name_zh: str
    schema: Mapping[str, Any]
    default: Value | None = None

    @property
    def values(self) -> tuple[Value, ...]:
        """All that may be chosen, in order.

        Raises:
            OptionInvalidError: they are none, too many or no such schema.
        """
        found = tuple(islice(_values(self.key, self.schema), VALUES_MAX + 1))
        if not 1 <= len(found) <= VALUES_MAX:
            raise OptionInvalidError(
                field=f"options.{self.key}.schema",
                en=f"it has {len(found)} values, not 1 to {VALUES_MAX}",
                zh=f"共 {len(found)} 个取值，应为 1 至 {VALUES_MAX} 个",
            )
        return found

    @property
    def is_number(self) -> bool:
        return all(type(one) is int for one in self.values)


def _values(key: str, schema: Mapping[str, Any]) -> Iterator[Value]:
    kind = schema.get("type")
    if "enum" in schema and set(schema) <= {"enum", "type"}:
        listed = schema["enum"]
        same = isinstance(listed, list) and len({type(one) for one in listed}) == 1
        if same and isinstance(listed[0], bool | int | str) and len(set(listed)) == len(listed):
            yield from listed
            return
    elif kind == "boolean" and set(schema) == {"type"}:
        yield from (False, True)
        return
    elif kind == "integer" and set(schema) <= {"type", "minimum", "maximum", "multipleOf"}:
        numbers = [schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf", 1)]
        low, high, step = (one if type(one) is int else 0 for one in numbers)
        if all(type(one) is int for one in numbers) and step > 0:
            yield from range(-(-low // step) * step, high + 1, step)
            return
    raise OptionInvalidError(
        field=f"options.{key}.schema",
        en="it is no enum of one type, boolean, or integer with minimum and maximum",
        zh="须为同类型枚举、布尔，或带上下限的整数",
    )


@dataclass(frozen=True, slots=True)
class Constraint:
    """Where ``when`` holds, ``then`` must hold (requires) or must not (excludes)."""

    key: str
    kind: ProductConstraintKind
    when: Condition
    then: Condition
    reason: str
    reason_zh: str

    @property
    def options(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.when, *self.then)))

    def is_broken(self, choices: Choices) -> bool:
        if not holds(self.when, choices):
            return False
        wanted = self.kind is ProductConstraintKind.REQUIRES
        return holds(self.then, choices) is not wanted


@dataclass(frozen=True, slots=True)
class Nearest:
    """Valid choices with the fewest changes; not ``complete`` when the search gave up."""

    choices: tuple[Choices, ...]
    changes: int | None
    complete: bool


def holds(condition: Condition, choices: Choices) -> bool:
    """Whether each named option has one of the values named."""
    return all(choices[key] in values for key, values in condition.items())


def broken(constraints: Sequence[Constraint], choices: Choices) -> list[Constraint]:
    return [one for one in constraints if one.is_broken(choices)]


def complete(options: Sequence[Option], chosen: Choices) -> dict[str, Value]:
    """``chosen`` with the defaults of what was left open, each a value of its option.

    Raises:
        ChoiceInvalidError: a value no option has, or nothing chosen where there is no default.
    """
    known = {option.key: option for option in options}
    for key in chosen:
        if key not in known:
            raise ChoiceInvalidError(option=key, value=chosen[key], known=", ".join(known))
    return {key: _chosen(option, chosen.get(key, option.default)) for key, option in known.items()}


def _chosen(option: Option, value: Value | None) -> Value:
    for one in option.values:
        if type(one) is type(value) and one == value:
            return one
    shown = ", ".join(str(one) for one in option.values[:20])
    raise ChoiceInvalidError(option=option.key, value=value, known=shown)


def nearest(
    options: Sequence[Option], constraints: Sequence[Constraint], choices: Choices
) -> Nearest:
    """The valid choices that differ from ``choices`` in the fewest options, at most a few.

    Args:
        options: all of the product.
        constraints: all of the product.
        choices: a value for each option.
    """
    search = _Search({one.key: one.values for one in options}, constraints, dict(choices))
    for changes in range(len(options) + 1):
        found = search.within(changes)
        if found:
            return Nearest(tuple(found[:NEAREST_MAX]), changes, complete=True)
        if search.is_exhausted:
            return Nearest((), None, complete=False)
    return Nearest((), None, complete=True)


class _Search:
    def __init__(
        self,
        values: Mapping[str, tuple[Value, ...]],
        constraints: Sequence[Constraint],
        choices: dict[str, Value],
    ) -> None:
        self._values = values
        self._constraints = constraints
        self._asked = choices
        self._left = EFFORT_MAX

    @property
    def is_exhausted(self) -> bool:
        return self._left <= 0

    def within(self, changes: int) -> list[Choices]:
        """Valid choices with so many changes, each once, in the order they are met."""
        found: dict[tuple[Value, ...], Choices] = {}
        for one in self._repaired(self._asked, changes, frozenset()):
            found.setdefault(tuple(one[key] for key in self._values), one)
        return list(found.values())

    def _repaired(
        self, choices: dict[str, Value], changes: int, changed: frozenset[str]
    ) -> Iterator[dict[str, Value]]:
        self._left -= 1
        if self.is_exhausted:
            return
        wrong = next((one for one in self._constraints if one.is_broken(choices)), None)
        if wrong is None:
            yield choices
            return
        if changes == 0:
            return
        for key in wrong.options:
            if key in changed:
                continue
            for value in self._near(key):
                repaired = choices | {key: value}
                yield from self._repaired(repaired, changes - 1, changed | {key})

    def _near(self, key: str) -> list[Value]:
        """Other values of an option; of numbers the nearest first."""
        asked = self._asked[key]
        others = [one for one in self._values[key] if one != asked]
        if type(asked) is int:
            others.sort(key=lambda one: abs(int(one) - asked))
        return others
