"""A machine's nodes: the companion-standard types an agent may ask for, and one instance of them.

Written from the facts of OPC 40001-1 and 40501-1 that :mod:`services.contracts.machinery` names;
no nodeset is loaded. Only types whose mandatory parts the instance really has are claimed.
"""

from typing import Final

from asyncua import ua
from asyncua.server.address_space import NodeManagementService

from gateway.plant.values import node_id, standard_id
from services.contracts import machinery
from services.contracts.machinery import BrowsePath, DataType, MachineVariable
from services.contracts.telemetry import MachineryItemState, MachineryOperationMode

NAMESPACES: Final = (
    machinery.DI_NAMESPACE,
    machinery.MACHINERY_NAMESPACE,
    machinery.MACHINE_TOOL_NAMESPACE,
    machinery.VENDOR_NAMESPACE,
)
"""In the order they are registered, after the standard's and the server's own."""
_FIRST_INDEX: Final = 2
_INDEX: Final = {
    machinery.UA_NAMESPACE: 0,
    **{uri: number for number, uri in enumerate(NAMESPACES, _FIRST_INDEX)},
}
_DI, _MACHINERY, _MACHINE_TOOL, _VENDOR = (_INDEX[uri] for uri in NAMESPACES)

_OBJECTS_FOLDER: Final = standard_id("ObjectsFolder")
_FOLDER: Final = standard_id("FolderType")
_BASE_OBJECT: Final = standard_id("BaseObjectType")
_STATE_MACHINE: Final = standard_id("FiniteStateMachineType")
_STATE: Final = standard_id("StateType")
_ORGANIZES: Final = standard_id("Organizes")
_HAS_ADD_IN: Final = standard_id("HasAddIn")
_HAS_COMPONENT: Final = standard_id("HasComponent")
_HAS_PROPERTY: Final = standard_id("HasProperty")
_HAS_SUBTYPE: Final = standard_id("HasSubtype")
_PROPERTY: Final = standard_id("PropertyType")
_DATA_VARIABLE: Final = standard_id("BaseDataVariableType")
_STATE_VARIABLE: Final = standard_id("FiniteStateVariableType")

_FUNCTIONAL_GROUP: Final = node_id(1005, _DI)
_ITEM_IDENTIFICATION: Final = node_id(1004, _MACHINERY)
_IDENTIFICATION: Final = node_id(machinery.IDENTIFICATION_TYPE, _MACHINERY)
_ITEM_STATE_TYPE: Final = node_id(machinery.ITEM_STATE_TYPE, _MACHINERY)
_OPERATION_MODE_TYPE: Final = node_id(machinery.OPERATION_MODE_TYPE, _MACHINERY)
_PROGNOSIS: Final = node_id(3, _MACHINE_TOOL)
_JOB_END_PROGNOSIS: Final = node_id(machinery.JOB_END_PROGNOSIS_TYPE, _MACHINE_TOOL)

_TYPES: Final = (
    (_FUNCTIONAL_GROUP, "FunctionalGroupType", _FOLDER),
    (_ITEM_IDENTIFICATION, "MachineryItemIdentificationType", _FUNCTIONAL_GROUP),
    (_IDENTIFICATION, "MachineIdentificationType", _ITEM_IDENTIFICATION),
    (_ITEM_STATE_TYPE, "MachineryItemState_StateMachineType", _STATE_MACHINE),
    (_OPERATION_MODE_TYPE, "MachineryOperationModeStateMachineType", _STATE_MACHINE),
    (_PROGNOSIS, "PrognosisType", _BASE_OBJECT),
    (_JOB_END_PROGNOSIS, "ProductionJobEndPrognosisType", _PROGNOSIS),
)

ITEM_STATE_NAMES: Final = {
    MachineryItemState.NOT_AVAILABLE: "NotAvailable",
    MachineryItemState.OUT_OF_SERVICE: "OutOfService",
    MachineryItemState.NOT_EXECUTING: "NotExecuting",
    MachineryItemState.EXECUTING: "Executing",
}
OPERATION_MODE_NAMES: Final = {
    MachineryOperationMode.NONE: "None",
    MachineryOperationMode.MAINTENANCE: "Maintenance",
    MachineryOperationMode.SETUP: "Setup",
    MachineryOperationMode.PROCESSING: "Processing",
}
ITEM_STATE_IDS: Final = {
    state: node_id(number, _MACHINERY) for number, state in machinery.ITEM_STATE_OBJECTS.items()
}
OPERATION_MODE_IDS: Final = {
    mode: node_id(number, _MACHINERY) for number, mode in machinery.OPERATION_MODE_OBJECTS.items()
}

PROGNOSIS_SOURCE: Final = MachineVariable(
    (
        *machinery.JOB_PREDICTED_END.path[:-1],
        (machinery.MACHINE_TOOL_NAMESPACE, "SourceIdentifier"),
    ),
    DataType.STRING,
)
"""OPC 40501-1 §8.6.10, mandatory there: which machine says so."""

_OBJECT_TYPES: Final[dict[BrowsePath, ua.NodeId]] = {
    machinery.IDENTIFICATION: _IDENTIFICATION,
    machinery.BUILDING_BLOCKS: _FOLDER,
    machinery.ITEM_STATE.path[:-1]: _ITEM_STATE_TYPE,
    machinery.OPERATION_MODE.path[:-1]: _OPERATION_MODE_TYPE,
    machinery.JOB_PREDICTED_END.path[:-1]: _JOB_END_PROGNOSIS,
}
_ADD_INS: Final = {
    machinery.IDENTIFICATION,
    machinery.ITEM_STATE.path[:-1],
    machinery.OPERATION_MODE.path[:-1],
}
_STATE_VARIABLES: Final = {machinery.ITEM_STATE, machinery.OPERATION_MODE}
_PROPERTIES: Final = {
    *machinery.IDENTIFICATION_VARIABLES,
    machinery.ITEM_STATE_ID,
    machinery.ITEM_STATE_NUMBER,
    machinery.OPERATION_MODE_ID,
    machinery.OPERATION_MODE_NUMBER,
    machinery.PROGRAM_NAME,
    machinery.JOB_PREDICTED_END,
}

VARIABLES: Final = (
    *machinery.IDENTIFICATION_VARIABLES,
    *machinery.LIVE_VARIABLES,
    PROGNOSIS_SOURCE,
)


def variable_id(device: str, variable: MachineVariable) -> ua.NodeId:
    """The node id of ``variable`` on ``device``; private to the plant, agents go by path."""
    return _path_id(device, variable.path)


def add_machine(service: NodeManagementService, *, device: str, name: str) -> None:
    """Add the types, the Machines folder and one machine; no variable has a value yet."""
    nodes = _Nodes(service)
    _add_types(nodes)
    machines = node_id(machinery.MACHINES_FOLDER, _MACHINERY)
    nodes.add_object(machines, "Machines", _OBJECTS_FOLDER, _ORGANIZES, _FOLDER)
    machine = _path_id(device, ())
    nodes.add_object(machine, name, machines, _ORGANIZES, _BASE_OBJECT)
    known: set[BrowsePath] = {()}
    for variable in VARIABLES:
        for depth in range(1, len(variable.path)):
            path = variable.path[:depth]
            if path not in known:
                _add_object(nodes, device, path)
                known.add(path)
        _add_variable(nodes, device, variable)
        known.add(variable.path)


def _path_id(device: str, path: BrowsePath) -> ua.NodeId:
    return node_id("/".join([device, *(name for _, name in path)]), _VENDOR)


def _add_types(nodes: "_Nodes") -> None:
    for type_id, name, supertype in _TYPES:
        nodes.add_type(type_id, name, supertype)
    for item, item_id in ITEM_STATE_IDS.items():
        _add_state(nodes, _ITEM_STATE_TYPE, item_id, ITEM_STATE_NAMES[item], int(item))
    for mode, mode_id in OPERATION_MODE_IDS.items():
        _add_state(nodes, _OPERATION_MODE_TYPE, mode_id, OPERATION_MODE_NAMES[mode], int(mode))


def _add_state(
    nodes: "_Nodes", owner: ua.NodeId, state_id: ua.NodeId, name: str, number: int
) -> None:
    nodes.add_object(state_id, name, owner, _HAS_COMPONENT, _STATE)
    nodes.add_variable(
        node_id(f"{name}/StateNumber", _VENDOR),
        ua.QualifiedName("StateNumber", 0),
        state_id,
        _HAS_PROPERTY,
        _PROPERTY,
        standard_id("UInt32"),
        ua.Variant(number, ua.VariantType.UInt32),
    )


def _add_object(nodes: "_Nodes", device: str, path: BrowsePath) -> None:
    uri, name = path[-1]
    nodes.add_object(
        _path_id(device, path),
        name,
        _path_id(device, path[:-1]),
        _HAS_ADD_IN if path in _ADD_INS else _HAS_COMPONENT,
        _OBJECT_TYPES.get(path, _BASE_OBJECT),
        namespace=_INDEX[uri],
    )


def _add_variable(nodes: "_Nodes", device: str, variable: MachineVariable) -> None:
    uri, name = variable.path[-1]
    is_property = variable in _PROPERTIES
    kind = _STATE_VARIABLE if variable in _STATE_VARIABLES else _DATA_VARIABLE
    nodes.add_variable(
        variable_id(device, variable),
        ua.QualifiedName(name, _INDEX[uri]),
        _path_id(device, variable.path[:-1]),
        _HAS_PROPERTY if is_property else _HAS_COMPONENT,
        _PROPERTY if is_property else kind,
        _data_type_id(variable),
        ua.Variant(None, ua.VariantType.Null),
    )


def _data_type_id(variable: MachineVariable) -> ua.NodeId:
    if variable is machinery.JOB_PREDICTED_END:
        return standard_id("UtcTime")
    return standard_id(variable.data_type.value)


class _Nodes:
    """Adds nodes to one server and insists that each was accepted."""

    def __init__(self, service: NodeManagementService) -> None:
        self._service = service

    def add_type(self, new_id: ua.NodeId, name: str, supertype: ua.NodeId) -> None:
        attributes = ua.ObjectTypeAttributes(DisplayName=ua.LocalizedText(name), IsAbstract=False)
        browse_name = ua.QualifiedName(name, new_id.NamespaceIndex)
        self._add(
            new_id,
            browse_name,
            supertype,
            _HAS_SUBTYPE,
            ua.NodeId(),
            ua.NodeClass.ObjectType,
            attributes,
        )

    def add_object(
        self,
        new_id: ua.NodeId,
        name: str,
        parent: ua.NodeId,
        reference: ua.NodeId,
        type_id: ua.NodeId,
        *,
        namespace: int | None = None,
    ) -> None:
        attributes = ua.ObjectAttributes(DisplayName=ua.LocalizedText(name), EventNotifier=0)
        index = new_id.NamespaceIndex if namespace is None else namespace
        browse_name = ua.QualifiedName(name, index)
        self._add(new_id, browse_name, parent, reference, type_id, ua.NodeClass.Object, attributes)

    def add_variable(
        self,
        new_id: ua.NodeId,
        browse_name: ua.QualifiedName,
        parent: ua.NodeId,
        reference: ua.NodeId,
        type_id: ua.NodeId,
        data_type: ua.NodeId,
        value: ua.Variant,
    ) -> None:
        attributes = ua.VariableAttributes(
            DisplayName=ua.LocalizedText(browse_name.Name),
            DataType=data_type,
            Value=value,
            ValueRank=ua.ValueRank.Scalar,
            MinimumSamplingInterval=0,
        )
        self._add(
            new_id, browse_name, parent, reference, type_id, ua.NodeClass.Variable, attributes
        )

    def _add(
        self,
        new_id: ua.NodeId,
        browse_name: ua.QualifiedName,
        parent: ua.NodeId,
        reference: ua.NodeId,
        type_id: ua.NodeId,
        node_class: ua.NodeClass,
        attributes: object,
    ) -> None:
        item = ua.AddNodesItem(
            ParentNodeId=parent,
            ReferenceTypeId=reference,
            RequestedNewNodeId=new_id,
            BrowseName=browse_name,
            NodeClass=node_class,
            NodeAttributes=attributes,
            TypeDefinition=type_id,
        )
        for result in self._service.add_nodes([item]):
            result.StatusCode.check()
