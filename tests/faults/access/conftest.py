"""Doors of access, as their database role sees it."""

from tests.integration.access.conftest import access, accounts, app, app_sessions, hashing, inbox

__all__ = ["access", "accounts", "app", "app_sessions", "hashing", "inbox"]
