"""Keeps translations complete: ``python -m gateway.portal.catalogue`` adds new texts to the .po.

Translate what it adds, then build. A test fails while anything is missing.
"""

from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from gateway.portal.build import PORTAL

CHINESE: Final = PORTAL / "translations" / "zh_CN" / "LC_MESSAGES" / "portal.po"
LINE_WIDTH: Final = 100
HEADER: Final = "# Simplified Chinese texts of the portal."

_METHODS: Final = [("templates/**.html", "jinja2"), ("*.py", "python")]
_KEYWORDS: Final = {
    "_": None,
    "ngettext": (1, 2),
    "N_": None,
    "text": None,
    "plural": (1, 2),
}


def template(portal: Path = PORTAL) -> Catalog:
    """Every text of the templates and modules, untranslated."""
    catalogue = Catalog(project="nonagon", charset="utf-8")
    found = extract_from_dir(portal, _METHODS, keywords=_KEYWORDS)
    for file, _, message, _, context in found:
        catalogue.add(message, locations=[(file, 0)], context=context)
    return catalogue


def read(path: Path = CHINESE) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def update(path: Path = CHINESE) -> None:
    """Add new texts without a translation and drop those no longer used."""
    catalogue = read(path)
    catalogue.update(template(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.header_comment = HEADER
    with path.open("wb") as file:
        write_po(file, catalogue, width=LINE_WIDTH, sort_output=True, omit_header=False)


if __name__ == "__main__":
    update()
