"""Kills come as often as promised, in an order of the seed, and their findings fail the run."""

from collections import Counter
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest

from tests.faults.kills.__main__ import Run
from tests.faults.kills.judging import Findings
from tests.faults.kills.money import MoneyFindings
from tests.faults.kills.plan import FULL, PAUSE_S, QUICK, plan
from tests.faults.kills.record import Acknowledged, Record

NOTHING = Findings(lost=[], overlaps=[], unreserved=[], made_twice=[], ledger={})


def test_every_process_is_killed_as_often_as_promised() -> None:
    kills = plan(FULL, Random(1))
    assert Counter(kill.name for kill in kills) == {
        "postgres": 40, "matcher": 40, "http": 40, "nats": 20, "worker": 20,
    }  # fmt: skip
    assert all(PAUSE_S[0] <= kill.after_s <= PAUSE_S[1] for kill in kills)


def test_a_seed_gives_an_order_again() -> None:
    assert plan(QUICK, Random(1)) == plan(QUICK, Random(1))
    assert plan(QUICK, Random(1)) != plan(QUICK, Random(2))


def run(**met: list[str]) -> Run:
    done = Run(replace(Record(), **met))  # type: ignore[arg-type]
    done.killed.update(QUICK)
    return done


def test_a_run_without_findings_is_good() -> None:
    assert run().wrong(NOTHING, QUICK) == []


def test_a_process_killed_too_seldom_is_wrong() -> None:
    done = run()
    done.killed["nats"] -= 1
    assert done.wrong(NOTHING, QUICK) == ["nats was not killed 1 times"]


@pytest.mark.parametrize(
    "found",
    [
        Findings(lost=["x"], overlaps=[], unreserved=[], made_twice=[], ledger={}),
        Findings(lost=[], overlaps=["x"], unreserved=[], made_twice=[], ledger={}),
        Findings(lost=[], overlaps=[], unreserved=["x"], made_twice=[], ledger={}),
        Findings(lost=[], overlaps=[], unreserved=[], made_twice=["x"], ledger={}),
        Findings(lost=[], overlaps=[], unreserved=[], made_twice=[], ledger={"CNY": 1}),
    ],
)
def test_every_finding_makes_the_run_fail(found: Findings) -> None:
    assert len(run().wrong(found, QUICK)) == 1


@pytest.mark.parametrize("kind", ["charges", "internal", "keys", "refusals", "parked"])
def test_money_that_is_wrong_makes_the_run_fail(kind: str) -> None:
    done, sound = run(), MoneyFindings(charges=[], internal=[], keys=[], refusals=[], parked=[])
    done.money = sound
    assert done.wrong(NOTHING, QUICK) == []
    done.money = replace(sound, **{kind: ["x"]})
    assert len(done.wrong(NOTHING, QUICK)) == 1


def test_what_the_check_of_the_ledger_finds_makes_the_run_fail() -> None:
    done = run()
    done.ledger_check = {"sound": False, "breaches": ["account x is below zero"]}
    assert done.wrong(NOTHING, QUICK) == ["ledger: account x is below zero"]


@pytest.mark.parametrize("kind", ["faults", "two_outcomes", "unanswered"])
def test_what_clients_met_makes_the_run_fail(kind: str) -> None:
    assert len(run(**{kind: ["x"]}).wrong(NOTHING, QUICK)) == 1


def booking(key: str) -> Acknowledged:
    return Acknowledged(id=UUID(int=1), key=key, token="", asked_body={}, answer=b"{}")


def test_a_key_answered_otherwise_than_before_has_two_outcomes() -> None:
    record, made = Record(), booking("a")
    record.held(made)
    record.repeated(made, 201, b"{}")
    assert record.two_outcomes == []
    record.repeated(made, 201, b"{1}")
    record.repeated(made, 409, b"{}")
    assert len(record.two_outcomes) == 2


def test_two_keys_of_one_booking_are_told() -> None:
    record = Record()
    record.held(booking("a"))
    record.held(booking("b"))
    assert record.two_outcomes == [f"a and b made {UUID(int=1)}"]
