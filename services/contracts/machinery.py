"""Where a machine's facts stand in its OPC UA address space: namespaces, browse paths, data types.

Namespace indices and node ids differ from server to server, so paths are tuples of (namespace
URI, browse name) and both ends resolve them anew in every session. Sources: OPC 10000-100 (DI)
1.05, OPC 40001-1 (Machinery) 1.04, OPC 40501-1 (Machine Tools) 1.02, each checked against its
official nodeset. OPC 40501-1 1.02 deprecates ``Production`` in favour of OPC 40001-3 job lists;
it is still what today's machine tools offer.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.contracts.telemetry import MachineryItemState, MachineryOperationMode

UA_NAMESPACE: Final = "http://opcfoundation.org/UA/"
"""OPC 10000-5; always index 0."""
DI_NAMESPACE: Final = "http://opcfoundation.org/UA/DI/"
"""OPC 10000-100."""
MACHINERY_NAMESPACE: Final = "http://opcfoundation.org/UA/Machinery/"
"""OPC 40001-1."""
MACHINE_TOOL_NAMESPACE: Final = "http://opcfoundation.org/UA/MachineTool/"
"""OPC 40501-1."""
VENDOR_NAMESPACE: Final = "urn:nonagon:machine"
"""Browse names of the simulated machines themselves, and of facts no standard names."""

BrowseName = tuple[str, str]
"""(namespace URI, name)."""
BrowsePath = tuple[BrowseName, ...]


class DataType(StrEnum):
    """Built-in types of OPC 10000-6 §5.1.2, by the name of the Variant that carries them."""

    NODE_ID = "NodeId"
    UINT32 = "UInt32"
    STRING = "String"
    LOCALIZED_TEXT = "LocalizedText"
    DATE_TIME = "DateTime"
    DOUBLE = "Double"


@dataclass(frozen=True, slots=True)
class MachineVariable:
    """A variable below a machine's object; another type than ``data_type`` there is a defect."""

    path: BrowsePath
    data_type: DataType


def _machinery(*names: str) -> BrowsePath:
    return tuple((MACHINERY_NAMESPACE, name) for name in names)


def _machine_tool(*names: str) -> BrowsePath:
    return tuple((MACHINE_TOOL_NAMESPACE, name) for name in names)


def _ua(*names: str) -> BrowsePath:
    return tuple((UA_NAMESPACE, name) for name in names)


def _vendor(*names: str) -> BrowsePath:
    return tuple((VENDOR_NAMESPACE, name) for name in names)


MACHINES: Final = _machinery("Machines")
"""OPC 40001-1 §9.2, from the Objects folder (i=85): every machine is referenced directly by it."""

IDENTIFICATION: Final[BrowsePath] = ((DI_NAMESPACE, "Identification"),)
"""OPC 40001-1 §8.6 MachineIdentificationType, an AddIn with DI's default browse name."""
MANUFACTURER: Final = MachineVariable(
    (*IDENTIFICATION, (DI_NAMESPACE, "Manufacturer")), DataType.LOCALIZED_TEXT
)
"""OPC 10000-100 §4.5.2 IVendorNameplateType; mandatory by OPC 40001-1 §8.3."""
MODEL: Final = MachineVariable((*IDENTIFICATION, (DI_NAMESPACE, "Model")), DataType.LOCALIZED_TEXT)
"""OPC 10000-100 §4.5.2 IVendorNameplateType; optional by OPC 40001-1 §8.3."""
SERIAL_NUMBER: Final = MachineVariable(
    (*IDENTIFICATION, (DI_NAMESPACE, "SerialNumber")), DataType.STRING
)
"""OPC 10000-100 §4.5.2 IVendorNameplateType; mandatory by OPC 40001-1 §8.3."""
PRODUCT_INSTANCE_URI: Final = MachineVariable(
    (*IDENTIFICATION, (DI_NAMESPACE, "ProductInstanceUri")), DataType.STRING
)
"""OPC 10000-100 §4.5.2 IVendorNameplateType; mandatory for a machine by OPC 40001-1 §8.6."""

BUILDING_BLOCKS: Final = _machinery("MachineryBuildingBlocks")
"""OPC 40001-1 §6: the folder that collects a machine's AddIns."""

ITEM_STATE: Final = MachineVariable(
    (*BUILDING_BLOCKS, *_machinery("MachineryItemState"), *_ua("CurrentState")),
    DataType.LOCALIZED_TEXT,
)
"""OPC 40001-1 §12.2, OPC 10000-16 §4.4.7: the state's display name, for people."""
ITEM_STATE_ID: Final = MachineVariable((*ITEM_STATE.path, *_ua("Id")), DataType.NODE_ID)
"""OPC 10000-16 §4.4.7: node id of the current state object; mandatory, what machines go by."""
ITEM_STATE_NUMBER: Final = MachineVariable((*ITEM_STATE.path, *_ua("Number")), DataType.UINT32)
"""OPC 10000-16 §4.4.7: StateNumber, optional; the values are :class:`MachineryItemState`."""

OPERATION_MODE: Final = MachineVariable(
    (*BUILDING_BLOCKS, *_machinery("MachineryOperationMode"), *_ua("CurrentState")),
    DataType.LOCALIZED_TEXT,
)
"""OPC 40001-1 §13.2, OPC 10000-16 §4.4.7: the mode's display name, for people."""
OPERATION_MODE_ID: Final = MachineVariable((*OPERATION_MODE.path, *_ua("Id")), DataType.NODE_ID)
"""OPC 10000-16 §4.4.7: node id of the current mode's state object; mandatory."""
OPERATION_MODE_NUMBER: Final = MachineVariable(
    (*OPERATION_MODE.path, *_ua("Number")), DataType.UINT32
)
"""OPC 10000-16 §4.4.7: StateNumber, optional; the values are :class:`MachineryOperationMode`."""

ITEM_STATE_TYPE: Final = 1002
"""OPC 40001-1 §12.2 MachineryItemState_StateMachineType, numeric id in the Machinery namespace."""
OPERATION_MODE_TYPE: Final = 1008
"""OPC 40001-1 §13.2 MachineryOperationModeStateMachineType, same namespace."""
IDENTIFICATION_TYPE: Final = 1012
"""OPC 40001-1 §8.6 MachineIdentificationType, same namespace."""
MACHINES_FOLDER: Final = 1001
"""OPC 40001-1 §9.2 the Machines folder itself, same namespace."""
JOB_END_PROGNOSIS_TYPE: Final = 37
"""OPC 40501-1 §8.6.10 ProductionJobEndPrognosisType, numeric id in the MachineTool namespace."""

ITEM_STATE_OBJECTS: Final[dict[int, MachineryItemState]] = {
    5004: MachineryItemState.OUT_OF_SERVICE,
    5005: MachineryItemState.NOT_AVAILABLE,
    5006: MachineryItemState.EXECUTING,
    5007: MachineryItemState.NOT_EXECUTING,
}
"""OPC 40001-1 §12.2: numeric ids, in the Machinery namespace, of the objects ``Id`` points at."""
OPERATION_MODE_OBJECTS: Final[dict[int, MachineryOperationMode]] = {
    5024: MachineryOperationMode.NONE,
    5025: MachineryOperationMode.MAINTENANCE,
    5026: MachineryOperationMode.PROCESSING,
    5027: MachineryOperationMode.SETUP,
}
"""OPC 40001-1 §13.2: numeric ids, in the Machinery namespace, of the objects ``Id`` points at."""

PROGRAM_NAME: Final = MachineVariable(
    _machine_tool("Production", "ActiveProgram", "Name"), DataType.STRING
)
"""OPC 40501-1 §8.4.4 ProductionProgramType; empty while no program is active."""
JOB_IDENTIFIER: Final = MachineVariable(
    _machine_tool("Production", "ActiveProgram", "JobIdentifier"), DataType.STRING
)
"""OPC 40501-1 §8.4.5 ProductionActiveProgramType; empty while no job runs."""
PARTS_PRODUCED: Final = MachineVariable(
    _machine_tool("Production", "Statistics", "PartsProducedInLifetime"), DataType.UINT32
)
"""OPC 40501-1 §8.4.12 ProductionStatisticsType; never decreases."""

PROGNOSES: Final = _machine_tool("Notification", "Prognoses")
"""OPC 40501-1 §8.6.3 PrognosisListType; browse names of its children are the vendor's, the type is
not: look for :data:`JOB_END_PROGNOSIS_TYPE` where :data:`JOB_PREDICTED_END` finds nothing."""
JOB_PREDICTED_END: Final = MachineVariable(
    (*PROGNOSES, *_machine_tool("ProductionJobEndPrognosis", "PredictedTime")), DataType.DATE_TIME
)
"""OPC 40501-1 §8.6.4 PrognosisType (UtcTime) of the §8.6.10 ProductionJobEndPrognosisType;
null while no job runs."""

SPINDLE_LOAD: Final = MachineVariable(
    (*_machine_tool("Monitoring", "Spindle"), *_vendor("Load")), DataType.DOUBLE
)
"""Per cent of rated load. OPC 40501-1 §8.3.6 SpindleMonitoringType names no load, so ours does."""
EXECUTION: Final = MachineVariable(
    (*_machine_tool("Monitoring"), *_vendor("Execution")), DataType.STRING
)
"""The controller's raw MTConnect ``Execution`` (ACTIVE, READY, FEED_HOLD …), as text."""

IDENTIFICATION_VARIABLES: Final = (MANUFACTURER, MODEL, SERIAL_NUMBER, PRODUCT_INSTANCE_URI)
"""Read once per session; they do not change while a machine lives."""
LIVE_VARIABLES: Final = (
    ITEM_STATE,
    ITEM_STATE_ID,
    ITEM_STATE_NUMBER,
    OPERATION_MODE,
    OPERATION_MODE_ID,
    OPERATION_MODE_NUMBER,
    PROGRAM_NAME,
    JOB_IDENTIFIER,
    PARTS_PRODUCED,
    JOB_PREDICTED_END,
    SPINDLE_LOAD,
    EXECUTION,
)
"""What changes; a machine may lack any of them but the two state ids."""
