"""Things of the ledger: accounts, escrows between two, payments, payouts, share rules."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from services.contracts.ids import OrganisationId
from services.ledger.domain import AccountKind, account_id
from tests.access.making import deleted, each
from tests.access.markers import Owner, Shown, amount, marker
from tests.access.rows import START
from tests.access.world import Thing, World

_PAIRS: Final = (
    (Owner.OWN, Owner.NEIGHBOUR),
    (Owner.NEIGHBOUR, Owner.OWN),
    (Owner.NEIGHBOUR, Owner.STRANGER),
    (Owner.STRANGER, Owner.NEIGHBOUR),
)
RICH: Final = 10**9


def accounts(world: World) -> Iterator[Thing]:
    """Wallets, with something to pay out; cost centres to book between, made along."""
    for owner in Owner:
        organisation_id = OrganisationId(world.organisations[owner])
        wallet = account_id(AccountKind.WALLET, organisation_id, "CNY", None)
        _account(world, owner, id=wallet, kind="wallet", balance_minor=RICH)
        world.cost_centres[owner] = (_cost_centre(world, owner), _cost_centre(world, owner))
        yield Thing(owner, owner, Shown.ORGANISATION, {"account_id": str(wallet)})
    gone = _cost_centre(world, Owner.OWN)
    world.rows.delete("ledger_account", id=gone)
    yield deleted({"account_id": str(gone)})


def _cost_centre(world: World, owner: Owner) -> UUID:
    code = f"{marker(owner, Shown.ORGANISATION)}-{world.rows.new_id().hex[-12:]}"
    of, organisation_id = world.rows.new_id(), OrganisationId(world.organisations[owner])
    made = account_id(AccountKind.COST_CENTRE, organisation_id, "CNY", of)
    _account(world, owner, id=made, of=of, kind="cost_centre", balance_minor=0, code=code)
    return made


def _account(world: World, owner: Owner, **known: Any) -> dict[str, Any]:
    return world.owned(
        "ledger_account", owner, currency="CNY", name=marker(owner, Shown.ORGANISATION), **known
    )


def escrows(world: World) -> Iterator[Thing]:
    """Open ones, each with the step that opened it."""
    for payer, payee in _PAIRS:
        made = escrow_between(world, payer, payee)
        if Owner.OWN not in {payer, payee} or payer is Owner.OWN:
            world.escrows.setdefault(payer, made)
        yield Thing(
            f"{payer} pays {payee}", payer, Shown.ORGANISATION, {"escrow_id": str(made)},
            parties=frozenset({payer, payee}),
        )  # fmt: skip
    gone = escrow_between(world, Owner.OWN, Owner.NEIGHBOUR)
    world.rows.delete("ledger_movement", escrow_id=gone)
    world.rows.delete("ledger_escrow", id=gone)
    yield deleted({"escrow_id": str(gone)})


def escrow_between(world: World, payer: Owner, payee: Owner) -> UUID:
    """Its secrets are the stranger's unless the callers are party to it."""
    owner = Owner.OWN if Owner.OWN in {payer, payee} else Owner.STRANGER
    organisations: dict[str, Any] = {
        "organisation_id": world.organisations[payer],
        "payee_id": world.organisations[payee],
    }
    row = world.add(
        "ledger_escrow",
        owner,
        **organisations,
        subject_kind="order",
        amount_minor=amount(owner, Shown.ORGANISATION),
        currency="CNY",
        state="open",
    )
    made: UUID = row["id"]
    world.add(
        "ledger_movement", owner, **organisations, escrow_id=made, kind="opened", trace=[], minor=1
    )
    return made


def payments(world: World) -> Iterator[Thing]:
    """Over, so that another may be asked for."""

    def facts(world: World, owner: Owner) -> dict[str, Any]:
        return {"kind": "funding", "escrow_id": world.escrows[owner], **_over(owner)}

    return each("payment_id", "ledger_payment", facts)(world)


def payouts(world: World) -> Iterator[Thing]:
    def facts(_: World, owner: Owner) -> dict[str, Any]:
        return {"kind": "payout", "source": "wallet", **_over(owner)}

    return each("payout_id", "ledger_payment", facts)(world)


def _over(owner: Owner) -> dict[str, Any]:
    return {
        "amount_minor": amount(owner, Shown.ORGANISATION),
        "currency": "CNY",
        "state": "failed",
        "explanation": marker(owner, Shown.ORGANISATION),
        "created_at": START,
    }


def share_rules(world: World) -> Iterator[Thing]:
    def facts(world: World, owner: Owner) -> dict[str, Any]:
        member = {"organisation_id": str(world.organisations[owner]), "stake": 10_000}
        return {"members": [member]}

    return each("share_rule_id", "ledger_share_rule", facts)(world)
