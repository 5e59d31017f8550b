"""Which language a page is in, and its texts: zh-CN first, English complete."""

import gettext
from dataclasses import dataclass
from functools import cache
from typing import Final

from gateway.portal.build import TRANSLATIONS
from services.runtime.web import Language, preferred_language

DOMAIN: Final = "portal"
DEFAULT: Final[Language] = "zh"
LANGUAGE_COOKIE: Final = "nonagon_lang"

_LOCALES: Final[dict[Language, str]] = {"zh": "zh_CN", "en": "en"}
_TAGS: Final[dict[Language, str]] = {"zh": "zh-CN", "en": "en"}


@dataclass(frozen=True, slots=True)
class Locale:
    """A language with its Babel locale, its BCP 47 tag and its catalogue."""

    language: Language
    babel: str
    tag: str
    catalogue: gettext.NullTranslations


@cache
def locale_for(language: Language) -> Locale:
    """The locale of ``language``; English is the language of the message ids.

    Raises:
        FileNotFoundError: the translations are not compiled (``python -m gateway.portal.build``).
    """
    babel = _LOCALES[language]
    catalogue: gettext.NullTranslations
    if language == "en":
        catalogue = gettext.NullTranslations()
    else:
        catalogue = gettext.translation(DOMAIN, TRANSLATIONS, [babel])
    return Locale(language, babel, _TAGS[language], catalogue)


def chosen_language(
    *, asked: str | None, remembered: str | None, accept_language: str | None
) -> Language:
    """``?lang=`` over the cookie over ``Accept-Language`` over Chinese."""
    for value in (asked, remembered):
        language = _language_of(value)
        if language is not None:
            return language
    if accept_language and _names_a_language(accept_language):
        return preferred_language(accept_language)
    return DEFAULT


def _language_of(tag: str | None) -> Language | None:
    match (tag or "").strip().lower().replace("_", "-").partition("-")[0]:
        case "zh":
            return "zh"
        case "en":
            return "en"
        case _:
            return None


def _names_a_language(accept_language: str) -> bool:
    tags = (item.partition(";")[0] for item in accept_language.split(","))
    return any(_language_of(tag) for tag in tags)
