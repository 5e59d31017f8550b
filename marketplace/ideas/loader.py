"""Reads the usual stages of funding from data; a broken file names its line."""

from pathlib import Path
from typing import Final

from pydantic import Field

from marketplace.ideas.domain import AMOUNT_MAX, STAGES_MAX, Stage
from services.contracts.access import Role
from services.contracts.documents import Document
from services.runtime.lined_yaml import read_lined

DATA: Final = Path(__file__).parent / "data" / "funding-stages.yaml"


class _Stage(Document):
    key: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    name: str = Field(min_length=1)
    zh: str = Field(min_length=1)
    amount_minor: int = Field(ge=0, le=AMOUNT_MAX)
    decided_by: list[Role] = Field(min_length=1)


class _Stages(Document):
    stages: list[_Stage] = Field(min_length=1, max_length=STAGES_MAX)


def load_stages(path: Path = DATA) -> tuple[Stage, ...]:
    """The stages in their order.

    Raises:
        BrokenDataError: the first field that is not as it must be.
    """
    read = read_lined(path)
    model = read.as_model(_Stages)
    keys = [one.key for one in model.stages]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            raise read.fault(("stages", place, "key"), f"{key!r} is there twice")
    return tuple(
        Stage(one.key, one.name, one.zh, one.amount_minor, tuple(one.decided_by))
        for one in model.stages
    )
