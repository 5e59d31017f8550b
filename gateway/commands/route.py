"""``nonagon route``: plan a chain of work over several firms, and hold it as one."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
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
from gateway.commands.book import show_joint
from services.runtime.clock import SystemClock

_STEP: Final = re.compile(r"(?P<process>[^:,]+)(:(?P<hours>\d+(\.\d+)?))?(,(?P<more>.*))?")
_ASKED: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = MappingProxyType(
    {
        "material": ("material", str),
        "envelope": ("envelope_mm", edges),
        "tolerance": ("tolerance", plus_minus),
        "certificate": ("certificates", lambda text: [{"kind": one} for one in text.split("+")]),
        "budget": ("budget_minor", lambda text: minor("budget", text)),
        "units": ("units", int),
        "quantity": ("quantity", int),
    }
)
"""What may follow the process and hours of a step, the field it is sent in, and how it is read."""
_LEG: Final = ("resource_id", "offer_id", "start", "minutes", "units")
_TEXTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "columns": "#|resource|transport|from|to|price",
            "total": "{price}, there {delivered}, {days:.1f} days of lead; {text}",
            "bound": "value {value}, bound {bound}",
            "step": "step {step}: {candidates} of {considered} listings fit",
            "hold": "hold it: the same command with --hold",
        },
        "zh": {
            "columns": "#|资源|运输|开始|结束|价格",
            "total": "{price}，{delivered} 送达，周期 {days:.1f} 天；{text}",
            "bound": "目标值 {value}，下界 {bound}",
            "step": "第 {step} 道工序：{considered} 项中有 {candidates} 项符合",
            "hold": "预占：在同一命令后加 --hold",
        },
    }
)


def route(
    step: Annotated[
        list[str],
        typer.Option(
            help="In order: PROCESS:HOURS[,material=…][,tolerance=IT7@25][,envelope=180x120x60]"
            "[,certificate=iso-9001+cnas][,budget=3000][,units=1]"
        ),
    ],
    start: Annotated[datetime | None, typer.Option("--from", help="Default: now.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", help="Default: in a week.")] = None,
    origin: Annotated[str | None, typer.Option(help="LATITUDE,LONGITUDE of the parts")] = None,
    destination: Annotated[str | None, typer.Option(help="… and of where they must be")] = None,
    objective: Annotated[str, typer.Option(help="earliest or cheapest")] = "earliest",
    speed: Annotated[int, typer.Option(help="km/h of transport", min=1)] = 40,
    handling: Annotated[int, typer.Option(help="Minutes of handling each trip", min=0)] = 60,
    candidates: Annotated[int, typer.Option(help="Weighed per step.", min=1, max=50)] = 20,
    hold: Annotated[bool, typer.Option("--hold", help="Hold all legs, or none.")] = False,  # noqa: FBT002 - a command-line switch
    confirm: Annotated[bool, typer.Option("--confirm", help="Make them firm at once.")] = False,  # noqa: FBT002 - a command-line switch
    acting: AsOption = None,
    language: LanguageOption = "en",
    api: ApiOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Plan the best way of a chain of steps over several firms; exit code 1 when there is none."""
    client = connect(api, language, acting)
    found = client.post(
        "/routes",
        {
            "steps": [_step(text) for text in step],
            "window": window(start, end),
            "origin": origin and place("--origin", origin),
            "destination": destination and place("--destination", destination),
            "objective": objective,
            "transport": {"speed_kmh": speed, "handling_minutes": handling},
            "candidates": candidates,
        },
    )
    holding = (hold or confirm) and found["best"] is not None
    if not (as_json and holding):
        _tell(client, found, language, as_json=as_json)
    if found["best"] is None:
        raise typer.Exit(EXIT_REFUSED)
    if holding:
        show_joint(_held(client, found["best"], confirm=confirm), as_json=as_json)
    elif not as_json:
        console.print(_TEXTS[language]["hold"])


def _held(client: Api, best: dict[str, Any], *, confirm: bool) -> dict[str, Any]:
    legs = [{name: leg[name] for name in _LEG} for leg in best["legs"]]
    joint: dict[str, Any] = client.post(
        "/joint-bookings", {"legs": legs}, key=SystemClock().new_id()
    )
    if confirm:
        joint = client.post(f"/joint-bookings/{joint['id']}/confirm")
    return joint


def _step(text: str) -> dict[str, Any]:
    parts = _STEP.fullmatch(text)
    if parts is None:
        refuse(f"--step is PROCESS:HOURS such as machining.turning:2, not {text!r}.")
    step: dict[str, Any] = {"process": parts["process"], "hours": parts["hours"] or "1"}
    for item in filter(None, (parts["more"] or "").split(",")):
        name, _, value = item.partition("=")
        if name not in _ASKED or not value:
            refuse(f"{item!r} of --step {text!r} is none of {', '.join(_ASKED)} with a value.")
        field, read = _ASKED[name]
        try:
            step[field] = read(value)
        except ValueError:
            refuse(f"{item!r} of --step {text!r} is not a number.")
    return step


def _tell(client: Api, found: dict[str, Any], language: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    elif found["best"] is None:
        _show_gaps(client, found, language)
    else:
        _show_best(client, found, language)


def _show_best(client: Api, found: dict[str, Any], language: str) -> None:
    best, texts = found["best"], _TEXTS[language]
    table = Table(*texts["columns"].split("|"))
    for leg in best["legs"]:
        table.add_row(
            str(leg["step"]),
            resource_name(client, leg, language),
            f"{leg['transport_minutes']} min",
            local(leg["start"]),
            local(leg["end"]),
            shown(leg["price"]),
        )
    console.print(table)
    total = texts["total"].format(
        price=shown(best["price"]),
        delivered=local(best["delivered"]),
        days=best["lead_minutes"] / (24 * 60),
        text=found["text"],
    )
    console.print(total, markup=False)
    if not found["proven"]:
        console.print(texts["bound"].format(**found))


def _show_gaps(client: Api, found: dict[str, Any], language: str) -> None:
    """Why there is no route: what each step without a candidate lacks, and what would help."""
    console.print(found["text"], markup=False)
    for step in found["steps"]:
        console.print(_TEXTS[language]["step"].format(**step))
        for failure in step["failures"]:
            console.print(f"  · {failure['text']}", markup=False)
        for miss in step["near_misses"]:
            reasons = "; ".join(one["text"] for one in miss["verdicts"] if not one["passed"])
            console.print(f"  ✗ {resource_name(client, miss, language)}: {reasons}", markup=False)
        for relaxation in step["relaxations"]:
            console.print(f"  → {relaxation['text']}", markup=False)
