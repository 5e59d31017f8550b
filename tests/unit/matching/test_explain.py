"""Verdicts as sentences."""

import re

import pytest

from services.contracts.telemetry import ResourceState
from services.matching.domain import (
    Candidate,
    Constraint,
    FailureCount,
    NearMiss,
    Reason,
    Verdict,
)
from services.matching.engine.oracle import OracleEngine
from services.matching.explain import (
    CONSTRAINT_NAMES,
    STATE_NAMES,
    Language,
    duration,
    explain,
    explain_failures,
)
from tests.contract.matching.market import Draw
from tests.support.clock import START as NOW

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def verdict(constraint: Constraint, reason: Reason, **facts: int | str) -> Verdict:
    return Verdict(constraint, passed=False, reason=reason, **facts)  # type: ignore[arg-type]


SENTENCES: list[tuple[Verdict, str, str]] = [
    (
        verdict(Constraint.TOLERANCE, Reason.MET, asked=30, offered=20, margin=10),
        "tolerance ±20 µm ≤ ±30 µm asked",
        "公差 ±20 µm ≤ 要求 ±30 µm",
    ),
    (
        verdict(Constraint.TOLERANCE, Reason.UNDECLARED, asked=30),
        "no tolerance is declared; ±30 µm is asked",
        "未申报公差；要求 ±30 µm",
    ),
    (
        verdict(Constraint.ENVELOPE, Reason.TOO_SMALL, asked="500×1×1", offered="400×300×200",
                margin=-100),
        "takes 400×300×200 mm, the part of 500×1×1 mm is 100 mm too large",
        "仅可容纳 400×300×200 mm，工件 500×1×1 mm 超出 100 mm",
    ),
    (
        verdict(Constraint.PLACE, Reason.TOO_FAR, asked=20_000, offered=688_572),
        "688.6 km away, beyond 20.0 km",
        "距离 688.6 km > 半径 20.0 km",
    ),
    (
        verdict(Constraint.BUDGET, Reason.TOO_DEAR, asked=100_000, offered=123_456),
        "costs CN¥1,234.56 > budget CN¥1,000.00",
        "价格 ¥1,234.56 > 预算 ¥1,000.00",
    ),
    (
        verdict(Constraint.WINDOW, Reason.NO_FREE_TIME, asked=240, offered=90, margin=-150),
        "longest free time is 1 h 30 min, 4 h is asked",
        "最长空闲 1 小时 30 分，需要 4 小时",
    ),
    (
        verdict(Constraint.LIVE, Reason.OUT_OF_SERVICE, offered="down"),
        "is down: its near slots are withdrawn",
        "当前故障，近期时段已撤回",
    ),
    (
        verdict(Constraint.CERTIFICATES, Reason.EXPIRED, offered="cnas (hardness) 2026-02-27"),
        "expires before the work is done: cnas (hardness) 2026-02-27",
        "在完工前到期：cnas (hardness) 2026-02-27",
    ),
    (
        verdict(Constraint.MATERIAL, Reason.NOT_ASKED),
        "no demand on material",
        "对材料无要求",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("said", "en", "zh"), SENTENCES)
def test_a_verdict_is_one_sentence_in_each_language(said: Verdict, en: str, zh: str) -> None:
    assert explain(said, language="en") == en
    assert explain(said, language="zh") == zh


def test_amounts_follow_the_currency() -> None:
    said = verdict(Constraint.BUDGET, Reason.NOT_ASKED, offered=1_500)
    assert explain(said, language="en", currency="JPY") == "costs ¥1,500, no budget is set"
    assert explain(said, language="en", currency="EUR") == "costs €15.00, no budget is set"


def test_codes_are_named_by_the_vocabulary_given() -> None:
    said = verdict(Constraint.MATERIAL, Reason.MET, offered="metal.steel, polymer")
    names = {"metal.steel": "钢", "polymer": "塑料"}
    assert explain(said, language="zh", term=names.__getitem__) == "可加工钢、塑料"
    assert explain(said, language="en") == "works metal.steel, polymer"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_verdict_an_engine_gives_has_a_whole_sentence(language: Language) -> None:
    told = set()
    for seed in range(300):
        drawn = Draw(seed)
        result = OracleEngine(drawn.market()).match(drawn.requirement(), limit=9, now=NOW)
        answered: list[Candidate | NearMiss] = [*result.candidates, *result.near_misses]
        for one in answered:
            for said in one.verdicts:
                text = explain(said, language=language)
                assert "  " not in text
                assert not text.endswith((" ", "：", ":"))
                assert bool(CHINESE.search(text)) == (language == "zh")
                told.add((said.constraint, said.reason))
    assert {constraint for constraint, _ in told} == set(Constraint)


def test_failures_tell_both_counts() -> None:
    count = FailureCount(Constraint.TOLERANCE, rejected=3, rejected_alone=2)
    assert explain_failures(count, language="en") == "tolerance rules out 3, 2 by itself alone"
    assert explain_failures(count, language="zh") == "公差：排除 3 项，其中 2 项仅因此不符"


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0 min"), (59, "59 min"), (60, "1 h"), (61, "1 h 1 min")]
)
def test_durations(minutes: int, text: str) -> None:
    assert duration(minutes, "en") == text


def test_every_constraint_and_state_has_a_name() -> None:
    assert set(CONSTRAINT_NAMES) == set(Constraint)
    assert set(STATE_NAMES) == set(ResourceState)
