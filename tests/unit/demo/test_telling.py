"""A broken promise ends the story and says what and where."""

from pathlib import Path

import pytest
from rich.console import Console

from gateway.demo.measure import StoredJournal
from gateway.demo.park import REPLAY_KEY, edge_config, load_demo_park, plant_park
from gateway.demo.promises import BrokenPromiseError, Teller, await_truth, insist
from gateway.demo.story import recorded_executions


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=120)


class TestTeller:
    def test_prints_a_kept_promise_with_its_time_and_detail(self, console: Console) -> None:
        teller = Teller(console)
        with teller.promise("water flows") as line:
            line.detail = "uphill"
        assert "✓ water flows" in console.export_text()
        assert [one.detail for one in teller.lines] == ["uphill"]

    def test_prints_a_broken_one_and_passes_it_on(self, console: Console) -> None:
        teller = Teller(console)
        with pytest.raises(BrokenPromiseError, match="dry"), teller.promise("water flows"):
            insist(holds=False, what="dry", where="the well")
        assert "✗ water flows" in console.export_text()
        assert teller.lines == []


class TestAwaitTruth:
    def test_returns_the_first_answer_there_is(self) -> None:
        answers = iter([None, 0, 7])
        assert await_truth(lambda: next(answers), within_s=5, what="a number", where="here") == 7

    def test_gives_up_and_says_what_where_and_after_how_long(self) -> None:
        with pytest.raises(BrokenPromiseError, match=r"rain did not happen within 0 s \(the sky\)"):
            await_truth(lambda: None, within_s=0, what="rain", where="the sky")


class TestStoredJournal:
    def test_counts_each_offset_once(self) -> None:
        assert StoredJournal(rows=3, offsets=3, lowest=1, highest=3).is_exactly(3)
        assert StoredJournal(rows=0, offsets=0, lowest=0, highest=0).is_exactly(0)

    @pytest.mark.parametrize(
        "stored",
        [
            StoredJournal(rows=2, offsets=2, lowest=1, highest=3),
            StoredJournal(rows=4, offsets=3, lowest=1, highest=3),
            StoredJournal(rows=3, offsets=3, lowest=2, highest=4),
            StoredJournal(rows=4, offsets=4, lowest=1, highest=4),
        ],
        ids=["lost", "twice", "first lost", "too many"],
    )
    def test_notices(self, stored: StoredJournal) -> None:
        assert not stored.is_exactly(3)


class TestPark:
    def test_has_what_the_demo_promises(self) -> None:
        park = load_demo_park(with_replay=False)
        machines = park.machines
        assert len(machines) >= 12
        assert len({machine.organisation for machine in machines}) >= 4
        kinds = {resource.kind for resource in park.resources}
        assert kinds >= {"machine", "lab_method", "software_seats", "expert"}

    def test_every_machine_is_simulated_and_read_by_one_gateway(self, tmp_path: Path) -> None:
        park = load_demo_park(with_replay=True)
        simulated = [machine.device for machine in plant_park(park, steady=True).machines]
        endpoints = [
            {
                "device": device,
                "url": "opc.tcp://127.0.0.1:4840",
                "machine": device,
                "certificate": f"sha256:{'0' * 64}",
            }
            for device in simulated
        ]
        configs = [
            edge_config(
                park,
                gateway,
                broker_url="mqtt://127.0.0.1:1883",
                credential=tmp_path / "credential.json",
                plant_endpoints=endpoints,
                journal=tmp_path / "journal.db",
            )
            for gateway in park.gateways
        ]
        read = [machine.device for config in configs for machine in config.machines]
        assert sorted(read) == sorted(simulated)
        assert REPLAY_KEY in read

    def test_steady_machines_neither_fail_nor_need_maintenance(self) -> None:
        park = load_demo_park(with_replay=False)
        for machine in plant_park(park, steady=True).machines:
            profile = machine.profile
            assert (profile.fault_probability, profile.maintenance_probability) == (0, 0)
        assert any(one.profile.fault_probability for one in plant_park(park, steady=False).machines)


def test_recorded_executions_are_read_in_file_order(tmp_path: Path) -> None:
    log = tmp_path / "day.txt"
    log.write_text(
        "2019-01-01T00:00:00Z|execution|READY\nx|mode|AUTO\nbroken\ny|execution|ACTIVE\n"
    )
    assert recorded_executions(log) == ["READY", "ACTIVE"]
