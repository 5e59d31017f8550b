"""Looking at simulated machines as an agent does: through a real OPC UA client, by path."""

import asyncio
from dataclasses import dataclass
from typing import Any

from asyncua.client.client import Client
from asyncua.common.node import Node

from gateway.plant.control import PlantControl
from gateway.plant.park import Park, ParkMachine
from gateway.plant.plant import Plant
from gateway.plant.process import Profile
from services.contracts import machinery
from services.contracts.machinery import MachineVariable

PROFILE = Profile(cycle_s=3_600, parts_min=3, parts_max=9, load_percent=40)


@dataclass(frozen=True)
class Running:
    """A plant that runs, and the two ways to talk to it."""

    plant: Plant
    control: PlantControl
    stop: asyncio.Event

    def url(self, device: str) -> str:
        return next(e["url"] for e in self.plant.endpoints() if e["device"] == device)

    async def tell(self, command: str, device: str | None = None) -> object:
        answer: object = await asyncio.to_thread(self.control.send, command, device)
        return answer

    async def status(self) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self.control.status)


def park_of(*devices: str) -> Park:
    return Park(
        machines=tuple(
            ParkMachine(
                device=device,
                name=f"Machine {device}",
                manufacturer="Example Works",
                model="X1",
                serial=f"SN-{device}",
                profile=PROFILE,
            )
            for device in devices
        )
    )


async def machine_node(client: Client) -> Node:
    """The one machine of a server, found as an agent finds it: under Machines, by namespace URI."""
    path = [await _qualified(client, *name) for name in machinery.MACHINES]
    machines = await client.nodes.objects.get_child(path)
    (machine,) = await machines.get_children()
    return machine


async def variable(client: Client, wanted: MachineVariable) -> Node:
    machine = await machine_node(client)
    return await machine.get_child([await _qualified(client, *name) for name in wanted.path])


async def read(client: Client, wanted: MachineVariable) -> object:
    found: object = await (await variable(client, wanted)).read_value()
    return found


async def _qualified(client: Client, uri: str, name: str) -> str:
    return f"{await client.get_namespace_index(uri)}:{name}"
