"""The parts of the page that change while it is looked at: text and attributes by key.

Templates render from the cells and the live layer sends those that changed, so a patched page
equals a freshly rendered one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2s
from typing import Final

from gateway.portal import texts, timeline
from gateway.portal.model import Park, Resource
from gateway.portal.words import Words
from services.contracts.telemetry import ResourceState

PANELS: Final = ("board", "demands", "bookings", "withdrawals")


@dataclass(frozen=True, slots=True)
class Cell:
    """What one element shows: ``text`` (None: leave it) and attributes (None: take it away)."""

    text: str | None = None
    attributes: Mapping[str, str | None] = field(default_factory=dict)


Cells = dict[str, Cell]


def park_cells(park: Park, words: Words, icons_url: str) -> Cells:
    """Every cell of the page."""
    cells = counter_cells(park, words)
    for resource in park.resources:
        cells |= resource_cells(resource, words, icons_url, now=park.at)
    return cells


def changed(before: Cells, after: Cells) -> Cells:
    """The cells of ``after`` that differ; a cell that is gone leaves with its panel."""
    return {key: cell for key, cell in after.items() if before.get(key) != cell}


def panel_versions(park: Park) -> dict[str, str]:
    """A version of what each panel lists; equal content has the same on every server."""
    board = [
        (firm.id, firm.is_verified, [(one.id, one.live is None) for one in firm.resources])
        for firm in park.firms
    ]
    content = (board, park.demands, park.bookings, park.withdrawals)
    return {
        panel: blake2s(repr(part).encode(), digest_size=6).hexdigest()
        for panel, part in zip(PANELS, content, strict=True)
    }


def counter_cells(park: Park, words: Words) -> Cells:
    counters = park.counters
    return {
        "count:online": Cell(words.number(counters.online)),
        "count:executing": Cell(words.number(counters.executing)),
        "count:idle": Cell(words.number(counters.idle)),
        "count:down": Cell(words.number(counters.down)),
        "count:unknown": Cell(words.number(counters.unknown)),
        "count:free": Cell(words.hours(counters.free_next_day_h)),
        "count:bookings": Cell(words.number(counters.bookings)),
    }


def resource_cells(resource: Resource, words: Words, icons_url: str, *, now: datetime) -> Cells:
    """The cells of one card."""
    key, live, today = resource.id, resource.live, resource.today
    cells = state_cells(key, resource.shown, live.reason if live else None, words, icons_url)
    cells[f"{key}:free"] = Cell(
        words.free(today.free, resource.units, resource.timezone) or words.text("none left")
    )
    cells[f"{key}:free-day"] = Cell(words.hours(resource.free_next_day_h))
    cells[f"{key}:strip"] = Cell(attributes={"aria-label": day_text(resource, words)})
    for layer, path in timeline.layers(today, now).items():
        cells[f"{key}:strip-{layer}"] = Cell(attributes={"d": path})
    if live:
        cells[f"{key}:since"] = since_cell(live.since, resource.timezone, words)
        cells |= seen_cells(
            key,
            seen_at=live.seen_at,
            job_id=live.job_id,
            job_predicted_end=live.job_predicted_end,
            part_count=live.part_count,
            timezone=resource.timezone,
            words=words,
        )
    return cells


def state_cells(key: str, state: str, reason: str | None, words: Words, icons_url: str) -> Cells:
    """Colour (by attribute), icon, text and reason of a state."""
    return {
        f"{key}:card": Cell(attributes={"data-state": str(state)}),
        f"{key}:icon": Cell(attributes={"href": f"{icons_url}#state-{state}"}),
        f"{key}:state": Cell(words.coded(texts.STATES, state)),
        f"{key}:reason": Cell(words.reason(reason)),
    }


def since_cell(since: datetime, timezone: str, words: Words) -> Cell:
    told = words.text("since %(time)s") % {"time": words.clock(since, timezone)}
    return Cell(told, {"datetime": since.isoformat()})


def seen_cells(
    key: str,
    *,
    seen_at: datetime | None,
    job_id: str | None,
    job_predicted_end: datetime | None,
    part_count: int | None,
    timezone: str,
    words: Words,
) -> Cells:
    """Age and job. The age's words are left to the browser, which keeps them ticking."""
    end = job_predicted_end
    parts = "" if part_count is None else words.plural("%(n)s part", "%(n)s parts", part_count)
    about = words.text("ends about %(time)s")
    return {
        f"{key}:age": Cell(attributes={"datetime": seen_at.isoformat() if seen_at else None}),
        f"{key}:job": Cell(words.text("Job %(id)s") % {"id": job_id} if job_id else ""),
        f"{key}:job-end": Cell(about % {"time": words.clock(end, timezone)} if end else ""),
        f"{key}:parts": Cell(parts),
    }


def day_text(resource: Resource, words: Words) -> str:
    """The timeline in words, for whoever cannot see it."""
    today, zone = resource.today, resource.timezone
    listed = words.text(", ")
    working = listed.join(words.clock_span(span, zone) for span in today.working)
    booked = listed.join(words.clock_span(span, zone) for span in today.booked)
    spent = _spent(resource)
    states = listed.join(
        f"{words.coded(texts.STATES, state)} {words.hours(time / timedelta(hours=1))}"
        for state, time in spent.items()
    )
    free = words.free(today.free, resource.units, zone)
    parts = [
        words.text("Working hours: %s") % (working or words.text("none")),
        *([words.text("So far: %s") % states] if states else []),
        words.text("Booked: %s") % (booked or words.text("none")),
        words.text("Free: %s") % (free or words.text("none")),
    ]
    return words.text("Today. ") + words.text("; ").join(parts)


def _spent(resource: Resource) -> dict[ResourceState, timedelta]:
    times: dict[ResourceState, timedelta] = {}
    for span in resource.today.states:
        times[span.state] = times.get(span.state, timedelta()) + span.during.duration
    return times
