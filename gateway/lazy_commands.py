"""A command group whose members are named in a table and imported only when they are run.

``nonagon version`` must not pay for the imports of the HTTP door, nor ``--help`` for anybody's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from gateway.importing import import_for_good


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """``target`` is ``module:attribute``, a typer app or a function; ``help`` its line in lists."""

    target: str
    help: str

    def load(self, name: str) -> Any:
        module, _, attribute = self.target.partition(":")
        found: typer.Typer | Callable[..., None] = getattr(import_for_good(module), attribute)
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(add_completion=False)
            found.command(name)(function)
        command = typer.main.get_command(found)
        command.name = name
        return command

    def is_installed(self) -> bool:
        """Whether the module is there: a factory gateway installs the edge extra alone."""
        try:
            return find_spec(self.target.partition(":")[0]) is not None
        except ModuleNotFoundError:
            return False


class LazyGroup(TyperGroup):
    """Subclasses set ``table``: lists show it as it stands, a command that runs is imported."""

    table: ClassVar[dict[str, LazyCommand]] = {}

    def list_commands(self, _: Any) -> list[str]:
        return [name for name, command in self.table.items() if command.is_installed()]

    def get_command(self, _: Any, cmd_name: str) -> Any:
        known = self.table.get(cmd_name)
        return TyperCommand(cmd_name, help=known.help) if known and known.is_installed() else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, stub, rest = super().resolve_command(ctx, args)
        return (name, self.table[name].load(name), rest) if name and stub else (name, stub, rest)
