"""A machine to connect to: a real OPC UA server in this event loop, or in a process to kill.

``python -m tests.integration.edge.machines PORT STATE_DIR EVERY_MS`` serves ``Mill 07`` on PORT and
makes a part every EVERY_MS, its execution going between ACTIVE and READY with each.
"""

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from asyncua import ua

from gateway.plant.blueprint import Blueprint, load_blueprint
from gateway.plant.certificates import Identity
from gateway.plant.nodes import ITEM_STATE_IDS, OPERATION_MODE_IDS, variable_id
from gateway.plant.server import MachineServer
from gateway.plant.values import bad, fact, good
from services.contracts import machinery
from services.contracts.machinery import MachineVariable
from services.contracts.telemetry import MachineryItemState, MachineryOperationMode

DEVICE = "mill-07"
NAME = "Mill 07"
TICK_S = 0.25


def instant() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a machine has its own clock


def states(item: MachineryItemState, mode: MachineryOperationMode) -> dict[MachineVariable, object]:
    return {
        machinery.ITEM_STATE_NUMBER: int(item),
        machinery.ITEM_STATE_ID: ITEM_STATE_IDS[item],
        machinery.OPERATION_MODE_NUMBER: int(mode),
        machinery.OPERATION_MODE_ID: OPERATION_MODE_IDS[mode],
    }


EXECUTING = states(MachineryItemState.EXECUTING, MachineryOperationMode.PROCESSING)
IDLE = states(MachineryItemState.NOT_EXECUTING, MachineryOperationMode.PROCESSING)
DOWN = states(MachineryItemState.OUT_OF_SERVICE, MachineryOperationMode.PROCESSING)
SETUP = states(MachineryItemState.NOT_EXECUTING, MachineryOperationMode.SETUP)
FACTS: dict[MachineVariable, object] = {
    **EXECUTING,
    machinery.EXECUTION: "ACTIVE",
    machinery.PARTS_PRODUCED: 41,
    machinery.JOB_IDENTIFIER: "J-1",
    machinery.JOB_PREDICTED_END: None,
    machinery.SPINDLE_LOAD: 35.5,
}


class LiveMachine:
    """One machine whose values a test sets; its clock ticks while it is open."""

    def __init__(
        self,
        blueprint: Blueprint,
        *,
        port: int = 0,
        identity: Identity | None = None,
        offers_none: bool = True,
    ) -> None:
        self._server = MachineServer(
            device=DEVICE,
            name=NAME,
            port=port,
            blueprint=blueprint,
            identity=identity,
            offers_none=offers_none,
        )
        self._ticking: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def attempts(self) -> dict[str, int]:
        """Requests for more than looking, by service."""
        return dict(self._server.rules.attempts)

    @property
    def writes_attempted(self) -> int:
        return self._server.rules.attempts_count

    @property
    def sessions_count(self) -> int:
        """Sessions clients have activated and not left."""
        if self._server._open is None:  # noqa: SLF001 - what a server knows and no client is told
            return 0
        _, internal = self._server._open  # noqa: SLF001 - same
        sessions = internal._external_sessions.values()  # noqa: SLF001 - same
        return sum(session.is_activated() for session in sessions)

    async def shows(self, identity: Identity | None) -> None:
        """Come back with another certificate; without one, unencrypted."""
        await self.close()
        self._server.identity = identity
        await self.open()

    async def open(self, facts: Mapping[MachineVariable, object] = FACTS) -> None:
        now = instant()
        await self._server.open(
            {variable: _value(variable, value, now) for variable, value in facts.items()}
        )
        self._ticking = asyncio.create_task(self._tick())

    async def close(self) -> None:
        await self.stop_clock()
        await self._server.close()

    async def stop_clock(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
            self._ticking = None

    async def show(self, facts: Mapping[MachineVariable, object]) -> None:
        now = instant()
        for variable, value in facts.items():
            await self._server.write(variable, _value(variable, value, now))

    async def show_text(self, variable: MachineVariable, text: str) -> None:
        """A defect: text where another type belongs."""
        await self._server.write(variable, good(ua.Variant(text, ua.VariantType.String), instant()))

    async def remove(self, variable: MachineVariable) -> None:
        """Take a node out of the server."""
        assert self._server._open is not None  # noqa: SLF001 - machines do not lose nodes politely
        _, internal = self._server._open  # noqa: SLF001 - same
        item = ua.DeleteNodesItem(NodeId=variable_id(self._server.device, variable))
        results = internal.node_mgt_service.delete_nodes(
            ua.DeleteNodesParameters(NodesToDelete=[item])
        )
        assert all(result.is_good() for result in results)

    async def show_bad(self, variable: MachineVariable) -> None:
        await self._server.write(variable, bad(instant()))

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _tick(self) -> None:
        while True:
            await self._server.tell_time(instant())
            await asyncio.sleep(TICK_S)


def _value(variable: MachineVariable, value: object, now: datetime) -> ua.DataValue:
    return fact(variable, value, at=now, written_at=now)


async def _serve(port: int, state_dir: Path, every_s: float) -> None:
    async with LiveMachine(load_blueprint(state_dir), port=port) as machine:
        for count in range(sys.maxsize):
            execution = ("ACTIVE", "READY")[count % 2]
            await machine.show({machinery.PARTS_PRODUCED: count, machinery.EXECUTION: execution})
            await asyncio.sleep(every_s)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) / 1_000))
