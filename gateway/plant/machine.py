"""One simulated machine: what it would show, the faults laid over it, and what plays it."""

from datetime import datetime
from typing import Final, Protocol

from asyncua import ua

from gateway.plant import values
from gateway.plant.clock import Clock
from gateway.plant.nodes import (
    ITEM_STATE_IDS,
    ITEM_STATE_NAMES,
    OPERATION_MODE_IDS,
    OPERATION_MODE_NAMES,
    PROGNOSIS_SOURCE,
)
from gateway.plant.pace import FreezeCause, Pace
from gateway.plant.park import ParkMachine
from gateway.plant.replay import Facts
from gateway.plant.server import MachineServer
from services.contracts import machinery
from services.contracts.machinery import MachineVariable
from services.contracts.telemetry import MachineryItemState, MachineryOperationMode

Shown = dict[MachineVariable, ua.DataValue]

_STATE_VARIABLES: Final = (
    machinery.ITEM_STATE,
    machinery.ITEM_STATE_ID,
    machinery.ITEM_STATE_NUMBER,
    machinery.OPERATION_MODE,
    machinery.OPERATION_MODE_ID,
    machinery.OPERATION_MODE_NUMBER,
)


class Player(Protocol):
    """What moves a machine through its time."""

    @property
    def waits_for_server(self) -> bool:
        """Whether nothing may happen while nobody can look."""

    def first_facts(self, machine: "Machine") -> Facts:
        """What the machine shows before its time begins; the rest waits for initial data."""

    def facts_after_freeze(self, machine: "Machine") -> Facts:
        """What a time of standing still has changed."""

    async def run(self, machine: "Machine") -> None: ...

    def status(self) -> dict[str, object]: ...


class Machine:
    """The machine keeps its values; its server shows them, unless a fault lies over them."""

    def __init__(
        self, spec: ParkMachine, *, server: MachineServer, player: Player, clock: Clock
    ) -> None:
        self.spec = spec
        self.server = server
        self.player = player
        self.pace = Pace(clock)
        self._clock = clock
        self._facts: Facts = {}
        self._values: Shown = {}
        self._laid_over: Shown = {}
        for variable, value in {**_identification(spec), **player.first_facts(self)}.items():
            self._set(variable, value)

    async def start(self) -> None:
        await self.server.open(self._shown())

    async def run(self) -> None:
        """Play until cancelled, or to the end of a replay."""
        await self.player.run(self)

    async def show(self, facts: Facts, *, at: datetime | None = None) -> None:
        """Set values with ``at`` as their source timestamp; now, if none is given."""
        for variable, value in facts.items():
            shown = self._set(variable, value, at)
            if variable not in self._laid_over:
                await self.server.write(variable, shown)

    def changed(self, facts: Facts) -> Facts:
        """Those of ``facts`` the machine does not have yet."""
        return {
            variable: value
            for variable, value in facts.items()
            if variable not in self._facts or self._facts[variable] != value
        }

    async def fault(self) -> None:
        """Out of service at the OPC UA server; the machine's time stands still."""
        self.pace.freeze(FreezeCause.FAULT)
        await self._lay_over(
            {
                **item_facts(MachineryItemState.OUT_OF_SERVICE),
                machinery.SPINDLE_LOAD: 0.0,
            }
        )

    async def bad_quality(self) -> None:
        """Item state and mode have no good value any more; the machine itself goes on."""
        await self._cover(dict.fromkeys(_STATE_VARIABLES, values.bad(self._clock.now())))

    async def wrong_type(self) -> None:
        """The state number becomes a text, whatever its DataType attribute declares."""
        text = ua.Variant("three", ua.VariantType.String)
        wrong = values.good(text, self._clock.now())
        await self._cover({machinery.ITEM_STATE_NUMBER: wrong})

    async def clear(self) -> None:
        """Take every fault away; values come back with the time of coming back."""
        covered, self._laid_over = self._laid_over, {}
        now = self._clock.now()
        for variable in covered:
            if variable in self._facts:
                await self.server.write(variable, self._set(variable, self._facts[variable], now))
        await self._thaw(FreezeCause.FAULT)

    async def hold(self) -> None:
        """Freeze the machine's time; it keeps showing what it shows."""
        self.pace.freeze(FreezeCause.HOLD)

    async def resume(self) -> None:
        await self._thaw(FreezeCause.HOLD)

    async def stop_server(self) -> None:
        """Close the OPC UA server. A process goes on unseen; a replay waits, to be seen whole."""
        if self.player.waits_for_server:
            self.pace.freeze(FreezeCause.SERVER_STOPPED)
        await self.server.close()

    async def start_server(self) -> None:
        """Open it again on the same port, showing what the machine shows by now."""
        await self.server.open(self._shown())
        self.pace.thaw(FreezeCause.SERVER_STOPPED)

    def status(self) -> dict[str, object]:
        shown = self._shown()
        state, mode, parts = (
            values.content(shown.get(variable))
            for variable in (
                machinery.ITEM_STATE,
                machinery.OPERATION_MODE,
                machinery.PARTS_PRODUCED,
            )
        )
        return {
            "device": self.spec.device,
            "url": self.server.url,
            "listening": self.server.is_open,
            "item_state": state.Text if state else None,
            "operation_mode": mode.Text if mode else None,
            "parts": parts,
            "frozen": self.pace.frozen,
            "encrypted_only": self.server.identity is not None and not self.server.offers_none,
            "attempts": dict(self.server.rules.attempts),
            "writes_attempted": self.server.rules.attempts_count,
        }

    async def _thaw(self, cause: FreezeCause) -> None:
        self.pace.thaw(cause)
        await self.show(self.changed(self.player.facts_after_freeze(self)))

    def _set(
        self, variable: MachineVariable, value: object, at: datetime | None = None
    ) -> ua.DataValue:
        self._facts[variable] = value
        self._values[variable] = shown = self._data_value(variable, value, at)
        return shown

    def _shown(self) -> Shown:
        return {**self._values, **self._laid_over}

    async def _lay_over(self, facts: Facts) -> None:
        await self._cover(
            {variable: self._data_value(variable, value) for variable, value in facts.items()}
        )

    async def _cover(self, values: Shown) -> None:
        self._laid_over.update(values)
        for variable, value in values.items():
            await self.server.write(variable, value)

    def _data_value(
        self, variable: MachineVariable, value: object, at: datetime | None = None
    ) -> ua.DataValue:
        now = self._clock.now()
        return values.fact(variable, value, at=at or now, written_at=now)


def _identification(spec: ParkMachine) -> Facts:
    return {
        machinery.MANUFACTURER: spec.manufacturer,
        machinery.MODEL: spec.model,
        machinery.SERIAL_NUMBER: spec.serial,
        machinery.PRODUCT_INSTANCE_URI: f"urn:nonagon:plant:{spec.device}:{spec.serial}",
        PROGNOSIS_SOURCE: spec.device,
    }


def item_facts(state: MachineryItemState) -> Facts:
    return {
        machinery.ITEM_STATE: ITEM_STATE_NAMES[state],
        machinery.ITEM_STATE_ID: ITEM_STATE_IDS[state],
        machinery.ITEM_STATE_NUMBER: int(state),
    }


def mode_facts(mode: MachineryOperationMode) -> Facts:
    return {
        machinery.OPERATION_MODE: OPERATION_MODE_NAMES[mode],
        machinery.OPERATION_MODE_ID: OPERATION_MODE_IDS[mode],
        machinery.OPERATION_MODE_NUMBER: int(mode),
    }
