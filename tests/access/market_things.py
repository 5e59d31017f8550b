"""Things of the market: organisations, sites, gateways, resources, offers, demands, bookings."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from psycopg.types.range import TimestamptzRange

from services.booking.domain import feed_hash
from tests.access.making import deleted, each
from tests.access.markers import Owner, Shown, amount, marker
from tests.access.rows import START
from tests.access.world import PROCESS, YEAR, Thing, World

_PAIRS: Final = (
    (Owner.OWN, Owner.NEIGHBOUR),
    (Owner.NEIGHBOUR, Owner.OWN),
    (Owner.NEIGHBOUR, Owner.STRANGER),
)


def organisations(world: World) -> Iterator[Thing]:
    for owner, made in world.organisations.items():
        yield Thing(owner, owner, Shown.PUBLIC, {"organisation_id": str(made)})
    gone = world.rows.insert("organisation", "gone", kind="firm")["id"]
    world.rows.delete("organisation", id=gone)
    yield deleted({"organisation_id": str(gone)})


def sites(world: World) -> Iterator[Thing]:
    """Sites are shown as far as the most visible resource on them."""
    for owner in Owner:
        park = None if owner is Owner.STRANGER else world.park
        facts: dict[str, Any] = {"region_code": "420111", "park": park}
        world.sites[owner] = world.owned("site", owner, Shown.PUBLIC, **facts)["id"]
        yield Thing(f"{owner} hosting", owner, Shown.PUBLIC, {"site_id": str(world.sites[owner])})
        bare = world.owned("site", owner, **facts)["id"]
        yield Thing(f"{owner} bare", owner, Shown.ORGANISATION, {"site_id": str(bare)})
    gone = world.owned("site", Owner.OWN, region_code="420111")["id"]
    world.rows.delete("site", id=gone)
    yield deleted({"site_id": str(gone)})


def gateways(world: World) -> Iterator[Thing]:
    for thing in each("gateway_id", "gateway", lambda w, owner: {"site_id": w.sites[owner]})(world):
        if thing.exists:
            world.gateways[thing.owner] = UUID(thing.path["gateway_id"])
        if thing.exists and world.rows.has_table("gateway_member"):
            owner = world.organisations[thing.owner]
            world.rows.insert(
                "gateway_member",
                "",
                gateway_id=world.gateways[thing.owner],
                organisation_id=owner,
                owner_id=owner,
            )
        yield thing


def resources(world: World) -> Iterator[Thing]:
    for owner in Owner:
        for shown in Shown:
            made = _resource(world, owner, shown)
            world.resources[owner, shown] = made
            yield Thing(f"{owner} {shown}", owner, shown, {"resource_id": str(made)})
    gone = _resource(world, Owner.OWN, Shown.ORGANISATION)
    for table in ("capability", "resource_state", "twin", "state_change", "gap_withdrawal"):
        world.rows.delete(table, resource_id=gone)
    world.rows.delete("resource", id=gone)
    yield deleted({"resource_id": str(gone)})


def placing(world: World, owner: Owner, shown: Shown) -> dict[str, Any]:
    """Where a row is visible; a stranger's park and space are others."""
    if owner is Owner.STRANGER and shown in {Shown.PARK, Shown.SPACE}:
        return _elsewhere(world, shown)
    return {
        "visibility": shown.value,
        "park": world.park if shown is Shown.PARK else None,
        "space_id": world.space if shown is Shown.SPACE else None,
    }


def _elsewhere(world: World, shown: Shown) -> dict[str, Any]:
    stranger = world.organisations[Owner.STRANGER]
    if shown is Shown.SPACE:
        space = world.rows.insert("space", "elsewhere", organisation_id=stranger)["id"]
        world.rows.insert("space_member", "", space_id=space, organisation_id=stranger)
        return {"visibility": "space", "space_id": space}
    code = f"elsewhere-{world.rows.new_id().hex}"
    world.rows.insert("park", "elsewhere", code=code, organisation_id=world.landlord)
    world.rows.insert("park_member", "", park=code, organisation_id=stranger)
    return {"visibility": "park", "park": code}


def _resource(world: World, owner: Owner, shown: Shown) -> UUID:
    made: UUID = world.owned(
        "resource",
        owner,
        shown,
        **placing(world, owner, shown),
        site_id=world.sites[owner],
        kind="machine",
        units=2,
        timezone="Asia/Shanghai",
        horizon_days=60,
        minimum_hours=0.5,
        setup_minutes=0,
        buffer_before_minutes=0,
        buffer_after_minutes=0,
        notice_minutes=0,
    )["id"]
    part: dict[str, Any] = {"resource_id": made}
    world.owned("capability", owner, shown, **part, process=PROCESS, certificates=[])
    world.owned("launch_target", owner, shown, **part)
    world.owned("twin", owner, shown, **part, gateway_id=world.gateways[owner])
    told = {"state": "idle", "reported": "idle", "seen_at": START, "quality": 192}
    world.owned(
        "resource_state", owner, shown, **part, **told, reason=f"{marker(owner, shown)}-why"
    )
    world.owned("state_change", owner, shown, **part, state="idle", at=START)
    world.owned("gap_withdrawal", owner, shown, **part, cause="down")
    world.rows.insert(
        "observation",
        marker(owner, shown),
        **part,
        gateway_id=world.gateways[owner],
        journal_offset=made.int % 10**12,
        signal="Capacity/State",
    )
    return made


def offers(world: World) -> Iterator[Thing]:
    for owner in Owner:
        for shown in Shown:
            made = _offer(world, owner, shown)
            world.offers[owner, shown] = made
            yield Thing(f"{owner} {shown}", owner, shown, {"offer_id": str(made)})
    gone = _offer(world, Owner.OWN, Shown.ORGANISATION)
    world.rows.delete("listing", offer_id=gone)
    world.rows.delete("offer", id=gone)
    yield deleted({"offer_id": str(gone)})


def _offer(world: World, owner: Owner, shown: Shown) -> UUID:
    resource_id = world.resources[owner, shown]
    price = {"unit": "hour", "price_minor": amount(owner, shown), "setup_minor": 0}
    placed = placing(world, owner, shown)
    made: UUID = world.owned(
        "offer",
        owner,
        shown,
        **placed,
        direction=4,
        resource_ids=[resource_id],
        price=price | {"minimum_minor": 0, "currency": "CNY"},
        state="published",
    )["id"]
    world.owned(
        "listing",
        owner,
        shown,
        **placed,
        offer_id=made,
        resource_id=resource_id,
        currency="CNY",
        per_hour_minor=amount(owner, shown),
        setup_minor=0,
        minimum_minor=0,
        processes=[PROCESS],
        active=True,
    )
    return made


def demands(world: World) -> Iterator[Thing]:
    for thing in each("demand_id", "demand", lambda _, owner: _demand(owner))(world):
        if thing.exists:
            world.demands[thing.owner] = UUID(thing.path["demand_id"])
        yield thing


def drafts(world: World) -> Iterator[Thing]:
    """One that is whole, so that it can be published."""

    def facts(_: World, owner: Owner) -> dict[str, Any]:
        window = {
            "start": (START + timedelta(hours=1)).isoformat(),
            "end": (START + timedelta(days=3)).isoformat(),
        }
        title = marker(owner, Shown.ORGANISATION)
        body = {"title": title, "process": PROCESS, "hours": 1, "window": window}
        return {"body": body, "version": 1}

    yield from each("draft_id", "demand_draft", facts)(world)


def _demand(owner: Owner) -> dict[str, Any]:
    return {
        "process": PROCESS,
        "minutes": 60,
        "start_at": START + timedelta(hours=1),
        "end_at": START + timedelta(days=3),
        "certificates": [],
        "currency": "CNY",
        "state": "open",
        "budget_minor": amount(owner, Shown.ORGANISATION),
    }


def matches(world: World) -> Iterator[Thing]:
    for owner in Owner:
        yield Thing(owner, owner, Shown.ORGANISATION, {"match_id": str(_match(world, owner))})
    gone = _match(world, Owner.OWN)
    world.rows.delete("match", id=gone)
    yield deleted({"match_id": str(gone)})


def _match(world: World, owner: Owner) -> UUID:
    """As it is stored for a demand nothing could meet, but a day later something could."""
    window = {"start": START.isoformat(), "end": (START + YEAR).isoformat()}
    requirement = {"processes": [PROCESS], "minutes": 60, "window": window}
    nothing: dict[str, Any] = {"candidates": [], "considered": 0, "failures": [], "near_misses": []}
    later = {
        "steps": [{
            "aspect": "window-end",
            "asked": (START + timedelta(days=3)).isoformat(),
            "eased": (START + timedelta(days=4)).isoformat(),
        }],
        "listings": 1, "organisations": 1, "lost": 0,
        "price": {"minor": 100, "currency": "CNY"}, "price_before": None,
        "earliest_end": (START + timedelta(days=4)).isoformat(), "earliest_end_before": None,
    }  # fmt: skip
    result = nothing | {
        "state_hash": "0" * 64, "as_of": START.isoformat(), "relaxations": [later],
    }  # fmt: skip
    made: UUID = world.owned(
        "match",
        owner,
        demand_id=world.demands[owner],
        requirement=requirement,
        result=result,
        state_hash="0" * 64,
    )["id"]
    return made


def rounds(world: World) -> Iterator[Thing]:
    for owner in Owner:
        for shown in (Shown.PARK, Shown.SPACE, Shown.PUBLIC):
            made = _round(world, owner, shown)
            world.rounds[owner, shown] = made
            yield Thing(f"{owner} {shown}", owner, shown, {"round_id": str(made)})
    gone = _round(world, Owner.OWN, Shown.PUBLIC)
    world.rows.delete("clearing_round", id=gone)
    yield deleted({"round_id": str(gone)})


def _round(world: World, owner: Owner, shown: Shown) -> UUID:
    made: UUID = world.owned(
        "clearing_round",
        owner,
        shown,
        **placing(world, owner, shown),
        currency="CNY",
        closes_at=START + timedelta(days=1),
        state="open",
    )["id"]
    return made


def pooled_demands(world: World) -> Iterator[Thing]:
    """Everybody's in one round that everybody sees; who else is in it nobody does."""
    round_id = world.rounds[Owner.NEIGHBOUR, Shown.PUBLIC]
    for owner in Owner:
        demand_id = world.owned("demand", owner, **_demand(owner))["id"]
        known = {"round_id": round_id, "demand_id": demand_id}
        world.owned("clearing_entry", owner, **known, outcome="waiting")
        world.owned("clearing_offer", owner, round_id=round_id)
        path = {"round_id": str(round_id), "demand_id": str(demand_id)}
        yield Thing(owner, owner, Shown.ORGANISATION, path)
    yield deleted({"round_id": str(round_id), "demand_id": str(world.rows.new_id())})


def bookings(world: World) -> Iterator[Thing]:
    for buyer, provider in _PAIRS:
        row = _booking(world, buyer, provider)
        name = f"{buyer} books {provider}"
        known = {"booking_id": str(row["id"])}
        parties = frozenset({buyer, provider})
        yield Thing(
            name, buyer, Shown.ORGANISATION, known,
            parties=parties, taker=buyer, giver=provider,
        )  # fmt: skip
    for state, ahead in (("confirmed", 2), ("started", 2), ("confirmed", -2)):
        row = _booking(world, Owner.NEIGHBOUR, Owner.OWN, state, ahead=ahead)
        yield Thing(
            f"{state} here {ahead}", Owner.NEIGHBOUR, Shown.ORGANISATION,
            {"booking_id": str(row["id"])},
            parties=frozenset({Owner.OWN, Owner.NEIGHBOUR}), taker=Owner.NEIGHBOUR, giver=Owner.OWN,
        )  # fmt: skip
    gone = _booking(world, Owner.OWN, Owner.NEIGHBOUR)["id"]
    world.rows.delete("reservation", booking_id=gone)
    world.rows.delete("booking", id=gone)
    yield deleted({"booking_id": str(gone)})


def wishes(world: World) -> Iterator[Thing]:
    """Of whoever waits alone; whose resource it is does not hear of it."""

    def facts(world: World, owner: Owner) -> dict[str, Any]:
        provider = Owner.NEIGHBOUR if owner is Owner.OWN else Owner.OWN
        return {
            "provider_id": world.organisations[provider],
            "resource_id": world.resources[provider, Shown.PUBLIC],
            "state": "waiting",
        }

    yield from each("entry_id", "waitlist_entry", facts)(world)


def feeds(world: World) -> Iterator[Thing]:
    def facts(world: World, _: Owner) -> dict[str, Any]:
        return {"token_hash": world.rows.new_id().bytes * 2}

    yield from each("feed_id", "calendar_feed", facts)(world)


def feed_addresses(world: World) -> Iterator[Thing]:
    """Whoever knows one reads it; each of a resource nobody books, so that it shows nothing."""
    unbooked = {owner: world.resources[owner, Shown.PRIVATE] for owner in Owner}
    unbooked[Owner.OWN] = world.resources[Owner.STRANGER, Shown.PUBLIC]  # by its own
    for owner, resource_id in unbooked.items():
        token = f"nf_{owner}"
        known = {"token_hash": feed_hash(token), "resource_id": resource_id}
        world.owned("calendar_feed", owner, Shown.PUBLIC, **known)
        yield Thing(owner, owner, Shown.PUBLIC, {"token": token})
    world.owned("calendar_feed", Owner.OWN, token_hash=feed_hash("nf_gone"), revoked_at=START)
    yield deleted({"token": "nf_gone"})


def joints(world: World) -> Iterator[Thing]:
    """Of their buyers alone: who provides a leg sees that leg, as a booking."""
    for buyer, provider in _PAIRS:
        made = _joint(world, buyer, provider)
        yield Thing(
            f"{buyer} books {provider} and more", buyer, Shown.ORGANISATION,
            {"joint_id": str(made)}, taker=buyer, giver=provider,
        )  # fmt: skip
    gone = _joint(world, Owner.OWN, Owner.NEIGHBOUR)
    world.rows.delete("booking", joint_id=gone)
    world.rows.delete("joint", id=gone)
    yield deleted({"joint_id": str(gone)})


def _joint(world: World, buyer: Owner, provider: Owner) -> UUID:
    """Its id is no secret from who provides a leg: it stands in the booking."""
    owner = Owner.OWN if Owner.OWN in {buyer, provider} else Owner.STRANGER
    with world.rows.connection.transaction():
        row = world.add("joint", owner, organisation_id=world.organisations[buyer], legs=1)
        made: UUID = row["id"]
        _booking(world, buyer, provider, joint_id=made, leg=1)
    return made


def _booking(
    world: World,
    buyer: Owner,
    provider: Owner,
    state: str = "held",
    *,
    ahead: int = 2,
    **joint: Any,
) -> dict[str, Any]:
    """Its secrets are the stranger's unless the callers are party to it."""
    parties = {buyer, provider}
    owner = Owner.OWN if Owner.OWN in parties else Owner.STRANGER
    resource_id = world.resources[provider, Shown.PUBLIC]
    start = START + timedelta(hours=ahead)
    slot = TimestamptzRange(start, start + timedelta(hours=1))
    row = world.add(
        "booking",
        owner,
        organisation_id=world.organisations[buyer],
        provider_id=world.organisations[provider],
        resource_id=resource_id,
        offer_id=world.offers[provider, Shown.PUBLIC],
        units=2,
        during=slot,
        state=state,
        hold_until=START + timedelta(hours=1) if state == "held" else None,
        price_minor=amount(owner, Shown.ORGANISATION),
        currency="CNY",
        at_risk=True,
        at_risk_reason=marker(owner, Shown.ORGANISATION),
        **joint,
    )
    row["during"] = slot
    return row
