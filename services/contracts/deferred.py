"""Modules imported at their first use: what few requests need must not delay every start."""

import importlib
from typing import Any


class Deferred:
    """Stands for a module of another distribution until something of it is asked for.

    if TYPE_CHECKING:
        import webauthn
    else:
        webauthn = Deferred("webauthn")
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)
