"""Verdicts and relaxations as sentences in Chinese and English, for every door."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal

from babel.numbers import format_currency, get_currency_precision

from services.contracts.telemetry import ResourceState
from services.matching.domain import (
    Aspect,
    Constraint,
    FailureCount,
    Reason,
    Relaxation,
    Step,
    Value,
    Verdict,
)
from services.matching.ranking import MINUTES_PER_HOUR
from services.matching.routing import ChainAnswer

MINUTE: Final = timedelta(minutes=1)
MINUTES_PER_DAY: Final = 24 * MINUTES_PER_HOUR

Language = Literal["en", "zh"]
Text = Mapping[Language, str]
TermName = Callable[[str], str]
"""The name of a taxonomy code in the reader's language."""
GradeName = Callable[[int], str | None]
"""The tolerance grade that a ± value in µm stays within, where the size it is at is known."""


def no_grade(_: int) -> str | None:
    return None


def _text(en: str, zh: str) -> Text:
    return MappingProxyType({"en": en, "zh": zh})


CONSTRAINT_NAMES: Final[Mapping[Constraint, Text]] = MappingProxyType(
    {
        Constraint.PROCESS: _text("process", "工艺"),
        Constraint.MATERIAL: _text("material", "材料"),
        Constraint.ENVELOPE: _text("work envelope", "加工范围"),
        Constraint.TOLERANCE: _text("tolerance", "公差"),
        Constraint.CERTIFICATES: _text("certificates", "资质证书"),
        Constraint.UNITS: _text("units", "数量"),
        Constraint.LOT: _text("minimum lot", "最小批量"),
        Constraint.HOURS: _text("booking length", "预订时长"),
        Constraint.PLACE: _text("distance", "距离"),
        Constraint.PROVENANCE: _text("provenance of free time", "时段来源"),
        Constraint.BUDGET: _text("budget", "预算"),
        Constraint.WINDOW: _text("free time", "空闲时段"),
        Constraint.LIVE: _text("live state", "实时状态"),
    }
)

STATE_NAMES: Final[Mapping[str, Text]] = MappingProxyType(
    {
        ResourceState.EXECUTING: _text("executing", "运行中"),
        ResourceState.IDLE: _text("idle", "空闲"),
        ResourceState.SETUP: _text("being set up", "调试中"),
        ResourceState.MAINTENANCE: _text("in maintenance", "维护中"),
        ResourceState.DOWN: _text("down", "故障"),
        ResourceState.OFF: _text("off", "停机"),
        ResourceState.UNKNOWN: _text("in an unknown state", "状态未知"),
    }
)

_PROVENANCE_NAMES: Final[Mapping[str, Text]] = MappingProxyType(
    {"declared": _text("declared", "自行申报"), "measured": _text("measured", "实测")}
)

_NOT_ASKED: Final = _text("no demand on {name}", "对{name}无要求")
_UNDECLARED: Final = _text("no {name} is declared; {asked} is asked", "未申报{name}；要求 {asked}")

_SENTENCES: Final[Mapping[tuple[Constraint, Reason], Text]] = MappingProxyType(
    {
        (Constraint.PROCESS, Reason.MET): _text("offers {offered}", "提供{offered}"),
        (Constraint.PROCESS, Reason.NOT_HELD): _text(
            "offers {offered}, {asked} is asked", "提供{offered}，要求{asked}"
        ),
        (Constraint.MATERIAL, Reason.MET): _text("works {offered}", "可加工{offered}"),
        (Constraint.MATERIAL, Reason.NOT_HELD): _text("does not work {asked}", "不能加工{asked}"),
        (Constraint.ENVELOPE, Reason.MET): _text(
            "takes {offered} mm, the part is {asked} mm", "可容纳 {offered} mm，工件 {asked} mm"
        ),
        (Constraint.ENVELOPE, Reason.TOO_SMALL): _text(
            "takes {offered} mm, the part of {asked} mm is {short} mm too large",
            "仅可容纳 {offered} mm，工件 {asked} mm 超出 {short} mm",
        ),
        (Constraint.TOLERANCE, Reason.MET): _text(
            "tolerance {offered} ≤ {asked} asked", "公差 {offered} ≤ 要求 {asked}"
        ),
        (Constraint.TOLERANCE, Reason.TOO_COARSE): _text(
            "tolerance {offered} > {asked} asked", "公差 {offered} > 要求 {asked}"
        ),
        (Constraint.CERTIFICATES, Reason.MET): _text("holds {offered}", "持有 {offered}"),
        (Constraint.CERTIFICATES, Reason.NOT_HELD): _text(
            "does not hold {offered}", "缺少 {offered}"
        ),
        (Constraint.CERTIFICATES, Reason.EXPIRED): _text(
            "expires before the work is done: {offered}", "在完工前到期：{offered}"
        ),
        (Constraint.UNITS, Reason.MET): _text(
            "has {offered} unit(s), {asked} asked", "共 {offered} 个单元，需要 {asked} 个"
        ),
        (Constraint.UNITS, Reason.TOO_FEW): _text(
            "has {offered} unit(s) only, {asked} asked", "仅 {offered} 个单元，需要 {asked} 个"
        ),
        (Constraint.LOT, Reason.MET): _text(
            "{asked} piece(s) reach the minimum lot of {offered}",
            "{asked} 件达到最小批量 {offered} 件",
        ),
        (Constraint.LOT, Reason.TOO_FEW): _text(
            "{asked} piece(s) are below the minimum lot of {offered}",
            "{asked} 件低于最小批量 {offered} 件",
        ),
        (Constraint.HOURS, Reason.MET): _text(
            "{asked} is at least the minimum of {offered}", "{asked}不少于最短 {offered}"
        ),
        (Constraint.HOURS, Reason.TOO_SHORT): _text(
            "{asked} is below the minimum of {offered}", "{asked}少于最短 {offered}"
        ),
        (Constraint.PLACE, Reason.MET): _text(
            "{offered} away, within {asked}", "距离 {offered} ≤ 半径 {asked}"
        ),
        (Constraint.PLACE, Reason.TOO_FAR): _text(
            "{offered} away, beyond {asked}", "距离 {offered} > 半径 {asked}"
        ),
        (Constraint.PROVENANCE, Reason.MET): _text(
            "free time is measured on the machine", "空闲时段为设备实测"
        ),
        (Constraint.PROVENANCE, Reason.NOT_MEASURED): _text(
            "free time is declared, not measured", "空闲时段为自行申报，非实测"
        ),
        (Constraint.BUDGET, Reason.NOT_ASKED): _text(
            "costs {offered}, no budget is set", "价格 {offered}，未设预算"
        ),
        (Constraint.BUDGET, Reason.MET): _text(
            "costs {offered} ≤ budget {asked}", "价格 {offered} ≤ 预算 {asked}"
        ),
        (Constraint.BUDGET, Reason.TOO_DEAR): _text(
            "costs {offered} > budget {asked}", "价格 {offered} > 预算 {asked}"
        ),
        (Constraint.BUDGET, Reason.OTHER_CURRENCY): _text(
            "is priced in {offered}, {asked} is asked", "以 {offered} 计价，要求 {asked}"
        ),
        (Constraint.WINDOW, Reason.MET): _text(
            "earliest slot ends {margin} before the window closes",
            "最早时段比截止时间提前 {margin}",
        ),
        (Constraint.WINDOW, Reason.NO_FREE_TIME): _text(
            "longest free time is {offered}, {asked} is needed", "最长空闲 {offered}，需要 {asked}"
        ),
        (Constraint.LIVE, Reason.UNOBSERVED): _text("not observed live", "无实时监测"),
        (Constraint.LIVE, Reason.MET): _text("is {offered} now", "当前{offered}"),
        (Constraint.LIVE, Reason.OUT_OF_SERVICE): _text(
            "is {offered}: its near slots are withdrawn", "当前{offered}，近期时段已撤回"
        ),
    }
)


_EASED: Final[Mapping[Aspect, Text]] = MappingProxyType(
    {
        Aspect.TOLERANCE: _text("tolerance {asked} → {eased}", "公差 {asked} → {eased}"),
        Aspect.RADIUS: _text("radius {asked} → {eased}", "半径 {asked} → {eased}"),
        Aspect.WINDOW_END: _text("the window ends {moved} later", "时间窗结束推迟 {moved}"),
        Aspect.WINDOW_START: _text("the window starts {moved} earlier", "时间窗开始提前 {moved}"),
        Aspect.BUDGET: _text("budget {asked} → {eased}", "预算 {asked} → {eased}"),
        Aspect.UNITS: _text("units {asked} → {eased}", "数量 {asked} → {eased}"),
        Aspect.QUANTITY: _text("pieces {asked} → {eased}", "件数 {asked} → {eased}"),
        Aspect.HOURS: _text("booking length {asked} → {eased}", "预订时长 {asked} → {eased}"),
    }
)
_GIVEN_UP: Final[Mapping[Aspect, Text]] = MappingProxyType(
    {
        Aspect.TOLERANCE: _text("any tolerance instead of {asked}", "公差不限（原 {asked}）"),
        Aspect.RADIUS: _text("any distance instead of {asked}", "距离不限（原 {asked}）"),
        Aspect.BUDGET: _text("no budget instead of {asked}", "预算不限（原 {asked}）"),
        Aspect.CERTIFICATE: _text("without the certificate {asked}", "不要求证书 {asked}"),
        Aspect.MATERIAL: _text("without asking for {asked}", "不要求材料 {asked}"),
        Aspect.MEASURED_ONLY: _text("declared free time too", "也接受自行申报的时段"),
    }
)
_GAINED: Final = _text(
    "{steps}: {listings} more of {organisations} firm(s), best at {price}",
    "{steps}：增加 {organisations} 家企业的 {listings} 项，最优价 {price}",
)


def explain(
    verdict: Verdict, *, language: Language, currency: str = "CNY", term: TermName = str
) -> str:
    """One sentence for ``verdict``; amounts are in ``currency``, codes named by ``term``."""
    sentence = _SENTENCES.get((verdict.constraint, verdict.reason))
    if sentence is None:
        sentence = _UNDECLARED if verdict.reason is Reason.UNDECLARED else _NOT_ASKED
    show = _shower(verdict, language, currency, term)
    return sentence[language].format(
        name=CONSTRAINT_NAMES[verdict.constraint][language],
        asked=show(verdict.asked),
        offered=show(verdict.offered),
        margin=show(verdict.margin),
        short=-(verdict.margin or 0),
    )


def explain_failures(failure: FailureCount, *, language: Language) -> str:
    """How many listings a constraint rejected, and how many it alone did."""
    name = CONSTRAINT_NAMES[failure.constraint][language]
    if language == "zh":
        return f"{name}：排除 {failure.rejected} 项，其中 {failure.rejected_alone} 项仅因此不符"
    return f"{name} rules out {failure.rejected}, {failure.rejected_alone} by itself alone"


def explain_relaxation(
    relaxation: Relaxation,
    *,
    language: Language,
    term: TermName = str,
    grade: GradeName = no_grade,
) -> str:
    """What gives way, what that gains, and how much earlier the work can be done for it.

    A tolerance is told with its ``grade`` too, where it has one.
    """
    also = " and " if language == "en" else "，并且"
    currency = relaxation.price.currency

    def show(constraint: Constraint, value: Value) -> str:
        shown = _shown(constraint, value, language, currency, term)
        if constraint is Constraint.TOLERANCE and isinstance(value, int):
            name = grade(value)
            return shown if name is None else f"{shown} ({name})"
        return shown

    steps = also.join(_eased(step, language, show) for step in relaxation.steps)
    gained = _GAINED[language].format(
        steps=steps,
        listings=relaxation.listings,
        organisations=relaxation.organisations,
        price=amount(relaxation.price.minor, currency, language),
    )
    return gained + _earlier(relaxation, language) + _lost(relaxation.lost, language)


def _eased(step: Step, language: Language, show: Callable[[Constraint, Value], str]) -> str:
    if step.aspect in {Aspect.WINDOW_END, Aspect.WINDOW_START}:
        return _EASED[step.aspect][language].format(moved=duration(_moved(step), language))
    sentences = _GIVEN_UP if step.eased is None else _EASED
    asked, eased = (show(step.aspect.constraint, value) for value in (step.asked, step.eased))
    return sentences[step.aspect][language].format(asked=asked, eased=eased)


def _moved(step: Step) -> int:
    """Minutes between the two bounds of a window, rounded up."""
    asked, eased = (datetime.fromisoformat(str(one)) for one in (step.asked, step.eased))
    return -(-abs(eased - asked) // MINUTE)


def _earlier(relaxation: Relaxation, language: Language) -> str:
    """How much sooner the earliest end is; nothing when there was none or it is no sooner."""
    sooner = relaxation.earlier
    if sooner is None or sooner < MINUTE:
        return ""
    span = days(sooner // MINUTE, language)
    return f"，最早完工提前 {span}" if language == "zh" else f", earliest end {span} sooner"


def _lost(count: int, language: Language) -> str:
    if not count:
        return ""
    return f"，失去 {count} 项" if language == "zh" else f", {count} fewer of those there were"


def days(minutes: int, language: Language) -> str:
    """Like :func:`duration`, in whole days from one day on."""
    whole = minutes // MINUTES_PER_DAY
    if not whole:
        return duration(minutes, language)
    return f"{whole} {'天' if language == 'zh' else 'd'}"


def duration(minutes: int, language: Language) -> str:
    """``200`` as ``3 h 20 min`` or ``3 小时 20 分``."""
    hours, rest = divmod(minutes, MINUTES_PER_HOUR)
    hour, minute = ("小时", "分") if language == "zh" else ("h", "min")
    parts = [f"{hours} {hour}"] if hours else []
    if rest or not hours:
        parts.append(f"{rest} {minute}")
    return " ".join(parts)


def amount(minor: int, currency: str, language: Language) -> str:
    """``minor`` units as people write them."""
    value = Decimal(minor).scaleb(-get_currency_precision(currency))
    return format_currency(value, currency, locale="zh_CN" if language == "zh" else "en_US")


def _shower(
    verdict: Verdict, language: Language, currency: str, term: TermName
) -> Callable[[Value], str]:
    def show(value: Value) -> str:
        return _shown(verdict.constraint, value, language, currency, term)

    return show


def _shown(
    constraint: Constraint, value: Value, language: Language, currency: str, term: TermName
) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _named(constraint, value, language, term)
    return _with_unit(constraint, value, language, currency)


def _named(constraint: Constraint, value: str, language: Language, term: TermName) -> str:
    if constraint is Constraint.LIVE:
        return STATE_NAMES[value][language]
    if constraint is Constraint.PROVENANCE:
        return _PROVENANCE_NAMES[value][language]
    if constraint in {Constraint.PROCESS, Constraint.MATERIAL, Constraint.CERTIFICATES}:
        separator = "、" if language == "zh" else ", "
        return separator.join(_with_name(one, term) for one in value.split(", "))
    return value


def _with_name(item: str, term: TermName) -> str:
    """A code by its name; what follows it, such as a scope or a date, stays."""
    code, space, rest = item.partition(" ")
    return f"{term(code)}{space}{rest}"


def _with_unit(constraint: Constraint, value: int, language: Language, currency: str) -> str:
    match constraint:
        case Constraint.TOLERANCE:
            return f"±{value} µm"
        case Constraint.PLACE:
            return f"{value / 1000:.1f} km"
        case Constraint.HOURS | Constraint.WINDOW:
            return duration(value, language)
        case Constraint.BUDGET:
            return amount(value, currency, language)
        case _:
            return str(value)


def explain_routing(answer: ChainAnswer, *, language: Language) -> str:
    """Whether there is a route and how good it is known to be, or where the chain breaks."""
    routing, also = answer.routing, "、" if language == "zh" else ", "
    empty = [number for number, one in enumerate(answer.matches, start=1) if not one.candidates]
    if empty:
        return _BROKEN[language].format(steps=also.join(map(str, empty)))
    if routing.best is None:
        by = answer.possible_by
        told = _BY[language].format(by=by.isoformat(timespec="minutes")) if by else ""
        return _TOO_LATE[language] + told
    proven = _PROVEN[language] if routing.proven else _BOUNDED[language]
    more = also.join(str(number + 1) for number in routing.truncated)
    return proven + (_AMONG[language].format(steps=more) if more else "")


_BROKEN: Final = _text(
    "no listing fits step {steps} alone; each says why below",
    "第 {steps} 道工序没有合适的供应；原因见各工序",
)
_TOO_LATE: Final = _text(
    "every step has suppliers, but no way through them ends within the window; let it end later",
    "各工序均有供应，但在时间窗内无法依次完成；请推迟时间窗的结束",
)
_BY: Final = _text(": by {by} there is one", "：至 {by} 可完成")
_PROVEN: Final = _text(
    "the best of all routes over these candidates", "在这些候选中已证明为最优路线"
)
_BOUNDED: Final = _text(
    "the best route found; none over these candidates can be better than the bound",
    "已找到的最优路线；这些候选中的任何路线都不会优于所示下界",
)
_AMONG: Final = _text(
    "; more listings fit step {steps} than were weighed",
    "；第 {steps} 道工序另有未纳入比较的供应",
)
