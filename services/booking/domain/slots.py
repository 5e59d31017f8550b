"""Which slots can be asked for, and what of a resource they occupy."""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from services.capacity.domain import HORIZON_DAYS_MAX, Resource
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.intervals import Interval

MINUTES_MAX: Final = HORIZON_DAYS_MAX * 24 * 60


class SlotInvalidError(DomainError):
    code: ClassVar[str] = "slot-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "This slot cannot be booked: {en}; change {field} and retry."
    zh: ClassVar[str] = "无法预订该时段：{zh}；请修改 {field} 后重试。"


def asked_interval(*, start: datetime, minutes: int, units: int) -> Interval:
    """The work a client asks for, as if there were no set-up before it.

    Raises:
        SlotInvalidError: not a positive number of minutes and units from a whole minute on.
    """
    if not 0 < minutes <= MINUTES_MAX:
        raise SlotInvalidError(
            field="minutes",
            en=f"{minutes} minutes are not between 1 and {MINUTES_MAX}",
            zh=f"{minutes} 分钟不在 1 至 {MINUTES_MAX} 之间",
        )
    if units < 1:
        raise SlotInvalidError(field="units", en=f"{units} units", zh=f"数量为 {units}")
    if start.tzinfo is None or start.second or start.microsecond:
        raise SlotInvalidError(
            field="start",
            en=f"{start.isoformat()} is not a whole minute with a time zone",
            zh=f"{start.isoformat()} 不是带时区的整分钟",
        )
    return Interval.starting(start, timedelta(minutes=minutes))


def occupied(resource: Resource, work: Interval) -> Interval:
    """The slot that ``work`` takes on ``resource``: set-up begins when the work was asked for."""
    return Interval(work.start, work.end + resource.rule.setup)


def check_rule(
    resource: Resource, interval: Interval, *, units: int, most: int, now: datetime
) -> None:
    """Refuse a slot that the resource's rule forbids whatever is free.

    ``most`` units can be booked at once, with what they need beside them.

    Raises:
        SlotInvalidError: past, too soon, too far ahead, too short or too many units.
    """
    rule = resource.rule
    earliest, latest = now + rule.notice, now + rule.horizon
    checks = (
        (interval.start >= now, "start", "it begins in the past", "开始时间已过"),
        (
            interval.start >= earliest,
            "start",
            f"the resource needs {rule.notice_minutes} minutes of notice",
            f"该资源需提前 {rule.notice_minutes} 分钟预订",
        ),
        (
            interval.end <= latest,
            "start",
            f"the resource is booked at most {rule.horizon_days} days ahead",
            f"该资源最多提前 {rule.horizon_days} 天预订",
        ),
        (
            interval.duration >= rule.shortest,
            "minutes",
            f"the resource is booked for {rule.minimum_hours:g} hours or more",
            f"该资源至少预订 {rule.minimum_hours:g} 小时",
        ),
        (
            units <= most,
            "units",
            f"the resource has {most} units",
            f"该资源共有 {most} 个单元",
        ),
    )
    for holds, field, en, zh in checks:
        if not holds:
            raise SlotInvalidError(field=field, en=en, zh=zh)
