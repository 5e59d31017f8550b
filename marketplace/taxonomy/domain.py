"""The taxonomy: trees of processes and materials, certificate kinds, lookups and suggestions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from marketplace.taxonomy.industries import Industries, Section
from marketplace.taxonomy.tolerance import ToleranceTable, finest_grade, plus_minus_um
from services.contracts.errors import DomainError, ErrorKind

SUGGESTIONS_MAX: Final = 3
SIMILARITY_MIN: Final = 0.7


class UnknownTermError(DomainError):
    """A code that no tree holds; ``suggestions`` are the codes it may have meant."""

    kind: ClassVar[ErrorKind] = ErrorKind.INVALID

    def __init__(self, *, term: str, suggestions: Sequence[str]) -> None:
        listed = ", ".join(suggestions)
        super().__init__(
            term=term,
            suggestions=list(suggestions),
            hint_en=f" Did you mean {listed}?" if listed else "",
            hint_zh=f"您是指 {listed} 吗？" if listed else "",
        )


class UnknownProcessError(UnknownTermError):
    code: ClassVar[str] = "unknown-process"
    en: ClassVar[str] = (
        "There is no process {term!r}.{hint_en} All of them: GET /api/v1/taxonomy/processes."
    )
    zh: ClassVar[str] = "没有工艺 {term!r}。{hint_zh}全部工艺见 GET /api/v1/taxonomy/processes。"


class UnknownMaterialError(UnknownTermError):
    code: ClassVar[str] = "unknown-material"
    en: ClassVar[str] = (
        "There is no material {term!r}.{hint_en} All of them: GET /api/v1/taxonomy/materials."
    )
    zh: ClassVar[str] = "没有材料 {term!r}。{hint_zh}全部材料见 GET /api/v1/taxonomy/materials。"


class UnknownCertificateError(UnknownTermError):
    code: ClassVar[str] = "unknown-certificate"
    en: ClassVar[str] = (
        "There is no certificate kind {term!r}.{hint_en}"
        " All of them: GET /api/v1/taxonomy/certificates."
    )
    zh: ClassVar[str] = (
        "没有证书种类 {term!r}。{hint_zh}全部种类见 GET /api/v1/taxonomy/certificates。"
    )


class Term(Protocol):
    """An entry of a tree."""

    @property
    def code(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def name_zh(self) -> str: ...

    @property
    def words(self) -> tuple[str, ...]:
        """Everything a person may call it, names first."""


@dataclass(frozen=True, slots=True)
class Process:
    """``din8580`` and ``gb22124`` are its group in DIN 8580 and GB/T 22124.1, where known."""

    code: str
    name: str
    name_zh: str
    aliases: tuple[str, ...] = ()
    din8580: str | None = None
    gb22124: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        return (self.name, self.name_zh, *self.aliases)


@dataclass(frozen=True, slots=True)
class Material:
    """A family or a grade; ``gb``, ``en`` and ``uns`` are its designations there."""

    code: str
    name: str
    name_zh: str
    aliases: tuple[str, ...] = ()
    gb: tuple[str, ...] = ()
    en: tuple[str, ...] = ()
    uns: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return (self.name, self.name_zh, *self.aliases, *self.gb, *self.en, *self.uns)


@dataclass(frozen=True, slots=True)
class CertificateKind:
    """``laboratory``: granted per method, so its scope decides."""

    code: str
    name: str
    name_zh: str
    aliases: tuple[str, ...] = ()
    laboratory: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        return (self.name, self.name_zh, *self.aliases)


TermT = TypeVar("TermT", bound=Term)


def parent_of(code: str) -> str | None:
    """The code one level up; the dots are the tree."""
    return code.rpartition(".")[0] or None


class Tree(Generic[TermT]):
    """Terms by code, with their ancestors and descendants. Parents stand before their children.

    Raises:
        ValueError: a code stands twice, or a parent is not there.
    """

    def __init__(self, terms: Iterable[TermT]) -> None:
        self._terms: dict[str, TermT] = {}
        self._children: dict[str, list[str]] = {}
        for term in terms:
            if term.code in self._terms:
                raise ValueError(f"{term.code} stands twice")
            parent = parent_of(term.code)
            if parent is not None and parent not in self._terms:
                raise ValueError(f"{term.code}: its parent {parent} does not stand before it")
            self._terms[term.code] = term
            if parent is not None:
                self._children.setdefault(parent, []).append(term.code)

    def __contains__(self, code: str) -> bool:
        return code in self._terms

    def __iter__(self) -> Iterator[TermT]:
        return iter(self._terms.values())

    def __len__(self) -> int:
        return len(self._terms)

    def __getitem__(self, code: str) -> TermT:
        return self._terms[code]

    def with_descendants(self, code: str) -> frozenset[str]:
        found, pending = set[str](), [code]
        while pending:
            current = pending.pop()
            found.add(current)
            pending.extend(self._children.get(current, ()))
        return frozenset(found)

    def with_ancestors(self, code: str) -> frozenset[str]:
        found = set[str]()
        current: str | None = code
        while current is not None:
            found.add(current)
            current = parent_of(current)
        return frozenset(found)

    def search(self, text: str, *, limit: int) -> list[TermT]:
        """Terms with ``text`` in their code or words; equal and leading ones first."""
        wanted = text.strip().casefold()
        ranked = [
            (rank, place, term)
            for place, term in enumerate(self)
            if (rank := _rank(wanted, term)) is not None
        ]
        return [term for _, _, term in sorted(ranked, key=lambda entry: entry[:2])[:limit]]

    def suggest(self, text: str) -> tuple[str, ...]:
        """The codes ``text`` may have meant, best first: by word, then by spelling."""
        by_word = [term.code for term in self.search(text, limit=SUGGESTIONS_MAX)]
        spelled = get_close_matches(
            text.casefold(), self._spellings, n=SUGGESTIONS_MAX * 2, cutoff=SIMILARITY_MIN
        )
        codes = dict.fromkeys([*by_word, *(self._spellings[word] for word in spelled)])
        return tuple(codes)[:SUGGESTIONS_MAX]

    @cached_property
    def _spellings(self) -> Mapping[str, str]:
        spellings: dict[str, str] = {}
        for term in self:
            for word in (term.code, term.code.rpartition(".")[2], *term.words):
                spellings.setdefault(word.casefold(), term.code)
        return spellings


def _rank(wanted: str, term: Term) -> int | None:
    words = [word.casefold() for word in (term.code, *term.words)]
    if not wanted:
        return None
    if wanted in words:
        return 0
    if any(word.startswith(wanted) for word in words):
        return 1
    return 2 if any(wanted in word for word in words) else None


class Taxonomy:
    """Everything a capability may declare and a demand may ask for. Immutable once loaded."""

    def __init__(
        self,
        *,
        processes: Iterable[Process],
        materials: Iterable[Material],
        certificates: Iterable[CertificateKind],
        tolerances: Sequence[ToleranceTable],
        sections: Iterable[Section],
    ) -> None:
        self.processes = Tree(processes)
        self.materials = Tree(materials)
        self.certificates = Tree(certificates)
        self.industries = Industries(sections)
        self._tolerances = tuple(tolerances)

    def knows_process(self, code: str) -> bool:
        return code in self.processes

    def knows_material(self, code: str) -> bool:
        return code in self.materials

    def knows_certificate(self, kind: str) -> bool:
        return kind in self.certificates

    def expand_process(self, code: str) -> frozenset[str]:
        """``code`` and everything below it: who mills in five axes mills.

        Raises:
            UnknownProcessError: no such process.
        """
        if code not in self.processes:
            raise UnknownProcessError(term=code, suggestions=self.processes.suggest(code))
        return self.processes.with_descendants(code)

    def expand_material(self, code: str) -> frozenset[str]:
        """``code`` and everything above it: who works aluminium works 6061.

        Raises:
            UnknownMaterialError: no such material.
        """
        if code not in self.materials:
            raise UnknownMaterialError(term=code, suggestions=self.materials.suggest(code))
        return self.materials.with_ancestors(code)

    def require_certificate(self, kind: str) -> CertificateKind:
        """The certificate kind.

        Raises:
            UnknownCertificateError: no such kind.
        """
        if kind not in self.certificates:
            raise UnknownCertificateError(term=kind, suggestions=self.certificates.suggest(kind))
        return self.certificates[kind]

    def namer(self, language: str) -> Callable[[str], str]:
        """Names codes of any tree in ``language``; what is in no tree stays as it is."""

        def name(code: str) -> str:
            for tree in (self.processes, self.materials, self.certificates):
                if code in tree:
                    return tree[code].name_zh if language == "zh" else tree[code].name
            return code

        return name

    def tolerance_um(self, grade: str, nominal_mm: float) -> int:
        """The ± value in µm that an ISO 286 grade or ISO 2768-1 class stands for at a size.

        Raises:
            UnknownToleranceError: no such grade or class.
            ToleranceSizeError: the standard gives no value for this size.
            ToleranceTooFineError: it is less than 1 µm there.
        """
        return plus_minus_um(self._tolerances, grade, nominal_mm)

    def grade_of(self, plus_minus_um: int, nominal_mm: float) -> str | None:
        """The finest ISO 286 grade that ± ``plus_minus_um`` stays within at a size, if any."""
        return finest_grade(self._tolerances, plus_minus_um, nominal_mm)
