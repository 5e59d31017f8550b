"""No line of the agent can write to a machine, call its methods or change its history.

asyncua's client can do all that. So whatever its classes can do is banned in ``edge`` by name, but
for the few services that look; a method asyncua adds tomorrow is banned before anybody knows it.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.client.ua_session import UaSession
from asyncua.common.node import Node
from asyncua.common.subscription import Subscription

ROOT = Path(__file__).resolve().parents[2]
EDGE = ROOT / "edge"
ABLE = (Client, UaClient, UASocketProtocol, UaSession, Node, Subscription)
LOOKING = {
    # the connection
    "check_connection",
    "connect",
    "connect_and_get_server_endpoints",
    "data_received",
    "disconnect",
    "disconnect_socket",
    "pre_request_hook",
    "set_security",
    "_is_session_closing",
    "_on_transport_lost",
    # services that look: Browse, TranslateBrowsePaths, Read, the subscription services
    "create_monitored_items",
    "create_subscription",
    "get_children_descriptions",
    "get_namespace_array",
    "get_node",
    "read",
    "read_data_value",
    "translate_browsepaths",
}
MODULES = {
    "asyncua": {"ua"},
    "asyncua.client.client": {"Client"},
    "asyncua.client.ua_client": {"UaClient", "UASocketProtocol"},
    "asyncua.common.connection": {"TransportLimits"},
    "asyncua.common.shortcuts": {"Shortcuts"},
    "asyncua.common.utils": {"ServiceError"},
    "asyncua.crypto": {"security_policies", "uacrypto"},
    "asyncua.crypto.truststore": {"TrustStore"},
    "asyncua.crypto.validator": {"CertificateValidator", "CertificateValidatorOptions"},
    "asyncua.ua.attribute_ids": {"AttributeIds"},
    "asyncua.ua.object_ids": {"ObjectIds"},
    "asyncua.ua.status_codes": {"StatusCodes"},
    "asyncua.ua.uaerrors": {"BadTooManyOperations", "UaError"},
}
COMMANDS = re.compile(
    r"(Write|Call|HistoryUpdate|AddNodes|DeleteNodes|AddReferences|DeleteReferences)"
    r"(Request|Response|Parameters|Method|Value|Item|Details|Result|s?Request_|s?Response_)"
    r"|(Update(Structure)?Data|UpdateEvent|Delete(RawModified|AtTime|Event))Details"
)
ROUNDABOUT = {
    "__dict__",
    "__getattribute__",
    "__import__",
    "attrgetter",
    "eval",
    "exec",
    "getattr",
    "globals",
    "import_module",
    "methodcaller",
    "setattr",
    "vars",
}
BY_NAME = re.compile(r"asyncua[.:]")


@cache
def reachable() -> frozenset[str]:
    """What asyncua's client classes can do, by name."""
    names = {name for able in ABLE for name in dir(able) if not name.startswith("__")}
    return frozenset(names - LOOKING)


def imports(tree: ast.Module) -> list[tuple[str, str]]:
    """Modules of asyncua and what is taken from them."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.module or "", alias.name) for alias in node.names]
    return [(module, name) for module, name in found if module.split(".")[0] == "asyncua"]


def named(node: ast.AST) -> set[str]:
    """What a node names: an attribute, a variable, or a text that could become one."""
    match node:
        case ast.Attribute(attr=name):
            return {name}
        case ast.Name(id=name):
            return {name}
        case ast.Constant(value=str(text)):
            return {text}
    return set()


def breaches(source: str, *, is_driver: bool) -> list[str]:
    """What ``source`` says that could change something on a machine."""
    tree = ast.parse(source)
    taken = imports(tree)
    found = [
        f"imports {module} {name}".rstrip()
        for module, name in taken
        if not is_driver or name not in MODULES.get(module, set())
    ]
    for node in ast.walk(tree):
        for name in named(node):
            if BY_NAME.match(name):
                found.append(f"{node.lineno}: loads {name}")  # type: ignore[attr-defined]
            elif taken and (
                COMMANDS.search(name)
                or name in ROUNDABOUT
                or (isinstance(node, ast.Attribute | ast.Constant) and name in reachable())
            ):
                found.append(f"{node.lineno}: {name}")  # type: ignore[attr-defined]
    return found


def edge_files() -> list[Path]:
    return sorted(EDGE.rglob("*.py"))


def is_driver(path: Path) -> bool:
    return path.is_relative_to(EDGE / "drivers")


def test_the_agent_only_looks() -> None:
    found = {
        str(path.relative_to(ROOT)): wrong
        for path in edge_files()
        if (wrong := breaches(path.read_text(), is_driver=is_driver(path)))
    }
    assert found == {}


def test_what_may_be_used_is_used_and_exists() -> None:
    used = {
        name
        for path in edge_files()
        if is_driver(path)
        for node in ast.walk(ast.parse(path.read_text()))
        for name in named(node) | ({node.name} if isinstance(node, ast.FunctionDef) else set())
    }
    there = {name for able in ABLE for name in dir(able)}
    assert used >= LOOKING
    assert there >= LOOKING


def test_everything_that_commands_is_banned() -> None:
    assert reachable() >= {
        "write",
        "write_attribute",
        "write_attributes",
        "write_params",
        "write_value",
        "write_values",
        "set_writable",
        "set_attr_bit",
        "set_modelling_rule",
        "call",
        "call_method",
        "history_update",
        "add_nodes",
        "add_object",
        "add_variable",
        "add_method",
        "add_references",
        "delete",
        "delete_nodes",
        "delete_references",
        "register_server",
        "import_xml",
        "send_request",
        "_send_request",
    }


BREACHES = {
    "a value is written": "async def f(node):\n    await node.write_value(1)",
    "an attribute is written": "async def f(node):\n    await node.write_attribute(13, 1)",
    "many values are written": "async def f(client):\n    await client.write_values([], [])",
    "the write service": "async def f(session):\n    await session.write(None)",
    "a write request": "REQUEST = ua.WriteRequest()",
    "values to write": "PARAMS = ua.WriteParameters()",
    "a method is called": "async def f(node):\n    await node.call_method('2:Start')",
    "the call service": "async def f(session):\n    await session.call([])",
    "a call request": "REQUEST = ua.CallMethodRequest()",
    "a call by its number": "ID = ObjectIds.CallRequest_Encoding_DefaultBinary",
    "history is changed": "async def f(session):\n    await session.history_update(None)",
    "history details": "DETAILS = ua.DeleteRawModifiedDetails()",
    "a node is made writable": "async def f(node):\n    await node.set_writable()",
    "a node is added": "async def f(node):\n    await node.add_variable(2, 'x', 1)",
    "nodes are deleted": "async def f(client):\n    await client.delete_nodes([])",
    "a request is sent raw": "async def f(client):\n    await client.uaclient._send_request(None)",
    "a method found by text": "def f(node):\n    return getattr(node, 'write' + '_value')",
    "a name in a text": "NAME = 'write_value'",
    "a helper of asyncua": "from asyncua.common.methods import call_method",
    "asyncua's blocking client": "from asyncua.sync import Client",
    "all of asyncua": "import asyncua",
    "asyncua by name": "MODULE = 'asyncua.common.methods'",
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_in_the_driver_is_found(breach: str) -> None:
    driver = (EDGE / "drivers" / "opcua.py").read_text()
    assert breaches(driver, is_driver=True) == []
    assert breaches(f"{driver}\n\n{BREACHES[breach]}\n", is_driver=True) != []


def test_asyncua_is_for_drivers_alone() -> None:
    source = (EDGE / "agent.py").read_text()
    assert breaches(source, is_driver=False) == []
    assert breaches(f"from asyncua import ua\n{source}", is_driver=False) != []
