"""Names of documents: what a person reads again, and what no file system or header trips over."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

NAME_BYTES_MAX: Final = 200
FALLBACK: Final = "document"
_UNSAFE: Final = re.compile(r'[<>:"|?*%;]')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories: controls (NUL, bidi, zero width), surrogates, unassigned, line separators."""


def clean_name(given: str, extensions: tuple[str, ...]) -> str:
    """``given`` without folders, controls and reserved names, ending as its kind of file does.

    Args:
        given: as the client calls the file.
        extensions: those of its media type; the first is added if none is there.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    visible = "".join(" " if char.isspace() else char for char in last if _is_shown(char))
    name = _UNSAFE.sub("_", visible).strip(" .") or FALLBACK
    if _RESERVED.match(name):
        name = f"_{name}"
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or f".{extension.lower()}" not in extensions:
        stem, extension = name, extensions[0].removeprefix(".")
    return f"{_shortened(stem, NAME_BYTES_MAX - len(extension) - 1)}.{extension}"


def attachment(name: str) -> str:
    """The value of Content-Disposition (RFC 6266) that saves a file as ``name``."""
    ascii_name = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"


def _is_shown(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) not in _INVISIBLE


def _shortened(text: str, bytes_max: int) -> str:
    return text.encode()[:bytes_max].decode(errors="ignore").rstrip(" .") or FALLBACK
