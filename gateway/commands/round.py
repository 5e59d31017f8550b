"""``nonagon round``: open a round, pool a demand in it, close it, read how it came out."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from gateway.commands.api import (
    EXIT_REFUSED,
    ApiOption,
    AsOption,
    JsonOption,
    LanguageOption,
    connect,
    console,
    print_json,
)
from services.runtime.clock import SystemClock

HOURS: Final = 24.0

RoundArgument = Annotated[str, typer.Argument(help="Id of the round.")]

round_app = typer.Typer(
    help="Pool demands, match them as a batch, read who was served.",
    no_args_is_help=True,
    add_completion=False,
)


@round_app.command("open")
def open_command(
    title: Annotated[str, typer.Argument(help="What it is called.")],
    park: Annotated[str | None, typer.Option(help="Code of a park you operate …")] = None,
    space: Annotated[str | None, typer.Option(help="… or id of a chain space you lead.")] = None,
    process: Annotated[str | None, typer.Option(help="Demands of this process only.")] = None,
    hours: Annotated[float, typer.Option(help="How long demands are collected …")] = HOURS,
    until: Annotated[datetime | None, typer.Option(help="… or until when.")] = None,
    acting: AsOption = None,
    language: LanguageOption = "en",
    api: ApiOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Collect demands for a while."""
    clock = SystemClock()
    body = {
        "title": title,
        "park": park,
        "space_id": space,
        "process": process,
        "closes_at": (until or clock.now() + timedelta(hours=hours)).astimezone().isoformat(),
    }
    _show(connect(api, language, acting).post("/rounds", body, key=clock.new_id()), as_json=as_json)


@round_app.command("join")
def join_command(
    round_id: RoundArgument,
    demand: Annotated[str, typer.Option(help="Id of a demand of yours.")],
    acting: AsOption = None,
    language: LanguageOption = "en",
    api: ApiOption = None,
) -> None:
    """Pool a demand."""
    client = connect(api, language, acting)
    body = {"demand_id": demand}
    client.post(f"/rounds/{round_id}/demands", body, key=SystemClock().new_id())
    console.print(f"demand {demand} waits in round {round_id}")


@round_app.command("close")
def close_command(
    round_id: RoundArgument,
    acting: AsOption = None,
    language: LanguageOption = "en",
    api: ApiOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Close it early; it is decided within seconds."""
    _show(connect(api, language, acting).post(f"/rounds/{round_id}/close"), as_json=as_json)


@round_app.command("show")
def show_command(
    round_id: RoundArgument,
    acting: AsOption = None,
    language: LanguageOption = "en",
    api: ApiOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Its totals and your own demands; exit code 1 when one of them was not served."""
    client = connect(api, language, acting)
    one = client.get(f"/rounds/{round_id}")
    outcomes = client.get(f"/rounds/{round_id}/outcomes")["items"]
    if as_json:
        print_json({"round": one, "outcomes": outcomes})
    else:
        _show(one, as_json=False)
        _show_outcomes(outcomes)
    if any(outcome["outcome"] == "unserved" for outcome in outcomes):
        raise typer.Exit(EXIT_REFUSED)


def _show(one: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(one)
        return
    console.print(f"round {one['id']}: {one['state']}, closes {one['closes_at']}", markup=False)
    result = one["result"]
    if result is None:
        return
    console.print(
        f"{result['demands']} demands, {result['held']} held, by {result['method']}:"
        f" cost {_amount(result['cost_minor'])}, at least {_amount(result['bound_minor'])},"
        f" fairness {_amount(result['cost_of_fairness_minor'])} {one['currency']},"
        f" faults {len(result['faults'])}"
    )


def _show_outcomes(outcomes: list[dict[str, Any]]) -> None:
    if not outcomes:
        return
    table = Table("demand", "outcome", "booking", "price", "scarcity", "why")
    for one in outcomes:
        table.add_row(
            one["demand_id"],
            one["outcome"],
            one["booking_id"] or "–",
            _amount(one["price_minor"]),
            _amount(one["scarcity_minor"]),
            one["text"] or "",
        )
    console.print(table)


def _amount(minor: int | None) -> str:
    return "–" if minor is None else f"{Decimal(minor) / 100:,.2f}"
