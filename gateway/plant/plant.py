"""The plant: all machines of a park, their clocks, their scripted faults and the control port."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from gateway.plant.blueprint import Blueprint
from gateway.plant.certificates import Certificates
from gateway.plant.clock import Clock
from gateway.plant.control import HOST, Answer, Command, ControlServer
from gateway.plant.machine import Machine, Player
from gateway.plant.park import FAULT_COMMANDS, Park, ParkMachine, ScriptedFault
from gateway.plant.players import ProcessPlayer, ReplayPlayer
from gateway.plant.replay import events_of, schedule
from gateway.plant.server import MachineServer
from gateway.plant.shdr import Recording, RecordingUnreadableError, read_recording
from services.contracts.errors import DomainError, ErrorKind

SPACING_S: Final = 0.02
"""Between two executions of a replay, however fast: no publishing client merges them."""
CLOCK_EVERY_S: Final = 1.0
CLOSE_WITHIN_S: Final = 1.5
_MALFORMED_SHOWN: Final = 20


class UnknownDeviceError(DomainError):
    code = "plant-unknown-device"
    kind = ErrorKind.NOT_FOUND
    en = "the plant has no device {device}; it has {known}"
    zh = "工厂模拟器没有设备 {device}；现有：{known}"


class UnknownCommandError(DomainError):
    code = "plant-unknown-command"
    kind = ErrorKind.INVALID
    en = "the plant knows no command {command}; it knows {known}"
    zh = "工厂模拟器不认识命令 {command}；可用：{known}"


class NoReplayError(DomainError):
    code = "plant-without-replay"
    kind = ErrorKind.CONFLICT
    en = "this plant replays no recording; start it with --replay FILE"
    zh = "该工厂模拟器没有回放录制；请用 --replay FILE 启动"


@dataclass(frozen=True, slots=True)
class Replay:
    """A recording and the device that plays it."""

    path: Path
    device: str
    recording: Recording
    began_at: datetime


def open_replay(path: Path, *, device: str | None, park: Park) -> Replay:
    """Read the recording for ``device``, or for the first machine of the park.

    Raises:
        UnknownDeviceError: the park has no such device.
        RecordingUnreadableError: there is nothing to replay in the file.
    """
    devices = [machine.device for machine in park.machines]
    chosen = devices[0] if device is None else device
    if chosen not in devices:
        raise UnknownDeviceError(device=chosen, known=", ".join(devices))
    recording = read_recording(path)
    began_at = recording.began_at
    if began_at is None or not any(event.is_execution for event in events_of(recording)):
        raise RecordingUnreadableError(path=path, cause="it holds no execution event")
    return Replay(path, chosen, recording, began_at)


class Plant:
    """``run`` opens every server, calls ``ready``, and closes them all when ``stop`` is set."""

    def __init__(
        self,
        park: Park,
        *,
        blueprint: Blueprint,
        certificates: Certificates,
        clock: Clock,
        seed: int = 1,
        speed: float = 1.0,
        replay_speed: float | None = None,
        base_port: int = 0,
        load_every_s: float = 1.0,
        replay: Replay | None = None,
        offers_none: bool = False,
    ) -> None:
        self._park = park
        self._clock = clock
        self._replay = replay
        self._control = ControlServer(self._answer)

        def player(spec: ParkMachine) -> Player:
            if replay is not None and replay.device == spec.device:
                return _replay_player(replay, speed if replay_speed is None else replay_speed)
            return ProcessPlayer(spec, seed=seed, speed=speed or 1.0, load_every_s=load_every_s)

        self._machines: Mapping[str, Machine] = {
            spec.device: Machine(
                spec,
                server=MachineServer(
                    device=spec.device,
                    name=spec.name,
                    port=spec.port or (base_port + number if base_port else 0),
                    blueprint=blueprint,
                    identity=certificates.identity(spec.device),
                    offers_none=offers_none,
                ),
                player=player(spec),
                clock=clock,
            )
            for number, spec in enumerate(park.machines)
        }

    async def run(
        self, *, stop: asyncio.Event, ready: Callable[[], None], control_port: int = 0
    ) -> None:
        """Run until ``stop``.

        Raises:
            PortInUseError, ControlPortInUseError: somebody else listens there.
        """
        try:
            await self._control.open(control_port)
            for machine in self._machines.values():
                await machine.start()
            ready()
            await self._play(stop)
        finally:
            await self._close()

    def endpoints(self) -> list[dict[str, str]]:
        """Where each machine answers and as whom, and where the plant is controlled."""
        return [
            {
                "device": device,
                "url": machine.server.url,
                "machine": machine.spec.name,
                "certificate": machine.server.fingerprint,
                "control": f"{HOST}:{self._control.port}",
            }
            for device, machine in self._machines.items()
        ]

    async def command(self, device: str, command: str) -> None:
        """Carry out one of :data:`FAULT_COMMANDS`.

        Raises:
            UnknownDeviceError, UnknownCommandError: the plant does not have it.
        """
        if command not in FAULT_COMMANDS:
            known = ", ".join([*FAULT_COMMANDS, "status", "replay-status"])
            raise UnknownCommandError(command=command, known=known)
        machine = self._machines.get(device)
        if machine is None:
            raise UnknownDeviceError(device=device, known=", ".join(self._machines))
        await getattr(machine, command.replace("-", "_"))()

    async def _play(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(machine.run()) for machine in self._machines.values()]
            tasks.append(group.create_task(self._tell_time()))
            tasks.extend(group.create_task(self._inject(fault)) for fault in self._park.faults)
            await stop.wait()
            for task in tasks:
                task.cancel()

    async def _tell_time(self) -> None:
        while True:
            for machine in self._machines.values():
                await machine.server.tell_time(self._clock.now())
            await asyncio.sleep(CLOCK_EVERY_S)

    async def _inject(self, fault: ScriptedFault) -> None:
        await asyncio.sleep(fault.after_s)
        await self.command(fault.device, fault.command)

    async def _close(self) -> None:
        closing = [machine.server.close() for machine in self._machines.values()]
        with contextlib.suppress(TimeoutError):  # a client that hangs keeps no plant alive
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await asyncio.gather(self._control.close(), *closing)

    async def _answer(self, command: Command) -> object:
        name, device = str(command.get("command")), str(command.get("device"))
        if name == "status":
            return [machine.status() for machine in self._machines.values()]
        if name == "replay-status":
            if self._replay is None:
                raise NoReplayError
            return self._machines[self._replay.device].player.status()
        await self.command(device, name)
        return True


def _replay_player(replay: Replay, speed: float) -> ReplayPlayer:
    recording = replay.recording
    scheduled = schedule(
        events_of(recording), began_at=replay.began_at, speed=speed, spacing_s=SPACING_S
    )
    report: Answer = {
        "device": replay.device,
        "file": replay.path.name,
        "malformed_lines": len(recording.malformed),
        "malformed": [
            {"line": line.line, "text": line.text, "cause": line.cause}
            for line in recording.malformed[:_MALFORMED_SHOWN]
        ],
    }
    return ReplayPlayer(list(scheduled), report)
