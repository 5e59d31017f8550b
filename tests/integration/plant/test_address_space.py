"""What a real OPC UA client finds on a machine, and that servers do not see each other."""

import asyncio
from datetime import datetime

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import BadUserAccessDenied, UaError, UaStatusCodeError

from gateway.plant.values import node_id, standard_id
from services.contracts import machinery
from services.contracts.machinery import DataType, MachineVariable
from tests.integration.plant.conftest import Start
from tests.support.opcua import machine_node, read, variable

pytestmark = pytest.mark.integration
EVERY = (*machinery.IDENTIFICATION_VARIABLES, *machinery.LIVE_VARIABLES)


async def test_every_variable_is_found_by_path_with_its_declared_type(start: Start) -> None:
    async with start("mill-01") as running, Client(running.url("mill-01")) as client:
        for wanted in EVERY:
            node = await variable(client, wanted)
            value = (await node.read_data_value()).Value
            assert value is not None
            if value.Value is not None:
                assert value.VariantType.name == wanted.data_type.value, wanted.path
            declared = await node.read_data_type()
            expected = "UtcTime" if wanted is machinery.JOB_PREDICTED_END else wanted.data_type
            assert declared.Identifier == getattr(ObjectIds, expected), wanted.path


async def test_a_machine_says_who_it_is(start: Start) -> None:
    async with start("mill-01") as running, Client(running.url("mill-01")) as client:
        said = [await read(client, wanted) for wanted in machinery.IDENTIFICATION_VARIABLES]
        assert said == [
            ua.LocalizedText("Example Works", "en"),
            ua.LocalizedText("X1", "en"),
            "SN-mill-01",
            "urn:nonagon:plant:mill-01:SN-mill-01",
        ]
        machine = await machine_node(client)
        name = await machine.read_browse_name()
        vendor = await client.get_namespace_index(machinery.VENDOR_NAMESPACE)
        assert (name.NamespaceIndex, name.Name) == (vendor, "Machine mill-01")


async def test_the_state_id_is_the_state_object_of_the_machinery_namespace(start: Start) -> None:
    async with start("mill-01") as running, Client(running.url("mill-01")) as client:
        index = await client.get_namespace_index(machinery.MACHINERY_NAMESPACE)
        for text, identifier, number, objects in (
            (
                machinery.ITEM_STATE,
                machinery.ITEM_STATE_ID,
                machinery.ITEM_STATE_NUMBER,
                machinery.ITEM_STATE_OBJECTS,
            ),
            (
                machinery.OPERATION_MODE,
                machinery.OPERATION_MODE_ID,
                machinery.OPERATION_MODE_NUMBER,
                machinery.OPERATION_MODE_OBJECTS,
            ),
        ):
            state = await read(client, identifier)
            assert isinstance(state, ua.NodeId)
            assert state.NamespaceIndex == index
            shown: object = objects[int(str(state.Identifier))]
            assert await read(client, number) == shown
            state_object = client.get_node(state)
            said = await read(client, text)
            assert isinstance(said, ua.LocalizedText)
            assert (await state_object.read_browse_name()).Name == said.Text
            state_number = await state_object.get_child("0:StateNumber")
            assert await state_number.read_value() == await read(client, number)


async def test_objects_have_the_types_an_agent_looks_for(start: Start) -> None:
    async with start("mill-01") as running, Client(running.url("mill-01")) as client:
        for below, uri, type_id in (
            (machinery.MANUFACTURER, machinery.MACHINERY_NAMESPACE, machinery.IDENTIFICATION_TYPE),
            (machinery.ITEM_STATE, machinery.MACHINERY_NAMESPACE, machinery.ITEM_STATE_TYPE),
            (
                machinery.OPERATION_MODE,
                machinery.MACHINERY_NAMESPACE,
                machinery.OPERATION_MODE_TYPE,
            ),
            (
                machinery.JOB_PREDICTED_END,
                machinery.MACHINE_TOOL_NAMESPACE,
                machinery.JOB_END_PROGNOSIS_TYPE,
            ),
        ):
            owner = await variable(client, MachineVariable(below.path[:-1], DataType.STRING))
            index = await client.get_namespace_index(uri)
            assert await owner.read_type_definition() == node_id(type_id, index)


async def test_the_server_clock_moves(start: Start) -> None:
    async with start("mill-01") as running, Client(running.url("mill-01")) as client:
        clock = client.get_node(standard_id("Server_ServerStatus_CurrentTime"))
        first = await clock.read_value()
        assert isinstance(first, datetime)
        for _ in range(200):
            moved = await clock.read_value()
            if moved > first:
                break
            await asyncio.sleep(0.05)
        assert moved > first


class TestServersOfOneProcess:
    async def test_have_names_and_namespaces_of_their_own(self, start: Start) -> None:
        async with (
            start("mill-01", "mill-02") as running,
            Client(running.url("mill-01")) as one,
            Client(running.url("mill-02")) as other,
        ):
            servers = [
                await client.get_node(standard_id("Server_ServerArray")).read_value()
                for client in (one, other)
            ]
            assert servers == [["urn:nonagon:plant:mill-01"], ["urn:nonagon:plant:mill-02"]]
            first, second = [await client.get_namespace_array() for client in (one, other)]
            assert first[1] == "urn:nonagon:plant:mill-01"
            assert second[1] == "urn:nonagon:plant:mill-02"
            assert first[2:] == second[2:]

    async def test_have_machines_of_their_own(self, start: Start) -> None:
        async with (
            start("mill-01", "mill-02") as running,
            Client(running.url("mill-01")) as one,
            Client(running.url("mill-02")) as other,
        ):
            names = [
                (await (await machine_node(client)).read_browse_name()).Name
                for client in (one, other)
            ]
            assert names == ["Machine mill-01", "Machine mill-02"]
            objects = [
                [
                    (await node.read_browse_name()).Name
                    for node in await client.nodes.objects.get_children()
                ]
                for client in (one, other)
            ]
            assert objects[0] == objects[1]
            assert [str(name) for name in objects[0]].count("Machines") == 1

    async def test_do_not_see_what_is_written_to_another(self, start: Start) -> None:
        async with (
            start("mill-01", "mill-02") as running,
            Client(running.url("mill-02")) as other,
        ):
            state = await read(other, machinery.ITEM_STATE_NUMBER)
            build = other.get_node(standard_id("Server_ServerStatus_BuildInfo"))
            info = await build.read_value()
            await running.tell("fault", "mill-01")
            await running.tell("wrong-type", "mill-01")
            await running.tell("stop-server", "mill-01")
            await running.tell("start-server", "mill-01")
            assert await read(other, machinery.ITEM_STATE_NUMBER) == state
            assert await build.read_value() == info


class TestWriting:
    async def test_is_refused_and_counted(self, start: Start) -> None:
        async with start("mill-01") as running, Client(running.url("mill-01")) as client:
            parts = await variable(client, machinery.PARTS_PRODUCED)
            before = await parts.read_value()
            with pytest.raises(BadUserAccessDenied):
                await parts.write_value(0, ua.VariantType.UInt32)
            with pytest.raises(UaStatusCodeError):
                await parts.write_attribute(
                    AttributeIds.DisplayName, ua.DataValue(ua.Variant(ua.LocalizedText("mine")))
                )
            assert await parts.read_value() == before
            (status,) = await running.status()
            assert status["writes_attempted"] == 2

    async def test_is_not_for_an_admin_either(self, start: Start) -> None:
        async with start("mill-01") as running:
            client = Client(running.url("mill-01"))
            client.set_user("admin")
            client.set_password("admin")
            with pytest.raises((UaError, IndexError)):
                await client.connect()

    async def test_nobody_adds_nodes(self, start: Start) -> None:
        async with start("mill-01") as running, Client(running.url("mill-01")) as client:
            machine = await machine_node(client)
            with pytest.raises(UaError):
                await machine.add_object(2, "mine")
