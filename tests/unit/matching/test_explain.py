"""Verdicts as sentences."""

import re
from datetime import timedelta

import pytest

from services.contracts.money import Money
from services.contracts.telemetry import ResourceState
from services.matching.domain import (
    Aspect,
    Candidate,
    Constraint,
    FailureCount,
    NearMiss,
    Reason,
    Relaxation,
    Step,
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
    explain_relaxation,
)
from tests.contract.matching.market import Draw
from tests.support.clock import START as NOW

HOUR = timedelta(hours=1)
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
        "longest free time is 1 h 30 min, 4 h is needed",
        "最长空闲 1 小时 30 分，需要 4 小时",
    ),
    (
        verdict(Constraint.LOT, Reason.TOO_FEW, asked=20, offered=50, margin=-30),
        "20 piece(s) are below the minimum lot of 50",
        "20 件低于最小批量 50 件",
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


def eased(*steps: Step, lost: int = 0, before: timedelta | None = None) -> Relaxation:
    return Relaxation(
        steps=steps,
        listings=3,
        organisations=2,
        lost=lost,
        price=Money(150_000),
        price_before=None,
        earliest_end=NOW,
        earliest_end_before=None if before is None else NOW + before,
    )


STEPS: list[tuple[Step, str, str]] = [
    (Step(Aspect.TOLERANCE, 10, 20), "tolerance ±10 µm → ±20 µm", "公差 ±10 µm → ±20 µm"),
    (Step(Aspect.TOLERANCE, 10, None), "any tolerance instead of ±10 µm", "公差不限（原 ±10 µm）"),
    (Step(Aspect.RADIUS, 20_000, 63_000), "radius 20.0 km → 63.0 km", "半径 20.0 km → 63.0 km"),
    (
        Step(Aspect.RADIUS, 20_000, None),
        "any distance instead of 20.0 km",
        "距离不限（原 20.0 km）",
    ),
    (
        Step(Aspect.WINDOW_END, "2026-03-02T09:00:30Z", "2026-03-03T12:00:00Z"),
        "the window ends 27 h later",
        "时间窗结束推迟 27 小时",
    ),
    (
        Step(Aspect.WINDOW_START, "2026-03-02T09:00:00Z", "2026-03-02T08:15:00Z"),
        "the window starts 45 min earlier",
        "时间窗开始提前 45 分",
    ),
    (
        Step(Aspect.BUDGET, 100_000, 120_000),
        "budget CN¥1,000.00 → CN¥1,200.00",
        "预算 ¥1,000.00 → ¥1,200.00",
    ),
    (Step(Aspect.BUDGET, 1, None), "no budget instead of CN¥0.01", "预算不限（原 ¥0.01）"),
    (
        Step(Aspect.CERTIFICATE, "cnas (hardness)", None),
        "without the certificate CNAS (hardness)",
        "不要求证书 CNAS (hardness)",
    ),
    (
        Step(Aspect.MATERIAL, "abs, polymer", None),
        "without asking for abs, polymer",
        "不要求材料 abs、polymer",
    ),
    (Step(Aspect.UNITS, 3, 2), "units 3 → 2", "数量 3 → 2"),
    (
        Step(Aspect.HOURS, 20, 90),
        "booking length 20 min → 1 h 30 min",
        "预订时长 20 分 → 1 小时 30 分",
    ),
    (
        Step(Aspect.MEASURED_ONLY, "measured", None),
        "declared free time too",
        "也接受自行申报的时段",
    ),
    (Step(Aspect.QUANTITY, 20, 50), "pieces 20 → 50", "件数 20 → 50"),
]


@pytest.mark.parametrize(("step", "en", "zh"), STEPS)
def test_a_step_is_told_in_each_language(step: Step, en: str, zh: str) -> None:
    def term(code: str) -> str:
        return code.replace("cnas", "CNAS")

    said = explain_relaxation(eased(step), language="en", term=term)
    assert said == f"{en}: 3 more of 2 firm(s), best at CN¥1,500.00"
    said = explain_relaxation(eased(step), language="zh", term=term)
    assert said == f"{zh}：增加 2 家企业的 3 项，最优价 ¥1,500.00"


def test_a_pair_and_what_it_brings_and_costs() -> None:
    pair = (Step(Aspect.TOLERANCE, 10, 20), Step(Aspect.HOURS, 60, 120))
    told = eased(*pair, lost=1, before=timedelta(days=3, hours=5))
    assert explain_relaxation(told, language="en") == (
        "tolerance ±10 µm → ±20 µm and booking length 1 h → 2 h: 3 more of 2 firm(s), best at"
        " CN¥1,500.00, earliest end 3 d sooner, 1 fewer of those there were"
    )
    assert explain_relaxation(told, language="zh") == (
        "公差 ±10 µm → ±20 µm，并且预订时长 1 小时 → 2 小时：增加 2 家企业的 3 项，"
        "最优价 ¥1,500.00，最早完工提前 3 天，失去 1 项"
    )


@pytest.mark.parametrize(
    ("before", "text"),
    [(timedelta(hours=5), ", earliest end 5 h sooner"), (timedelta(0), ""), (-HOUR, "")],
)
def test_an_earlier_end_is_told_when_it_is_one(before: timedelta, text: str) -> None:
    told = eased(Step(Aspect.UNITS, 3, 2), before=before)
    said = explain_relaxation(told, language="en")
    assert said == f"units 3 → 2: 3 more of 2 firm(s), best at CN¥1,500.00{text}"


def test_a_tolerance_is_told_with_its_grade_where_it_has_one() -> None:
    told = eased(Step(Aspect.TOLERANCE, 6, 40))
    said = explain_relaxation(told, language="en", grade={6: "IT6", 40: None}.__getitem__)
    assert said.startswith("tolerance ±6 µm (IT6) → ±40 µm: ")


def test_every_aspect_is_told() -> None:
    assert {step.aspect for step, _, _ in STEPS} == set(Aspect)


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
