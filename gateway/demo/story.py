"""The story of the main job, told on a running stage through the public API and checked."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from edge.journal import JournalSummary, journal_summary
from gateway.demo.api import ApiRefusedError, DemoApi
from gateway.demo.measure import Record
from gateway.demo.park import REPLAY_KEY
from gateway.demo.people import DemoPeople
from gateway.demo.promises import BrokenPromiseError, Teller, await_truth, insist
from gateway.demo.seed import Seeded
from gateway.demo.stage import Stage

ONLINE_WITHIN_S: Final = 30.0
OBSERVED_AT_LEAST: Final = 200
OBSERVED_WITHIN_S: Final = 60.0
FAULT_SEEN_WITHIN_S: Final = 10.0
BACK_WITHIN_S: Final = 45.0
DRAINED_WITHIN_S: Final = 60.0
REPLAYED_WITHIN_S: Final = 120.0
SLOT_HOURS: Final = 4
CONFLICT: Final = 409
BUYER: Final = "xinghuo"
RIVAL: Final = "weixin"


@dataclass(slots=True)
class Story:
    """What one telling needs and learns on its way."""

    stage: Stage
    people: DemoPeople
    record: Record
    seeded: Seeded
    teller: Teller
    console: Console
    began_at: datetime

    @property
    def anybody(self) -> DemoApi:
        return self.people.anybody

    @property
    def buyer(self) -> DemoApi:
        """The small firm that needs capacity."""
        return self.people.acting(BUYER)

    def tell(self) -> None:
        """What follows once the machines are online, in order.

        Raises:
            BrokenPromiseError: a promise was broken; what and where.
            ApiRefusedError: the API refused what it should have granted.
        """
        self.observations_are_stored()
        demand, candidate = self.a_demand_is_matched()
        booking = self.a_slot_is_booked(demand, candidate)
        self.a_rival_is_refused(candidate)
        self.a_machine_fails(demand, candidate, booking)
        self.the_machine_recovers(demand, candidate, booking)
        self.processes_are_killed()
        self.nothing_is_lost()
        self.the_slot_is_given_back(demand, candidate, booking)

    def machines_come_online(self) -> None:
        twins = [machine.key for machine in self.stage.park.machines if machine.key != REPLAY_KEY]
        with self.teller.promise("machines online through OPC UA") as line:
            waiting = set(twins)

            def all_measured() -> bool:
                waiting.difference_update({key for key in waiting if self._is_measured(key)})
                return not waiting

            await_truth(
                all_measured,
                within_s=ONLINE_WITHIN_S,
                what=f"a measured state of {', '.join(twins)}",
                where="GET /resources/{id}/state",
            )
            gateways = len(self.stage.park.gateways)
            line.detail = f"{len(twins)} machines, {gateways} gateways"

    def observations_are_stored(self) -> None:
        since = datetime.now(UTC)  # noqa: TID251 - the story lives in wall time
        with self.teller.promise("observations in PostgreSQL") as line:
            await_truth(
                lambda: self.record.delay(since).observations >= OBSERVED_AT_LEAST,
                within_s=OBSERVED_WITHIN_S,
                what=f"{OBSERVED_AT_LEAST} observations",
                where="table observation",
            )
            delay = self.record.delay(since)
            line.detail = (
                f"{self.record.observations()} stored; source timestamp to {delay.until}: "
                f"p50 {delay.p50_ms:.0f} ms, p95 {delay.p95_ms:.0f} ms over {delay.observations}"
            )

    def a_demand_is_matched(self) -> tuple[str, dict[str, Any]]:
        start = datetime.now(UTC) + timedelta(minutes=30)  # noqa: TID251 - same
        with self.teller.promise("a small firm's demand matched") as line:
            demand = self.buyer.post("/demands", self._demand(start))
            match = self._match(demand["id"])
            insist(
                holds=bool(match["candidates"]),
                what="no candidate for a demand the park can meet",
                where="POST /demands/{id}/matches",
            )
            best: dict[str, Any] = match["candidates"][0]
            line.detail = (
                f"{len(match['candidates'])} of {match['considered']} fit, "
                f"ranked in {match['took_ms']:.0f} ms"
            )
        self._show_reasons(match)
        return demand["id"], best

    def a_slot_is_booked(self, demand: str, candidate: dict[str, Any]) -> dict[str, Any]:
        with self.teller.promise("slot held and confirmed") as line:
            held = self.buyer.post("/bookings", self._slot(candidate) | {"demand_id": demand})
            booking: dict[str, Any] = self.buyer.post(f"/bookings/{held['id']}/confirm")
            insist(
                holds=booking["state"] == "confirmed",
                what=f"booking is {booking['state']}",
                where="POST /bookings/{id}/confirm",
            )
            name = self.seeded.resource_key(candidate["resource_id"])
            price = booking["price"]["minor"] / 100
            line.detail = f"{name}, {_local(candidate)}, {price:.2f} {booking['price']['currency']}"
        return booking

    def a_rival_is_refused(self, candidate: dict[str, Any]) -> None:
        with self.teller.promise("a rival's overlapping booking refused") as line:
            later = datetime.fromisoformat(candidate["start"]) + timedelta(hours=1)
            rival = self._slot(candidate) | {"start": later.isoformat()}
            try:
                taken = self.people.acting(RIVAL).post("/bookings", rival)
            except ApiRefusedError as refused:
                insist(
                    holds=refused.status == CONFLICT,
                    what=f"refused with {refused.status} instead of {CONFLICT}: {refused}",
                    where="POST /bookings",
                )
                line.detail = f"{refused.status} {refused.code}"
            else:
                raise BrokenPromiseError(f"double booking {taken['id']} (POST /bookings)")

    def a_machine_fails(
        self, demand: str, candidate: dict[str, Any], booking: dict[str, Any]
    ) -> None:
        device = self.seeded.resource_key(candidate["resource_id"])
        with self.teller.promise(f"{device} fails at its OPC UA server") as line:
            began = time.monotonic()
            self.stage.control().fault(device)
            await_truth(
                lambda: not self._offered(demand, candidate),
                within_s=FAULT_SEEN_WITHIN_S,
                what=f"withdrawal of the slots of {device}",
                where="POST /demands/{id}/matches",
            )
            gone = time.monotonic() - began
            await_truth(
                lambda: self.buyer.get(f"/bookings/{booking['id']}")["at_risk"],
                within_s=FAULT_SEEN_WITHIN_S,
                what=f"at-risk flag of booking {booking['id']}",
                where="GET /bookings/{id}",
            )
            flagged = time.monotonic() - began
            line.detail = f"slots gone after {gone:.2f} s, booking at risk after {flagged:.2f} s"

    def the_machine_recovers(
        self, demand: str, candidate: dict[str, Any], booking: dict[str, Any]
    ) -> None:
        device = self.seeded.resource_key(candidate["resource_id"])
        with self.teller.promise(f"{device} recovers") as line:
            self.stage.control().clear(device)
            await_truth(
                lambda: not self.buyer.get(f"/bookings/{booking['id']}")["at_risk"],
                within_s=FAULT_SEEN_WITHIN_S,
                what=f"end of risk for booking {booking['id']}",
                where="GET /bookings/{id}",
            )
            await_truth(
                lambda: self._offered(demand, candidate),
                within_s=FAULT_SEEN_WITHIN_S,
                what=f"return of {device}'s other slots",
                where="POST /demands/{id}/matches",
            )
            line.detail = "flag cleared, its other slots on offer again"

    def processes_are_killed(self) -> None:
        gateway = self.stage.park.gateways[0]
        with self.teller.promise(f"edge agent {gateway.edge_node} killed with SIGKILL, back"):
            pid = self.stage.kill_agent(gateway)
            self.stage.await_agent_again(gateway, after_pid=pid)
            self._flows_again(gateway.key)
        for name in ("nats", "ingest"):
            with self.teller.promise(f"{name} killed with SIGKILL, back"):
                pid = self.stage.platform.kill(name)
                self.stage.platform.await_running_again(name, after_pid=pid)
                for each in self.stage.park.gateways:
                    self._flows_again(each.key)

    def nothing_is_lost(self) -> None:
        with self.teller.promise("observations made = observations stored") as line:
            control = self.stage.control()
            for machine in self.stage.park.machines:
                if machine.key != REPLAY_KEY:
                    control.hold(machine.key)
            await_truth(
                lambda: all(one.waiting == 0 for one in self._journals().values()),
                within_s=DRAINED_WITHIN_S,
                what="receipts for every journalled observation",
                where="the gateways' journals",
            )
            made = self._compare_journals()
            for machine in self.stage.park.machines:
                if machine.key != REPLAY_KEY:
                    control.resume(machine.key)
            line.detail = f"{made} made, {made} stored, none lost, none twice"

    def a_recording_is_replayed(self, recording: Path) -> None:
        """One machine plays a recorded day; what PostgreSQL holds is compared with the file."""
        with self.teller.promise(f"replay of {recording.name}") as line:
            control = self.stage.control()
            await_truth(
                lambda: control.replay_status()["done"],
                within_s=REPLAYED_WITHIN_S,
                what="the end of the replay",
                where="plant",
            )
            expected = recorded_executions(recording)
            resource = self.seeded.resources[REPLAY_KEY]
            await_truth(
                lambda: len(self.record.executions(resource, self.began_at)) >= len(expected),
                within_s=DRAINED_WITHIN_S,
                what=f"{len(expected)} execution changes",
                where="table observation",
            )
            stored = self.record.executions(resource, self.began_at)
            insist(
                holds=stored == expected,
                what=f"{len(stored)} execution changes stored differ from {len(expected)} recorded",
                where="table observation",
            )
            line.detail = (
                f"{len(expected)} execution changes in the file, {len(stored)} stored, same order"
            )

    def the_slot_is_given_back(
        self, demand: str, candidate: dict[str, Any], booking: dict[str, Any]
    ) -> None:
        with self.teller.promise("booking cancelled, slot free again"):
            cancelled = self.buyer.post(f"/bookings/{booking['id']}/cancel")
            insist(
                holds=cancelled["state"] == "cancelled",
                what=f"booking is {cancelled['state']}",
                where="POST /bookings/{id}/cancel",
            )
            await_truth(
                lambda: self._offered(demand, candidate),
                within_s=FAULT_SEEN_WITHIN_S,
                what="return of the cancelled slot",
                where="POST /demands/{id}/matches",
            )

    def _journals(self) -> dict[str, JournalSummary]:
        """What each gateway's journal holds, by its key in the park file."""
        gateways = self.stage.park.gateways
        return {one.key: journal_summary(self.stage.journal_path(one)) for one in gateways}

    def _compare_journals(self) -> int:
        total = 0
        for key, journal in self._journals().items():
            stored = self.record.journal(self.seeded.gateways[key], journal.epoch)
            insist(
                holds=stored.is_exactly(journal.made) and journal.evicted == 0,
                what=f"gateway {key} made {journal.made} observations, PostgreSQL holds {stored}",
                where="table observation",
            )
            total += journal.made
        return total

    def _flows_again(self, gateway_key: str) -> None:
        """Wait until an observation made from now on has its receipt."""
        made = self._journals()[gateway_key].made

        def moved_on() -> bool:
            journal = self._journals()[gateway_key]
            return journal.made > made and journal.made - journal.waiting > made

        await_truth(
            moved_on,
            within_s=BACK_WITHIN_S,
            what=f"new receipts for gateway {gateway_key}",
            where="its journal",
        )

    def _is_measured(self, key: str) -> bool:
        try:
            state = self.anybody.get(f"/resources/{self.seeded.resources[key]}/state")
        except ApiRefusedError:
            return False
        return bool(state["measured"])

    def _demand(self, start: datetime) -> dict[str, Any]:
        return {
            "title": "机器人关节壳体 Robot joint housings",
            "process": "machining.milling.5axis",
            "material": "metal.aluminium.6061",
            "envelope_mm": [180, 140, 90],
            "tolerance": {"plus_minus_um": 20},
            "certificates": [{"kind": "iso-9001"}],
            "hours": SLOT_HOURS,
            "window": {
                "start": start.isoformat(),
                "end": (start + timedelta(hours=20)).isoformat(),
            },
            "budget_minor": 300_000,
            "place": {"latitude": 30.49, "longitude": 114.41},
            "radius_km": 30,
            "quantity": 24,
        }

    def _match(self, demand: str) -> dict[str, Any]:
        found: dict[str, Any] = self.buyer.post(f"/demands/{demand}/matches")
        return found

    def _offered(self, demand: str, candidate: dict[str, Any]) -> bool:
        matched = self._match(demand)["candidates"]
        return any(one["resource_id"] == candidate["resource_id"] for one in matched)

    def _slot(self, candidate: dict[str, Any]) -> dict[str, Any]:
        return {
            "resource_id": candidate["resource_id"],
            "offer_id": candidate["offer_id"],
            "start": candidate["start"],
            "minutes": SLOT_HOURS * 60,
        }

    def _show_reasons(self, match: dict[str, Any]) -> None:
        table = Table("#", "resource", "start", "price", "why", box=None, padding=(0, 1))
        for candidate in match["candidates"]:
            reasons = "; ".join(verdict["text"] for verdict in candidate["verdicts"])
            table.add_row(
                str(candidate["rank"]),
                self.seeded.resource_key(candidate["resource_id"]),
                _local(candidate),
                f"{candidate['price']['minor'] / 100:.2f}",
                reasons,
            )
        for miss in match["near_misses"]:
            causes = [one["text"] for one in miss["verdicts"] if not one["passed"]]
            name = self.seeded.resource_key(miss["resource_id"])
            table.add_row("–", name, "", "", f"[yellow]{'; '.join(causes)}[/]")
        self.console.print(table)


def recorded_executions(recording: Path) -> list[str]:
    """The ``execution`` values of a SHDR log in file order, read without the plant's parser."""
    rows = (line.rstrip("\n").split("|") for line in recording.read_text().splitlines())
    return [row[2] for row in rows if len(row) > 2 and row[1] == "execution"]  # noqa: PLR2004 - SHDR


def _local(candidate: dict[str, Any]) -> str:
    start = datetime.fromisoformat(candidate["start"]).astimezone()
    return f"{start:%a %H:%M}"
