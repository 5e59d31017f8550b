"""The peers of the pipeline benchmark: OPC UA straight into PostgreSQL, no journal and no broker.

``insert`` commits every value by itself, as a script written in an afternoon does. ``copy`` copies
whatever one publish interval brought in one transaction, the strongest form without a safe journal:
what it holds in memory is lost with the process.
"""

import asyncio
import json
import logging
import sys
from datetime import datetime
from typing import Any, Final

import psycopg
from asyncua.client.client import Client

from services.contracts import machinery

QUEUE_SIZE: Final = 1_000
PUBLISH_MS: Final = 100
Row = tuple[str, int, datetime]


class Collector:
    """Takes notifications of one machine into a shared list."""

    def __init__(self, device: str, rows: list[Row]) -> None:
        self._device = device
        self._rows = rows

    def datachange_notification(self, _node: Any, value: int, data: Any) -> None:
        self._rows.append((self._device, value, data.monitored_item.Value.SourceTimestamp))


async def main() -> None:
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    mode, database_url, machines = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    rows: list[Row] = []
    clients = [await subscribe(machine, rows) for machine in machines]
    connection = await psycopg.AsyncConnection.connect(database_url, autocommit=True)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    write = {"insert": insert, "copy": copy}[mode]
    stop = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    while not stop.done() or rows:
        taken, rows[:] = rows[:], []
        if taken:
            await write(connection, taken)
        await asyncio.sleep(0.01)
    for client in clients:
        await client.disconnect()
    await connection.close()


async def subscribe(machine: dict[str, str], rows: list[Row]) -> Client:
    client = Client(machine["url"])
    await client.connect()
    index = {uri: number for number, uri in enumerate(await client.get_namespace_array())}
    path = ((machinery.MACHINES[0]), (machinery.VENDOR_NAMESPACE, machine["machine"]))
    names = [f"{index[uri]}:{name}" for uri, name in (*path, *machinery.PARTS_PRODUCED.path)]
    node = await client.nodes.objects.get_child(names)
    subscription = await client.create_subscription(PUBLISH_MS, Collector(machine["device"], rows))
    subscribe: Any = subscription.subscribe_data_change  # its stub has no plain float
    await subscribe(node, queuesize=QUEUE_SIZE, sampling_interval=0.0)
    return client


async def insert(connection: psycopg.AsyncConnection, rows: list[Row]) -> None:
    for row in rows:
        await connection.execute("INSERT INTO direct VALUES (%s, %s, %s)", row)


async def copy(connection: psycopg.AsyncConnection, rows: list[Row]) -> None:
    async with (
        connection.transaction(),
        connection.cursor() as cursor,
        cursor.copy("COPY direct FROM STDIN") as stream,
    ):
        for row in rows:
            await stream.write_row(row)


if __name__ == "__main__":
    asyncio.run(main())
