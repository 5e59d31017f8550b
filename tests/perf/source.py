"""The machines of the pipeline benchmark: OPC UA servers whose part counters tick at a given rate.

Talks on standard input and output in lines of JSON: says where each machine listens, then for every
``{"rate": …, "seconds": …}`` ticks and answers with the counter each machine has reached.
"""

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from asyncua import ua

from gateway.plant.blueprint import load_blueprint
from gateway.plant.certificates import Certificates
from gateway.plant.clock import SystemClock
from gateway.plant.server import MachineServer
from gateway.plant.values import good
from services.contracts import machinery

TICK_S: Final = 0.02


def counted(value: int) -> ua.DataValue:
    now = datetime.now(UTC)  # noqa: TID251 - the machine's own clock
    return good(ua.Variant(value, ua.VariantType.UInt32), now)


async def main() -> None:
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    machines = int(sys.argv[1])
    blueprint = load_blueprint(None)
    certificates = Certificates(None, SystemClock())
    servers = [
        MachineServer(
            device=f"source-{n}",
            name=f"Source {n}",
            port=0,
            blueprint=blueprint,
            identity=certificates.identity(f"source-{n}"),
            offers_none=True,
        )
        for n in range(machines)
    ]
    for server in servers:
        await server.open({machinery.PARTS_PRODUCED: counted(0)})
    say(
        [
            {
                "device": s.device,
                "url": s.url,
                "machine": f"Source {n}",
                "certificate": s.fingerprint,
            }
            for n, s in enumerate(servers)
        ]
    )
    clock = asyncio.create_task(tell_time(servers))
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    reached = 0
    while line := await reader.readline():
        order = json.loads(line)
        began, before = loop.time(), reached
        reached = await tick(servers, reached, order["rate"], order["seconds"])
        offered = len(servers) * (reached - before) / (loop.time() - began)
        say({"reached": reached, "offered": offered})
    clock.cancel()


async def tick(servers: list[MachineServer], reached: int, rate: float, seconds: float) -> int:
    """Open loop: the next tick's time does not wait for anybody; late ticks are made up for."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    first = reached
    while (passed := loop.time() - began) < seconds:
        due = first + int(rate * passed / len(servers))
        while reached < due:
            reached += 1
            for server in servers:
                await server.write(machinery.PARTS_PRODUCED, counted(reached))
            await asyncio.sleep(0)
        await asyncio.sleep(TICK_S)
    return reached


async def tell_time(servers: list[MachineServer]) -> None:
    while True:
        for server in servers:
            await server.tell_time(datetime.now(UTC))  # noqa: TID251 - the machine's own clock
        await asyncio.sleep(1)


def say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
