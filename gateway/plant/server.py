"""One machine's OPC UA server: its address space, its port, and who may write (nobody)."""

import asyncio
import errno
from collections.abc import Mapping
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from asyncua import ua
from asyncua.common.callback import CallbackType, ServerItemCallback
from asyncua.crypto.security_policies import SecurityPolicyFactory, SecurityPolicyNone
from asyncua.server.binary_server_asyncio import BinaryServer
from asyncua.server.internal_server import InternalServer
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from gateway.plant.blueprint import Blueprint, BlueprintNodes
from gateway.plant.certificates import Identity, application_uri
from gateway.plant.control import HOST
from gateway.plant.nodes import NAMESPACES, VARIABLES, add_machine, variable_id
from gateway.plant.rules import LookOnlyRules, LookOnlyUsers, NobodyRules
from gateway.plant.values import bad, content, good, standard_id
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.machinery import MachineVariable

_CURRENT_TIME: Final = standard_id("Server_ServerStatus_CurrentTime")
_SERVER_STATUS: Final = standard_id("Server_ServerStatus")
_NOT_YET: Final = bad(code=StatusCodes.BadWaitingForInitialData)
_ENCRYPTED: Final = (
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
)


class PortInUseError(DomainError):
    code = "plant-port-in-use"
    kind = ErrorKind.CONFLICT
    en = (
        "machine {device} cannot listen on {host}:{port}: another process does; choose another port"
    )
    zh = "设备 {device} 无法监听 {host}:{port}：端口已被其他进程占用；请更换端口"


class BlueprintServer(InternalServer):
    """asyncua's internals over a shared standard address space, without their own clock task."""

    def __init__(self, blueprint: Blueprint, users: UserManager) -> None:
        super().__init__(user_manager=users)
        self._blueprint = blueprint
        self.disabled_clock = True
        self.allow_remote_admin = False

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:  # noqa: ARG002 - asyncua's signature
        nodes: Any = BlueprintNodes(self._blueprint)
        self.aspace._nodes = nodes  # noqa: SLF001 - asyncua has no other seam

    async def drop_clients(self) -> None:
        """End sessions and subscriptions, which asyncua keeps alive for clients that come back."""
        subscriptions = self.subscription_service
        await subscriptions.delete_subscriptions(list(subscriptions.subscriptions))
        for session in list(self._external_sessions.values()):
            await session.close_session(delete_subs=True)


class MachineServer:
    """Opened and closed any number of times; keeps its port once it has one.

    Args:
        device: what its application URI and its node ids are made of.
        name: browse name of the machine.
        port: to listen on; 0 for a free one.
        blueprint: of the standard address space.
        identity: to encrypt with; without one there are unencrypted sessions only.
        offers_none: whether sessions without encryption are taken too.
    """

    def __init__(
        self,
        *,
        device: str,
        name: str,
        port: int,
        blueprint: Blueprint,
        identity: Identity | None,
        offers_none: bool = False,
    ) -> None:
        self.device = device
        self.port = port
        self.identity = identity
        self.offers_none = offers_none
        self.rules = LookOnlyRules()
        self._name = name
        self._blueprint = blueprint
        self._open: tuple[Server, BlueprintServer] | None = None
        self._subscribed: dict[ua.NodeId, asyncio.Event] = {}

    @property
    def url(self) -> str:
        return f"opc.tcp://{HOST}:{self.port}/{self.device}"

    @property
    def fingerprint(self) -> str:
        """Of its certificate; empty when it has none."""
        return self.identity.fingerprint if self.identity else ""

    @property
    def is_open(self) -> bool:
        return self._open is not None

    async def open(self, values: Mapping[MachineVariable, ua.DataValue]) -> None:
        """Listen, showing ``values``; a variable without one waits for its initial data.

        Raises:
            PortInUseError: another process listens on the port.
        """
        if self._open is not None:
            return
        takes_none = self.offers_none or self.identity is None
        users = LookOnlyUsers(admits_unencrypted=takes_none)
        internal = BlueprintServer(self._blueprint, users)
        server = Server(iserver=internal)
        await self._populate(server, internal)
        for variable in VARIABLES:
            await self._put(internal, variable, values.get(variable, _NOT_YET))
        try:
            await server.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUseError(device=self.device, host=HOST, port=self.port) from error
            raise
        assert server.bserver is not None, "a started server listens"
        if not takes_none:
            self._guard_discovery(server, server.bserver)
        self.port = server.bserver.port
        for endpoint in internal.endpoints:  # known only now that a free port was given
            endpoint.EndpointUrl = self.url
            endpoint.Server.DiscoveryUrls = [self.url]
        self._open = server, internal

    def _guard_discovery(self, server: Server, listening: BinaryServer) -> None:
        """Asyncua lets anybody open a channel for discovery, and puts no rules on it."""
        none: Any = SecurityPolicyFactory  # untyped
        factory = none(
            SecurityPolicyNone,
            ua.MessageSecurityMode.None_,
            permission_ruleset=NobodyRules(self.rules),
        )
        listening.set_policies([*server._policies, factory])  # noqa: SLF001 - no other seam

    async def close(self) -> None:
        """Stop listening and drop every client."""
        if self._open is None:
            return
        (server, internal), self._open = self._open, None
        await internal.drop_clients()
        await server.stop()

    async def write(self, variable: MachineVariable, value: ua.DataValue) -> None:
        """Show ``value`` and notify subscribers; nothing while closed."""
        if self._open is not None:
            await self._put(self._open[1], variable, value)

    async def tell_time(self, now: datetime) -> None:
        """Move ServerStatus/CurrentTime, by which a client knows that the server lives."""
        if self._open is None:
            return
        internal = self._open[1]
        status = copy(content(internal.read_attribute_value(_SERVER_STATUS)))
        status.CurrentTime = now
        for node_id, value in ((_SERVER_STATUS, status), (_CURRENT_TIME, now)):
            await internal.write_attribute_value(node_id, good(ua.Variant(value), now))

    async def subscribed(self, variable: MachineVariable) -> None:
        """Wait until a client subscribes to ``variable``."""
        node_id = variable_id(self.device, variable)
        await self._subscribed.setdefault(node_id, asyncio.Event()).wait()

    async def _populate(self, server: Server, internal: BlueprintServer) -> None:
        await server.init()
        await server.set_application_uri(application_uri(self.device))
        server.set_server_name(self._name)
        server.set_endpoint(self.url)
        server.set_security_policy(self._policies(internal), self.rules)
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        for uri in NAMESPACES:
            await server.register_namespace(uri)
        add_machine(internal.node_mgt_service, device=self.device, name=self._name)
        subscribed: Any = CallbackType.ItemSubscriptionCreated
        internal.subscribe_server_callback(subscribed, self._note_items)

    def _policies(self, internal: BlueprintServer) -> list[ua.SecurityPolicyType]:
        none = [ua.SecurityPolicyType.NoSecurity]
        if self.identity is None:
            return none
        internal.certificate = self.identity.certificate
        internal.private_key = self.identity.key
        return [*_ENCRYPTED, *(none if self.offers_none else ())]

    async def _put(
        self, internal: BlueprintServer, variable: MachineVariable, value: ua.DataValue
    ) -> None:
        """Write without asyncua's type check: a simulated defect may well be a wrong type."""
        node_id = variable_id(self.device, variable)
        internal.aspace[node_id].attributes[AttributeIds.Value].value = None
        await internal.write_attribute_value(node_id, value)

    def _note_items(self, event: ServerItemCallback, _service: object) -> None:
        if event.is_external:
            for item in event.request_params.ItemsToCreate:
                self._subscribed.setdefault(item.ItemToMonitor.NodeId, asyncio.Event()).set()
