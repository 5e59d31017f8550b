"""Slots: held, confirmed, worked."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import BUYING, SELLING, TRADING

POLICIES: Final[Policies] = {
    Action.BOOKING_HOLD: Policy(
        BUYING, Scope.VISIBLE, "hold a slot of a visible resource", "预留可见资源的时段"
    ),
    Action.BOOKING_READ: Policy(
        TRADING, Scope.OWN, "read bookings as buyer or provider", "以买方或提供方查看预订"
    ),
    Action.BOOKING_CONFIRM: Policy(BUYING, Scope.OWN, "confirm an own hold", "确认自有预留"),
    Action.BOOKING_CANCEL: Policy(
        TRADING, Scope.OWN, "cancel a booking as buyer or provider", "以买方或提供方取消预订"
    ),
    Action.BOOKING_WORK: Policy(
        SELLING,
        Scope.OWN,
        "start and finish the work of a booking, or report that nobody came",
        "开始与完成预订的工作，或登记未到场",
    ),
    Action.BOOKING_MOVE: Policy(
        BUYING,
        Scope.OWN,
        "move or replace an own booking, or give back some of its units",
        "对自有预订改期、替换或归还部分单元",
    ),
    Action.BOOKING_LAUNCH: Policy(
        BUYING,
        Scope.OWN,
        "launch a seat of an own booking in its time",
        "在时段内启动自有预订的席位",
    ),
    Action.LAUNCH_TARGET_READ: Policy(
        SELLING, Scope.OWN, "read where an own resource is launched", "查看自有资源的启动地址"
    ),
    Action.LAUNCH_VERIFY: Policy(
        Who.ANYONE, Scope.PUBLIC, "read the keys launch links are signed with", "查看启动链接的公钥"
    ),
    Action.FEED_OPEN: Policy(
        TRADING,
        Scope.OWN,
        "open a secret address of the booking calendar",
        "开通预订日历的私密地址",
        person=True,
    ),
    Action.FEED_LIST: Policy(TRADING, Scope.OWN, "list calendar feeds", "查看日历订阅"),
    Action.FEED_REVOKE: Policy(
        TRADING, Scope.OWN, "revoke a calendar feed", "撤销日历订阅", person=True
    ),
    Action.FEED_FOLLOW: Policy(
        Who.ANYONE, Scope.PUBLIC, "read a calendar by its secret address", "凭私密地址读取日历"
    ),
    Action.WAITLIST_JOIN: Policy(
        BUYING, Scope.VISIBLE, "wait for a slot of a visible resource", "候补可见资源的时段"
    ),
    Action.WAITLIST_READ: Policy(BUYING, Scope.OWN, "read own waitlist entries", "查看自有候补"),
    Action.WAITLIST_LEAVE: Policy(BUYING, Scope.OWN, "leave a waitlist", "退出候补"),
}
