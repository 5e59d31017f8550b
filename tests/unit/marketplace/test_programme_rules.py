"""The rule files: each clause passes what it should and refuses what it should, by its name."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from marketplace.programmes.domain import (
    Case,
    ClauseBrokenError,
    FieldKind,
    Programme,
    RuleKind,
    check,
    check_quota,
    judge,
    preferred,
)
from marketplace.programmes.loader import DATA, load_programmes, read_programme
from services.runtime.lined_yaml import BrokenDataError

PROGRAMMES: Final = load_programmes()
SAID: Final[Mapping[FieldKind, Any]] = {
    FieldKind.TEXT: "said", FieldKind.INTEGER: 1, FieldKind.MONEY: 100, FieldKind.PERCENT: 500,
    FieldKind.BOOLEAN: False, FieldKind.DIRECTIONS: [],
}  # fmt: skip


def good(programme: Programme) -> Case:
    """What every clause passes."""
    fields = {one.key: SAID[one.kind] for one in programme.form if one.figure is None}
    return Case(directions=(1, 2), fields=fields, regions=("420111",))


def stating(case: Case, **fields: Any) -> Case:
    return replace(case, fields={**case.fields, **fields})


BREAKS: Final[Mapping[tuple[str, str], Any]] = {
    ("miit-2017", "limits.projects-per-applicant"): lambda it: replace(it, projects=1),
    ("miit-2017", "limits.directions-per-project"): lambda it: replace(
        it, directions=(1, 2, 3, 4)
    ),
    ("miit-2017", "exclusions.centrally-funded"): lambda it: stating(it, centrally_funded=True),
    ("miit-2017", "form.complete"): lambda it: stating(it, narrative="x" * 2_001),
    ("hubei-2020", "eligibility.registered-in-province"): lambda it: replace(
        it, regions=("310115",)
    ),
    ("hubei-2020", "limits.projects-per-applicant"): lambda it: replace(it, projects=1),
    ("hubei-2020", "limits.directions-per-project"): lambda it: replace(
        it, directions=(1, 2, 3, 4)
    ),
    ("hubei-2020", "exclusions.accident-or-illegality"): lambda it: stating(
        it, accident_or_illegality=True
    ),
    ("hubei-2020", "form.complete"): lambda it: stating(it, staff=None),
    ("miit-fusion-2019", "limits.projects-per-applicant"): lambda it: replace(it, projects=1),
    ("miit-fusion-2019", "limits.directions-per-project"): lambda it: replace(
        it, directions=(1, 2, 3)
    ),
    ("miit-fusion-2019", "exclusions.awarded-before"): lambda it: stating(
        it, categories_awarded=[2]
    ),
    ("miit-fusion-2019", "exclusions.purchase-without-absorption"): lambda it: stating(
        it, purchase_without_absorption=True
    ),
    ("miit-fusion-2019", "form.complete"): lambda it: replace(it, directions=(7,)),
}  # fmt: skip
QUOTA: Final = "limits.recommendations"


def test_every_clause_has_a_case() -> None:
    known = {(one.key, rule.clause) for one in PROGRAMMES.values() for rule in one.rules}
    assert {case for case in known if case[1] != QUOTA} == set(BREAKS)
    assert {case[0] for case in known if case[1] == QUOTA} == {"miit-2017", "miit-fusion-2019"}


@pytest.mark.parametrize("key", PROGRAMMES)
def test_a_good_application_passes_every_clause(key: str) -> None:
    findings = judge(PROGRAMMES[key], good(PROGRAMMES[key]))

    assert [one.clause for one in findings if not one.passed] == []
    check(PROGRAMMES[key], findings)


@pytest.mark.parametrize(("key", "clause"), BREAKS)
def test_what_breaks_one_clause_is_refused_by_its_name(key: str, clause: str) -> None:
    programme = PROGRAMMES[key]
    findings = judge(programme, BREAKS[key, clause](good(programme)))

    assert [one.clause for one in findings if not one.passed] == [clause]
    with pytest.raises(ClauseBrokenError) as refused:
        check(programme, findings)
    assert refused.value.facts["clause"] == clause
    assert programme.key in refused.value.text("zh")


def test_what_is_not_stated_does_not_count_as_denied() -> None:
    programme = PROGRAMMES["miit-2017"]
    silent = good(programme)
    fields = {key: held for key, held in silent.fields.items() if key != "centrally_funded"}

    findings = judge(programme, replace(silent, fields=fields))

    broken = {one.clause for one in findings if not one.passed}
    assert broken == {"exclusions.centrally-funded", "form.complete"}


@pytest.mark.parametrize("key", ["miit-2017", "miit-fusion-2019"])
def test_the_tenth_recommendation_passes_and_the_eleventh_is_refused(key: str) -> None:
    assert check_quota(PROGRAMMES[key], 9) == 10
    with pytest.raises(ClauseBrokenError) as refused:
        check_quota(PROGRAMMES[key], 10)
    assert refused.value.facts["clause"] == QUOTA


def test_a_programme_without_a_quota_lets_any_number_be_recommended() -> None:
    assert check_quota(PROGRAMMES["hubei-2020"], 1_000) is None


def test_preferences_decide_nothing_and_are_told() -> None:
    programme = PROGRAMMES["hubei-2020"]
    case = stating(good(programme), national_pilot=True)

    assert preferred(programme, case.fields) == ("preferences.national-pilot",)
    assert all(one.passed for one in judge(programme, case))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("    most: 3\n", "    most: 0\n", "a limit needs a number of at least 1"),
        ("    field: centrally_funded\n", "    field: funded\n", "the form has no field funded"),
        ("kind: form-complete", "kind: form-finished", "Input should be"),
        (
            "clause: form.complete", "clause: exclusions.centrally-funded",
            "exclusions.centrally-funded stands twice",
        ),
    ],
)  # fmt: skip
def test_a_broken_rule_file_is_told_by_its_line(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    text = (DATA / "miit-2017.yaml").read_text(encoding="utf-8")
    path = tmp_path / "miit-2017.yaml"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    line = text[: text.index(before)].count("\n") + 1

    with pytest.raises(BrokenDataError, match=told) as refused:
        read_programme(path)

    assert f"line {line}:" in str(refused.value)


def test_limits_stand_once_in_a_programme() -> None:
    for programme in PROGRAMMES.values():
        limits = [rule.kind for rule in programme.rules if rule.kind.value.endswith("at-most")]
        assert len(limits) == len(set(limits))
        assert programme.rule(RuleKind.FORM_COMPLETE) is not None
