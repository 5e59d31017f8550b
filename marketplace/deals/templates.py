"""Templates of milestones (里程碑模板), read from data: what a kind of deal is paid by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field, RootModel

from marketplace.deals.domain.quoting import SHARE_WHOLE, MilestoneTerm
from services.contracts.documents import Document
from services.contracts.errors import DomainError, ErrorKind
from services.runtime.lined_yaml import read_lined

DATA: Final = Path(__file__).parent / "data" / "templates.yaml"
Text = Annotated[str, Field(min_length=1, max_length=60)]


class UnknownTemplateError(DomainError):
    code: ClassVar[str] = "deal-template-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "There is no template {key!r}; choose one of /deal-templates."
    zh: ClassVar[str] = "没有模板 {key!r}；请从 /deal-templates 中选择。"


class _MilestoneEntry(Document):
    model_config = ConfigDict(frozen=True)

    title: Text
    zh: Text
    share: int = Field(ge=1, le=SHARE_WHOLE)


class _TemplateEntry(Document):
    model_config = ConfigDict(frozen=True)

    name: Text
    zh: Text
    milestones: tuple[_MilestoneEntry, ...] = Field(min_length=1)


class _Templates(RootModel[dict[str, _TemplateEntry]]):
    pass


@dataclass(frozen=True, slots=True)
class Template:
    key: str
    name: str
    name_zh: str
    milestones: tuple[MilestoneTerm, ...]


@cache
def load_templates(path: Path = DATA) -> Mapping[str, Template]:
    """Every template by key; a milestone is titled in both languages.

    Raises:
        BrokenDataError: names the line and what is wrong, shares that do not make a whole too.
    """
    document = read_lined(path)
    found = {}
    for key, entry in document.as_model(_Templates).root.items():
        if sum(one.share for one in entry.milestones) != SHARE_WHOLE:
            raise document.fault((key, "milestones"), f"shares do not sum to {SHARE_WHOLE}")
        terms = tuple(
            MilestoneTerm(f"{one.title} {one.zh}", one.share, None) for one in entry.milestones
        )
        found[key] = Template(key, entry.name, entry.zh, terms)
    return found


def template_named(key: str) -> Template:
    """The template of a key.

    Raises:
        UnknownTemplateError: there is none.
    """
    known = load_templates()
    if key not in known:
        raise UnknownTemplateError(key=key)
    return known[key]
