"""Model values as words of one language; used by the templates and by the live deltas alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast
from zoneinfo import ZoneInfo

from babel import Locale as BabelLocale
from babel.dates import format_datetime, format_skeleton
from babel.numbers import format_currency, format_decimal

from gateway.portal import texts
from gateway.portal.languages import Locale
from gateway.portal.model import FreeSpan, Name
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.matching.domain import Constraint, Reason, Verdict

MINUTE_S: Final = 60
HOUR_S: Final = 60 * MINUTE_S
DAY_S: Final = 24 * HOUR_S
AGE_HOURS_UP_TO_S: Final = 2 * DAY_S
METRES_PER_KM: Final = 1000
MINOR_PER_MAJOR: Final = 100
SPANS_TOLD_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Words:
    """Formats values for one locale; ``n`` in a pattern stands for the number."""

    locale: Locale

    def text(self, message: str) -> str:
        return self.locale.catalogue.gettext(message)

    def plural(self, one: str, many: str, n: int) -> str:
        return self.locale.catalogue.ngettext(one, many, n) % {"n": n}

    def coded(self, table: Mapping[str, str], code: str) -> str:
        """The text of ``code``; a code we have no text for is shown as it is."""
        return self.text(table[code]) if code in table else code

    def name(self, name: Name) -> str:
        return (name.zh or name.en) if self.locale.language == "zh" else (name.en or name.zh)

    def age_patterns(self) -> dict[str, str]:
        """Patterns the browser uses to keep ages ticking; the same as :meth:`age` uses."""
        return {
            "s": self.text("%(n)s s ago"),
            "min": self.text("%(n)s min ago"),
            "h": self.text("%(n)s h ago"),
            "d": self.text("%(n)s d ago"),
        }

    def age(self, age: timedelta) -> str:
        seconds = max(0, int(age.total_seconds()))
        patterns = self.age_patterns()
        if seconds < MINUTE_S:
            return patterns["s"] % {"n": seconds}
        if seconds < HOUR_S:
            return patterns["min"] % {"n": seconds // MINUTE_S}
        if seconds < AGE_HOURS_UP_TO_S:
            return patterns["h"] % {"n": seconds // HOUR_S}
        return patterns["d"] % {"n": seconds // DAY_S}

    def clock(self, instant: datetime, timezone: str) -> str:
        return format_datetime(instant, "HH:mm", ZoneInfo(timezone), self._babel)

    def second(self, instant: datetime, timezone: str) -> str:
        return format_datetime(instant, "HH:mm:ss", ZoneInfo(timezone), self._babel)

    def moment(self, instant: datetime, timezone: str) -> str:
        zone = ZoneInfo(timezone)
        day = format_skeleton("MMMEd", instant, zone, locale=self._babel)
        return f"{day} {self.clock(instant, timezone)}"

    def span(self, span: Interval, timezone: str) -> str:
        """``Sun 22 Nov 08:00–12:00``; the second day is told when it is another one."""
        zone = ZoneInfo(timezone)
        same_day = span.start.astimezone(zone).date() == span.end.astimezone(zone).date()
        end = self.clock(span.end, timezone) if same_day else self.moment(span.end, timezone)
        return f"{self.moment(span.start, timezone)}–{end}"

    def clock_span(self, span: Interval, timezone: str) -> str:
        """``08:00–12:00``; midnight at the end of the day reads 24:00."""
        end = self.clock(span.end, timezone)
        return f"{self.clock(span.start, timezone)}–{'24:00' if end == '00:00' else end}"

    def free(self, spans: tuple[FreeSpan, ...], units: int, timezone: str) -> str:
        told = [
            self.clock_span(span.during, timezone)
            + (f" ({span.units}/{units})" if units > 1 else "")
            for span in spans[:SPANS_TOLD_MAX]
        ]
        rest = len(spans) - len(told)
        if rest:
            told.append(self.plural("%(n)s more", "%(n)s more", rest))
        return self.text(", ").join(told)

    def number(self, value: float) -> str:
        return cast("str", format_decimal(round(value, 1), locale=self._babel))

    def hours(self, value: float) -> str:
        return self.text("%(n)s h") % {"n": self.number(value)}

    def minutes(self, value: int) -> str:
        """Minutes up to two hours, then hours."""
        if abs(value) < HOUR_S / 30:
            return self.text("%(n)s min") % {"n": value}
        return self.hours(value / 60)

    def money(self, money: Money) -> str:
        return cast(
            "str",
            format_currency(money.minor / MINOR_PER_MAJOR, money.currency, locale=self._babel),
        )

    def distance(self, metres: int) -> str:
        return self.text("%(n)s km") % {"n": self.number(metres / METRES_PER_KM)}

    def verdict(self, verdict: Verdict, currency: str) -> str:
        """``Tolerance: 15 µm to spare``, ``Budget: too expensive by ¥120.00``."""
        label = self.coded(texts.CONSTRAINTS, verdict.constraint)
        return self.text("%(label)s: %(detail)s") % {
            "label": label,
            "detail": self._detail(verdict, currency),
        }

    def _detail(self, verdict: Verdict, currency: str) -> str:
        reason = self.coded(texts.REASONS, verdict.reason)
        if verdict.margin is None:
            return reason
        amount = self._margin(verdict.constraint, abs(verdict.margin), currency)
        if verdict.reason is Reason.MET:
            return self.text("%(amount)s to spare") % {"amount": amount}
        return self.text("%(reason)s by %(amount)s") % {"reason": reason, "amount": amount}

    def _margin(self, constraint: Constraint, margin: int, currency: str) -> str:
        formats: dict[Constraint, Callable[[int], str]] = {
            Constraint.ENVELOPE: lambda n: f"{n} mm",
            Constraint.TOLERANCE: lambda n: f"{n} µm",
            Constraint.CERTIFICATES: lambda n: self.plural("%(n)s day", "%(n)s days", n),
            Constraint.HOURS: self.minutes,
            Constraint.WINDOW: self.minutes,
            Constraint.PLACE: self.distance,
            Constraint.BUDGET: lambda n: self.money(Money(n, currency)),
        }
        return formats.get(constraint, str)(margin)

    @property
    def _babel(self) -> BabelLocale:
        return BabelLocale.parse(self.locale.babel)
