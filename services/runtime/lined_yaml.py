"""YAML that knows its lines, so that a broken data file is told by file, line and field."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)


class BrokenDataError(ValueError):
    """A data file that does not have the form it must have."""


@dataclass(frozen=True, slots=True)
class LinedDocument:
    """One YAML document: its value, and where each part of it stands."""

    name: str
    value: Any
    root: yaml.Node

    def line(self, place: Sequence[str | int]) -> int:
        """The line, from 1, of the part at ``place``; of what is around it if there is none."""
        node, line = self.root, self.root.start_mark.line
        for part in place:
            found = _step(node, part)
            if found is None:
                break
            node, line = found
        return line + 1

    def fault(self, place: Sequence[str | int], told: str) -> BrokenDataError:
        """The error that says ``told`` of the part at ``place``."""
        field = ".".join(str(part) for part in place)
        said = f"{field}: {told}" if field else told
        return BrokenDataError(f"{self.name} line {self.line(place)}: {said}")

    def as_model(self, model: type[ModelT]) -> ModelT:
        """The document as ``model``.

        Raises:
            BrokenDataError: the first field that is not as it must be.
        """
        try:
            return model.model_validate(self.value)
        except ValidationError as error:
            first = error.errors()[0]
            raise self.fault(first["loc"], first["msg"]) from error


def read_lined(path: Path) -> LinedDocument:
    """The document in ``path``.

    Raises:
        BrokenDataError: it is no YAML, is empty, or names a key twice.
    """
    text = path.read_text(encoding="utf-8")
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
        value = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark is not None else ""
        told = getattr(error, "problem", None) or error
        raise BrokenDataError(f"{path.name}{where}: {told}") from error
    if root is None:
        raise BrokenDataError(f"{path.name} line 1: is empty")
    _refuse_repeated_keys(path.name, root)
    return LinedDocument(path.name, value, root)


def _step(node: yaml.Node, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, held in node.value:
            if key.value == str(part):
                return held, key.start_mark.line
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        held = node.value[part]
        return held, held.start_mark.line
    return None


def _refuse_repeated_keys(name: str, root: yaml.Node) -> None:
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, yaml.MappingNode):
            seen = set[str]()
            for key, held in node.value:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise BrokenDataError(f"{name} line {line}: {key.value} stands twice")
                seen.add(key.value)
                pending.append(held)
        elif isinstance(node, yaml.SequenceNode):
            pending.extend(node.value)
