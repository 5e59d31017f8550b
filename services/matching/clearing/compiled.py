"""The one place where numba compiles: no GIL, no Python objects, cached on disk."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def compiled(kernel: Kernel) -> Kernel:
    """``kernel`` compiled at its first call, with the type it is written with."""
    return cast("Kernel", numba.njit(nogil=True, cache=True)(kernel))
