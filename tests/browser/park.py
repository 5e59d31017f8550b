"""A made-up park for pages: machines in every state, resources without a twin, a day's story."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.portal.model import (
    BookingLine,
    Demand,
    ExplainedMiss,
    Firm,
    FreeSpan,
    Live,
    Match,
    Name,
    Offered,
    Park,
    RankedCandidate,
    Resource,
    StateSpan,
    Today,
    Withdrawal,
)
from services.booking.domain import Booking, BookingState
from services.capacity.domain import Provenance
from services.contracts.ids import BookingId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval, subtract
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
    Value,
    Verdict,
)

ZONE = "Asia/Shanghai"
DAY = Interval(datetime(2026, 11, 21, 16, tzinfo=UTC), datetime(2026, 11, 22, 16, tzinfo=UTC))
NOW = datetime(2026, 11, 22, 5, 42, 7, tzinfo=UTC)
RISK = "down: Spindle drive fault E-217"
BUYER = Name("Hanyang Pump Works", "汉阳泵业")

_MACHINES = {
    "Jiangtan Precision": (
        "江滩精密",
        [
            ("VMC-850 mill", "VMC-850 立式加工中心", ResourceState.EXECUTING),
            ("5-axis DMU 50", "DMU 50 五轴加工中心", ResourceState.DOWN),
            ("CK6150 lathe", "CK6150 数控车床", ResourceState.IDLE),
            ("Wire EDM", "慢走丝线切割机", ResourceState.SETUP),
        ],
    ),
    "Zhongfa Moulds": (
        "中法模具",
        [
            ("HSM 600 graphite mill", "HSM 600 石墨高速铣", ResourceState.EXECUTING),
            ("Sinker EDM", "电火花成形机", ResourceState.MAINTENANCE),
            ("Surface grinder", "平面磨床", ResourceState.IDLE),
        ],
    ),
    "Guanggu Sheet Metal": (
        "光谷钣金",
        [
            ("Fibre laser 6 kW", "6 kW 光纤激光切割机", ResourceState.EXECUTING),
            ("Press brake 170 t", "170 吨折弯机", ResourceState.UNKNOWN),
            ("Turret punch", "数控转塔冲床", ResourceState.OFF),
        ],
    ),
    "Dongxihu Turning": (
        "东西湖车削",
        [
            ("Twin-spindle lathe", "双主轴车削中心", ResourceState.EXECUTING),
            ("Swiss-type lathe", "走心式车床", ResourceState.IDLE),
        ],
    ),
}
_DECLARED = [
    ("CMM 3-coordinate measuring", "三坐标测量", "lab_method", 1),
    ("Simulation licences", "仿真软件许可", "software_seats", 12),
    ("Gear expert Dr Wu", "齿轮专家吴博士", "expert", 1),
    ("Training room 301", "301 实训室", "room", 1),
]
_REASONS = {
    ResourceState.DOWN: "Spindle drive fault E-217",
    ResourceState.UNKNOWN: "link lost",
    ResourceState.MAINTENANCE: "Planned lubrication service",
}


def hour(at: float) -> datetime:
    """``at`` o'clock of the local day."""
    return DAY.start + timedelta(hours=at)


def hours(start: float, end: float) -> Interval:
    return Interval(hour(start), hour(end))


def identity(number: int) -> UUID:
    return UUID(int=(7 << 76) | (2 << 62) | number)


def sample_park() -> Park:
    """The same park at every call."""
    firms: list[Firm] = []
    number = 0
    for en, (zh, machines) in _MACHINES.items():
        resources = []
        for name_en, name_zh, state in machines:
            number += 1
            resources.append(_machine(number, Name(name_en, name_zh), state))
        firms.append(
            Firm(
                f"firm-{len(firms)}",
                Name(en, zh),
                Name(f"{en} works", f"{zh}厂区"),
                tuple(resources),
            )
        )
    declared = tuple(
        _declared(100 + index, Name(en, zh), kind, units)
        for index, (en, zh, kind, units) in enumerate(_DECLARED)
    )
    firms.append(Firm("lab", Name("Wuhan Testing Laboratory", "武汉检测中心"), None, declared))
    return Park(
        name=Name("Hankou Demonstration Park", "汉口示范园区"),
        at=NOW,
        timezone=ZONE,
        firms=tuple(firms),
        demands=(_demand(), _unmatched(), _impossible()),
        bookings=_bookings(),
        withdrawals=_withdrawals(),
    )


def with_state(
    park: Park, key: str, state: ResourceState, reason: str | None, at: datetime
) -> Park:
    """``park`` after the machine ``key`` changed state."""

    def moved(resource: Resource) -> Resource:
        if resource.id != key or resource.live is None:
            return resource
        live = replace(resource.live, state=state, reason=reason, since=at, seen_at=at)
        free = () if state is ResourceState.DOWN else resource.today.free
        return replace(resource, live=live, today=replace(resource.today, free=free))

    firms = tuple(
        replace(firm, resources=tuple(moved(resource) for resource in firm.resources))
        for firm in park.firms
    )
    return replace(park, firms=firms, at=at)


def _machine(number: int, name: Name, state: ResourceState) -> Resource:
    shift = hours(8, 20) if number % 3 else hours(0, 24)
    booked = (hours(15, 17),) if number % 2 else ()
    producing = state in {ResourceState.EXECUTING, ResourceState.IDLE, ResourceState.SETUP}
    job_end = NOW + timedelta(minutes=35 + 9 * number)
    busy = [*booked, Interval(DAY.start, job_end if state is ResourceState.EXECUTING else NOW)]
    free = tuple(
        FreeSpan(gap, 1, Provenance.MEASURED) for gap in subtract([shift], busy) if producing
    )
    started = hours(8, 8 + 0.3 * (number % 4 + 1))
    spans = [
        StateSpan(ResourceState.SETUP, started),
        StateSpan(ResourceState.EXECUTING, Interval(started.end, hour(11.2))),
        StateSpan(ResourceState.IDLE, hours(11.2, 12 + number % 3 / 4)),
        StateSpan(state, Interval(hour(12 + number % 3 / 4), NOW)),
    ]
    executing = state is ResourceState.EXECUTING
    live = Live(
        state=state,
        reason=_REASONS.get(state),
        since=hour(12 + number % 3 / 4),
        seen_at=NOW - timedelta(seconds=412 if state is ResourceState.UNKNOWN else number % 5),
        job_id=f"WO-{4700 + number}" if executing else None,
        job_predicted_end=job_end if executing else None,
        part_count=17 * number if producing else None,
    )
    today = Today(DAY, (shift,), tuple(spans), booked, free)
    free_h = sum(span.during.hours for span in free)
    return Resource(str(identity(number)), name, "machine", 1, ZONE, live, today, free_h)


def _declared(number: int, name: Name, kind: str, units: int) -> Resource:
    shift = hours(9, 17.5)
    booked = (hours(10, 12),) if kind == "lab_method" else ()
    free = tuple(
        FreeSpan(gap, units, Provenance.DECLARED)
        for gap in subtract([shift], [*booked, Interval(DAY.start, NOW)])
    )
    today = Today(DAY, (shift,), (), booked, free)
    free_h = sum(span.during.hours * span.units for span in free)
    return Resource(str(identity(number)), name, kind, units, ZONE, None, today, free_h)


def _verdicts(*, price: int) -> tuple[Verdict, ...]:
    def met(constraint: Constraint, margin: int | None, asked: Value, offered: Value) -> Verdict:
        return Verdict(
            constraint, passed=True, reason=Reason.MET, margin=margin, asked=asked, offered=offered
        )

    return (
        met(Constraint.PROCESS, None, "machining.milling", "machining.milling"),
        met(Constraint.MATERIAL, None, "metal.aluminium", "metal.aluminium"),
        met(Constraint.ENVELOPE, 130, "320 × 240 × 90", "850 × 500 × 510"),
        met(Constraint.TOLERANCE, 12, 20, 8),
        Verdict(Constraint.UNITS, passed=True, reason=Reason.NOT_ASKED),
        met(Constraint.PLACE, 18_400, 25_000, 6_600),
        met(Constraint.BUDGET, 200_000 - price, 200_000, price),
        met(Constraint.WINDOW, 1_560, None, None),
        met(Constraint.LIVE, None, None, "executing"),
    )


def _candidate(number: int, price: int, provenance: Provenance) -> Candidate:
    start = hour(24 + 8 + number)
    return Candidate(
        offer_id=OfferId(identity(300 + number)),
        resource_id=ResourceId(identity(number)),
        organisation_id=OrganisationId(identity(500)),
        process="machining.milling",
        start=start,
        end=start + timedelta(hours=4),
        units=1,
        price=Money(price),
        distance_m=4_200 * number,
        provenance=provenance,
        age_s=3,
        verdicts=_verdicts(price=price),
    )


def _offered(en: str, zh: str, firm_en: str, firm_zh: str) -> Offered:
    return Offered(Name(en, zh), Name(firm_en, firm_zh), ZONE)


def _demand() -> Demand:
    first = _offered("VMC-850 mill", "VMC-850 立式加工中心", "Jiangtan Precision", "江滩精密")
    second = _offered("HSM 600 graphite mill", "HSM 600 石墨高速铣", "Zhongfa Moulds", "中法模具")
    candidates = (
        RankedCandidate(first, _candidate(1, 128_000, Provenance.MEASURED)),
        RankedCandidate(second, _candidate(5, 156_050, Provenance.DECLARED)),
    )
    return Demand(
        id="d1",
        title="40 泵体端盖 / 40 pump end covers",
        organisation=BUYER,
        process="machining.milling",
        minutes=240,
        window=hours(24, 72),
        timezone=ZONE,
        match=Match(NOW - timedelta(minutes=6), 11.8, 9, candidates),
    )


def _unmatched() -> Demand:
    process = "design.simulation"
    title = "齿轮箱仿真 / Gearbox simulation"
    return Demand("d2", title, BUYER, process, 90, hours(32, 56), ZONE)


def _impossible() -> Demand:
    miss = NearMiss(
        offer_id=OfferId(identity(307)),
        resource_id=ResourceId(identity(7)),
        organisation_id=OrganisationId(identity(500)),
        process="machining.grinding",
        price=Money(96_000),
        distance_m=8_100,
        causes=(Constraint.TOLERANCE,),
        verdicts=(
            Verdict(
                Constraint.TOLERANCE,
                passed=False,
                reason=Reason.TOO_COARSE,
                margin=-3,
                asked=2,
                offered=5,
            ),
            Verdict(Constraint.WINDOW, passed=True, reason=Reason.MET, margin=300),
        ),
    )
    offered = _offered("Surface grinder", "平面磨床", "Zhongfa Moulds", "中法模具")
    match = Match(
        NOW - timedelta(minutes=2),
        9.4,
        3,
        failures=(
            FailureCount(Constraint.TOLERANCE, rejected=3, rejected_alone=2),
            FailureCount(Constraint.WINDOW, rejected=1, rejected_alone=0),
        ),
        misses=(ExplainedMiss(offered, miss),),
        id="m3",
        relaxations=(_looser(),),
        relaxations_complete=False,
        nominal_mm=25,
    )
    process = "machining.grinding"
    title = "导轨面磨削 ±2 µm / Guideway grinding ±2 µm"
    return Demand("d3", title, BUYER, process, 120, hours(24, 30), ZONE, match)


def _looser() -> Relaxation:
    """IT3 becomes IT6 at 25 mm: two firms more, three days sooner."""
    return Relaxation(
        steps=(Step(Aspect.TOLERANCE, 2, 6),),
        listings=3,
        organisations=2,
        lost=0,
        price=Money(96_000),
        price_before=Money(120_000),
        earliest_end=hour(40),
        earliest_end_before=hour(40) + timedelta(days=3),
    )


def _bookings() -> tuple[BookingLine, ...]:
    def line(number: int, machine: Name, state: BookingState, risk: str | None) -> BookingLine:
        held = state is BookingState.HELD
        booking = Booking(
            id=BookingId(identity(200 + number)),
            organisation_id=OrganisationId(identity(501)),
            provider_id=OrganisationId(identity(500)),
            resource_id=ResourceId(identity(number)),
            offer_id=None,
            demand_id=None,
            interval=hours(15, 17),
            units=1,
            state=state,
            hold_until=NOW + timedelta(minutes=12) if held else None,
            price=Money(64_000),
            at_risk_reason=risk,
            created_at=NOW,
            updated_at=NOW,
        )
        return BookingLine(booking, machine, BUYER, ZONE)

    return (
        line(2, Name("5-axis DMU 50", "DMU 50 五轴加工中心"), BookingState.CONFIRMED, RISK),
        line(1, Name("VMC-850 mill", "VMC-850 立式加工中心"), BookingState.HELD, None),
        line(3, Name("CK6150 lathe", "CK6150 数控车床"), BookingState.CONFIRMED, None),
        line(5, Name("HSM 600 graphite mill", "HSM 600 石墨高速铣"), BookingState.CANCELLED, None),
    )


def _withdrawals() -> tuple[Withdrawal, ...]:
    return (
        Withdrawal(
            "w1",
            Name("5-axis DMU 50", "DMU 50 五轴加工中心"),
            Interval(NOW, hour(20)),
            ZONE,
            "down",
            NOW - timedelta(minutes=22),
            None,
        ),
        Withdrawal(
            "w2",
            Name("Swiss-type lathe", "走心式车床"),
            hours(9, 20),
            ZONE,
            "down",
            hour(9.1),
            hour(9.8),
        ),
    )
