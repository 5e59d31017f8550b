"""Finding a machine's nodes by namespace URI and browse path, anew in every session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.object_ids import ObjectIds

from edge.drivers.opcua_values import SOURCES, Source
from edge.machine import Feature
from services.contracts.machinery import MACHINERY_NAMESPACE, MACHINES, BrowsePath

MACHINES_LISTED_MAX: Final = 20
_FALSE: Final[Any] = False
_TRUE: Final[Any] = True
"""asyncua declares a Boolean class that cannot be made and takes bool instead."""


class MachineNotFoundError(Exception):
    """The server is not what the configuration says; the text names what is there instead."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one session found: a node for each source, and the features nothing tells."""

    nodes: Mapping[Feature, tuple[Source, ua.NodeId]]
    missing: frozenset[Feature]
    machinery_index: int


async def resolve_machine(client: Client, machine: str) -> Resolved:
    """Find ``machine`` below Machines, and the sources it has.

    Raises:
        MachineNotFoundError: no OPC 40001-1 server, or no machine of that browse name.
    """
    indices = {uri: index for index, uri in enumerate(await client.get_namespace_array())}
    if MACHINERY_NAMESPACE not in indices:
        raise MachineNotFoundError(f"the server has no namespace {MACHINERY_NAMESPACE}")
    root = await _machine_node(client, indices, machine)
    options = [source for sources in SOURCES.values() for source in sources]
    targets = await _targets(client, root, [each.variable.path for each in options], indices)
    nodes: dict[Feature, tuple[Source, ua.NodeId]] = {}
    for source, target in zip(options, targets, strict=True):
        if target is not None:
            nodes.setdefault(source.feature, (source, target))
    missing = frozenset(SOURCES) - frozenset(nodes)
    return Resolved(nodes, missing, indices[MACHINERY_NAMESPACE])


async def _machine_node(client: Client, indices: Mapping[str, int], machine: str) -> ua.NodeId:
    objects = client.nodes.objects.nodeid
    (folder,) = await _targets(client, objects, [MACHINES], indices)
    if folder is None:
        raise MachineNotFoundError("the server has no Machines folder")
    children = await client.get_node(folder).get_children_descriptions(
        refs=ObjectIds.HierarchicalReferences, nodeclassmask=ua.NodeClass.Object
    )
    found: dict[str, ua.NodeId] = {str(child.BrowseName.Name): child.NodeId for child in children}
    if machine not in found:
        there = ", ".join(sorted(found)[:MACHINES_LISTED_MAX]) or "none"
        raise MachineNotFoundError(f"no machine {machine!r} below Machines; there: {there}")
    return found[machine]


async def _targets(
    client: Client, start: ua.NodeId, paths: Sequence[BrowsePath], indices: Mapping[str, int]
) -> list[ua.NodeId | None]:
    """The node at each path; a path in a namespace the server lacks leads nowhere."""
    known = [path for path in paths if all(uri in indices for uri, _ in path)]
    results = await client.translate_browsepaths(
        start, [_relative_path(path, indices) for path in known]
    )
    found = {
        path: result.Targets[0].TargetId
        for path, result in zip(known, results, strict=True)
        if result.StatusCode.is_good() and result.Targets
    }
    return [found.get(path) for path in paths]


def _relative_path(path: BrowsePath, indices: Mapping[str, int]) -> ua.RelativePath:
    return ua.RelativePath(
        Elements=[
            ua.RelativePathElement(
                ReferenceTypeId=ua.NodeId(ua.Int32(ObjectIds.HierarchicalReferences)),
                IsInverse=_FALSE,
                IncludeSubtypes=_TRUE,
                TargetName=ua.QualifiedName(name, indices[uri]),
            )
            for uri, name in path
        ]
    )
