"""What a client of a simulated machine may ask: to look. Everything else is refused and counted."""

from collections import Counter
from typing import Any, Final

from asyncua import ua
from asyncua.crypto.permission_rules import SimpleRoleRuleset, User, UserRole
from asyncua.server.internal_server import InternalServer
from asyncua.server.user_managers import UserManager
from asyncua.ua.object_ids import ObjectIds

LOOKING: Final = (
    "CreateSession",
    "ActivateSession",
    "CloseSession",
    "CloseSecureChannel",
    "FindServers",
    "GetEndpoints",
    "Read",
    "HistoryRead",
    "Browse",
    "BrowseNext",
    "TranslateBrowsePathsToNodeIds",
    "RegisterNodes",
    "UnregisterNodes",
    "CreateSubscription",
    "ModifySubscription",
    "DeleteSubscriptions",
    "TransferSubscriptions",
    "SetPublishingMode",
    "Publish",
    "Republish",
    "CreateMonitoredItems",
    "ModifyMonitoredItems",
    "DeleteMonitoredItems",
    "SetMonitoringMode",
)
COMMANDING: Final = (
    "Write",
    "Call",
    "HistoryUpdate",
    "AddNodes",
    "DeleteNodes",
    "AddReferences",
    "DeleteReferences",
)
OTHER: Final = "Other"


def _request_ids(services: tuple[str, ...]) -> dict[ua.NodeId, str]:
    return {
        ua.NodeId(getattr(ObjectIds, f"{service}Request_Encoding_DefaultBinary")): service
        for service in services
    }


_LOOKING: Final = _request_ids(LOOKING)
_COMMANDING: Final = _request_ids(COMMANDING)


class LookOnlyRules(SimpleRoleRuleset):
    """asyncua asks before every service of a session; the answer is the same for every user.

    A request outside a session is refused before and not counted: it names no session to act in.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.attempts: Counter[str] = Counter(dict.fromkeys(COMMANDING, 0))

    @property
    def attempts_count(self) -> int:
        """Requests that would have changed something."""
        return self.attempts.total()

    def check_validity(self, user: User, action_type: ua.NodeId, body: Any) -> bool:  # noqa: ARG002 - asyncua's signature
        if action_type in _LOOKING:
            return True
        self.attempts[_COMMANDING.get(action_type, OTHER)] += 1
        return False


class NobodyRules(SimpleRoleRuleset):
    """For channels without encryption that are there for discovery alone; attempts count too."""

    def __init__(self, counting: LookOnlyRules) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._counting = counting

    def check_validity(self, user: User, action_type: ua.NodeId, body: Any) -> bool:
        self._counting.check_validity(user, action_type, body)
        return False


class LookOnlyUsers(UserManager):
    """Everybody may look, nobody is an admin: asyncua's own would make one of any ``admin``.

    Who comes without a certificate comes unencrypted, which only some plants allow.
    """

    def __init__(self, *, admits_unencrypted: bool) -> None:
        self._admits_unencrypted = admits_unencrypted

    def get_user(
        self,
        iserver: InternalServer,  # noqa: ARG002 - asyncua's signature
        username: str | None = None,  # noqa: ARG002 - same
        password: str | None = None,  # noqa: ARG002 - same
        certificate: Any = None,
    ) -> User | None:
        if not certificate and not self._admits_unencrypted:
            return None
        return User(role=UserRole.User)
