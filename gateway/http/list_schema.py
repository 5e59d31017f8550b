"""How the API's document says that lists also leave as files."""

from typing import Any, Final

from services.runtime.tabular import XLSX_TYPE

FILES: Final[dict[str, Any]] = {
    "text/csv": {"schema": {"type": "string"}},
    XLSX_TYPE: {"schema": {"type": "string", "format": "binary"}},
}


def describe_files(document: dict[str, Any]) -> None:
    """Add the files to the answers of every operation that takes ``format``."""
    for methods in document["paths"].values():
        operation = methods.get("get", {})
        if any(it["name"] == "format" for it in operation.get("parameters", ())):
            operation["responses"]["200"]["content"] |= FILES
