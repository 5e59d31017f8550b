"""``nonagon match``: state a demand, or take a stored one, and see who can do it and why."""

from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from gateway.commands.api import (
    EXIT_REFUSED,
    Api,
    ApiOption,
    AsOption,
    JsonOption,
    LanguageOption,
    connect,
    console,
    print_json,
    refuse,
)
from gateway.commands.asked import (
    edges,
    local,
    minor,
    place,
    plus_minus,
    resource_name,
    shown,
    window,
)
from services.runtime.clock import SystemClock

_SHORT: Final = {"process", "window", "budget", "hours"}
"""Constraints the table already shows in a column of their own."""
_MAY_BE_SHORT: Final = {
    "en": "… there may be other ways to gain suppliers; the time to look for them ran out",
    "zh": "… 可能还有其他放宽方式；搜索时间已用尽",
}


def match(
    process: Annotated[str | None, typer.Option(help="e.g. machining.milling")] = None,
    hours: Annotated[float, typer.Option(help="Time needed.")] = 1.0,
    demand: Annotated[str | None, typer.Option(help="Id of a stored demand instead.")] = None,
    acting: AsOption = None,
    title: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    material: Annotated[str | None, typer.Option(help="e.g. metal.aluminium.6061")] = None,
    envelope: Annotated[str | None, typer.Option(help="Part in mm: 180x120x60")] = None,
    tolerance: Annotated[
        str | None, typer.Option(help="± in µm, or a grade at a size: 20, IT7@25, m@30")
    ] = None,
    certificate: Annotated[list[str] | None, typer.Option(help="e.g. iso-9001; repeat")] = None,
    start: Annotated[datetime | None, typer.Option("--from", help="Default: now.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", help="Default: in a week.")] = None,
    budget: Annotated[str | None, typer.Option(help="At most, in yuan.")] = None,
    near: Annotated[str | None, typer.Option(help="LATITUDE,LONGITUDE")] = None,
    radius: Annotated[int | None, typer.Option(help="km around --near")] = None,
    quantity: Annotated[int, typer.Option(help="Pieces.")] = 1,
    units: Annotated[int, typer.Option(help="Units at the same time, e.g. seats.")] = 1,
    relax: Annotated[
        str | None, typer.Option(help="MATCH:N: the demand of a match, its Nth relaxation applied.")
    ] = None,
    per_km: Annotated[
        str | None, typer.Option(help="Rank by distance too: what a km costs you, in yuan.")
    ] = None,
    per_hour: Annotated[
        str | None, typer.Option(help="Rank by the end too: what an hour later costs you, in yuan.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Candidates shown.", min=1, max=200)] = 10,
    language: LanguageOption = "en",
    api: ApiOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Rank what is free for a demand; exit code 1 when nothing fits."""
    client = connect(api, language, acting)
    demand_id = demand or (relax and _relaxed(client, relax))
    if demand_id is None:
        if process is None:
            refuse("Say what is needed: --process CODE, --demand ID, or --relax MATCH:N.")
        body = {
            "title": title or process,
            "process": process,
            "hours": str(hours),
            "window": window(start, end),
            "material": material,
            "envelope_mm": envelope and edges(envelope),
            "tolerance": tolerance and plus_minus(tolerance),
            "certificates": [{"kind": kind} for kind in certificate or ()],
            "budget_minor": budget and minor("--budget", budget),
            "place": near and place("--near", near),
            "radius_km": radius,
            "quantity": quantity,
            "units": units,
        }
        demand_id = client.post("/demands", body, key=SystemClock().new_id())["id"]
    weights = {
        "per_km_minor": minor("--per-km", per_km) if per_km else 0,
        "per_hour_minor": minor("--per-hour", per_hour) if per_hour else 0,
    }
    path, key = f"/demands/{demand_id}/matches", SystemClock().new_id()
    found = client.post(path, {"ranking": weights}, key=key, limit=limit)
    if as_json:
        print_json(found)
    else:
        _show(client, found, language)
    if not found["candidates"]:
        raise typer.Exit(EXIT_REFUSED)


def _relaxed(client: Api, text: str) -> str:
    """The id of the demand of a match, stated anew with one of its relaxations."""
    match_id, _, number = text.partition(":")
    if not number.isdecimal():
        refuse(f"--relax is the id of a match and a number such as MATCH:1, not {text!r}.")
    path, key = f"/matches/{match_id}/demands", SystemClock().new_id()
    return str(client.post(path, key=key, relaxation=int(number))["id"])


def _show(client: Api, found: dict[str, Any], language: str) -> None:
    candidates = found["candidates"]
    console.print(
        f"match {found['id']}: {len(candidates)} candidates of {found['considered']} listings"
        f" in {found['took_ms']:.1f} ms"
    )
    if candidates:
        names = {one["resource_id"]: resource_name(client, one, language) for one in candidates}
        console.print(_table(candidates, names))
        console.print(f"book one: nonagon book hold --match {found['id']} --rank 1 --confirm")
    for failure in found["failures"]:
        console.print(f"· {failure['text']}", markup=False)
    for miss in found["near_misses"]:
        reasons = "; ".join(one["text"] for one in miss["verdicts"] if not one["passed"])
        console.print(f"✗ {resource_name(client, miss, language)}: {reasons}", markup=False)
    for number, relaxation in enumerate(found["relaxations"], start=1):
        console.print(f"→ {number}. {relaxation['text']}", markup=False)
    if found["relaxations"]:
        console.print(f"apply one: nonagon match --relax {found['id']}:1")
    if not found["relaxations_complete"]:
        console.print(_MAY_BE_SHORT[language])


def _table(candidates: list[dict[str, Any]], names: dict[str, str]) -> Table:
    table = Table("#", "resource", "from", "to", "price", "km", "known by", "why")
    for one in candidates:
        distance = one["distance_m"]
        table.add_row(
            str(one["rank"]),
            names[one["resource_id"]],
            local(one["start"]),
            local(one["end"]),
            shown(one["price"]),
            "–" if distance is None else f"{distance / 1000:.1f}",
            one["provenance"],
            "\n".join(_reasons(one)),
        )
    return table


def _reasons(candidate: dict[str, Any]) -> list[str]:
    return [
        verdict["text"]
        for verdict in candidate["verdicts"]
        if verdict["reason"] != "not-asked" and verdict["constraint"] not in _SHORT
    ]
