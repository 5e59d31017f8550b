"""Model values as words of one language; used by the templates and by the live deltas alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale as BabelLocale
from babel.dates import format_datetime, format_skeleton
from babel.numbers import format_decimal

from gateway.portal import texts
from gateway.portal.languages import Locale
from gateway.portal.model import FreeSpan, Name
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.matching.domain import FailureCount, Relaxation, Verdict
from services.matching.explain import (
    amount,
    duration,
    explain,
    explain_failures,
    explain_relaxation,
)

MINUTE_S: Final = 60
HOUR_S: Final = 60 * MINUTE_S
DAY_S: Final = 24 * HOUR_S
AGE_HOURS_UP_TO_S: Final = 2 * DAY_S
METRES_PER_KM: Final = 1000
SPANS_TOLD_MAX: Final = 3
DASH: Final = "–\u2060"
"""A dash with a word joiner: times do not break across lines."""


@dataclass(frozen=True, slots=True)
class Words:
    """Formats values for one locale; ``n`` in a pattern stands for the number."""

    locale: Locale
    term: Callable[[str], str] = str
    """Names a code of the taxonomy."""
    grade_at: Callable[[int, float], str | None] | None = None
    """Names the tolerance grade of a ± value in µm at a nominal size in mm."""

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
        return f"{self.moment(span.start, timezone)}{DASH}{end}"

    def clock_span(self, span: Interval, timezone: str) -> str:
        """``08:00–12:00``; midnight at the end of the day reads 24:00."""
        end = self.clock(span.end, timezone)
        return f"{self.clock(span.start, timezone)}{DASH}{'24:00' if end == '00:00' else end}"

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
        return format_decimal(round(value, 1), locale=self._babel)

    def hours(self, value: float) -> str:
        return self.text("%(n)s h") % {"n": self.number(value)}

    def duration(self, minutes: int) -> str:
        return duration(minutes, self.locale.language)

    def money(self, money: Money) -> str:
        return amount(money.minor, money.currency, self.locale.language)

    def distance(self, metres: int) -> str:
        return self.text("%(n)s km") % {"n": self.number(metres / METRES_PER_KM)}

    def verdict(self, verdict: Verdict, currency: str) -> str:
        return explain(verdict, language=self.locale.language, currency=currency, term=self.term)

    def failure(self, failure: FailureCount) -> str:
        return explain_failures(failure, language=self.locale.language)

    def relaxation(self, relaxation: Relaxation, nominal_mm: float | None) -> str:
        """What gives way and what that gains; a tolerance by its grade at ``nominal_mm`` too."""
        grade_at = self.grade_at

        def grade(plus_minus_um: int) -> str | None:
            if grade_at is None or nominal_mm is None:
                return None
            return grade_at(plus_minus_um, nominal_mm)

        language = self.locale.language
        return explain_relaxation(relaxation, language=language, term=self.term, grade=grade)

    def reason(self, reason: str | None) -> str:
        """Why a machine is in its state: the platform's own words, or the machine's as they are."""
        return self.coded(texts.LIVE_REASONS, reason) if reason else ""

    def cause(self, told: str) -> str:
        """``down: spindle drive fault``: the state's words, and the machine's in brackets."""
        state, _, detail = told.partition(": ")
        cause = self.coded(texts.CAUSES, state)
        if not detail:
            return cause
        return self.text("%(cause)s (%(detail)s)") % {"cause": cause, "detail": self.reason(detail)}

    @property
    def _babel(self) -> BabelLocale:
        return BabelLocale.parse(self.locale.babel)
