"""Imports of what a process is made of."""

import gc
import importlib
from types import ModuleType


def import_for_good(name: str) -> ModuleType:
    """Import a module that stays for as long as the process.

    Looking for garbage among tens of thousands of new objects, none of which is any, takes a
    quarter of the time; once they are there, no later collection looks at them again.
    """
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()
