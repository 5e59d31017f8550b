"""Fixtures every test may use; each is described in its module under ``tests/support``."""

pytest_plugins = ("tests.support.servers",)
