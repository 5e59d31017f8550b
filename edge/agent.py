"""The agent, composed: drivers into twins into the journal into the Sparkplug session."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client import start_http_server

from edge.clock import Clock, SystemClock
from edge.config import EdgeConfig
from edge.device import Device
from edge.drivers.protocol import Driver, DriverUnusableError
from edge.drivers.registry import create_drivers
from edge.health import HealthCollector, JournalGauge, health_registry
from edge.journal import Journal, JournalLimits
from edge.machine import MachineTwin
from edge.north.session import NodeSession
from edge.recorder import Recorder

log = structlog.get_logger(__name__)

DRAIN_TIMEOUT_S: Final = 2.5
HEALTH_INTERVAL_S: Final = 2.0


class MetricsPortInUseError(Exception):
    """Another program listens on the metrics port."""


async def run_agent(
    config: EdgeConfig, *, clock: Clock | None = None, stopping: asyncio.Event | None = None
) -> None:
    """Run until SIGTERM, SIGINT or ``stopping``; then drain, say NDEATH and leave within 3 s.

    Raises:
        JournalInUseError: another agent has the journal.
        JournalUnavailableError: the journal can neither be opened nor created.
        DriverUnusableError: the certificate for its machines can neither be read nor made.
        MetricsPortInUseError: its metrics cannot be served where the configuration says.
    """
    clock = clock or SystemClock()
    stopping = stopping or asyncio.Event()
    recorder = await Recorder(lambda: _open_journal(config, clock)).open()
    devices = await _devices(config, recorder, clock)
    session = NodeSession(
        config=config,
        recorder=recorder,
        devices=devices,
        clock=clock,
    )
    gauge = JournalGauge(recorder)
    try:
        drivers = create_drivers(config, devices)
        stop_serving = _serve_health(config, devices, session, recorder, gauge, clock)
    except (DriverUnusableError, MetricsPortInUseError):
        await recorder.close()
        raise
    _stop_on_signals(stopping)
    log.info("agent_started", node=config.gateway.edge_node, machines=len(devices))
    try:
        await _run_until(stopping, drivers, devices, session, recorder, gauge)
    finally:
        stop_serving()
        await recorder.close()
        log.info("agent_stopped", made=recorder.made)


async def _run_until(
    stopping: asyncio.Event,
    drivers: Sequence[Driver],
    devices: Sequence[Device],
    session: NodeSession,
    recorder: Recorder,
    gauge: JournalGauge,
) -> None:
    north = asyncio.create_task(session.run(), name="north")
    background = [
        asyncio.create_task(recorder.run(), name="recorder"),
        asyncio.create_task(_refresh(gauge), name="health"),
        *(
            asyncio.create_task(driver.run(), name=device.twin.device)
            for driver, device in zip(drivers, devices, strict=True)
        ),
    ]
    stop = asyncio.create_task(stopping.wait(), name="stop")
    try:
        await asyncio.wait([north, stop, *background], return_when=asyncio.FIRST_COMPLETED)
        session.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await asyncio.shield(north)
    finally:
        tasks = [north, stop, *background]
        failed = [task for task in tasks if task.done() and not task.cancelled()]
        for task in tasks:
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await asyncio.gather(*tasks, return_exceptions=True)
        for task in failed:
            task.result()  # a part that broke takes the agent down, loudly


async def _refresh(gauge: JournalGauge) -> None:
    while True:
        await gauge.refresh()
        await asyncio.sleep(HEALTH_INTERVAL_S)


def _open_journal(config: EdgeConfig, clock: Clock) -> Journal:
    limits = JournalLimits(
        bytes_max=config.journal.bytes_max,
        age_max=timedelta(hours=config.journal.age_max_hours),
    )
    return Journal(config.journal.path, limits=limits, clock=clock)


async def _devices(config: EdgeConfig, recorder: Recorder, clock: Clock) -> list[Device]:
    latest = await recorder.ask(Journal.latest)
    devices = []
    for machine in config.machines:
        twin = MachineTwin(machine.device)
        twin.restore(each for each in latest if each.device == machine.device)
        devices.append(Device(twin=twin, recorder=recorder, clock=clock))
    return devices


def _serve_health(
    config: EdgeConfig,
    devices: Sequence[Device],
    session: NodeSession,
    recorder: Recorder,
    gauge: JournalGauge,
    clock: Clock,
) -> Callable[[], None]:
    if config.metrics_port is None:
        return lambda: None
    collector = HealthCollector(
        devices=devices, session=session, recorder=recorder, journal=gauge, clock=clock
    )
    registry = health_registry(collector)
    try:
        server, thread = start_http_server(config.metrics_port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        raise MetricsPortInUseError(
            f"metrics_port {config.metrics_port} is in use by another program; stop that program"
            " or choose another port"
        ) from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


def _stop_on_signals(stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
