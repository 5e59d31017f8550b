"""The library: items, licences, counted downloads, reuse."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import BUYING, SELLING, TRADING

POLICIES: Final[Policies] = {
    Action.LIBRARY_PUBLISH: Policy(
        SELLING,
        Scope.OWN,
        "publish library items and their versions, edit and withdraw them",
        "发布、修改与撤回资源库条目及其版本",
    ),
    Action.LIBRARY_READ: Policy(
        Who.ANYONE, Scope.VISIBLE, "read library items and their versions", "查看资源库条目及版本"
    ),
    Action.LIBRARY_REVIEW: Policy(
        SELLING, Scope.OWN, "read what became of own library items", "查看自有资源库条目的使用情况"
    ),
    Action.LICENCE_ASK: Policy(
        BUYING, Scope.VISIBLE, "license a library item", "申请资源库条目的许可"
    ),
    Action.LICENCE_READ: Policy(
        TRADING,
        Scope.OWN,
        "read licences and downloads one granted or holds",
        "查看本组织授予或持有的许可与下载记录",
    ),
    Action.LICENCE_END: Policy(BUYING, Scope.OWN, "give up an own licence", "放弃自有许可"),
    Action.LIBRARY_DOWNLOAD: Policy(
        BUYING,
        Scope.VISIBLE,
        "download a version under an own licence",
        "凭自有许可下载版本",
    ),
    Action.DOWNLOAD_READ: Policy(
        BUYING, Scope.OWN, "fetch the files of an own download", "获取自有下载的文件"
    ),
    Action.REUSE_REPORT: Policy(
        BUYING, Scope.VISIBLE, "report the reuse of a licensed item", "报告已许可条目的复用情况"
    ),
    Action.REUSE_READ: Policy(
        TRADING, Scope.VISIBLE, "read reports of reuse one made or received", "查看复用报告"
    ),
}
