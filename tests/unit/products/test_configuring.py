"""The configurator against brute force: which choices hold, which are nearest, what they cost."""

from datetime import date
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.offers.pricing import PriceRule, Surcharge, Tier
from marketplace.products.domain.options import (
    NEAREST_MAX,
    ChoiceInvalidError,
    Choices,
    Constraint,
    Option,
    OptionInvalidError,
    broken,
    nearest,
)
from marketplace.products.domain.options import (
    ProductConstraintKind as ConstraintKind,
)
from marketplace.products.domain.product import (
    Charge,
    Haste,
    Specification,
    Step,
    Term,
    check_specification,
    configure,
)

DAY: Final = date(2026, 3, 2)
OPTIONS: Final = (
    Option("alloy", "Alloy", "合金", {"enum": ["6061", "7075", "steel"]}),
    Option("coated", "Coated", "涂层", {"type": "boolean"}),
    Option("holes", "Holes", "孔数", {"type": "integer", "minimum": 0, "maximum": 3}),
    Option("length", "Length", "长度", {"type": "integer", "minimum": 20, "maximum": 60,
                                        "multipleOf": 20}),
)  # fmt: skip
VALUES: Final = {one.key: one.values for one in OPTIONS}
conditions = st.dictionaries(st.sampled_from(sorted(VALUES)), st.none(), min_size=1, max_size=2)


@st.composite
def condition(draw: st.DrawFn) -> dict[str, tuple[Any, ...]]:
    return {
        key: tuple(draw(st.sets(st.sampled_from(VALUES[key]), min_size=1)))
        for key in draw(conditions)
    }


@st.composite
def constraint(draw: st.DrawFn) -> Constraint:
    kind = draw(st.sampled_from(ConstraintKind))
    return Constraint("c", kind, draw(condition()), draw(condition()), "because", "因为")


choices = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in VALUES.items()})


def everything() -> list[Choices]:
    return [dict(zip(VALUES, row, strict=True)) for row in product(*VALUES.values())]


def is_valid(constraints: list[Constraint], choice: Choices) -> bool:
    """Told again, in other words than the code's."""
    for one in constraints:
        when = all(choice[key] in one.when[key] for key in one.when)
        then = all(choice[key] in one.then[key] for key in one.then)
        if when and then is (one.kind is ConstraintKind.EXCLUDES):
            return False
    return True


@settings(max_examples=150, deadline=None)
@given(st.lists(constraint(), max_size=6), choices)
def test_the_nearest_choices_are_those_brute_force_finds(
    constraints: list[Constraint], asked: Choices
) -> None:
    distances = {
        changes: [
            one
            for one in everything()
            if is_valid(constraints, one)
            and sum(one[key] != asked[key] for key in VALUES) == changes
        ]
        for changes in range(len(VALUES) + 1)
    }
    least = next((changes for changes, found in distances.items() if found), None)

    found = nearest(OPTIONS, constraints, asked)

    assert found.complete
    assert found.changes == least
    expected = distances[least] if least is not None else []
    assert all(one in expected for one in found.choices)
    assert len(found.choices) == min(len(expected), NEAREST_MAX)
    assert (broken(constraints, asked) == []) == (least == 0)


def specification(**facts: Any) -> Specification:
    known: dict[str, Any] = {
        "title": "Bracket",
        "title_zh": "支架",
        "options": OPTIONS,
        "constraints": (),
        "steps": (
            Step("machining.milling", "Milling", "铣削",
                 (Term(30), Term(2, ("quantity", "holes")))),
            Step("coating", "Coating", "涂层", (Term(60),), {"coated": (True,)}),
        ),
        "price": PriceRule(
            1_000, setup_minor=5_000, unit="piece", tiers=(Tier(10, 800),),
            surcharges=(Surcharge("hard", 2_500),),
        ),
        "charges": (
            Charge("holes", Term(150, ("quantity", "holes"))),
            Charge("coating", Term(300, ("quantity",), {"coated": (True,)})),
        ),
        "surcharges": (Haste("hard", {"alloy": ("steel",)}),),
    }  # fmt: skip
    return Specification(**{**known, **facts})


@settings(max_examples=150, deadline=None)
@given(choices, st.integers(min_value=1, max_value=500))
def test_the_lines_of_a_price_add_up_to_it_and_to_what_the_rules_say(
    asked: Choices, quantity: int
) -> None:
    found = configure(specification(), asked, quantity=quantity, day=DAY)

    assert found.price is not None
    assert found.price.total.minor == sum(line.amount_minor for line in found.price.lines)
    base = quantity * (800 if quantity >= 10 else 1_000) + 5_000
    hard = (base * 2_500 + 5_000) // 10_000 if asked["alloy"] == "steel" else 0
    added = 150 * quantity * int(asked["holes"]) + 300 * quantity * int(asked["coated"])
    assert found.price.total.minor == base + hard + added
    minutes = [one.minutes for one in found.work]
    assert minutes[0] == 30 + 2 * quantity * int(asked["holes"])
    assert minutes[1:] == ([60] if asked["coated"] else [])


def test_broken_choices_tell_the_constraint_and_have_no_price() -> None:
    dull = Constraint(
        "no-coat", ConstraintKind.EXCLUDES, {"alloy": ("steel",)}, {"coated": (True,)},
        "The coating does not hold on steel.", "涂层不附着于钢。",
    )  # fmt: skip
    asked: Choices = {"alloy": "steel", "coated": True, "holes": 0, "length": 20}

    found = configure(specification(constraints=(dull,)), asked, quantity=1, day=DAY)

    assert (found.is_valid, found.price, found.work) == (False, None, ())
    assert [one.key for one in found.broken] == ["no-coat"]
    assert found.changes == 1
    assert {tuple(one.values())[:2] for one in found.nearest} == {
        ("6061", True), ("7075", True), ("steel", False),
    }  # fmt: skip


@pytest.mark.parametrize("value", [4, -1, True, "1", None])
def test_a_value_an_option_does_not_have_is_refused(value: Any) -> None:
    asked = {"alloy": "6061", "coated": True, "holes": value, "length": 20}
    with pytest.raises(ChoiceInvalidError):
        configure(specification(), asked, quantity=1, day=DAY)


@pytest.mark.parametrize(
    ("field", "facts"),
    [
        ("options.size.schema", {"options": (Option("size", "s", "s", {"type": "number"}),)}),
        ("options.size.schema", {"options": (Option("size", "s", "s", {"enum": [1, "a"]}),)}),
        ("constraints.c", {"constraints": (
            Constraint("c", ConstraintKind.REQUIRES, {}, {"colour": ("red",)}, "r", "r"),)}),
        ("constraints", {"constraints": (
            Constraint("c", ConstraintKind.EXCLUDES, {}, {"coated": (True, False)}, "r", "r"),)}),
        ("charges.wrong", {"charges": (Charge("wrong", Term(1, ("alloy",))),)}),
        ("price.unit", {"price": PriceRule(1_000, surcharges=(Surcharge("hard", 1),))}),
    ],
)  # fmt: skip
def test_a_product_nobody_could_order_is_refused(field: str, facts: dict[str, Any]) -> None:
    with pytest.raises(OptionInvalidError) as refused:
        check_specification(specification(**facts))
    assert refused.value.facts["field"] == field
