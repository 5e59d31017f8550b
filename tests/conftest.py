"""Fixtures every test may use; each is described in its module under ``tests/support``."""

import structlog
from hypothesis import settings

pytest_plugins = ("tests.support.servers",)

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
