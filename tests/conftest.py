"""Fixtures every test may use; each is described in its module under ``tests/support``."""

import tempfile

import structlog
from hypothesis import settings

from tests.support.memory import folder_in_memory

pytest_plugins = ("tests.support.servers",)

tempfile.tempdir = folder_in_memory()  # for every temporary file of the tests, pytest's too

# A traceback with every local rendered takes longer than most tests.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]
)

settings.register_profile("fuzz")  # "make fuzz": tests that know it try many more examples
