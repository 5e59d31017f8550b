"""The OPC UA standard address space, built once and shared by every server of the process.

asyncua builds its 6,000 nodes anew for each server: 48 MB and seconds. Here each node is kept
pickled, and a server unpickles its own copy of a node when it first touches it: about a hundred
of them, and nothing one server writes can appear in another. The pickles are kept in the state
directory, so that the next start reads them in milliseconds.
"""

import contextlib
import gc
import importlib
import importlib.metadata
import os
import pickle
import stat
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace, NodeData, NodeManagementService

from gateway.plant import values

Blueprint = Mapping[int, bytes]
"""Numeric identifier in namespace 0 → pickled :class:`NodeData`."""

_STANDARD_NODES = "asyncua.server.standard_address_space.standard_address_space"
"""Tens of thousands of lines of code: imported only where there is no kept blueprint."""
_UNREADABLE = (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError, ValueError)
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def build_blueprint() -> Blueprint:
    """Build the standard address space in code; takes seconds."""
    space = AddressSpace()
    with _without_garbage_collection():
        standard = importlib.import_module(_STANDARD_NODES)
        standard.fill_address_space(NodeManagementService(space))
        return {_number(node_id): pickle.dumps(space[node_id], 5) for node_id in space.keys()}  # noqa: SIM118 - not a mapping


def load_blueprint(state_dir: Path | None) -> Blueprint:
    """Read the blueprint kept below ``state_dir``, or build it and keep it there.

    A kept file is trusted only when it and its folder belong to this user and nobody else may
    write to them, because unpickling runs what the file says.
    """
    if state_dir is None:
        return build_blueprint()
    kept = state_dir / "plant" / _file_name()
    if _is_ours(kept.parent) and _is_ours(kept):
        with contextlib.suppress(*_UNREADABLE):
            found: Blueprint = pickle.loads(kept.read_bytes())  # noqa: S301 - ours, checked above
            return found
    built = build_blueprint()
    _keep(built, kept)
    return built


def _number(node_id: ua.NodeId) -> int:
    identifier: Any = node_id.Identifier
    return int(identifier)


def _file_name() -> str:
    version = importlib.metadata.version("asyncua")
    return f"address-space-{version}-{sys.implementation.cache_tag}.pickle"


def _is_ours(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    is_plain = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    return is_plain and found.st_uid == os.geteuid() and not found.st_mode & _WRITABLE_BY_OTHERS


def _keep(blueprint: Blueprint, path: Path) -> None:
    """Write atomically; a state directory that cannot be written only costs the next start."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(path.parent):
            return
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            pickle.dump(dict(blueprint), file, 5)
        unfinished.replace(path)


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Nothing built here is garbage, yet every collection would walk all of it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class BlueprintNodes(MutableMapping[ua.NodeId, NodeData]):
    """One server's nodes: its own, and a private copy of each standard node it has touched."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._own: dict[ua.NodeId, NodeData] = {}
        self._deleted: set[ua.NodeId] = set()

    def __getitem__(self, node_id: ua.NodeId) -> NodeData:
        node = self._own.get(node_id)
        if node is None:
            if not self._is_untouched(node_id):
                raise KeyError(node_id)
            node = self._own[node_id] = pickle.loads(self._blueprint[_number(node_id)])  # noqa: S301 - built by this module
        return node

    def __setitem__(self, node_id: ua.NodeId, node: NodeData) -> None:
        self._own[node_id] = node
        self._deleted.discard(node_id)

    def __delitem__(self, node_id: ua.NodeId) -> None:
        if node_id not in self:
            raise KeyError(node_id)
        self._own.pop(node_id, None)
        self._deleted.add(node_id)

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._own or self._is_untouched(node_id)

    def __iter__(self) -> Iterator[ua.NodeId]:
        yield from list(self._own)
        standard = (values.node_id(identifier) for identifier in self._blueprint)
        yield from (node_id for node_id in standard if self._is_untouched(node_id))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _is_untouched(self, node_id: Any) -> bool:
        return (
            isinstance(node_id, ua.NodeId)
            and node_id.NamespaceIndex == 0
            and node_id.Identifier in self._blueprint
            and node_id not in self._own
            and node_id not in self._deleted
        )
