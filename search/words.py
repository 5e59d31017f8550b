"""Words as the PostgreSQL backend indexes and asks for them.

A document is indexed under its Latin tokens and, of Chinese, every character and every pair of
neighbours, so that any part of a word is found whatever a segmenter makes of the sentence around
it. What is asked for is segmented (``rjieba``, without guessing new words): each of its words must
occur, not the whole run as typed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import rjieba

_RUNS: Final = re.compile(r"[㐀-䶿一-鿿豈-﫿]+|[^\W_㐀-䶿一-鿿豈-﫿]+")
_CHINESE: Final = re.compile(r"[㐀-䶿一-鿿豈-﫿]+")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
TITLED: Final = "="
"""Begins an entry that says a word stands in a title; no word has it."""
TYPO_FROM: Final = 5
"""Letters of a Latin word from which one slip is forgiven."""
TWO_TYPOS_FROM: Final = 9
"""And two."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: Latin tokens by their beginning, Chinese words by any part of a text."""

    latin: tuple[str, ...] = ()
    chinese: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return self.latin + self.chinese

    @property
    def doubtful(self) -> tuple[str, ...]:
        """Latin words long enough to be forgiven a slip. A number is what it is."""
        return tuple(word for word in self.latin if slips_forgiven(word))

    @property
    def contained(self) -> tuple[str, ...]:
        """Chinese words of which pairs alone do not say that they stand together."""
        return tuple(word for word in self.chinese if len(word) > 2)  # noqa: PLR2004 - a pair


def runs(text: str) -> list[str]:
    """The Chinese runs and Latin tokens of ``text``, folded to one case."""
    return _RUNS.findall(text.casefold())


def is_chinese(run: str) -> bool:
    return _CHINESE.fullmatch(run) is not None


def query_of(text: str) -> Query:
    """``text`` as words to look for, each once."""
    latin, chinese = list[str](), list[str]()
    for run in runs(text):
        if is_chinese(run):
            chinese += segmented(run)
        else:
            latin.append(run)
    return Query(tuple(dict.fromkeys(latin)), tuple(dict.fromkeys(chinese)))


def segmented(run: str) -> list[str]:
    """The words of a Chinese run; characters that are no words stay together as they stand."""
    words, loose = list[str](), ""
    for word in rjieba.cut(run, False):  # noqa: FBT003 - takes its flag by position
        if len(word) == 1:
            loose += word
            continue
        words += [loose, word] if loose else [word]
        loose = ""
    return [*words, loose] if loose else words


def lexemes(texts: Iterable[str]) -> set[str]:
    """What a text is indexed under."""
    found = set[str]()
    for text in texts:
        for run in runs(text):
            found.update((*run, *_pairs(run)) if is_chinese(run) else (run,))
    return found


def latin_words(texts: Iterable[str]) -> set[str]:
    """The words a slip may be corrected to."""
    return {
        run for text in texts for run in runs(text) if not is_chinese(run) and slips_forgiven(run)
    }


def entries(titles: Iterable[str], others: Iterable[str]) -> list[str]:
    """The index entries of a document: every word, and those of its titles once more as such.

    A weight would say the same, but the planner knows only how frequent an entry is.
    """
    titled = lexemes(titles)
    return sorted({TITLED + one for one in titled} | titled | lexemes(others))


def tsquery(
    query: Query, corrections: Mapping[str, Sequence[str]] = {}, *, titled: bool = False
) -> str:
    """Every word as a PostgreSQL tsquery, or one of its ``corrections``; empty when there is none.

    Args:
        query: what is asked for.
        corrections: words to take instead of a Latin one that begins no word.
        titled: whether it must stand in a title.
    """
    mark = TITLED if titled else ""
    terms = list[str]()
    for word in query.latin:
        options = [f"'{mark}{one}'" for one in corrections.get(word, ())]
        term = " | ".join(options) if options else f"'{mark}{word}':*"
        terms.append(f"({term})" if len(options) > 1 else term)
    for word in query.chinese:
        terms += [f"'{mark}{part}'" for part in (_pairs(word) or [word])]
    return " & ".join(terms)


def slips_forgiven(word: str) -> int:
    """How many slips a Latin word may have: the longer, the more."""
    if len(word) < TYPO_FROM or _LETTERS.fullmatch(word) is None:
        return 0
    return 2 if len(word) >= TWO_TYPOS_FROM else 1


def slips(word: str, other: str) -> int:
    """Letters added, left out, changed or swapped with their neighbour between two words.

    The restricted Damerau-Levenshtein distance (optimal string alignment).
    """
    before: list[int] = []
    line = list(range(len(other) + 1))
    for i, letter in enumerate(word, start=1):
        following = [i]
        for j, against in enumerate(other, start=1):
            least = min(line[j] + 1, following[j - 1] + 1, line[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == against:
                least = min(least, before[j - 2] + 1)
            following.append(least)
        before, line = line, following
    return line[-1]


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]
