"""Words as the PostgreSQL backend indexes them: Latin tokens, and single and paired characters."""

import re
from collections.abc import Iterable
from typing import Final

_RUNS: Final = re.compile(r"[㐀-䶿一-鿿豈-﫿]+|[^\W_㐀-䶿一-鿿豈-﫿]+")
_CHINESE: Final = re.compile(r"[㐀-䶿一-鿿豈-﫿]+")


def runs(text: str) -> list[str]:
    """The Chinese runs and Latin tokens of ``text``, folded to one case."""
    return _RUNS.findall(text.casefold())


def is_chinese(run: str) -> bool:
    return _CHINESE.fullmatch(run) is not None


def lexemes(texts: Iterable[str]) -> set[str]:
    """What a document is indexed under."""
    found = set[str]()
    for text in texts:
        for run in runs(text):
            found.update((*run, *_pairs(run)) if is_chinese(run) else (run,))
    return found


def tsquery(text: str) -> str:
    """Every word of ``text`` as a PostgreSQL tsquery; empty when there is none."""
    terms = list[str]()
    for run in runs(text):
        if not is_chinese(run):
            terms.append(f"'{run}':*")
        else:
            terms += [f"'{part}'" for part in (_pairs(run) or [run])]
    return " & ".join(terms)


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]
