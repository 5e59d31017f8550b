"""``nonagon book``: find a free slot, hold it, confirm it, give it back, list what is booked."""

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from gateway.commands.api import (
    PAGE_MAX,
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
from gateway.commands.asked import local, shown, window
from services.runtime.clock import SystemClock

MINUTES_PER_HOUR = 60
MINUTE = timedelta(minutes=1)

BookingArgument = Annotated[str, typer.Argument(help="Id of the booking.")]
JointOption = Annotated[
    bool, typer.Option("--joint", help="The id is of several bookings held as one.")
]

book_app = typer.Typer(
    help="Find a free slot, hold it, confirm it, give it back, list bookings.",
    no_args_is_help=True,
    add_completion=False,
)


@book_app.command("slots")
def slots_command(
    resource: Annotated[str, typer.Argument(help="Id of the resource.")],
    start: Annotated[datetime | None, typer.Option("--from", help="Default: now.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", help="Default: a week later.")] = None,
    acting: AsOption = None,
    language: LanguageOption = "en",
    api: ApiOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """List when a resource is free, and how that is known."""
    client = connect(api, language, acting)
    found = client.get(f"/resources/{resource}/gaps", **window(start, end))
    if as_json:
        print_json(found)
        return
    table = Table("from", "to", "units", "known")
    for gap in found["items"]:
        times = (local(gap["start"]), local(gap["end"]))
        table.add_row(*times, str(gap["free_units"]), gap["provenance"])
    console.print(table)


@book_app.command("list")
def list_command(
    state: Annotated[list[str] | None, typer.Option(help="Only in this state; repeat it.")] = None,
    at_risk: Annotated[bool, typer.Option("--at-risk", help="Only those at risk.")] = False,  # noqa: FBT002 - a command-line switch
    csv: Annotated[Path | None, typer.Option(help="Write all to this file; - prints them.")] = None,
    acting: AsOption = None,
    language: LanguageOption = "en",
    api: ApiOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """List bookings one made or provides for; the first 200, or all as CSV."""
    client = connect(api, language, acting)
    query: dict[str, Any] = {"state": state or []} | ({"at_risk": True} if at_risk else {})
    if csv is not None:
        _write_csv(client, csv, query)
        return
    found = client.get("/bookings", limit=PAGE_MAX, **query)
    if as_json:
        print_json(found)
        return
    table = Table("booking", "state", "from", "to", "units", "price", "at risk")
    for one in found["items"]:
        times = (local(one["start"]), local(one["end"]))
        price = shown(one["price"]) if one["price"] else ""
        risk = one["at_risk_reason"] or ""
        table.add_row(one["id"], one["state"], *times, str(one["units"]), price, risk)
    console.print(table)
    if found["next"]:
        console.print("There are more; --csv FILE writes them all.")


@book_app.command("hold")
def hold_command(
    match: Annotated[str | None, typer.Option(help="Id of a match to book from.")] = None,
    rank: Annotated[int, typer.Option(help="Which candidate of the match.", min=1)] = 1,
    resource: Annotated[str | None, typer.Option(help="Or: id of the resource …")] = None,
    offer: Annotated[str | None, typer.Option(help="… of the offer whose price applies …")] = None,
    start: Annotated[datetime | None, typer.Option("--from", help="… from when …")] = None,
    hours: Annotated[float, typer.Option(help="… for how long …")] = 1.0,
    units: Annotated[int, typer.Option(help="… and how many units.", min=1)] = 1,
    acting: AsOption = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Make it firm at once.")] = False,  # noqa: FBT002 - a command-line switch
    language: LanguageOption = "en",
    api: ApiOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Hold a free slot: a candidate of a match, or a resource and a time."""
    client = connect(api, language, acting)
    if match is not None:
        body = _from_match(client, match, rank)
    elif resource is not None and start is not None:
        body = {
            "resource_id": resource,
            "offer_id": offer,
            "start": start.astimezone().isoformat(),
            "minutes": round(hours * MINUTES_PER_HOUR),
            "units": units,
        }
    else:
        refuse("Say what to hold: --match ID [--rank N], or --resource ID --from TIME --hours H.")
    booking = client.post("/bookings", body, key=SystemClock().new_id())
    if confirm:
        booking = client.post(f"/bookings/{booking['id']}/confirm")
    _show(booking, as_json=as_json)


@book_app.command("confirm")
def confirm_command(
    booking_id: BookingArgument,
    joint: JointOption = False,  # noqa: FBT002 - a command-line switch
    acting: AsOption = None,
    language: LanguageOption = "en",
    api: ApiOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Make a held slot firm."""
    _change(connect(api, language, acting), booking_id, "confirm", joint=joint, as_json=as_json)


@book_app.command("cancel")
def cancel_command(
    booking_id: BookingArgument,
    joint: JointOption = False,  # noqa: FBT002 - a command-line switch
    acting: AsOption = None,
    language: LanguageOption = "en",
    api: ApiOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Give a held or confirmed slot back."""
    _change(connect(api, language, acting), booking_id, "cancel", joint=joint, as_json=as_json)


@book_app.command("show")
def show_command(
    booking_id: BookingArgument,
    joint: JointOption = False,  # noqa: FBT002 - a command-line switch
    acting: AsOption = None,
    language: LanguageOption = "en",
    api: ApiOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Show a booking."""
    client = connect(api, language, acting)
    if joint:
        show_joint(client.get(f"/joint-bookings/{booking_id}"), as_json=as_json)
    else:
        _show(client.get(f"/bookings/{booking_id}"), as_json=as_json)


def _from_match(client: Api, match_id: str, rank: int) -> dict[str, Any]:
    found = client.get(f"/matches/{match_id}")
    candidates = found["candidates"]
    if rank > len(candidates):
        refuse(f"Match {match_id} has {len(candidates)} candidates; there is no rank {rank}.")
    chosen = candidates[rank - 1]
    start, end = (datetime.fromisoformat(chosen[name]) for name in ("start", "end"))
    return {
        "resource_id": chosen["resource_id"],
        "offer_id": chosen["offer_id"],
        "demand_id": found["demand_id"],
        "start": chosen["start"],
        "minutes": round((end - start) / MINUTE) - chosen["setup_minutes"],
        "units": chosen["units"],
    }


def _write_csv(client: Api, path: Path, query: dict[str, Any]) -> None:
    lines = client.csv("/bookings", **query)
    if str(path) == "-":
        sys.stdout.writelines(lines)
        return
    # Taken to its end first: a refusal leaves whatever the file was.
    content = "".join(lines)
    path.write_text(content, encoding="utf-8", newline="")
    console.print(f"{max(0, content.count(chr(10)) - 1)} bookings written to {path}")


def _change(client: Api, booking_id: str, to: str, *, joint: bool, as_json: bool) -> None:
    if joint:
        show_joint(client.post(f"/joint-bookings/{booking_id}/{to}"), as_json=as_json)
    else:
        _show(client.post(f"/bookings/{booking_id}/{to}"), as_json=as_json)


def show_joint(joint: dict[str, Any], *, as_json: bool) -> None:
    """Several bookings held as one, leg by leg."""
    if as_json:
        print_json(joint)
        return
    until = f", confirm before {local(joint['hold_until'])}" if joint["hold_until"] else ""
    price = f", {shown(joint['price'])}" if joint["price"] else ""
    console.print(f"joint booking {joint['id']}: {joint['state']}{until}{price}")
    table = Table("leg", "booking", "state", "from", "to")
    for leg in joint["legs"]:
        times = (local(leg["start"]), local(leg["end"]))
        table.add_row(str(leg["leg"]), leg["id"], leg["state"], *times)
    console.print(table)


def _show(booking: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(booking)
        return
    price = booking["price"]
    table = Table(show_header=False, box=None)
    table.add_row("booking", booking["id"])
    table.add_row("state", booking["state"])
    table.add_row("resource", booking["resource_id"])
    table.add_row("from", datetime.fromisoformat(booking["start"]).astimezone().isoformat())
    table.add_row("to", datetime.fromisoformat(booking["end"]).astimezone().isoformat())
    if booking["setup_minutes"]:
        table.add_row("set-up", f"{booking['setup_minutes']} min at the beginning")
    if price:
        table.add_row("price", f"{price['minor'] / 100:,.2f} {price['currency']}")
    if booking["hold_until"]:
        table.add_row("confirm before", booking["hold_until"])
    if booking["at_risk"]:
        table.add_row("at risk", f"{booking['at_risk_reason']} ({booking['at_risk_resource_id']})")
    console.print(table)
