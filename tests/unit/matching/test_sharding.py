"""Which shard keeps what, and that the answers of shards join to the whole market's."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gateway.cli import app
from services.matching.engine.interface import Snapshot
from services.matching.engine.oracle import OracleEngine
from services.matching.service.shard import InvalidShardError, Shard
from services.matching.service.sharding import ShardMap, merged
from tests.contract.matching.market import Draw
from tests.support.clock import START as NOW

REGIONS = ("420111", "310115", "440305", "330106")


def parts(whole: Snapshot, shards: ShardMap) -> list[Snapshot]:
    """``whole`` as each shard keeps it; a resource's region is made up from its id."""
    kept: list[list[object]] = [[] for _ in range(shards.count)]
    for listing in whole.listings:
        resource = whole.resources[listing.resource_id]
        region = REGIONS[listing.resource_id.int % len(REGIONS)]
        process = resource.capabilities[0].process if resource.capabilities else ""
        kept[shards.number_of(process, region) - 1].append(listing)
    return [Snapshot(tuple(some), whole.resources) for some in kept]  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 5), limit=st.integers(1, 6))
def test_the_answers_of_shards_join_to_the_answer_of_all(seed: int, count: int, limit: int) -> None:
    drawn = Draw(seed)
    whole, asked = drawn.market(), drawn.requirement()
    expected = OracleEngine(whole).match(asked, limit=limit, now=NOW)
    answers = [
        OracleEngine(part).match(asked, limit=limit, now=NOW)
        for part in parts(whole, ShardMap(count))
    ]
    joined = merged(answers, limit=limit)
    assert replace(joined, state_hash="") == replace(expected, state_hash="")


def test_every_shard_gets_its_part_and_keeps_it_when_others_are_pinned() -> None:
    places = [(f"process-{one}", region) for one in range(40) for region in REGIONS]
    plain = ShardMap(3)
    spread = [plain.number_of(*place) for place in places]
    assert all(30 < spread.count(number) < 80 for number in (1, 2, 3))
    moved = ShardMap(3, {places[0]: spread[0] % 3 + 1})
    changed = [place for place in places if moved.number_of(*place) != plain.number_of(*place)]
    assert changed == places[:1]


@pytest.mark.parametrize(
    "written", ["3/2", "0/1", "1", "1/", "/2", "-1/2", "1/65", "one/two", "²/3"]
)
def test_what_is_no_shard_is_refused(written: str) -> None:
    with pytest.raises(InvalidShardError, match="names no shard"):
        Shard.read(written)
    told = CliRunner().invoke(app, ["run", "matcher", "--shard", written])
    assert told.exit_code == 2


def test_a_shard_is_read_as_it_is_written() -> None:
    assert Shard.read("2/3") == Shard(2, 3)
    assert str(Shard(2, 3)) == "2/3"


def test_only_a_matcher_keeps_a_shard() -> None:
    assert CliRunner().invoke(app, ["run", "http", "--shard", "1/1"]).exit_code == 2
